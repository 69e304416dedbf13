"""What all methods promise, asked of each: nobody writes these tests again for a new one.

A required setting is answered here by its type, so that a new method is tried without a line of its own.
"""

import asyncio
import inspect
import json
import math
import random
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import fields, is_dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pyarrow as pa
import pytest
from pydantic import ValidationError

import synth_dagster.methods
from synth_dagster.catalog import methods
from synth_dagster.errors import MethodError, SynthError
from synth_dagster.lake.canonical import data_version
from synth_dagster.method import GUARDED, KINDS, ROW_KINDS, Filter, Method, Mixture, ProofLevel
from synth_dagster.parts.privacy.watched import coded
from synth_dagster.parts.text.tokens import count
from synth_dagster.prompt import Prompt
from synth_dagster.recipe import Stage, Step, method_roles
from synth_dagster.recipe.reading import looks_for_others
from synth_dagster.recipe.wording import prompts_of
from synth_dagster.record_tables import from_table, schema_of, to_table
from synth_dagster.records import Document, Instruction, Message, Preference, Span, digest
from synth_dagster.runner import chain as chains
from synth_dagster.runner.context import Silent
from synth_dagster.runner.services import needs_teacher, services_for, wanted
from synth_dagster.scale.signals import compute_signals, flatten, judge
from synth_dagster.services import Found, Severity, Unusable, recording
from tests.scripted_teacher.echo import EchoSandbox, EchoTeacher
from tests.scripted_teacher.embedding import BagOfWords

ROOT = Path(synth_dagster.methods.__file__).parents[2]
HELD_OUT = "recipes/held_out/"  # answers every setting that is a path, but for
LABELLED = dict.fromkeys(("examples", "losses", "quality"), "tests/fixtures/labelled/pages.jsonl")  # learnt from
LABELLED["few_shots"] = "recipes/gallery/worlds/craft/few_shots.jsonl"
LABELLED["judged"] = "recipes/gallery/worlds/weborganizer_labels.jsonl"
LABELLED["labels"] = "tests/fixtures/labelled/scores.jsonl"
LABELLED["candidates"] = "tests/fixtures/labelled/seeds.jsonl"
ASKS_WHERE_IN_DOUBT = {"semantic_decontaminate"}  # none of the texts below is near a benchmark item
ALL = methods()
ROW = [slug for slug, method in ALL.items() if method.kind in ROW_KINDS]
every = pytest.mark.parametrize("slug", ALL)
every_of_a_row_stage = pytest.mark.parametrize("slug", ROW)

FEWER = {"glan": 12}  # inputs of a method that makes a hundred records of each
BRIEFLY = {"student_prior": {"steps": 2, "width": 32}}  # a trainer that learns for minutes
NOTHING = ["", " \n\t ", "\u00a0\u200b\ufeff", "\x00\x01", "\n" * 300]


def made(slug: str) -> Method:
    """The method with its defaults, and a folder of the project for a path that it must be given."""
    method = ALL[slug]
    return method(**{name: a_path(name) for name in method.input_paths() if is_required(method, name)})


def a_path(setting: str) -> str:
    return LABELLED.get(setting, HELD_OUT)


def is_required(method: type[Method], name: str) -> bool:
    return method.model_fields[name].is_required()


# ------------------------------------------------------------------------------------------------------- what it is


@every
def test_settings_survive_json(slug):
    method = made(slug)
    again = ALL[slug].model_validate_json(method.model_dump_json())
    assert again == method and again.fingerprint() == method.fingerprint()


@every
def test_settings_are_explained_and_their_defaults_are_allowed(slug):
    settings = ALL[slug].model_fields
    assert [name for name, setting in settings.items() if not (setting.description or "").strip()] == []
    required = {name for name in settings if is_required(ALL[slug], name)}
    assert required <= set(ALL[slug].input_paths()), "a setting without a default must be a path of the project"
    given = {name: setting.get_default(call_default_factory=True) for name, setting in settings.items()}
    assert ALL[slug].model_validate(given | {name: a_path(name) for name in required}) == made(slug)


@every
def test_settings_that_do_not_exist_are_refused(slug):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        ALL[slug].model_validate(made(slug).model_dump() | {"no_such_setting": 1})


@every
def test_the_paper_and_how_far_it_is_proven_are_named(slug):
    method = ALL[slug]
    assert re.fullmatch(r"arXiv:\d{4}\.\d{5}|interpretation", method.paper)
    assert method.proof.level in get_args(ProofLevel)
    assert len(method.proof.result.split()) >= 3 and "\n" not in method.proof.result


@every
def test_the_idea_is_one_line(slug):
    summary = ALL[slug].summary()
    assert 20 <= len(summary) <= 120
    assert summary == summary.strip() and "\n" not in summary and not summary.endswith(".")


@every
def test_kind_folder_and_file_agree(slug):
    method = ALL[slug]
    assert isinstance(made(slug), KINDS[method.kind])
    if method.__module__.startswith(synth_dagster.methods.__name__ + "."):
        assert method.__module__ == f"{synth_dagster.methods.__name__}.{method.kind}.{slug}"


@every
def test_the_verb_has_its_shape_and_asks_only_for_services_that_exist(slug):
    method = ALL[slug]
    verb = getattr(method, method.verb())
    parameters = [p for p in inspect.signature(verb).parameters.values() if p.name != "self"]
    given = [p for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    assert len(given) == (2 if method.verb() == "round" else 1)
    assert all(p.kind is inspect.Parameter.POSITIONAL_ONLY for p in given), "what it works on is given by place"
    asked = {p.name for p in parameters if p.default is inspect.Parameter.empty}
    assert wanted(verb).keys() == asked - {p.name for p in given}
    assert inspect.iscoroutinefunction(verb) == (method.kind in ("synthesize", "augment", "refine"))


@every
def test_prompts_say_what_is_filled_in_and_refuse_anything_else(slug):
    prompts = prompts_of(made(slug))
    assert bool(prompts) == any(role != "embedder" for role in method_roles(ALL[slug]))
    for prompt in prompts.values():
        filled = prompt.messages(dict.fromkeys(prompt.variables, "{braces}"))
        assert filled[-1]["role"] == "user" and all("{" not in t["content"].replace("{braces}", "") for t in filled)
        with pytest.raises(MethodError, match=r"A prompt needs .* and was given"):
            prompt.messages({"nobody_asks_for_this": 1})


def test_the_list_of_methods_needs_nothing_heavy():
    code = (
        "import sys; sys.argv = ['synth', 'methods', '--json']\n"
        "from synth_dagster.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'torch', 'great_expectations', 'dagster', 'scipy', 'matplotlib', 'pandas', 'deltalake', 'openai'}\n"
        "print(sorted(heavy & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert {entry["slug"] for entry in json.loads(done.stdout)} == set(ALL)


# ------------------------------------------------------------------------------------------------- records to work on

_PLACES = "river harbour library market bridge orchard railway theatre windmill quarry valley station garden castle"
_OTHERS = "the a of and with near under before after many few old new large small opens closes holds carries sells"
_WORDS = [*_PLACES.split(), *_OTHERS.split()]
_FUNCTIONS = [f"def {name}(number):\n    return number + {place}" for place, name in enumerate(_PLACES.split())]


def sentence(rng: random.Random) -> str:
    return " ".join(rng.choice(_WORDS) for _ in range(rng.randint(8, 16))).capitalize() + "."


def texts(number: int = 40) -> list[str]:
    """Prose with what methods look for: addresses, repeated lines, a problem, a table, copies, and nothing."""
    rng = random.Random(7)
    found = ["\n".join(sentence(rng) for _ in range(rng.randint(1, 6))) for _ in range(number)]
    found[3] += " Write to someone@example.org or 93.184.216.34 for more."
    found[5] = "Buy now\nBuy now\nBuy now\nHome"
    found[7] = "Three bags hold 4 pens each, and the answer is: 12\n\nThey hold 3 * 4 = 12 pens.\n#### 12"
    found[9] = f"### user\n\n{found[9]} Why is that so?\n\n### assistant\n\n{found[9]}"
    found[10] = "def area(width, height):\n    return width * height"
    found[11] = "town,bridges\nriver,3\nquarry,4\nvalley,12"
    return [*found, found[0], found[1] + " " + found[1], *NOTHING]


def documents(bodies: list[str]) -> list[Document]:
    return [
        Document(
            body=body,
            title=f"Text {place}",
            record_id=digest("document", place),
            content_hash=digest(body),
            stage="above",
            batch="b",
            source=f"source_{place % 3}",
            license="CC0-1.0",
            lang="en",
        )
        for place, body in enumerate(bodies)
    ]


def instructions(bodies: list[str]) -> list[Instruction]:
    found = [
        Instruction.single(
            f"What is said of place {place}, and why does it matter to those who live there?",
            body.split("\n")[0],
            parents=(document.as_parent(),),
            evidence=(Span(document.record_id, 0, len(body), body),),
            record_id=digest("instruction", place),
            content_hash=digest(body),
            stage="above",
            batch="b",
            source=document.source,
            model_id="echo",
        )
        for place, (body, document) in enumerate(zip(bodies, documents(bodies), strict=True))
    ]
    odd = [(), (Message("user", ""),), (Message("system", "Be brief."),), (Message("user", "Why?"),) * 2]
    return found + [
        Instruction(messages=turns, record_id=digest("odd", place), stage="above", batch="b", source="odd")
        for place, turns in enumerate(odd)
    ]


def preferences(bodies: list[str]) -> list[Preference]:
    return [
        Preference(
            prompt=(Message("user", one.instruction),),
            chosen=(Message("assistant", one.response),) if one.messages else (),
            rejected=(Message("assistant", one.response[:20]),),
            chosen_score=4.0 if place % 2 else None,
            rejected_score=2.0 if place % 2 else None,
            parents=(one.as_parent(),),
            record_id=digest("preference", place),
            stage="above",
            batch="b",
            source=one.source,
        )
        for place, one in enumerate(instructions(bodies))
    ]


MAKERS = {Document: documents, Instruction: instructions, Preference: preferences}


def pool_of(view, bodies):
    """Records, what is selected from, or judged: by record id, as the runner hands them over."""
    records = sorted(MAKERS[view](bodies), key=lambda record: record.record_id)
    flat = flatten(to_table(records, view.kind), view.kind)
    tokens = pa.array([count(text or "") for text in flat["text"].to_pylist()], pa.int64())
    sources = pa.array([record.source for record in records])
    return flat, pa.table({"record_id": flat["record_id"], "source": sources, "text": flat["text"], "tokens": tokens})


# ----------------------------------------------------------------------------------------- methods of the row stages


class Late(EchoTeacher):
    """An echo whose answers come in another order than they were asked for. Notes which prompts it was given."""

    def __init__(self, seed: int) -> None:
        super().__init__(models=("echo", "echo-small"))
        self._rng, self.used, self.filled_in = random.Random(seed), set(), set()

    async def tell(self, prompt, /, **given):
        self._note(prompt, given)
        return await self._later(super().tell(prompt, **given), prompt)

    async def ask(self, prompt, /, **given):
        self._note(prompt, given)
        return await self._later(super().ask(prompt, **given), prompt)

    def _note(self, prompt, given):
        self.filled_in |= {str(given[name]) for name in prompt.variables}

    async def _later(self, answer, prompt):
        for _ in range(self._rng.randrange(12)):
            await asyncio.sleep(0)
        answer = await answer
        self.used.add(prompt.hash)
        return answer


class Roles:
    """The open teachers of a run: each role is the same echo, and each input's calls are collected."""

    embedder = BagOfWords()

    def __init__(self, teacher):
        self.teacher = teacher

    def __getitem__(self, role):
        return self.teacher

    def usage_by_role(self):
        return {}

    def recording(self):
        return recording()


def chained(method, inputs, *, in_flight, monkeypatch, shuffle=None, teacher=None):
    """The runner's chain with one step over the inputs; `shuffle` seeds the order of starting and of answering."""
    monkeypatch.setattr(chains, "in_order", partial(_in_order, shuffle=shuffle))
    teacher = teacher or Late(shuffle or 0)
    step, later = (Step(one.slug, one.slug, one, 1) for one in (method, made("grounded_qa")))
    stages = {
        "stage": Stage("stage", "corpus", None, (step,), 1),
        "later": Stage("later", "corpus", "stage", (later,), 1),
    }
    context = SimpleNamespace(
        recipe=SimpleNamespace(stages=stages),
        root=ROOT,
        sandbox=EchoSandbox(),
        shelf=None,
        in_flight=in_flight,
        progress=Silent(),
        terms=lambda roles: "",
    )
    produced = type(method).produces()
    kind = produced.kind if produced else inputs[0].kind
    chain = chains.Chain(context, Roles(teacher), "stage", kind, "b", inputs)
    asyncio.run(chain.run([step]))
    return chain, teacher


_in_order = chains.in_order


def inputs_for(slug, bodies):
    bodies = [*_FUNCTIONS, *bodies] if slug in ("chase_code", "chase_helpers") else bodies  # they begin with some
    return [record for view in ALL[slug].consumes()[:1] for record in MAKERS[view](bodies)[: FEWER.get(slug)]]


def said(rejects):
    return sorted((r.record_id or b"", r.kind, r.reason, r.detail, r.raw, r.call_id or b"") for _, r in rejects)


@every_of_a_row_stage
def test_one_and_sixty_four_in_flight_give_the_same_bytes(slug, monkeypatch):
    inputs, found = inputs_for(slug, texts()), []
    for in_flight, shuffle in ((1, None), (64, 1), (64, 2)):
        chain, _ = chained(made(slug), inputs, in_flight=in_flight, shuffle=shuffle, monkeypatch=monkeypatch)
        assert chain.made, "the echo must be able to carry every method"
        found.append((data_version(to_table(chain.made, chain.kind)), said(chain.rejects)))
    assert found[0] == found[1] == found[2]


@every_of_a_row_stage
def test_lineage_names_records_that_exist_and_nothing_is_lost_without_a_reason(slug, monkeypatch):
    inputs = inputs_for(slug, texts())
    chain, _ = chained(made(slug), inputs, in_flight=64, shuffle=3, monkeypatch=monkeypatch)
    ids = [record.record_id for record in chain.made]
    known = {record.record_id for record in inputs} | set(ids)
    assert len(set(ids)) == len(ids)
    assert all({parent.record_id for parent in record.parents} <= known for record in chain.made)
    assert all(record.parents for record in chain.made)
    assert [r.record_id.hex() for r in chain.made if (r.status == "current") != (r.reason is None)] == []
    in_rounds = ALL[slug].verb() == "round"  # its inputs are a pool: what a round drops comes of no one of them
    assert all(reject.reason and (in_rounds or reject.record_id in known) for _, reject in chain.rejects)
    used = {parent.record_id for record in chain.made for parent in record.parents}
    rejected = {reject.record_id for _, reject in chain.rejects}
    assert in_rounds or {record.record_id for record in inputs} <= used | rejected


def _prompts_of_others(method):
    """What a method that tries texts for the step after it may send: that step's prompts, and a code to repeat."""
    after = prompts_of(made("grounded_qa")).values() if looks_for_others(type(method)) else ()
    return {coded(prompt, form=True).hash for prompt in after}


@every_of_a_row_stage
def test_calls_are_counted_and_their_prompts_are_the_ones_of_the_method(slug, monkeypatch):
    method = made(slug)
    chain, teacher = chained(method, inputs_for(slug, texts()), in_flight=64, shuffle=4, monkeypatch=monkeypatch)
    asks = looks_for_others(ALL[slug]) or any(role != "embedder" for role in method_roles(ALL[slug]))
    assert bool(teacher.calls) == (asks and slug not in ASKS_WHERE_IN_DOUBT)
    assert teacher.used <= prompts_of(method).keys() | _prompts_of_others(method)
    written = [record for record in chain.made if record.model_id is not None and record.method == slug]
    if "training" in method.needs() and not needs_teacher([method]):
        assert {record.call_id for record in written} <= {None}  # a model that was learnt here is not called
        return
    assert bool(written) == needs_teacher([method]) or method.kind in ("refine", "filter")
    for record in written:
        assert record.call_id in record.calls
        assert record.prompt_hash in prompts_of(method)


class Fails(EchoTeacher):
    """Refuses, or is asked more than it can read, whatever it is asked."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason

    async def tell(self, prompt, /, **given):
        raise Unusable(self.reason, "", (await super().tell(prompt, **given)).call)

    async def ask(self, prompt, /, **given):
        raise Unusable(self.reason, "", (await super().ask(prompt, **given)).call)


@pytest.mark.parametrize("reason", ["refused", "too_long"])
@pytest.mark.parametrize("slug", [slug for slug in ROW if "teacher" in ALL[slug].needs()])
def test_a_teacher_that_gives_nothing_leaves_reasons_and_loses_no_batch(slug, reason, monkeypatch):
    """A text longer than a model can read is one of them: the endpoint refuses it, and the record is a reject."""
    chain, teacher = chained(
        made(slug), inputs_for(slug, texts(12)), in_flight=8, monkeypatch=monkeypatch, teacher=Fails(reason)
    )
    assert [reject for _, reject in chain.rejects if reject.reason == "method_failed"] == []
    written = [record for record in chain.made if record.method == slug and record.model_id is not None]
    assert [record for record in written if record.status == "current"] == []
    told = {str(one.reason) for one in (*chain.made, *(reject for _, reject in chain.rejects))}
    if teacher.calls and ALL[slug].kind != "refine":  # which may leave a record as it is
        assert any(reason in one or one == "too_few_completions" for one in told), told


class Stopped(BaseException):
    """The process ends here."""


class Cached(Late):
    """What was asked before is answered from a cache, as the gateway does; the process may end at a call."""

    def __init__(self, cache: dict[bytes, object], *, ends_at: float = math.inf) -> None:
        super().__init__(seed=0)
        self.cache, self.ends_at, self.paid = cache, ends_at, 0

    async def _later(self, answer, prompt):
        answer = await answer
        call = answer.call.call_id
        if call not in self.cache:
            if self.paid == self.ends_at:
                raise Stopped
            self.paid += 1
            self.cache[call] = answer
        return await super()._later(at_once(self.cache[call]), prompt)


async def at_once(value):
    return value


def ran(method, inputs, teacher, monkeypatch):
    chain, _ = chained(method, inputs, in_flight=4, monkeypatch=monkeypatch, teacher=teacher)
    return data_version(to_table(chain.made, chain.kind)), said(chain.rejects), chain


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")  # those that the end came before
@every_of_a_row_stage
def test_what_was_killed_goes_on_without_paying_twice(slug, monkeypatch):
    """The same bytes as without the kill, and no more calls: what is asked hangs on the inputs alone."""
    inputs, method = inputs_for(slug, texts(12)), made(slug)
    whole = Cached({})
    wanted = ran(method, inputs, whole, monkeypatch)[:2]
    if not whole.paid:
        return  # a method without a teacher has nothing to pay
    killed = Cached({}, ends_at=whole.paid // 2)
    with pytest.raises(Stopped):
        ran(method, inputs, killed, monkeypatch)
    again = Cached(killed.cache)
    assert ran(method, inputs, again, monkeypatch)[:2] == wanted
    assert killed.paid + again.paid == whole.paid


@every_of_a_row_stage
def test_every_call_is_accounted_for_by_a_record_or_a_reject(slug, monkeypatch):
    """Else a cost would stand nowhere, and an erasure would not reach an answer."""
    teacher = Cached({})
    _, _, chain = ran(made(slug), inputs_for(slug, texts(12)), teacher, monkeypatch)
    named = {call for record in chain.made for call in record.calls}
    named |= {call for _, reject in chain.rejects for call in reject.calls}
    assert teacher.cache.keys() == named


@pytest.mark.parametrize(
    "slug", [slug for slug in ROW if ALL[slug].verb() == "round" and "teacher" in ALL[slug].needs()]
)
def test_a_record_of_a_round_names_no_call_that_wrote_another_one(slug, monkeypatch):
    """Its own, those of what it was made from, and those of answers to the same question, with which it was judged."""
    chain, _ = chained(made(slug), inputs_for(slug, texts()), in_flight=8, monkeypatch=monkeypatch)
    by_id = {record.record_id: record for record in chain.made}
    wrote = {record.call_id for record in chain.made if record.call_id}

    def own(record):
        """The calls that wrote it and what it comes from."""
        above = [by_id[one.record_id] for one in record.parents if one.record_id in by_id]
        return {record.call_id}.union(*map(own, above))

    asked = defaultdict(set)
    for record in chain.made:
        asked[asked_by(record)].add(record.call_id)
    strangers = [(set(one.calls) & wrote) - own(one) - asked[asked_by(one)] for one in chain.made]
    assert wrote and not any(strangers)


def asked_by(record):
    """What answers vote on: the question, made from the same parents; of unigen the items of one request."""
    asked = record.instruction if isinstance(record, Instruction) and record.method != "unigen" else record.parents
    return asked, tuple(parent.record_id for parent in record.parents)


@every_of_a_row_stage
def test_words_for_a_teacher_stand_in_prompts_and_are_not_filled_in_from_elsewhere(slug, monkeypatch):
    """What is filled in is material. Our own words would be sent and yet be part of no prompt's hash."""
    method = made(slug)
    _, teacher = chained(method, inputs_for(slug, texts()), in_flight=64, monkeypatch=monkeypatch)
    module = sys.modules[type(method).__module__]
    ours = {text.strip() for value in vars(module).values() for text in texts_in(value) if len(text.split()) > 3}
    assert [text for text in ours if any(text in one for one in teacher.filled_in)] == []


def texts_in(value):
    """The texts of a constant, also inside tables and data classes."""
    if isinstance(value, str):
        return [value]
    if is_dataclass(value) and not isinstance(value, type | Prompt):
        return [text for name in fields(value) for text in texts_in(getattr(value, name.name))]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [text for one in inside for text in texts_in(one)]


def test_words_that_are_filled_in_from_a_table_would_be_found():
    from synth_dagster.parts.text.rewriting import STYLES

    assert STYLES["easy"].how in texts_in({"a": [STYLES]}) and texts_in(Prompt(user="Say {this}.")) == []


@every_of_a_row_stage
def test_records_of_nothing_get_a_verdict_and_no_exception(slug, monkeypatch):
    for view in ALL[slug].consumes():
        blank = MAKERS[view]([*NOTHING, *NOTHING])
        chain, _ = chained(made(slug), blank, in_flight=64, monkeypatch=monkeypatch)
        assert [reject for _, reject in chain.rejects if reject.reason == "method_failed"] == []
        nulls = from_table(without_text(to_table(blank, view.kind), view), view.kind, stage="above")
        chain, _ = chained(made(slug), nulls, in_flight=64, monkeypatch=monkeypatch)
        assert [reject for _, reject in chain.rejects if reject.reason == "method_failed"] == []


def without_text(table, view):
    """The rows with null in place of every text, as a table of another writer may hold them."""
    for name in set(schema_of(view.kind).names) & {"text", "title", "url", "messages", "prompt", "chosen", "rejected"}:
        place = table.schema.get_field_index(name)
        table = table.set_column(
            place, table.schema.field(name), pa.nulls(table.num_rows, table.schema.field(name).type)
        )
    return table


# ----------------------------------------------------------------------------------- methods over whole sets of records


def shuffled(table, seed=5):
    order = list(range(table.num_rows))
    random.Random(seed).shuffle(order)
    return table.take(pa.array(order, pa.int64()))


def keeps_filter(slug, view, bodies):
    """A verdict depends on the record alone: not on its place, nor on what stands beside it."""
    method, (flat, _) = made(slug), pool_of(view, bodies)
    verdicts = reasons(method, flat)
    assert len(verdicts) == flat.num_rows
    assert reasons(method, shuffled(flat)) == verdicts
    alone = [reasons(method, flat.slice(place, 1)) for place in range(0, flat.num_rows, 5)]
    assert all(verdicts[record_id] == reason for one in alone for record_id, reason in one.items())
    ours = method.rules()
    assert {reason.partition(":")[0] for reason in verdicts.values() if reason} <= ours.keys()


def reasons(method: Filter, flat):
    signals = compute_signals(method, flat, services=services_for(method, None, ROOT))
    return {row["record_id"]: row["reason"] for row in judge(method, signals).to_pylist()}


def keeps_dedup(slug, view, bodies):
    """Each record is in one cluster, whose keeper is its member of the lowest priority; order changes nothing."""
    _, pool = pool_of(view, bodies)
    asked = pool.select(["record_id", "text"])
    asked = asked.append_column("priority", pa.array([n % 4 for n in range(asked.num_rows)], pa.int64()))
    cluster = partial(made(slug).cluster, **services_for(made(slug), None, ROOT))
    found = cluster(asked)
    assert found.column_names == ["record_id", "cluster", "keep", "size"]
    assert found["record_id"].to_pylist() == asked["record_id"].to_pylist()
    rank = {row["record_id"]: (row["priority"], row["record_id"]) for row in asked.to_pylist()}
    members = {}
    for row in found.to_pylist():
        assert row["keep"] == (row["cluster"] == row["record_id"])
        members.setdefault(row["cluster"], []).append(row["record_id"])
    assert all(min(group, key=rank.__getitem__) == keeper for keeper, group in members.items())
    assert all(row["size"] == len(members[row["cluster"]]) for row in found.to_pylist())
    again = {row["record_id"]: row["cluster"] for row in cluster(shuffled(asked)).to_pylist()}
    assert again == {row["record_id"]: row["cluster"] for row in found.to_pylist()}


def keeps_select(slug, view, bodies):
    """Every record gets a row; ranks are 0, 1, 2, ... of the best; whoever is not selected has a reason."""
    _, pool = pool_of(view, bodies)
    method = made(slug)
    more = {"url": None, "attributes": "{}"}
    for name in method.reads:
        pool = pool.append_column(name, pa.array([more[name]] * pool.num_rows, pa.string()))
    budgets = [method.model_copy(update={"budget": 3})] if "budget" in type(method).model_fields else []
    for tried in (method, *budgets):
        services = services_for(tried, None, ROOT)
        rows = tried.select(pool, **services).to_pylist()
        assert [row["record_id"] for row in rows] == pool["record_id"].to_pylist()
        assert sorted(row["rank"] for row in rows) == list(range(len(rows)))
        assert all(row["selected"] == (row["reason"] is None) for row in rows)
        assert all(math.isfinite(row["score"]) for row in rows)
        best = sorted(rows, key=lambda row: row["rank"])
        assert all(a["selected"] >= b["selected"] for a, b in pairwise(best)), "the selected ones rank first"
        again = {row["record_id"]: row for row in tried.select(shuffled(pool), **services).to_pylist()}
        assert all(again[row["record_id"]] == row for row in rows)


def keeps_mix(slug, view, bodies):
    """Weights are shares: none below zero, together one, and said how."""
    mix = partial(made(slug).mix, **services_for(made(slug), None, ROOT))
    for sizes in ({"a": 100, "b": 900}, {"b": 900, "a": 100}, {"a": 5}, {"a": 0, "b": 10, "c": 1_000_000}):
        mixture = mix(sizes)
        assert isinstance(mixture, Mixture) and mixture.how
        assert mixture.weights.keys() == mixture.tokens.keys() == sizes.keys()
        assert math.isclose(sum(mixture.weights.values()), 1, abs_tol=1e-9)
        assert min(mixture.weights.values()) >= 0 and min(mixture.tokens.values()) >= 0
        assert mixture == mix(dict(reversed(sizes.items())))
    with pytest.raises(SynthError):
        mix({})


def keeps_measure(slug, view, bodies):
    """Numbers are numbers, twice the same, also of nothing."""
    method = made(slug)
    services = services_for(method, None, ROOT)
    for some in (bodies, NOTHING, []):
        flat, _ = pool_of(view, some)
        for name in set(method.reads) - {"words"}:
            flat = flat.append_column(name, pa.array(["{}"] * flat.num_rows, pa.string()))
        found = method.measure(flat.slice(0, 0) if not some else flat, **services)
        assert found == method.measure(flat.slice(0, 0) if not some else flat, **services)
        assert all(math.isfinite(number) for number in (*found.numbers.values(), *found.histogram.values()))
        assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in found.numbers)


def keeps_guard(slug, view, bodies):
    """Findings name a check of the guard, and records and columns that were shown; what they note is no record text."""
    method = made(slug)
    flat, _ = pool_of(view, bodies)
    rows = flat.num_rows
    shown = {name: pa.array(["a"] * rows, pa.string()) for name in GUARDED}
    shown |= {"synthetic_depth": pa.array([1] * rows, pa.int32()), "human_share": pa.array([0.5] * rows, pa.float64())}
    for name, column in shown.items():
        flat = flat if name in flat.column_names else flat.append_column(name, column)
    services = services_for(method, None, ROOT)
    for found in method.inspect(flat, **services):
        assert isinstance(found, Found) and found.check in method.checks and found.severity in get_args(Severity)
        assert found.record_id is None or found.record_id in flat["record_id"].to_pylist()
        assert not any(len(body) > 20 and body in found.note for body in bodies)
    method.inspect(flat.slice(0, 0), **services)
    assert method.checks and all(re.fullmatch(r"[a-z][a-z0-9_]*", check) for check in method.checks)


def keeps_train(slug, view, bodies):
    """The same records give the same bytes, and they are data, not code: never a pickle."""
    flat, _ = pool_of(view, bodies)
    flat = flat.append_column("label", pa.array(["ab"[place % 2] for place in range(flat.num_rows)]))
    method = made(slug).model_copy(update=BRIEFLY.get(slug, {}))
    artefact = method.train(flat)
    assert isinstance(artefact, bytes) and artefact == method.train(flat)
    assert not (artefact.startswith(b"\x80") and artefact.endswith(b".")), "as a pickle begins and ends"


CONTRACTS = {
    "filter": keeps_filter,
    "dedup": keeps_dedup,
    "select": keeps_select,
    "mix": keeps_mix,
    "measure": keeps_measure,
    "guard": keeps_guard,
    "train": keeps_train,
}
WHOLE = [
    pytest.param(slug, view, id=f"{slug}-{view.kind}")
    for slug, method in ALL.items()
    if method.kind in CONTRACTS
    for view in (method.consumes() or (Document,))
]


@pytest.mark.parametrize(("slug", "view"), WHOLE)
def test_the_contract_of_its_kind_holds(slug, view):
    CONTRACTS[ALL[slug].kind](slug, view, texts())


@pytest.mark.parametrize(("slug", "view"), WHOLE)
def test_it_holds_for_records_of_nothing_and_for_one(slug, view):
    CONTRACTS[ALL[slug].kind](slug, view, NOTHING)
    CONTRACTS[ALL[slug].kind](slug, view, texts()[:1])


def test_every_kind_of_method_is_asked_here():
    assert CONTRACTS.keys() | ROW_KINDS == set(KINDS)
