"""A signal is of one record, whatever filter it is of, so that a batch can be computed in parts."""

from pathlib import Path

import pyarrow as pa
import pytest

from synth_dagster.catalog import methods
from synth_dagster.method import Filter
from synth_dagster.record_tables import to_table
from synth_dagster.records import Document, Instruction, Preference, digest
from synth_dagster.runner.services import services_for
from synth_dagster.scale.signals import compute_signals, flatten

ROOT = Path(__file__).parents[3]
FILTERS = [slug for slug, method in methods().items() if issubclass(method, Filter)]
LABELLED = dict.fromkeys(("examples", "quality"), "tests/fixtures/labelled/pages.jsonl")  # what a filter learns from
LABELLED["labels"] = "tests/fixtures/labelled/scores.jsonl"
LABELLED["judged"] = "recipes/gallery/worlds/weborganizer_labels.jsonl"  # any other path is a folder of questions
TEXTS = ["", "Buy now\nBuy now\nHome", "12 + 12 = 24", *(f"The river is {n} miles long. It is slow." for n in range(9))]


def flat_of(kind):
    if kind is Document:
        records = [Document(body=text, record_id=digest(text)) for text in TEXTS]
    elif kind is Instruction:
        records = [Instruction.single(f"What of {n}?", text, record_id=digest(n)) for n, text in enumerate(TEXTS)]
    else:
        records = [Preference(record_id=digest(n)) for n in range(4)]
    return flatten(to_table(records, kind.kind), kind.kind)


@pytest.mark.parametrize("slug", FILTERS)
def test_halves_give_what_the_whole_gives(slug):
    kind_of_method = methods()[slug]
    paths = {
        name: LABELLED.get(name, "recipes/held_out/")
        for name in kind_of_method.input_paths()
        if kind_of_method.model_fields[name].is_required()
    }
    method = kind_of_method.model_validate(paths)
    assert isinstance(method, Filter)
    services = services_for(method, None, ROOT)
    for kind in method.judges:
        flat = flat_of(kind)
        half = flat.num_rows // 2
        parts = [compute_signals(method, part, services=services) for part in (flat.slice(0, half), flat.slice(half))]
        assert pa.concat_tables(parts).equals(compute_signals(method, flat, services=services))
