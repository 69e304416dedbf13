"""A stage's chain of steps: the order of work changes nothing, nothing made is lost, a bug costs one record."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from synth_dagster.errors import MethodError, SynthError
from synth_dagster.lake.canonical import data_version
from synth_dagster.method import Augmenter, Filter, PoolSynthesizer, Refiner, Synthesizer
from synth_dagster.parts.asking.calls import together, with_its_calls
from synth_dagster.recipe import Step
from synth_dagster.record_tables import to_table
from synth_dagster.records import Document, Instruction, digest
from synth_dagster.runner import chain as chains
from synth_dagster.runner.chain import Chain, in_order
from synth_dagster.runner.context import Silent
from synth_dagster.runner.yields import lost_of, reasons_of, told_twice
from synth_dagster.services import Call, Drop, Teacher, Unusable, recording
from synth_dagster.services import record as record_call
from tests.assets.project import Roles
from tests.scripted_teacher.faults import share
from tests.scripted_teacher.teacher import ScriptedTeacher
from tests.scripted_teacher.worlds import FactWorld

TEXTS = [f"text {number}" for number in range(40)]


def documents(texts=TEXTS):
    return [
        Document(body=text, record_id=digest("d", n), stage="seed_corpus", batch="b", source="s", license="MIT")
        for n, text in enumerate(texts)
    ]


def chained(*methods, inputs=None, kind="document", in_flight=8, teachers=None, progress=None):
    steps = []
    for place, method in enumerate(methods):
        type(method).slug = type(method).slug or type(method).__name__.lower()
        steps.append(Step(type(method).slug, f"{type(method).slug}#{place}" if place else type(method).slug, method, 1))
    context = SimpleNamespace(
        root=None, sandbox=None, shelf=None, in_flight=in_flight, progress=progress or Silent(), terms=lambda roles: ""
    )
    chain = Chain(context, teachers, "stage", kind, "b", documents() if inputs is None else inputs)
    asyncio.run(chain.run(steps))
    return chain


class Slow(Synthesizer[Document, Instruction]):
    """Two questions about a document, after as many turns of the loop as a hash says."""

    paper = "interpretation"

    async def synthesize(self, record: Document, /) -> Sequence[Instruction] | Drop:
        for _ in range(int(20 * share(record.record_id, "slow"))):
            await asyncio.sleep(0)
        if record.body.endswith("7"):
            return Drop("unlucky")
        return [Instruction.single(f"What is {record.body}, {n}?", "It.", parents=(record,)) for n in range(2)]


def bytes_of(chain):
    return data_version(to_table(chain.made, chain.kind))


def test_one_and_sixty_four_at_once_give_the_same_bytes(monkeypatch):
    one = chained(Slow(), kind="instruction", in_flight=1)
    many = chained(Slow(), kind="instruction", in_flight=64)
    plain = in_order
    monkeypatch.setattr(chains, "in_order", lambda f, items, *, limit: plain(f, items, limit=limit, shuffle=7))
    mixed = chained(Slow(), kind="instruction", in_flight=64)
    assert len(one.made) == 2 * 36 and len(one.rejects) == 4
    assert [r.record_id for r in one.made] == [r.record_id for r in many.made] == [r.record_id for r in mixed.made]
    assert bytes_of(one) == bytes_of(many) == bytes_of(mixed)
    assert one.rejects == many.rejects == mixed.rejects


def test_a_real_method_with_a_teacher_of_uneven_speed_gives_the_same_bytes():
    from synth_dagster.catalog import method

    world = FactWorld(entities=20)
    versions = set()
    for in_flight in (1, 64):
        teacher = ScriptedTeacher(world, jitter=20, faults={"questions": {"broken_json": 0.2}})
        step = method("grounded_qa")(per_passage=2)
        chain = chained(
            step, inputs=world.documents(), kind="instruction", in_flight=in_flight, teachers=Roles(teacher)
        )
        assert chain.made and chain.rejects
        assert teacher.most_in_flight <= in_flight
        versions.add((bytes_of(chain), str(chain.rejects)))
    assert len(versions) == 1


def test_no_more_than_the_limit_is_under_way():
    under_way, most = 0, 0

    async def work(item):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return item

    assert asyncio.run(in_order(work, range(50), limit=5)) == list(range(50))
    assert most == 5


def test_when_one_fails_no_new_one_begins_and_those_under_way_are_finished():
    begun, ended = [], []

    async def work(item):
        begun.append(item)
        await asyncio.sleep(0)
        if item == 3:
            raise SynthError("the endpoint is gone")
        for _ in range(5):
            await asyncio.sleep(0)
        ended.append(item)

    with pytest.raises(SynthError, match="the endpoint is gone"):
        asyncio.run(in_order(work, range(100), limit=8))
    assert sorted(begun) == list(range(8)) and sorted(ended) == [0, 1, 2, 4, 5, 6, 7]


# -------------------------------------------------------------------------------------------------- statuses and rows


class Upper(Refiner[Document]):
    paper = "interpretation"

    async def refine(self, record: Document, /) -> Document | Drop:
        if "3" in record.body:
            return Drop("three", detail="a three stands in it")
        return record if record.body.isupper() else record.but(body=record.body.upper())


class Redact(Upper):
    redacts = True


class Twice(Augmenter[Document, Document]):
    paper = "interpretation"

    async def augment(self, record: Document, /) -> Sequence[Document] | Drop:
        passed = "current" if "1" in record.body else "eliminated"
        reason = None if passed == "current" else "no_one"
        return [Document(body=record.body * 2, parents=(record,), status=passed, reason=reason)]


class NoTwo(Filter):
    paper = "interpretation"

    def signals(self):
        return {"has_two": "contains(text, '2')"}

    def rules(self):
        return {"two": "has_two"}


def told(chain):
    return [(record.body, record.status, record.reason) for record in chain.made]


def test_a_chain_keeps_every_version_with_its_status():
    chain = chained(Upper(), Twice(), NoTwo(), inputs=documents(["a1", "A2", "a3"]))
    assert told(chain) == [
        ("a1", "superseded", "upper"),
        ("A1", "current", None),
        ("A2", "eliminated", "notwo:two"),
        ("a3", "eliminated", "upper:three"),
        ("A1A1", "current", None),
        ("A2A2", "eliminated", "twice:no_one"),
    ]
    ids = {record.record_id for record in chain.made} | {record.record_id for record in documents(["a1", "A2", "a3"])}
    assert len({record.record_id for record in chain.made}) == 6
    assert all(parent.record_id in ids for record in chain.made for parent in record.parents)
    assert [record.parents[0].relation for record in chain.made] == [
        "copy",
        "refined",
        "copy",
        "copy",
        "source",
        "source",
    ]


def test_a_record_that_a_refiner_refuses_is_lost_once():
    refined = chained(Upper(), inputs=documents(["a1", "a3"]))
    twice = told_twice(refined.made, refined.rejects)
    assert [(step, one.reason) for step, one in refined.rejects] == [("upper", "three")]
    assert twice == {"upper:three": 1}  # its row says so too
    details = {"reasons": {"upper:three": 1}, "rejects": {"upper:three": 1, "slow:unlucky": 1}, "told_twice": twice}
    assert lost_of(details, eliminated=1, rejected=2) == 2
    assert reasons_of(details) == {"upper:three": 1, "slow:unlucky": 1}
    assert lost_of({}, eliminated=1, rejected=2) == 3  # of a version from before it was noted


def test_what_a_record_did_not_give_is_no_second_word_on_the_record():
    made = chained(Slow(), inputs=documents(["a7"]), kind="instruction")
    assert len(made.rejects) == 1 and not told_twice([*documents(["a7"]), *made.made], made.rejects)


def test_a_refiner_that_redacts_leaves_id_hash_and_lineage_and_no_text():
    old, new, *_ = chained(Redact(), inputs=documents(["secret"])).made
    assert (old.body, old.status, new.body) == ("", "superseded", "SECRET")
    assert old.content_hash != new.content_hash and new.parents[0].record_id == old.record_id


class Watcher:
    """Who lets a stuck method go when it was told often enough that nothing gets done."""

    def __init__(self):
        self.told = []

    def update(self, stage, batch, *, done, total, usage):
        self.told.append((done, total))


class Waits(Synthesizer[Document, Instruction]):
    """An answer that takes as long as it takes for somebody to have heard four times that there is none."""

    paper = "interpretation"

    async def synthesize(self, record: Document, /) -> Sequence[Instruction]:
        while len(watcher.told) < 4:  # noqa: ASYNC110  # who is told cannot wait
            await asyncio.sleep(0)
        return []


class WaitsInRounds(PoolSynthesizer[Document, Document]):
    paper = "interpretation"

    async def round(self, pool: Sequence[Document], number: int, /) -> Sequence[Sequence[Document] | Drop]:
        while number == 0 and len(watcher.told) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0)
        return [] if number else [[Document(title="", body="new", parents=(pool[0].as_parent("grown"),))]]


watcher = Watcher()


@pytest.mark.parametrize(
    ("method", "first", "last"),
    [
        pytest.param(Waits(), (0, 2), (2, 2), id="inputs"),
        pytest.param(WaitsInRounds(), (0, 0), (2, 2), id="rounds, of which nobody knows how many"),
    ],
)
def test_a_step_in_which_nothing_gets_done_tells_so_again_and_again(monkeypatch, method, first, last):
    monkeypatch.setattr(chains, "TELL_S", 0.0)
    watcher.told.clear()
    chained(method, inputs=documents(TEXTS[:2]), progress=watcher)
    assert watcher.told[:4] == [first] * 4 and watcher.told[-1] == last


class Grow(PoolSynthesizer[Document, Document]):
    paper = "interpretation"

    async def round(self, pool: Sequence[Document], number: int, /) -> Sequence[Sequence[Document] | Drop]:
        if number == 2:
            return []
        made = [[Document(body=f"{record.body}+", parents=(record,))] for record in pool[-2:]]
        return [*made, Drop("enough")]


def test_a_pool_grows_in_rounds_and_drops_are_counted_in_each():
    chain = chained(Grow(), inputs=documents(["a", "b"]))
    # round 0 reads a, b; round 1 reads what round 0 made
    assert [record.body for record in chain.made] == ["a+", "b+", "a++", "b++"]
    assert [reject.reason for _, reject in chain.rejects] == ["enough", "enough"]
    assert len({record.record_id for record in chain.made}) == 4


class Names(PoolSynthesizer[Document, Document]):
    """Of two calls of a round one record names one, the other none."""

    paper = "interpretation"

    async def round(self, pool: Sequence[Document], number: int, /) -> Sequence[Sequence[Document] | Drop]:
        named = Document(body="named", parents=(pool[0],), calls=(b"second",))
        return [] if number else [[named], [Document(body="silent", parents=(pool[0],))]]


class TwoCalls:
    """Teachers of whom two calls are noted, whatever is asked."""

    @contextmanager
    def recording(self):
        yield [b"second", b"first"]

    def usage_by_role(self):
        return {}


def test_a_record_of_a_round_rests_on_the_calls_that_it_names_and_on_what_nobody_names():
    chain = chained(Names(), inputs=documents(["a"]), teachers=TwoCalls())
    assert [record.calls for record in chain.made] == [(b"first", b"second"), (b"first",)]
    chain = chained(Grow(), inputs=documents(["a"]), teachers=TwoCalls())
    assert {record.calls for record in chain.made} == {(b"first", b"second")}


class Asks(PoolSynthesizer[Document, Document]):
    """A record for each text, and a drop for the last; each is asked for on its own."""

    paper = "interpretation"

    async def round(
        self, pool: Sequence[Document], number: int, /, *, teacher: Teacher
    ) -> Sequence[Sequence[Document] | Drop]:
        return [] if number else await together(*(with_its_calls(self._asked(one, teacher)) for one in pool))

    async def _asked(self, one: Document, teacher: Teacher) -> Sequence[Document] | Drop:
        await teacher.tell(None)  # type: ignore[arg-type]
        return Drop("last") if one.body == "c" else [Document(body=f"{one.body}+", parents=(one,))]


class TakesTwo:
    """A teacher whose first answer is never of use: the gateway asks again, and both attempts are calls."""

    models = ("m",)
    asked = 0

    async def tell(self, prompt):
        self.asked += 1
        number = self.asked
        for attempt in (0, 1):
            record_call(bytes([number, attempt]) * 8)
            await asyncio.sleep(0)


class Whole:
    def __init__(self, teacher):
        self.teacher = teacher

    def __getitem__(self, role):
        return self.teacher

    def recording(self):
        return recording()

    def usage_by_role(self):
        return {}


def test_a_record_rests_on_all_attempts_that_were_made_for_it_and_on_no_other_records():
    chain = chained(Asks(), inputs=documents(["a", "b", "c"]), teachers=Whole(TakesTwo()))
    calls = [[bytes([place, attempt]) * 8 for attempt in (0, 1)] for place in (1, 2, 3)]
    assert [list(record.calls) for record in chain.made] == calls[:2]
    assert [list(reject.calls) for _, reject in chain.rejects] == calls[2:]


class Shares(Asks):
    """One more call is for all of them alike."""

    async def round(
        self, pool: Sequence[Document], number: int, /, *, teacher: Teacher
    ) -> Sequence[Sequence[Document] | Drop]:
        if not number:
            record_call(b"for all")
        return await super().round(pool, number, teacher=teacher)


def test_what_was_asked_in_a_round_and_nobody_names_is_behind_all_of_its_records():
    chain = chained(Shares(), inputs=documents(["a", "c"]), teachers=Whole(TakesTwo()))
    assert [b"for all" in record.calls for record in chain.made] == [True]
    assert [b"for all" in reject.calls for _, reject in chain.rejects] == [False]
    alone = chained(Shares(), inputs=documents(["c"]), teachers=Whole(TakesTwo()))
    assert [b"for all" in reject.calls for _, reject in alone.rejects] == [True]  # else it would stand nowhere


class Stuck(PoolSynthesizer[Document, Document]):
    paper = "interpretation"

    async def round(self, pool: Sequence[Document], number: int, /) -> Sequence[Sequence[Document] | Drop]:
        if number == 1:
            raise Unusable("refused", "no", Call(b"r" * 16, "m"))
        return [[Document(body=f"{record.body}+", parents=(record,))] for record in pool]


def test_an_answer_that_a_round_cannot_use_ends_the_rounds_and_keeps_what_was_made():
    chain = chained(Stuck(), inputs=documents(["a", "b"]))
    assert [record.body for record in chain.made] == ["a+", "b+"]
    assert [(reject.reason, reject.kind) for _, reject in chain.rejects] == [("refused", "unusable")]


# ------------------------------------------------------------------------------------------------------- bad answers


class Moody(Synthesizer[Document, Instruction]):
    paper = "interpretation"

    async def synthesize(self, record: Document, /, *, teacher: Teacher) -> Sequence[Instruction] | Drop:
        if record.body == "junk":
            raise Unusable("unparsable", "{" * 9_000, Call(b"c" * 16, "m"))
        if record.body == "bug":
            raise KeyError("SECRET text of the record")
        if record.body == "drop":
            return Drop("dull", "nothing to ask", "raw words", Call(b"d" * 16, "m"))
        return [Instruction.single("Q", "A", parents=(record,))]


def test_what_one_input_does_not_give_is_a_reject_that_says_why(caplog):
    inputs = documents(["good", "junk", "bug", "drop"])
    with caplog.at_level(logging.DEBUG):
        chain = chained(Moody(), inputs=inputs, kind="instruction", teachers=Roles(ScriptedTeacher()))
    assert len(chain.made) == 1
    found = {reject.reason: reject for _, reject in chain.rejects}
    assert [reject.record_id for _, reject in chain.rejects] == [record.record_id for record in inputs[1:]]
    assert {reason: reject.kind for reason, reject in found.items()} == {
        "unparsable": "unusable",
        "method_failed": "unusable",
        "dull": "dropped",
    }
    assert len(found["unparsable"].raw) == 4_000 and found["unparsable"].call_id == b"c" * 16
    assert (found["dull"].detail, found["dull"].raw, found["dull"].call_id) == (
        "nothing to ask",
        "raw words",
        b"d" * 16,
    )
    assert "KeyError at synthesize" in found["method_failed"].detail
    # the message of a bug may hold record text: neither the log nor the row repeats it
    assert "SECRET" not in caplog.text + str(chain.rejects) and inputs[2].record_id.hex() in caplog.text


def test_a_bug_that_thousands_of_records_meet_is_two_lines_of_the_log(caplog):
    chain = chained(Moody(), inputs=documents(["bug"] * 3_000), kind="instruction", teachers=Roles(ScriptedTeacher()))
    assert len(chain.rejects) == 3_000
    first, more = (record.getMessage() for record in caplog.records if record.name == "synth_dagster.runner.chain")
    assert " failed on record " in first and " failed on 2999 more records with KeyError at synthesize" in more


class Wrong(Synthesizer[Document, Instruction]):
    paper = "interpretation"

    async def synthesize(self, record: Document, /) -> Sequence[Instruction] | Drop:
        return ["no record"]


def test_a_verb_that_returns_something_else_is_a_bug_of_the_method_and_stops():
    with pytest.raises(MethodError, match="must return records or a Drop"):
        chained(Wrong(), kind="instruction")
