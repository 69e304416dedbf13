"""`synth erase` on a project as a user makes it: run, export, erase, run again, deliver again."""

import json
from pathlib import Path

import pytest

from synth_dagster.cli.erase import surroundings
from synth_dagster.cli.project import open_project
from tests.cli.project import LINES, ROOT, new_place

ELSEWHERE = """
storage: {sqlite: {base_dir: %s/storage}}
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""
ON_A_SERVER = "storage: {postgres: {postgres_url: 'postgresql+psycopg2://one:secret@127.0.0.1:1/nothing'}}"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The project of this checkout with everything it writes elsewhere, and a home for Dagster."""
    monkeypatch.setenv("SYNTH_LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return open_project(ROOT)


def test_dagsters_storage_is_searched_where_its_home_says(tmp_path, project):
    (tmp_path / "home/dagster.yaml").write_text(ELSEWHERE % (tmp_path / "else"))
    found = surroundings(project).dagster
    folders = [place for name, place in found.places.items() if name != "dagster files"]
    assert folders and all(isinstance(place, Path) and place.is_relative_to(tmp_path) for place in folders)
    assert any(place.is_relative_to(tmp_path / "else") for place in folders)
    assert len(found.unsearched) == 1 and "another DAGSTER_HOME" in next(iter(found.unsearched))


@pytest.mark.prove  # Dagster itself tries for ten seconds
def test_a_storage_of_dagsters_that_does_not_answer_is_named(tmp_path, project):
    (tmp_path / "home/dagster.yaml").write_text(ON_A_SERVER)
    around = surroundings(project)
    (told,) = [told for told in around.unsearched() if "cannot be opened" in told]
    assert told.startswith(f"Dagster's instance of {tmp_path / 'home/dagster.yaml'}") and "secret" not in told


@pytest.mark.prove
def test_a_record_of_a_project_goes_and_does_not_return(tmp_path):
    place = new_place(tmp_path / "p")
    assert place.call("run").code == 0
    assert place.call("export", "r0001", "--to", "out").code == 0
    doomed = next(one for one in place.call("show", "seed_corpus", "--json").json() if "orchard" in one["text"])
    dry = place.call("erase", "--record", doomed["record_id"], "--json").json()
    assert dry["dry_run"] and dry["records"] == 3 and not dry["everything"]  # a passage, a question and a pair

    said = place.call("erase", "--record", doomed["record_id"], "--yes").out
    assert "Erased: 3 records, and " in said and f"The export {place.root / 'out'} held some, and was removed." in said
    kept = said.partition("Receipt: ")[2].splitlines()[0]
    receipt = json.loads(Path(kept).read_text())
    assert "nobody has signed it" in place.call("verify", kept).out
    proof = receipt["proof"]
    assert proof["clean"] and proof["ids_proven"] and proof["text_proven"]
    assert receipt["releases"] == [{"dataset": "tiny", "withdrawn": "r0001", "successor": "r0002"}]
    assert not (place.root / "out").exists() and len(receipt["counts"]["exports"]) == 1
    assert "orchard" not in json.dumps(receipt) and doomed["record_id"] not in json.dumps(receipt)
    assert [one["text"] for one in place.call("show", "seed_corpus", "--json").json() if "orchard" in one["text"]] == []

    # what stays counts as current: nothing is asked again
    assert place.call("run").code == 0
    assert "teacher, last run: 0 calls, 0 cached" in place.call("status").out

    # delivered again in another file, beside a new line: refused by its key, the new one is made
    place.deliver(LINES)
    assert place.call("run").code == 0
    texts = [one["text"] for one in place.call("show", "seed_corpus", "--json").json()]
    assert len(texts) == 3 and not any("orchard" in text for text in texts)  # 4 lines without the erased one
    rejects = place.call("show", "rejects", "--where", "reason = 'erased'", "--json").json()
    assert len(rejects) == 1 and not rejects[0]["raw"]
