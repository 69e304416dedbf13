"""The commands that make and hand over: new, export, the teacher's, and a run that somebody stops."""

import json
import os
import signal
import time

import pytest
from openai import OpenAI

from synth_dagster.lake.lake import Lake
from tests.cli.project import ROOT, Place

# ---------------------------------------------------------------------------------------------------------------- new


def test_new_carries_a_whole_project_and_says_what_is_next(tmp_path):
    place = Place(tmp_path)
    done = place.call("new", "demo")
    assert (done.code, done.err) == (0, "")
    assert "cd demo && synth run" in done.out
    assert (tmp_path / "demo/definitions.py").read_text() == (ROOT / "definitions.py").read_text()
    assert (tmp_path / "demo/recipes/python_help.yaml").exists()
    assert not list((tmp_path / "demo").rglob("__pycache__"))
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]  # no draft is left


def test_new_takes_an_empty_folder_and_leaves_any_other_alone(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    place = Place(tmp_path)
    assert place.call("new", "empty").code == 0
    for taken in ("full", "file", "empty"):
        done = place.call("new", taken)
        assert done.code == 2 and f"'{taken}' is there already and is not an empty folder. Name another." in done.err
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


# ------------------------------------------------------------------------------------------------------------- export


@pytest.mark.parametrize(
    ("format_", "keys"), [("trl", {"prompt", "chosen", "rejected"}), ("openai", {"input", "preferred_output"})]
)
def test_export_writes_what_a_trainer_reads(made, tmp_path, format_, keys):
    done = made.call("export", "latest", "--format", format_, "--to", str(tmp_path / "out"))
    assert done.code == 0, done.err
    assert "Demo: the embedded teacher made it. It is not for training." in done.out
    lines = [json.loads(line) for line in (tmp_path / "out/train.jsonl").read_text().splitlines()]
    status = made.call("status", "--json").json()
    assert len(lines) == status["releases"][-1]["records"] and all(line.keys() >= keys for line in lines)
    ids = (tmp_path / "out/record_ids/train.txt").read_text().split()
    assert made.call("trace", ids[0], "--json").json()["record"]["record_id"] == ids[0]


def test_latest_is_the_last_release_and_an_export_may_be_written_anew(made, tmp_path):
    for release in ("r0001", "latest"):
        assert made.call("export", release, "--to", str(tmp_path / "out")).code == 0
    assert json.loads((tmp_path / "out/manifest.json").read_text())["release"] == "r0002"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["r0009"], 2, "No release of tiny is called 'r0009'. Did you mean 'r000", id="release"),
        pytest.param(
            ["r0001", "--format", "tlr"], 2, "No export format is called 'tlr'. Did you mean 'trl'?", id="format"
        ),
    ],
)
def test_an_export_of_what_is_not_there_writes_nothing(made, tmp_path, arguments, code, said):
    done = made.call("export", *arguments, "--to", str(tmp_path / "out"))
    assert done.code == code and said in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_else_is_not_touched(made, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    done = made.call("export", "r0001", "--to", str(tmp_path))
    assert done.code == 1 and "nothing there is touched" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_release_goes_to_a_bucket_and_the_second_time_nothing_is_written(made, bucket):
    to = f"{bucket.url}/r0002"
    for said in ("Wrote ", "Already there"):
        done = made.call("export", "latest", "--to", to, "--validation", "0.3", **bucket.env)
        assert done.code == 0 and done.out.startswith(said), done.err
        assert "held out in whole groups" in done.out
    names = {"manifest.json", "README.md", "train.jsonl", "validation.jsonl", "record_ids/train.txt"}
    assert {f"prefix/r0002/{name}" for name in names} < set(bucket.every_key())
    done = made.call("verify", to, **bucket.env)
    assert done.code == 0 and "holds r0002 of tiny as it was handed over" in done.out, done.err
    key = {"Bucket": bucket.name, "Key": "prefix/r0002/train.jsonl"}
    data = bytearray(bucket.client.get_object(**key)["Body"].read())
    data[len(data) // 2] ^= 1
    bucket.client.put_object(**key, Body=bytes(data))
    done = made.call("verify", to, **bucket.env)
    assert done.code == 1 and "train.jsonl: was changed: its SHA-256 is" in done.out
    assert made.call("verify", f"{bucket.url}/nowhere", **bucket.env).code == 1


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--validation", "0.9"], "The validation share is 0.9. Give a number above 0 and at most 0.5"),
        (["--validation", "nan"], "The validation share is nan."),
        (["--shard-size", "big"], "'big' is no size of a shard. Give rows, such as 50000, or bytes"),
    ],
)
def test_an_option_that_cannot_be_followed_writes_nothing(made, tmp_path, option, said):
    done = made.call("export", "latest", "--to", str(tmp_path / "out"), *option)
    assert done.code == 2 and said in done.err and "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------------------------------------------- the teacher


def test_check_says_a_line_for_each_role_that_the_recipe_asks(made):
    done = made.call("teacher", "check")
    assert done.code == 0
    assert [line.split(":")[0] for line in done.out.splitlines()] == ["judge", "writer"]
    assert all("answers in" in line for line in done.out.splitlines())


def test_check_of_a_dead_endpoint_is_one_line_a_role_and_a_code(made):
    # port 1 of loopback: nobody listens there
    dead = {"SYNTH_MODEL": "some-model", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "OPENAI_API_KEY": "secret-key"}
    recipe = made.root / "recipes/tiny.yaml"
    told = recipe.read_text()
    recipe.write_text(told.replace("writer: {use: embedded}", "writer: {use: default}"))
    try:
        done = made.call("teacher", "check", **dead)
    finally:
        recipe.write_text(told)
    (line,) = [line for line in done.out.splitlines() if line.startswith("writer:")]
    assert done.code == 1 and "http://127.0.0.1:1/v1 does not answer" in line
    assert "secret-key" not in done.out + done.err and done.err == ""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_serve_answers_any_client_until_it_is_asked_to_end(tmp_path, name):
    process = Place(tmp_path).start("teacher", "serve", "--port", "0")
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        (url,) = [word for word in said.split() if word.startswith("http://127.0.0.1:")]
        client = OpenAI(base_url=url, api_key="none")
        asked = [{"role": "user", "content": "<passage>The lamp is used to guide ships.</passage> What is it for?"}]
        reply = client.chat.completions.create(model="embedded-extractive", messages=asked)
        assert reply.choices[0].message.content and reply.model.startswith("embedded")
        client.close()
        process.send_signal(getattr(signal, name))
        _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (0, "")
    finally:
        process.kill()


# ------------------------------------------------------------------------------------------------------- a stopped run


@pytest.mark.parametrize("name", ["SIGINT", pytest.param("SIGTERM", marks=pytest.mark.prove)])
def test_a_run_that_is_stopped_says_so_is_marked_and_goes_on_later(tmp_path, name):
    """Stopped while the teacher is asked, which is where nearly all the time of a run goes."""
    place = Place(tmp_path / "p")
    assert place.call("new", str(place.root), cwd=tmp_path).code == 0
    process = place.start("run")
    try:
        while not (place.root / "lake/cache.sqlite").exists():  # made when the first step that asks opens its teachers
            assert process.poll() is None
            time.sleep(0.1)
        os.killpg(process.pid, getattr(signal, name))  # as a terminal does it: Dagster's helpers get it too
        _, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130
    assert err == "synth: stopped. What was paid for is kept; the same command goes on.\n"
    session = Lake.open(place.root / "lake").sessions.last()
    assert session is not None and session.outcome == "stopped"
    assert runs_of(place) == [("CANCELED", "stopped")]


def runs_of(place: Place) -> list[tuple[str, str | None]]:
    """Status and outcome of the project's runs, and that none of them holds a slot of the teacher's pool."""
    from synth_dagster.cli.project import Project

    with Project(place.root).instance() as instance:
        assert instance.event_log_storage.get_concurrency_info("teacher").active_slot_count == 0
        return [(run.status.value, run.tags.get("synth/outcome")) for run in instance.get_runs()]


# ------------------------------------------------------------------------------------------------- keys and signatures


def test_what_is_handed_over_is_signed_and_checked(made, tmp_path):
    key, out = tmp_path / "key.pem", tmp_path / "out"
    made_key = made.call("keys", "new", str(key))
    assert made_key.code == 0 and "Made the key ed25519:" in made_key.out
    name = made.call("keys", "show", f"{key}.pub").out.strip()
    done = made.call("export", "latest", "--to", str(out), SYNTH_SIGNING_KEY=str(key))
    assert done.code == 0 and f"Signed by {name}." in done.out, done.err
    for key_given in (["--key", f"{key}.pub"], ["--key", name]):
        done = made.call("verify", str(out), *key_given)
        assert done.code == 0 and "as it was handed over" in done.out and "the key that was expected" in done.out
    assert made.call("verify", str(out), "--json").json()["signed_by"] == name
    data = out / "train.jsonl"
    data.write_bytes(data.read_bytes().replace(b"a", b"b", 1))
    done = made.call("verify", str(out))
    assert done.code == 1 and done.out.startswith("train.jsonl: was changed") and "Traceback" not in done.err


def test_no_key_is_said_and_a_bad_one_stops_before_anything_is_written(made, tmp_path):
    done = made.call("export", "latest", "--to", str(tmp_path / "out"))
    assert done.code == 0 and "Unsigned: SYNTH_SIGNING_KEY names no key" in done.out
    assert "Unsigned: checksums show" in made.call("verify", str(tmp_path / "out")).out
    done = made.call("export", "latest", "--to", str(tmp_path / "other"), SYNTH_SIGNING_KEY=str(tmp_path / "none"))
    assert done.code == 2 and "cannot be read" in done.err and not (tmp_path / "other").exists()
    done = made.call("verify", str(tmp_path / "nowhere"))
    assert done.code == 1 and "There is no folder" in done.err
