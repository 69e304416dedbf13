"""A planted world to erase from: three stages over two batches, answers, versions that were replaced, releases."""

import asyncio
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import strategies as st

from synth_dagster.governance.erase import Surroundings
from synth_dagster.governance.erase_dagster import Dagster
from synth_dagster.governance.erase_look import Wanted
from synth_dagster.governance.erase_search import search
from synth_dagster.lake.canonical import data_version
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.lineage import Lineage
from synth_dagster.lake.meta_values import Release
from synth_dagster.lake.shingles import Needles
from synth_dagster.record_tables import REJECT, to_table
from synth_dagster.records import Parent, digest
from synth_dagster.runner.verdicts import VERDICT
from synth_dagster.teacher.cache import AnswerCache, Stored
from tests.lake.conftest import document, write_to

STAGES = ("corpus", "questions", "pairs")
WORDS = [digest("word", number).hex()[:7] for number in range(4000)]


PARENTS = {
    "a": [],
    "fb": [],
    "c": [],
    "q1": ["a"],
    "q2": ["a", "fb"],
    "q3": ["fb"],
    "q4": ["c"],
    "p1": ["q1"],
    "p2": ["q2"],
    "p3": ["q3"],
    "p4": ["q4"],
}
STANDS = {name: STAGES["cqp".index(name[0]) if name[0] in "qp" else 0] for name in PARENTS}
BATCHES = {name: "notes:2" if name in ("c", "q4", "p4") else "notes:1" for name in PARENTS}


@dataclass
class World:
    """The lake, and the DAG that was planted: name -> parents, texts and calls."""

    lake: Lake
    around: Surroundings
    parents: dict[str, list[str]]
    texts: dict[str, str]
    calls: dict[str, list[bytes]]
    stages: dict[str, str]
    batches: dict[str, str]

    def below(self, *names: str) -> set[str]:
        """By brute force: the names and all that comes from them."""
        found = set(names)
        while more := {n for n, above in self.parents.items() if n not in found and found & set(above)}:
            found |= more
        return found

    def copied(self, folder: Path) -> "World":
        """The same world in another folder."""
        shutil.copytree(self.around.project, folder, dirs_exist_ok=True)
        around = Surroundings(folder / "answers.sqlite", None, folder, Dagster({"dagster": folder / "dagster"}))
        return replace(self, lake=Lake.open(folder / "lake"), around=around)

    def rows(self) -> dict[str, dict]:
        """What tables show of records, by id."""
        found = {}
        for stage in STAGES:
            for row in self.lake.read("demo", stage).to_pylist():
                found[row["record_id"]] = row
        return found

    def answers(self) -> set[bytes]:
        return {call for call, _ in self.around.said()}


def said(name: str, *more: str) -> str:
    """Forty words of nobody else."""
    chance = Random(name)
    return " ".join([*more, *(chance.choice(WORDS) for _ in range(40))])


def plant(
    folder,
    parents: dict[str, list[str]],
    *,
    stages: dict[str, str],
    batches: dict[str, str],
    lake: Lake | None = None,
    around: Surroundings | None = None,
) -> World:
    """Records by name; the source of a root is `forum` where its name begins with f, else `notes`."""
    lake = lake or Lake.open(folder / "lake")
    around = around or Surroundings(folder / "answers.sqlite", None, folder, Dagster({"dagster": folder / "dagster"}))
    texts = {name: said(name) for name in parents}
    calls = {name: [digest("call", name), digest("shared", len(above))] for name, above in parents.items() if above}
    world = World(lake, around, parents, texts, calls, stages, batches)
    _answer(world)
    for batch in sorted(set(batches.values())):
        for stage in STAGES:
            names = [name for name in parents if stages[name] == stage and batches[name] == batch]
            old = [_record(world, name, stages, batches, old=True) for name in names]
            lake.accept(write_to(lake, batch, to_table(old, "document"), stage=stage, rejects=_rejects(world, names)))
            new = [_record(world, name, stages, batches) for name in names]
            lake.accept(write_to(lake, batch, to_table(new, "document"), stage=stage, rejects=_rejects(world, names)))
            lake.save_preview(f"demo-{stage}-{lake.accepted('demo', stage, batch).candidate_id}", _page(world, names))
    for release in ("r0001", "r0002"):
        _publish(world, release, stages, batches)
    return world


def _record(world, name, stages, batches, *, old=False):
    """The older version of a child has another id and says more."""
    text = world.texts[name] + (said(f"old {name}") if old and world.parents[name] else "")
    above = tuple(Parent(digest(one), stages[one], batches[one]) for one in world.parents[name])
    return replace(
        document(batches[name], 0, parents=above),
        record_id=digest(name, "old") if old and above else digest(name),
        content_hash=digest(text),
        source="forum" if name.startswith("f") else "notes",
        attributes={"native_key": f"file-{name}.txt", "chunk": 0} if not above else {},
        body=text,
        calls=tuple(world.calls.get(name, ())),
        call_id=world.calls[name][0] if name in world.calls else None,
    )


def _rejects(world, names):
    rows = [
        {
            "reject_id": digest("reject", name),
            "step": "s",
            "source": "forum" if name.startswith("f") else "notes",
            "record_id": digest(name),
            "reason": "unparsable",
            "raw": world.texts[name],
        }
        for name in names
    ]
    return pa.Table.from_pylist(rows, schema=REJECT).drop_columns(["stage", "batch"]) if rows else None


def _page(world, names):
    return "<p>" + "</p><p>".join(world.texts[name].replace(" ", "&#32;") for name in names) + "</p>"


def _answer(world):
    async def put(cache):
        for name, (own, shared) in world.calls.items():
            await cache.put(own, Stored(model="m", text=f"Answer: {world.texts[name]}", finish_reason="stop"))
            await cache.put(shared, Stored(model="m", text="A sentence that many share.", finish_reason="stop"))
        if world.parents:
            first = min(world.parents)  # an answer of a run that died: no record names its call
            await cache.put(digest("orphan"), Stored(model="m", text=world.texts[first], finish_reason="stop"))

    with AnswerCache.open(world.around.answers, world.around.s3) as cache:
        asyncio.run(put(cache))


def _publish(world, release, stages, batches):
    """Everything of the last stage; each second verdict is a duplicate of the first."""
    lake = world.lake
    names = [name for name in sorted(world.parents) if stages[name] == "pairs"]
    rows = [
        {
            "record_id": digest(name),
            "stage": "pairs",
            "batch": batches[name],
            "verdict": "dropped" if number % 2 else "kept",
            "reason": "minhash:duplicate" if number % 2 else None,
            "duplicate_of": digest(names[0]) if number % 2 else None,
            "tokens": 7,
        }
        for number, name in enumerate(names)
    ]
    schema = pa.schema([one for one in VERDICT if one.name != "release"])
    verdicts = write_to(lake, release, pa.Table.from_pylist(rows, schema=schema), stage="verdicts", partition="release")
    lake.accept(verdicts)
    kept = {row["record_id"] for row in rows if row["verdict"] == "kept"}
    table = lake.read("demo", "pairs")
    table = table.filter(pa.array([one in kept for one in table["record_id"].to_pylist()], pa.bool_()))
    table = table.append_column("release", pa.array([release] * table.num_rows, pa.string()))
    mix = write_to(lake, release, table, stage="mix", partition="release")
    lake.accept(mix)
    lake.save_page(f"reports/demo/{release}.html", _page(world, names))
    manifest = {"batches": {}, "table": "mix"}
    lake.meta.add_release(Release("demo", release, "i", mix.data_version, manifest, len(kept), False, "run-1"))


def gone_in(world, names):
    """Ids and pieces of text of these names, in both versions."""
    needles = Needles()
    for name in names:
        needles.add(world.texts[name])
    ids = [digest(name) for name in names] + [digest(name, "old") for name in names]
    return Wanted.of(pa.array(ids, pa.binary()), needles)


def look(world, names):
    others = world.around.places
    return search(world.lake, gone_in(world, names), others=others)


def plain(rows):
    return {one: {name: row[name] for name in row if name != "created_at"} for one, row in rows.items()}


def check(world, receipt, names, before, answers):
    """Nothing of what went, everything of what stays."""
    gone = world.below(*names)
    assert receipt["proof"]["clean"] and receipt["proof"]["ids_proven"] and receipt["proof"]["text_proven"]
    found = look(world, gone)
    assert found.with_ids == [] and found.with_text == []
    stays = {one: row for one, row in plain(before).items() if one not in {digest(name) for name in gone}}
    assert plain(world.rows()) == stays
    assert Lineage(world.lake).now().counts()[0] == len(stays)
    left = {call for name in set(world.parents) - gone for call in world.calls.get(name, ())}
    assert world.answers() & answers == (left | ({digest("orphan")} if min(world.parents) not in gone else set()))


def shown(world):
    """Each version that a table of records shows, with its rows."""
    places = [(stage, batch) for stage in STAGES for batch in sorted(set(world.lake.accepted_all("demo", stage)))]
    versions = {place: world.lake.accepted("demo", *place) for place in places}
    return {place: (one.candidate_id, world.lake.candidate_table(one)) for place, one in versions.items()}


def check_versions(world, names, before):
    """A batch that held nothing is the same version; of any other the canonical bytes are those of what stays."""
    gone = pa.array([digest(name) for name in world.below(*names)], pa.binary())
    for place, (old, rows) in before.items():
        stays = rows.filter(pc.invert(pc.is_in(rows["record_id"], value_set=gone)))
        new = world.lake.accepted("demo", *place)
        assert (new.candidate_id == old) == (stays.num_rows == rows.num_rows)
        assert data_version(world.lake.candidate_table(new)) == new.data_version == data_version(stays)


@st.composite
def dags(draw):
    """Up to a dozen records over three stages and two batches; parents stand in the stage above, in the same batch."""
    parents, stages, batches = {}, {}, {}
    for number in range(draw(st.integers(2, 4))):
        name = f"{draw(st.sampled_from('fn'))}{number}"
        parents[name], stages[name], batches[name] = [], "corpus", f"notes:{draw(st.integers(1, 2))}"
    for stage, letter in (("questions", "q"), ("pairs", "p")):
        above = [name for name in parents if stages[name] == ("corpus" if letter == "q" else "questions")]
        for number in range(draw(st.integers(1, 4)) if above else 0):
            first = draw(st.sampled_from(above))
            others = [name for name in above if batches[name] == batches[first] and name != first]
            more = draw(st.lists(st.sampled_from(others), unique=True, max_size=2)) if others else []
            name = f"{letter}{number}"
            parents[name], stages[name], batches[name] = [first, *more], stage, batches[first]
    return parents, stages, batches, draw(st.sampled_from(sorted(parents)))
