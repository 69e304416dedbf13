"""What `synth method new` writes: for each kind the smallest method that runs, and what its test asks of it.

`$Class`, `$slug` and `$module` are filled in. Each method does something that can be seen, so that the test of its
shape passes from the start; the test of its proof fails until somebody writes it.
"""

from string import Template

_HEAD = '''"""$Title: say in one line what it does, and how it is known.

Paper: arXiv:... Say what of it is taken over as it is, and what was left open and how it was read.
"""

'''

_ABOUT = """    paper: ClassVar[str] = "interpretation"
    proof: ClassVar[Proof] = Proof("interpretation", "not proven yet: write what its test shows")
"""
_FAMILY = '    family: ClassVar[Family] = "general distillation"  # which it is: method/base.py lists them\n'

METHODS: dict[str, str] = {
    "synthesize": """from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.asking.calls import prompt, tagged, written_by
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Document, Instruction
from synth_dagster.services import Drop, Sampling, Teacher

WRITE = prompt(
    system="You write instructions for assistants.",
    user="{passage}Write one question that this text answers.",
    variables="passage",
)


class $Class(Synthesizer[Document, Instruction]):
_ABOUT__FAMILY_
    temperature: float = Field(0.7, ge=0, le=2, description="How freely the teacher writes.")

    async def synthesize(self, record: Document, /, *, writer: Teacher) -> Sequence[Instruction] | Drop:
        if is_blank(record.body):
            return Drop("blank_text")
        asked = await writer.tell(
            WRITE, sampling=Sampling(temperature=self.temperature), passage=tagged("passage", record.body)
        )
        return [Instruction.single(asked.text, record.body, parents=(record,), **written_by(asked.call))]
""",
    "augment": """from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Augmenter, Proof
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Instruction
from synth_dagster.services import Drop


class $Class(Augmenter[Instruction, Instruction]):
_ABOUT_
    seed: int = Field(0, ge=0, description="Seed of what is drawn.")

    async def augment(self, record: Instruction, /) -> Sequence[Instruction] | Drop:
        if is_blank(record.instruction):
            return Drop("blank_instruction")
        words = record.instruction.split()
        stream(self.seed, record.record_id, "words").shuffle(words)  # by record, so that no order of work matters
        return [Instruction.single(" ".join(words), record.response, parents=(record,))]
""",
    "refine": """from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Proof, Refiner
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Document
from synth_dagster.services import Drop


class $Class(Refiner[Document]):
_ABOUT_
    most: int = Field(10_000, ge=1, description="Characters of a text that are kept.")

    async def refine(self, record: Document, /) -> Document | Drop:
        if is_blank(record.body):
            return Drop("blank_text")
        return record if len(record.body) <= self.most else record.but(body=record.body[: self.most])
""",
    "filter": """from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Filter, Proof, Rules, Signals
from synth_dagster.records import Document


class $Class(Filter):
_ABOUT_    judges = (Document,)

    at_least: int = Field(10, ge=0, description="Fewest characters of a text that is kept.")

    def signals(self) -> Signals:
        return {"characters": "length(text)"}

    def rules(self) -> Rules:
        return {"too_short": f"characters < {self.at_least}"}
""",
    "dedup": """from typing import ClassVar

import pyarrow as pa

from synth_dagster.method import Deduplicator, Proof


class $Class(Deduplicator):
_ABOUT_
    def cluster(self, pool: pa.Table, /) -> pa.Table:
        first: dict[str, tuple[int, bytes]] = {}
        for row in pool.to_pylist():
            best = (row["priority"], row["record_id"])
            first[row["text"] or ""] = min(best, first.get(row["text"] or "", best))
        kept = [first[text or ""][1] for text in pool["text"].to_pylist()]
        ids = pool["record_id"].to_pylist()
        keep = [one == record for one, record in zip(kept, ids, strict=True)]
        return pa.table({"record_id": pool["record_id"], "cluster": pa.array(kept, pa.binary()), "keep": keep})
""",
    "select": """from typing import ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Proof, Selector
from synth_dagster.parts.selections import selection


class $Class(Selector):
_ABOUT_
    budget: int = Field(1_000, ge=1, description="Records that are selected at most.")

    def select(self, pool: pa.Table, /) -> pa.Table:
        ids, tokens = pool["record_id"].to_pylist(), pool["tokens"].to_numpy()
        best_first = np.array(sorted(range(pool.num_rows), key=lambda place: (-tokens[place], ids[place])), np.int64)
        selected = np.zeros(pool.num_rows, bool)
        selected[best_first[: self.budget]] = True
        return selection(pool["record_id"], tokens.astype(float), best_first, selected, "over_budget")
""",
    "mix": """from collections.abc import Mapping
from typing import ClassVar

from synth_dagster.errors import MethodError
from synth_dagster.method import Mixer, Mixture, Proof


class $Class(Mixer):
_ABOUT_
    def mix(self, sizes: Mapping[str, int], /) -> Mixture:
        total = sum(sizes.values())
        if not total:
            raise MethodError("There is nothing to mix. Give the mix at least one domain that holds tokens.")
        weights = {domain: sizes[domain] / total for domain in sorted(sizes)}
        return Mixture(weights, {domain: float(sizes[domain]) for domain in weights}, how="in proportion to size")
""",
    "measure": """from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.method import Measure, Measurement, Proof


class $Class(Measure):
_ABOUT_
    def measure(self, flat: pa.Table, /) -> Measurement:
        characters = pc.sum(pc.utf8_length(flat["text"])).as_py() or 0
        return Measurement({"characters": float(characters)})
""",
    "guard": """from collections.abc import Mapping, Sequence
from typing import ClassVar

import pyarrow as pa

from synth_dagster.method import Guard, Proof
from synth_dagster.services import Found


class $Class(Guard):
_ABOUT_    checks: ClassVar[Mapping[str, str]] = {"no_blank_text": "Records that say nothing."}

    def inspect(self, flat: pa.Table, /) -> Sequence[Found]:
        ids, texts = flat["record_id"].to_pylist(), flat["text"].to_pylist()
        return [
            Found(check="no_blank_text", kind="blank", severity="warning", record_id=record_id, column="text")
            for record_id, text in zip(ids, texts, strict=True)
            if not (text or "").strip()
        ]
""",
    "train": """import json
from collections import Counter
from typing import ClassVar

import pyarrow as pa

from synth_dagster.method import Proof, Trainer


class $Class(Trainer):
_ABOUT_
    def train(self, flat: pa.Table, /) -> bytes:
        words = Counter(word for text in flat["text"].to_pylist() for word in (text or "").split())
        return json.dumps(dict(sorted(words.items()))).encode()
""",
}

_ROWS = """

def pool(*texts):
    ids = [bytes([place]) * 16 for place in range(len(texts))]
    columns = {"record_id": pa.array(ids, pa.binary()), "text": pa.array(texts, pa.string())}
    return pa.table(columns | {"priority": [0] * len(texts), "tokens": [len(text) for text in texts]})

"""

# kind -> imports, and the test of its shape
SHAPES: dict[str, tuple[str, str]] = {
    "synthesize": (
        (
            "import asyncio\n\nimport pytest\n\nfrom $module import $Class\n"
            "from synth_dagster.records import Document\n"
            "from synth_dagster.services import Answer, Call, Drop\n"
        ),
        '''

class Teacher:
    """Says the same to everything."""

    models = ("scripted",)

    async def tell(self, prompt, /, **given):
        return Answer("What is it?", "stop", Call(bytes(16), "scripted", prompt.hash))


def test_a_text_becomes_an_instruction_and_a_blank_one_is_dropped():
    text = Document(body="It is a lighthouse.")
    method, teacher = $Class(), Teacher()
    (made,) = asyncio.run(method.synthesize(text, writer=teacher))
    assert (made.instruction, made.parents) == ("What is it?", (text,))
    assert isinstance(asyncio.run(method.synthesize(Document(body=" "), writer=teacher)), Drop)
''',
    ),
    "augment": (
        (
            "import asyncio\n\nimport pytest\n\nfrom $module import $Class\n"
            "from synth_dagster.records import Instruction\n"
            "from synth_dagster.services import Drop\n"
        ),
        """

def test_an_instruction_gets_a_variant_and_a_blank_one_is_dropped():
    one = Instruction.single("Name the largest river of the country", "The Ard.", record_id=b"one")
    (made,) = asyncio.run($Class().augment(one))
    assert made.parents == (one,) and made.response == "The Ard."
    assert isinstance(asyncio.run($Class().augment(Instruction.single(" ", ""))), Drop)
""",
    ),
    "refine": (
        (
            "import asyncio\n\nimport pytest\n\nfrom $module import $Class\n"
            "from synth_dagster.records import Document\n"
            "from synth_dagster.services import Drop\n"
        ),
        """

def test_a_good_text_stays_as_it_is_and_a_blank_one_is_dropped():
    text = Document(body="It is a lighthouse.")
    assert asyncio.run($Class().refine(text)) is text
    assert isinstance(asyncio.run($Class().refine(Document(body=" "))), Drop)
""",
    ),
    "filter": (
        (
            "import pytest\n\nfrom $module import $Class\nfrom synth_dagster.record_tables import to_table\n"
            "from synth_dagster.records import Document\n"
            "from synth_dagster.scale.signals import compute_signals, flatten, judge\n"
        ),
        """

def reasons(method, *texts):
    records = [Document(body=text, record_id=bytes([place]) * 16) for place, text in enumerate(texts)]
    flat = flatten(to_table(records, "document"), "document")
    return judge(method, compute_signals(method, flat))["reason"].to_pylist()


def test_what_is_dropped_has_a_reason_of_its_own():
    assert reasons($Class(at_least=10), "short", "long enough") == ["too_short", None]
""",
    ),
    "dedup": (
        "import pyarrow as pa\nimport pytest\n\nfrom $module import $Class\n",
        _ROWS
        + """
def test_of_two_equal_texts_one_is_kept():
    found = $Class().cluster(pool("a b", "c d", "a b"))
    assert found["keep"].to_pylist() == [True, True, False]
""",
    ),
    "select": (
        "import pyarrow as pa\nimport pytest\n\nfrom $module import $Class\n",
        _ROWS
        + """
def test_every_record_has_a_rank_and_those_over_the_budget_a_reason():
    worse, better = $Class(budget=1).select(pool("a", "a b c")).to_pylist()
    assert (better["rank"], better["selected"], better["reason"]) == (0, True, None)
    assert (worse["rank"], worse["selected"], worse["reason"]) == (1, False, "over_budget")
""",
    ),
    "mix": (
        "import pytest\n\nfrom $module import $Class\n",
        """

def test_weights_are_shares():
    assert $Class().mix({"a": 1, "b": 3}).weights == {"a": 0.25, "b": 0.75}
""",
    ),
    "measure": (
        "import pyarrow as pa\nimport pytest\n\nfrom $module import $Class\n",
        _ROWS
        + """
def test_numbers_have_names():
    assert $Class().measure(pool("abc", "de")).numbers == {"characters": 5.0}
""",
    ),
    "guard": (
        "import pyarrow as pa\nimport pytest\n\nfrom $module import $Class\n",
        _ROWS
        + """
def test_what_is_found_names_the_record():
    (found,) = $Class().inspect(pool("a text", " "))
    assert found.record_id == bytes([1]) * 16 and found.check in $Class.checks
""",
    ),
    "train": (
        "import pyarrow as pa\nimport pytest\n\nfrom $module import $Class\n",
        _ROWS
        + """
def test_the_same_records_give_the_same_bytes():
    first, again = ($Class().train(pool("a b", "b")) for _ in range(2))
    assert first == again
""",
    ),
}

_PROOF = """

def test_the_proof():
    pytest.fail(
        "The proof of $slug is not written. "
        "Work an equation of its paper out by hand, compare with the official code on a stored "
        "example, or plant what it must find; then say so in `proof`, and name the paper."
    )
"""


def method_text(kind: str, slug: str) -> str:
    """The file of a new method."""
    body = METHODS[kind].replace("_ABOUT__FAMILY_", _ABOUT + _FAMILY).replace("_ABOUT_", _ABOUT)
    return Template(_HEAD + body).substitute(Class=class_name(slug), slug=slug, Title=class_name(slug))


def proof_text(kind: str, slug: str, module: str) -> str:
    """The file of its test; `module` is where it is imported from."""
    imports, shape = SHAPES[kind]
    idea = f'"""What {slug} is shown to do: its shape, and the proof of its paper\'s claim."""\n\n'
    return Template(idea + imports + shape + _PROOF).substitute(Class=class_name(slug), slug=slug, module=module)


def class_name(slug: str) -> str:
    return "".join(part.capitalize() for part in slug.split("_"))
