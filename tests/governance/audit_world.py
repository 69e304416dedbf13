r"""A planted world to audit: every record, parent, licence, model and verdict is known, and drawn here.

    a b f (notes, MIT)    c d (forum, CC-BY-4.0)    e (odd, LicenseRef-Odd)     f was eliminated by a step
    |\      \            / |  \                     |
    | q6     q2 <- a + c   q5  q3 <- d              |    x wrote q1 q3 q5 q6, y wrote q2 q4
    q1  \____/                                      |    q1 was superseded, q5 is short, q6 repeats q3
      \__ q4 <- q1 + q2 + e ________________________/

r0001 keeps q2, q3 and q4; r0002 keeps q3. One answer of the teacher could not be parsed.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa

from synth_dagster.lake.findings import Decision, decide, write_findings
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.record_tables import REJECT, to_table
from synth_dagster.records import Document, Instruction, Parent, Span, digest
from synth_dagster.runner.verdicts import VERDICT

EVIL = "<script>window.ran = 'text'</script><img src='http://127.0.0.1:9/x' onerror=\"window.ran = 'image'\">"
MARCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, 12, tzinfo=UTC)
BATCH = "notes:1"
ODD = "LicenseRef-Odd"
ROOTS = {
    "a": ("notes", "MIT", "en"),
    "b": ("notes", "MIT", "en"),
    "f": ("notes", "MIT", "en"),
    "c": ("forum", "CC-BY-4.0", "en"),
    "d": ("forum", "CC-BY-4.0", "de"),
    "e": ("odd", ODD, "und"),
}
# name -> parents, model, licence, language, depth, human share, tokens
MADE = {
    "q1": (("a",), "x", "MIT", "en", 1, 0.0, 10),
    "q2": (("a", "c"), "y", "CC-BY-4.0 AND MIT", "en", 1, 0.5, 20),
    "q3": (("d",), "x", "CC-BY-4.0", "de", 1, 0.0, 30),
    "q4": (("q1", "q2", "e"), "y", f"CC-BY-4.0 AND {ODD} AND MIT", "und", 2, 0.25, 40),
    "q5": (("c",), "x", "CC-BY-4.0", "en", 1, 0.0, 50),
    "q6": (("a",), "x", "MIT", "en", 1, 0.0, 60),
}
WHY = {"q1": "superseded", "q5": "answer_rules:short", "q6": "minhash:duplicate"}
STEPS = {
    "corpus": {"pii": {"slug": "pii", "version": "1", "settings": {"emails": True}, "prompts": {}}},
    "questions": {
        "grounded_qa": {
            "slug": "grounded_qa",
            "version": "2",
            "settings": {"per_passage": 1},
            "prompts": {"ASK": "f00d"},
        }
    },
}
TEACHERS = {"writer": {"models": ["x", "y"], "sampling": {"temperature": 0.7}}}


def root(name):
    source, licence, lang = ROOTS[name]
    body = f"Passage {name} says {EVIL} and more."
    return Document(
        record_id=digest(name),
        content_hash=digest(body),
        source=source,
        batch=BATCH,
        status="eliminated" if name == "f" else "current",
        method="files",
        license=licence,
        consent="asked in 2026" if source == "odd" else "",
        lang=lang,
        attributes={"pii": {"emails": 2, "ips": 1}} if name == "a" else {},
        created_at=APRIL if name == "e" else MARCH,
        body=body,
        url=f"https://Example.org/{name}" if source == "notes" else None,
    )


def child(name):
    parents, model, licence, lang, depth, human, _ = MADE[name]
    one = Instruction.single(f"What says {name}?", f"It says {EVIL}.")
    return replace(
        one,
        record_id=digest(name),
        content_hash=digest(one.content()),
        source=ROOTS.get(parents[0], ("notes",))[0],
        batch=BATCH,
        status="superseded" if name == "q1" else "current",
        parents=tuple(Parent(digest(p), "corpus" if p in ROOTS else "questions", BATCH) for p in parents),
        method="grounded_qa",
        method_version="2",
        model_id=model,
        prompt_hash="f00d",
        license=licence,
        consent="asked in 2026" if name == "q4" else "",
        lang=lang,
        synthetic_depth=depth,
        human_share=human,
        evidence=(Span(digest("d"), 0, 7, "Passage"),) if name == "q3" else (),
        created_at=APRIL,
    )


def plant(folder, *, roots=ROOTS, children=MADE):
    """The lake with both releases."""
    lake = Lake.open(folder)
    for stage, steps in STEPS.items():
        lake.meta.remember_code_version(f"code-{stage}", {"steps": steps, "teachers": TEACHERS if steps else {}})
    corpus = to_table([root(name) for name in roots], "document")
    above = write(lake, "corpus", BATCH, corpus, inputs={"delivery": "d"})
    reject = {"reject_id": digest("r"), "step": "grounded_qa", "source": "notes", "record_id": digest("b")}
    rejects = pa.Table.from_pylist([reject | {"reason": "unparsable", "raw": EVIL}], schema=REJECT)
    below = write(
        lake,
        "questions",
        BATCH,
        to_table([child(name) for name in children], "instruction"),
        inputs={"corpus": above.data_version},
        rejects=rejects.drop_columns(["stage", "batch"]),
        details={"rejects": {"unparsable": 1}, "seconds": 2.0, "teacher": {"writer": usage()}},
    )
    guard(lake, below)
    lake.meta.record_gate(below.candidate_id, True, "suite", [check("every_record_names_its_source", True)])
    publish(lake, "r0001", below, kept=[name for name in ("q2", "q3", "q4") if name in children])
    publish(lake, "r0002", below, kept=[name for name in ("q3",) if name in children])
    return lake


def guard(lake, below):
    """An address in q2, which is only told, and one in q5, which is held back and was released by Ada."""
    told = {"stage": "questions", "batch": BATCH, "guard": "guard", "check": "personal_data", "kind": "email"}
    told |= {"candidate_id": below.candidate_id}
    rows = [
        told | {"record_id": digest("q2"), "severity": "warning"},
        told | {"record_id": digest("q5"), "severity": "quarantine"},
        told | {"record_id": digest("q6"), "severity": "quarantine"},
    ]
    write_findings(lake, below, rows, run_id="run-1")
    held = Decision("demo", "questions", BATCH, digest("q5"), "guard", "personal_data", "released", "Ada", f"ok {EVIL}")
    decide(lake, [held])


def usage():
    return {"calls": 7, "cached": 1, "tokens_in": 100, "tokens_out": 50, "usd": 0.5}


def check(name, passed, **counts):
    return {"check": name, "passed": passed, "severity": "warning", "counts": counts}


def write(lake, stage, batch, table, *, inputs, partition="batch", rejects=None, details=None):
    candidate = lake.write_candidate(
        "demo",
        stage,
        batch,
        table,
        rejects=rejects,
        run_id="run-1",
        session_id="s",
        code_version=f"code-{stage}",
        inputs=inputs,
        recipe_hash="feed",
        details=details or {},
        partition=partition,
    )
    lake.accept(candidate)
    return lake.accepted("demo", stage, batch)


def publish(lake, name, below, *, kept):
    rows = [verdict(one["record_id"], kept) for one in lake.candidate_table(below).to_pylist()]
    dropped = {}
    for row in rows:
        if row["verdict"] == "dropped":
            dropped[row["reason"]] = dropped.get(row["reason"], 0) + 1
    details = {"verdicts": {"kept": len(kept), "dropped": dropped}, "records": len(rows), "tokens": 90}
    schema = pa.schema([field for field in VERDICT if field.name != "release"])
    write(
        lake,
        "verdicts",
        name,
        pa.Table.from_pylist(rows, schema=schema),
        inputs={},
        partition="release",
        details=details,
    )
    table = lake.candidate_table(below)
    ids = {digest(one) for one in kept}
    table = table.filter(pa.array([one in ids for one in table["record_id"].to_pylist()], pa.bool_()))
    mixed = write(lake, "mix", name, table, inputs={}, partition="release", details=details)
    lake.meta.record_gate(
        mixed.candidate_id, True, "suite", [check("kept", True), check("licence_note", False, records=3)]
    )
    pins = {"records": below.candidate_id, "data_version": below.data_version}
    pins |= {"signals": "", "signals_version": ""}
    manifest = {"batches": {BATCH: pins}, "table": "mix", "of": "questions", "recipe": "feed", "mix": "cafe"}
    manifest |= {"token_counter": "words_and_marks", "missing": {"odd:9": "no accepted version"}}
    manifest |= {"use": {"purpose": "research"}, "verdicts": {"kept": len(kept), "dropped": dropped}, "tokens": 90}
    manifest |= {"code": {"synth_dagster": "0.1", "python": "3.11", "lock": "1234"}}
    lake.meta.add_release(Release("demo", name, "i", mixed.data_version, manifest, len(kept), False, "run-1"))


def verdict(record_id, kept):
    name = next(name for name in MADE if digest(name) == record_id)
    return {
        "record_id": record_id,
        "stage": "questions",
        "batch": BATCH,
        "source": child(name).source,
        "verdict": "kept" if name in kept else "dropped",
        "reason": None if name in kept else WHY.get(name, "zip_entropy:budget"),
        "duplicate_of": digest("q3") if name == "q6" else None,
        "copies": int(name in kept),
        "tokens": MADE[name][-1],
    }


def as_data(value):
    """What `--json` would print, read again."""
    return json.loads(json.dumps(value))
