"""Ten thousand records of six stages, one in a hundred of them broken: all of these are found, and nothing else is."""

import json
from dataclasses import replace
from random import Random

import pyarrow as pa
import pytest

from synth_dagster.governance.descent import DEFECTS, defects, descend
from synth_dagster.governance.release_rows import release_rows
from synth_dagster.governance.report import release_facts
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.licences.consent import joined_consents
from synth_dagster.licences.registry import Licences, joined
from synth_dagster.licences.terms import every
from synth_dagster.record_tables import to_table
from synth_dagster.records import Document, Parent, digest
from synth_dagster.runner.verdicts import VERDICT

STAGES = ("corpus", "clean", "questions", "answers", "pairs", "last")
BATCH = "notes:1"
LICENCES = ("MIT", "CC-BY-4.0", "CC-BY-NC-4.0", "CC0-1.0", "CC-BY-SA-4.0 OR MIT")


def world(size, seed):
    """id -> record: each of one to three of the stages above it, with all that it inherits."""
    draw, found, ready = Random(seed), {}, []
    for place, stage in enumerate(STAGES):
        own = []
        for number in range(size // len(STAGES)):
            above = draw.sample(ready, draw.randint(1, 3)) if ready else []
            body = f"{stage} {number} says {draw.random()}"
            one = Document(
                record_id=digest("record", stage, number),
                source="notes",
                batch=BATCH,
                body=body,
                method=f"op{place}",
                license=joined(one.license for one in above) if above else draw.choice(LICENCES),
                consent=joined_consents(one.consent for one in above) if above else draw.choice(["", "asked in 2026"]),
                synthetic_depth=max((one.synthetic_depth for one in above), default=-1) + 1,
                parents=tuple(Parent(one.record_id, one.stage, BATCH) for one in above),
            )
            own.append(replace(one, content_hash=digest(one.content()), stage=stage))
        ready += own
        found |= {one.record_id: one for one in own}
    return found


def broken(records, each, seed):
    """So many of each kind of defect, no two in one record; of cycles so many pairs that come from each other."""
    draw, ids = Random(seed), [one.record_id for one in records.values() if one.parents]
    last = [one.record_id for one in records.values() if one.stage == STAGES[-1]]
    hashes = draw.sample(last, each)
    rest = draw.sample(sorted(set(ids) - set(hashes)), 4 * each)
    dangling, unlicensed, one_side, other_side = (rest[n * each : (n + 1) * each] for n in range(4))
    new = dict(records)

    def change(record_id, **more):
        new[record_id] = replace(new[record_id], **more)

    for record_id in hashes:
        change(record_id, content_hash=digest("another text"))
    for number, record_id in enumerate(dangling):
        gone = Parent(digest("nowhere", number), STAGES[0], BATCH)
        change(record_id, parents=(*new[record_id].parents[1:], gone))
    for record_id in unlicensed:
        change(record_id, license="")
    for one, other in zip(one_side, other_side, strict=True):
        change(one, parents=(Parent(other, new[other].stage, BATCH),))
        change(other, parents=(Parent(one, new[one].stage, BATCH),))
    return new, {
        "hash_wrong": set(hashes),
        "parent_missing": set(dangling),
        "licence_missing": set(unlicensed),
        "cycle": {*one_side, *other_side},
    }


def planted(folder, records):
    """The lake with one release, which keeps all of the last stage."""
    lake, above = Lake.open(folder), None
    for stage in STAGES:
        table = to_table([one for one in records.values() if one.stage == stage], "document")
        above = written(lake, stage, BATCH, table, {"above": above.data_version} if above else {"delivery": "d"}, above)
    rows = lake.candidate_table(above)
    ids = rows["record_id"].to_pylist()
    judged = {"stage": STAGES[-1], "batch": BATCH, "source": "notes", "verdict": "kept", "copies": 1, "tokens": 1}
    schema = pa.schema([field for field in VERDICT if field.name != "release"])
    verdicts = pa.Table.from_pylist([judged | {"record_id": one} for one in ids], schema=schema)
    details = {"verdicts": {"kept": len(ids), "dropped": {}}, "records": len(ids), "tokens": len(ids)}
    written(lake, "verdicts", "r0001", verdicts, {}, None, partition="release", details=details)
    mix = written(lake, "mix", "r0001", rows, {}, None, partition="release", details=details)
    pins = {"records": above.candidate_id, "data_version": above.data_version, "signals": "", "signals_version": ""}
    manifest = {"batches": {BATCH: pins}, "table": "mix", "of": STAGES[-1], "recipe": "feed", "mix": "cafe"}
    manifest |= {"token_counter": "words", "missing": {}, "verdicts": details["verdicts"], "tokens": len(ids)}
    lake.meta.add_release(Release("demo", "r0001", "i", mix.data_version, manifest, len(ids), False, "run-1"))
    return lake


def written(lake, stage, batch, table, inputs, above, *, partition="batch", details=None):
    about = {"run_id": "run-1", "session_id": "s", "code_version": stage, "recipe_hash": "feed"}
    inputs = {above.stage: above.data_version} if above else inputs
    more = {"inputs": inputs, "details": details or {}, "partition": partition, "rejects": None}
    lake.accept(lake.write_candidate("demo", stage, batch, table, **about, **more))
    return lake.accepted("demo", stage, batch)


def by_hand(records):
    """What does not hold, found record by record."""
    parts = {one: {part.strip("()") for part in row.license.split(" AND ")} for one, row in records.items()}
    consents = {one: set(row.consent.split(" AND ")) - {""} for one, row in records.items()}
    inner = {one: [p.record_id for p in row.parents if p.record_id in records] for one, row in records.items()}
    sorted_, left = set(), dict(inner)
    while ready := [one for one, above in left.items() if sorted_.issuperset(above)]:
        sorted_.update(ready)
        left = {one: above for one, above in left.items() if one not in sorted_}
    return {
        "parent_missing": {o for o, row in records.items() if any(p.record_id not in records for p in row.parents)},
        "cycle": set(left),
        "licence_missing": {one for one, row in records.items() if not row.license},
        "licence_lost": {o for o in inner if any(records[p].license and not parts[p] <= parts[o] for p in inner[o])},
        "consent_lost": {o for o in inner if any(not consents[p] <= consents[o] for p in inner[o])},
        "depth_wrong": {
            o for o in inner if any(records[p].synthetic_depth > records[o].synthetic_depth for p in inner[o])
        },
    }


def found_in(lake):
    """Defect -> the records that show it, of all but the hashes."""
    with release_rows(lake, lake.meta.release("demo", "r0001")) as rows:
        descend(rows)
        counts = {one.name: one.records for one in defects(rows)}
        found = {name: {row["record_id"] for row in rows.ask(sql)} for name, (_, sql) in DEFECTS.items()}
    assert counts == {name: len(ids) for name, ids in found.items()}
    return {name: ids for name, ids in found.items() if ids}


@pytest.mark.parametrize(
    ("size", "each"), [(600, 2), pytest.param(10_000, 25, marks=pytest.mark.prove)], ids=["few", "many"]
)
def test_all_planted_defects_are_found_and_none_invented(tmp_path, size, each):
    whole = world(size, seed=size)
    assert found_in(planted(tmp_path / "whole", whole)) == {}
    records, planted_ = broken(whole, each, seed=size)
    lake = planted(tmp_path / "broken", records)
    found, expected = found_in(lake), by_hand(records)
    assert found == {name: ids for name, ids in expected.items() if ids}
    assert all(planted_[name] <= found[name] for name in ("cycle", "parent_missing", "licence_missing"))
    assert found["parent_missing"] == planted_["parent_missing"]
    assert found["licence_missing"] == planted_["licence_missing"]
    told = {one.name: one for one in release_facts(lake, lake.meta.release("demo", "r0001"), None).defects}
    assert told["hash_wrong"].records == each
    assert {bytes.fromhex(one) for one in told["hash_wrong"].examples} <= planted_["hash_wrong"]


def test_the_licence_of_a_record_is_the_strictest_of_all_that_is_above_it():
    records, known = world(600, seed=3), Licences()
    above: dict[bytes, set[bytes]] = {}
    for one in records.values():  # in their order: parents come first
        own = {parent.record_id for parent in one.parents}
        above[one.record_id] = own.union(*(above[parent] for parent in own))
        roots = [records[each] for each in above[one.record_id] or {one.record_id} if not records[each].parents]
        assert known.terms(one.license) == every(known.terms(root.license) for root in roots), json.dumps(one.license)
