"""`synth erase` on a project as a user makes it: run, export, erase, run again, deliver again."""

import json

import pytest

from tests.cli.project import LINES, new_place


@pytest.mark.prove
def test_a_record_of_a_project_goes_and_does_not_return(tmp_path):
    place = new_place(tmp_path / "p")
    assert place.call("run").code == 0
    assert place.call("export", "r0001", "--to", "out").code == 0
    doomed = next(one for one in place.call("show", "seed_corpus", "--json").json() if "orchard" in one["text"])
    dry = place.call("erase", "--record", doomed["record_id"], "--json").json()
    assert dry["dry_run"] and dry["records"] == 3 and not dry["everything"]  # a passage, a question and a pair

    receipt = place.call("erase", "--record", doomed["record_id"], "--yes", "--json").json()
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
