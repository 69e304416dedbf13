"""Every kind of method as a base class, with a tiny method of its own: what a person who writes one may rely on."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pydantic import Field, ValidationError

from synth_dagster.method import (
    KINDS,
    Augmenter,
    Deduplicator,
    Filter,
    Guard,
    InputPath,
    Measure,
    Measurement,
    Mixer,
    Mixture,
    PoolSynthesizer,
    Proof,
    Refiner,
    Selector,
    Synthesizer,
    Trainer,
)
from synth_dagster.prompt import Prompt
from synth_dagster.recipe import Step
from synth_dagster.record_tables import to_table
from synth_dagster.records import Document, Instruction, Preference, digest
from synth_dagster.runner.chain import Chain
from synth_dagster.runner.context import Silent
from synth_dagster.scale.signals import flatten
from synth_dagster.services import Drop, Found, Reply, Teacher
from tests.scripted_teacher.echo import EchoTeacher

PROOF = Proof("interpretation", "a tiny method of the tests")


class Title(Reply):
    title: str


NAME_IT = Prompt(user="<passage>{text}</passage> Give a title.")


class _Ours:
    paper = "interpretation"
    proof = PROOF


class Ask(_Ours, Synthesizer[Document, Instruction]):
    async def synthesize(self, record: Document, /, *, teacher: Teacher) -> Sequence[Instruction] | Drop:
        if not record.body:
            return Drop("empty")
        reply = await teacher.ask(NAME_IT, into=Title, text=record.body)
        first = Instruction.single("What is the title?", reply.title, parents=(record,))
        return [first, Instruction.single("What is the title, again?", reply.title, parents=(first,))]


class Grow(_Ours, PoolSynthesizer[Document, Document]):
    rounds: int = Field(2, ge=0, description="Rounds until the pool is left alone.")

    async def round(self, pool: Sequence[Document], number: int, /) -> Sequence[Sequence[Document] | Drop]:
        if number == self.rounds:
            return []
        longest = max(pool, key=lambda record: len(record.body))
        return [[Document(body=f"{longest.body}+{len(pool)}", parents=(longest,))], Drop("nothing_more")]


class Shout(_Ours, Augmenter[Document, Document]):
    async def augment(self, record: Document, /) -> Sequence[Document] | Drop:
        loud = record.body.upper()
        same = loud == record.body
        status, reason = ("eliminated", "unchanged") if same else ("current", None)
        return [Document(body=loud, parents=(record,), status=status, reason=reason)]


class Trim(_Ours, Refiner[Document]):
    async def refine(self, record: Document, /) -> Document | Drop:
        if not record.body.strip():
            return Drop("blank")
        return record if record.body == record.body.strip() else record.but(body=record.body.strip())


class Short(_Ours, Filter):
    judges = (Document,)
    most: int = Field(5, ge=0, description="Longest text that is kept.")

    def signals(self):
        return {"characters": "length(text)"}

    def rules(self):
        return {"too_long": f"characters > {self.most}"}


class SameText(_Ours, Deduplicator):
    def cluster(self, pool: pa.Table, /) -> pa.Table:
        kept: dict[str, bytes] = {}
        order = sorted(pool.to_pylist(), key=lambda row: (row["priority"], row["record_id"]))
        for row in order:
            kept.setdefault(row["text"], row["record_id"])
        cluster = [kept[text] for text in pool["text"].to_pylist()]
        keep = [record_id == first for record_id, first in zip(pool["record_id"].to_pylist(), cluster, strict=True)]
        return pa.table({"record_id": pool["record_id"], "cluster": pa.array(cluster, pa.binary()), "keep": keep})


class Longest(_Ours, Selector):
    budget: int = Field(1, ge=0, description="Records to select.")

    def select(self, pool: pa.Table, /) -> pa.Table:
        scores = [float(len(text)) for text in pool["text"].to_pylist()]
        best = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
        ranks = [best.index(place) for place in range(len(scores))]
        selected = [rank < self.budget for rank in ranks]
        reason = pa.array([None if taken else "over_budget" for taken in selected], pa.string())
        columns = {"record_id": pool["record_id"], "score": scores, "rank": ranks, "selected": selected}
        return pa.table(columns | {"reason": reason})


class Even(_Ours, Mixer):
    def mix(self, sizes, /) -> Mixture:
        weights = {domain: 1 / len(sizes) for domain in sizes}
        return Mixture(weights, {domain: min(sizes.values()) for domain in sizes}, how="the same for all")


class Lengths(_Ours, Measure):
    def measure(self, flat: pa.Table, /) -> Measurement:
        lengths = pc.utf8_length(flat["text"])
        return Measurement({"characters": float(pc.sum(lengths).as_py() or 0)})


class NoSecrets(_Ours, Guard):
    judges = (Document,)
    checks: ClassVar[dict[str, str]] = {"no_secret": "Nobody says the word."}

    def inspect(self, flat: pa.Table, /) -> Sequence[Found]:
        hits = flat.filter(pc.match_substring(flat["text"], "secret"))["record_id"].to_pylist()
        return [Found(check="no_secret", kind="word", severity="critical", record_id=one) for one in hits]


class Vocabulary(_Ours, Trainer):
    def train(self, flat: pa.Table, /) -> bytes:
        return "\n".join(sorted({word for text in flat["text"].to_pylist() for word in text.split()})).encode()


FAKES = [Ask, Grow, Shout, Trim, Short, SameText, Longest, Even, Lengths, NoSecrets, Vocabulary]


def documents(*texts):
    return [
        Document(body=text, record_id=digest(place, text), stage="seed", batch="b", source="s", license="MIT")
        for place, text in enumerate(texts)
    ]


def flat(*texts):
    return flatten(to_table(documents(*texts), "document"), "document")


class _Echoes:
    """The roles of a recipe, all answered by one echo."""

    def __init__(self):
        self.echo, self.roles = EchoTeacher(), []

    def __getitem__(self, role):
        self.roles.append(role)
        return self.echo

    def usage_by_role(self):
        return {}

    def recording(self):
        return _NoCalls()


class _NoCalls:
    def __enter__(self):
        return []

    def __exit__(self, *error):
        return None


def chained(method, *texts, kind="document", teachers=None):
    """The records and rejects that the runner's chain makes of documents with one step."""
    method.__class__.slug = type(method).__name__.lower()
    context = SimpleNamespace(
        root=None, sandbox=None, shelf=None, in_flight=4, progress=Silent(), terms=lambda roles: ""
    )
    inputs = documents(*texts)
    chain = Chain(context, teachers, "stage", kind, "b", inputs)
    asyncio.run(chain.run([Step(method.slug, method.slug, method, 1)]))
    return chain.made, [reject.reason for _, reject in chain.rejects], inputs


def test_every_base_class_has_a_fake_here():
    bases = {base for kind in KINDS.values() for base in kind}
    assert bases == {next(base for base in fake.__mro__ if base in bases) for fake in FAKES}


@pytest.mark.parametrize("fake", FAKES, ids=lambda fake: fake.__name__)
def test_a_kind_says_where_it_belongs_and_what_it_does(fake):
    assert issubclass(fake, KINDS[fake.kind])
    assert callable(getattr(fake, fake.verb()))
    assert fake.summary() == __doc__.split("\n", 1)[0].rstrip(".")
    assert fake().fingerprint() == fake().fingerprint()
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        fake(speed="fast")


@pytest.mark.parametrize(
    ("fake", "consumes", "produces"),
    [
        pytest.param(Ask, (Document,), Instruction, id="two kinds of record"),
        pytest.param(Grow, (Document,), Document, id="pool"),
        pytest.param(Trim, (Document,), Document, id="one kind of record"),
        pytest.param(NoSecrets, (Document,), None, id="narrowed"),
        pytest.param(Vocabulary, (Document, Instruction, Preference), None, id="any kind of record"),
        pytest.param(Even, (), None, id="no records"),
    ],
)
def test_record_kinds_are_read_off_the_class(fake, consumes, produces):
    assert (fake.consumes(), fake.produces()) == (consumes, produces)


def test_a_method_that_does_not_say_its_record_kinds_is_told_to():
    class Untyped(_Ours, Synthesizer):
        pass

    with pytest.raises(TypeError, match=r"Untyped must say what it reads and makes"):
        Untyped.consumes()


def test_settings_cannot_be_changed_and_are_what_the_fingerprint_is_over():
    method = Longest(budget=2)
    with pytest.raises(ValidationError, match="frozen"):
        method.budget = 3
    assert method.fingerprint() == Longest(budget=2).fingerprint() != Longest(budget=3).fingerprint()


def test_paths_of_the_project_are_known_by_their_type():
    class Against(_Ours, Measure):
        against: InputPath
        note: str = ""

    assert Against.input_paths() == ("against",)


def test_a_threshold_moves_the_rules_and_not_the_signals():
    assert Short(most=5).signals_fingerprint() == Short(most=6).signals_fingerprint()
    assert Short(most=5).fingerprint() != Short(most=6).fingerprint()


def test_synthesize_gives_new_records_that_may_name_each_other_as_parents():
    teachers = _Echoes()
    made, rejects, inputs = chained(Ask(), "Rain. Sun.", "", kind="instruction", teachers=teachers)
    assert [record.response for record in made] == ["Rain.", "Rain."]
    assert [record.parents[0].record_id for record in made] == [inputs[0].record_id, made[0].record_id]
    assert rejects == ["empty"]
    assert teachers.roles == ["writer"]  # a parameter called `teacher` is the writer


def test_a_pool_grows_in_rounds_and_each_round_sees_the_one_before():
    made, rejects, inputs = chained(Grow(rounds=3), "a", "bb")
    assert [record.body for record in made] == ["bb+2", "bb+2+3", "bb+2+3+4"]
    assert [record.parents[0].record_id for record in made] == [
        inputs[1].record_id,
        made[0].record_id,
        made[1].record_id,
    ]
    assert rejects == ["nothing_more"] * 3
    assert {(record.source, record.license) for record in made} == {("s", "MIT")}


def test_a_pool_without_rounds_makes_nothing():
    assert chained(Grow(rounds=0), "a")[:2] == ([], [])


def test_augment_puts_variants_beside_the_record_and_keeps_those_that_did_not_pass():
    made, _, _ = chained(Shout(), "rain", "SUN")
    assert [(record.body, record.status) for record in made] == [
        ("rain", "current"),
        ("SUN", "current"),
        ("RAIN", "current"),
        ("SUN", "eliminated"),
    ]
    assert made[3].reason.endswith("unchanged")


def test_refine_replaces_a_record_and_leaves_what_is_good():
    made, rejects, _ = chained(Trim(), " rain ", "sun", "  ")
    assert [(record.body, record.status) for record in made] == [
        (" rain ", "superseded"),
        ("rain", "current"),
        ("sun", "current"),
        ("  ", "eliminated"),
    ]
    assert rejects == ["blank"]


def test_a_filter_eliminates_with_its_rule_as_the_reason():
    made, _, _ = chained(Short(), "rain", "sunshine")
    assert [(record.status, record.reason) for record in made] == [("current", None), ("eliminated", "short:too_long")]


def test_dedup_names_the_kept_record_for_every_row():
    pool = pa.table({"record_id": [b"3", b"1", b"2"], "text": ["x", "x", "y"], "priority": [0, 1, 0]})
    assert SameText().cluster(pool).to_pylist() == [
        {"record_id": b"3", "cluster": b"3", "keep": True},
        {"record_id": b"1", "cluster": b"3", "keep": False},
        {"record_id": b"2", "cluster": b"2", "keep": True},
    ]


def test_select_gives_a_row_for_every_record_of_the_pool():
    pool = pa.table({"record_id": [b"1", b"2"], "source": ["s", "s"], "text": ["a", "bb"], "tokens": [1, 1]})
    chosen = Longest().select(pool)
    assert chosen.column_names == ["record_id", "score", "rank", "selected", "reason"]
    assert chosen["selected"].to_pylist() == [False, True]
    assert chosen["reason"].to_pylist() == ["over_budget", None]


def test_mix_gives_weights_that_sum_to_one_and_says_how():
    mixture = Even().mix({"a": 100, "b": 50})
    assert (sum(mixture.weights.values()), mixture.tokens, mixture.how) == (1.0, {"a": 50, "b": 50}, "the same for all")


def test_measure_gives_named_numbers_also_of_nothing():
    assert Lengths().measure(flat("rain", "sun")).numbers == {"characters": 7.0}
    assert Lengths().measure(flat()).numbers == {"characters": 0.0}


def test_a_guard_finds_ids_and_no_text():
    (found,) = NoSecrets().inspect(flat("open", "a secret word"))
    assert (found.check, found.kind, found.severity) == ("no_secret", "word", "critical")
    assert found.record_id == documents("open", "a secret word")[1].record_id
    assert NoSecrets().inspect(flat("open")) == []


def test_train_gives_the_same_bytes_for_the_same_records():
    assert Vocabulary().train(flat("b a", "c")) == Vocabulary().train(flat("c", "a b")) == b"a\nb\nc"
