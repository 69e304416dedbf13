"""A key is in no file that a run leaves and in no line that it prints, whatever the endpoint says of it."""

import json
import zlib
from pathlib import Path

import pytest

from synth_dagster.teacher.embedded import protocol
from synth_dagster.teacher.roles import EMBEDDED_MODELS
from tests.cli.project import RECIPE, new_place
from tests.teacher.faulty import FaultServer, Say

KEY = "sk-planted-4711-do-not-write-me-down"


def leaks(folder: Path) -> list[Path]:
    """The files that hold the key, as it is or inside what zlib has compressed."""
    return [path for path in folder.rglob("*") if path.is_file() and _holds(path.read_bytes())]


def _holds(found: bytes) -> bool:
    if KEY.encode() in found or KEY.encode("utf-16-le") in found:
        return True
    starts = [at for at in range(len(found) - 1) if found[at] == 0x78 and found[at + 1] in (0x01, 0x5E, 0x9C, 0xDA)]
    return any(KEY.encode() in _inflated(found[at:]) for at in starts)


def _inflated(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, 1 << 20)
    except zlib.error:
        return b""


def answered(body, seen):
    """What the embedded teacher answers, as another model that has several things to say."""
    place = 0 if "response_format" in body else body["seed"] % len(EMBEDDED_MODELS)
    found = protocol.chat(body | {"model": EMBEDDED_MODELS[place]})
    return Say(text=found["choices"][0]["message"]["content"], usage=found["usage"])


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A run whose endpoint refuses the key and repeats it, then one that goes through; what both printed."""
    place = new_place(tmp_path_factory.mktemp("secrets") / "p")
    (place.root / "recipes/tiny.yaml").write_text(RECIPE.replace("embedded", "default"), encoding="utf-8")
    with FaultServer() as server:
        env = {"OPENAI_BASE_URL": server.url, "SYNTH_MODEL": "our-model", "OPENAI_API_KEY": KEY}
        server.script = lambda body, seen: Say(status=401, error=f"the key {KEY} is wrong", code=KEY)
        done = [place.call("teacher", "check", **env), place.call("run", **env)]
        server.script = answered
        done += [place.call(*words, **env) for words in (["teacher", "check"], ["plan"], ["run"], ["status", "--json"])]
        assert any(KEY in headers.get("Authorization", "") for headers in server.headers), "the key was never used"
    return place, done


@pytest.mark.prove
def test_the_runs_did_what_they_should(ran):
    _, (refused, failed, fine, planned, made, status) = ran
    assert (refused.code, failed.code) == (1, 1) and "does not accept the key" in failed.out
    assert (fine.code, planned.code, made.code) == (0, 0, 0), made.out + made.err
    assert json.loads(status.out)["stages"]["preference_pairs"]["records"] > 0


@pytest.mark.prove
def test_no_file_of_the_project_holds_the_key(ran):
    place, _ = ran
    assert (place.root / "lake/cache.sqlite").exists() and any((place.root / ".dagster").rglob("*.db"))
    assert leaks(place.root) == []


@pytest.mark.prove
def test_no_line_that_was_printed_holds_the_key(ran):
    _, done = ran
    assert KEY not in "".join(one.out + one.err for one in done)


def test_a_planted_key_is_found(tmp_path):
    (tmp_path / "a").write_bytes(b"x" + zlib.compress(f"a long answer with {KEY} in it".encode()))
    (tmp_path / "b").write_text("nothing")
    assert [path.name for path in leaks(tmp_path)] == ["a"]
