"""GneissWeb's ensemble: its truth table, and what its signals are learnt from."""

import random
from itertools import product

import pyarrow as pa
import pytest

from synth_dagster.errors import SynthError
from synth_dagster.methods.filter.gneissweb import Gneissweb
from synth_dagster.methods.filter.readability import Readability
from synth_dagster.scale.signals import judge
from tests.methods.labelled import PlainModels


def reason(method, **signals):
    row = {name: pa.array([value], pa.float64()) for name, value in signals.items()}
    return judge(method, pa.table({"record_id": pa.array([b"1"]), **row}))["reason"][0].as_py()


@pytest.mark.parametrize("inside", [False, True], ids=["outside the topics", "inside"])
@pytest.mark.parametrize("row", list(product([False, True], repeat=4)), ids=str)
def test_the_truth_table(row, inside):
    dclm, cosmo, readable, tokens = row
    signals = {
        "dclm": 0.0021 if dclm else 0.002,
        "cosmo": 0.031 if cosmo else 0.03,
        "topic": 0.9 if inside else 0.1,
        "eflaw": (69.9 if inside else 29.9) if readable else (70.0 if inside else 30.0),
        "tokens_per_character": (0.49 if inside else 0.27) if tokens else (0.5 if inside else 0.28),
    }
    found = reason(Gneissweb(quality="q"), **signals)
    assert (found is None) == ((dclm or cosmo) and (readable or tokens))
    assert found == ("low_quality" if not (dclm or cosmo) else None if readable or tokens else "unreadable")


def test_limits_inside_a_topic_are_wider():
    signals = {"dclm": 0.9, "cosmo": 0.0, "eflaw": 50.0, "tokens_per_character": 0.4}
    assert reason(Gneissweb(quality="q"), topic=0.51, **signals) is None
    assert reason(Gneissweb(quality="q"), topic=0.5, **signals) == "unreadable"


@pytest.mark.parametrize(
    ("topic", "share", "right"),
    [
        (0.1, 0.22, False), (0.1, 0.221, True), (0.1, 0.279, True), (0.1, 0.28, False),
        (0.9, 0.1, False), (0.9, 0.101, True), (0.9, 0.499, True), (0.9, 0.5, False),
    ],
)  # fmt: skip
def test_tokens_are_right_strictly_between_their_limits(topic, share, right):
    found = reason(Gneissweb(quality="q"), dclm=0.9, cosmo=0.0, topic=topic, eflaw=90.0, tokens_per_character=share)
    assert found == (None if right else "unreadable")


WORDS = {"good": "lattice orbit treaty enzyme".split(), "bad": "buy click win free".split()}  # noqa: SIM905
TOPICAL = {"medical": "patient dose fever".split(), "other": "garden song table".split()}  # noqa: SIM905


def labelled(words, seed):
    rng = random.Random(seed)
    return [{"text": " ".join(rng.choices(words[label], k=20)), "label": label} for label in words for _ in range(40)]


def test_signals_are_those_of_models_that_learnt_from_labelled_texts():
    models = PlainModels({"q": labelled(WORDS, 1), "c": labelled(WORDS, 2), "t": labelled(TOPICAL, 3)})
    method = Gneissweb(quality="q", other_quality="c", topic_texts="t")
    texts = ["lattice orbit enzyme treaty.", "click buy win free.", "fever dose patient.", None]
    found = method.measure(pa.table({"text": pa.array(texts, pa.string())}), models=models)
    dclm, topic = found["dclm"].to_pylist(), found["topic"].to_pylist()
    assert dclm[0] > 0.6 > 0.4 > dclm[1] and topic[2] > 0.6 and dclm[3] is None
    without = Gneissweb(quality="q").measure(pa.table({"text": pa.array(texts, pa.string())}), models=models)
    assert without["cosmo"].to_pylist()[:3] == [0, 0, 0] == without["topic"].to_pylist()[:3]


def test_texts_without_the_label_of_good_ones_are_refused():
    models = PlainModels({"q": labelled(TOPICAL, 1)})
    models.examples = lambda path, label=None: PlainModels.examples(models, path) if label is None else _refuse(label)
    with pytest.raises(SynthError, match="good"):
        Gneissweb(quality="q").measure(pa.table({"text": ["a"]}), models=models)


def _refuse(label):
    raise SynthError(f"No label is called '{label}'.")


def test_one_and_four_parts_give_the_same_rows():
    models = PlainModels({"q": labelled(WORDS, 1)})
    texts = [row["text"] + "." for row in labelled(WORDS, 9)]
    flat, method = pa.table({"text": texts}), Gneissweb(quality="q")
    whole = method.measure(flat, models=models)
    parts = [method.measure(flat.slice(start, 20), models=models) for start in range(0, 80, 20)]
    for name, column in whole.items():
        assert column.to_pylist() == [value for part in parts for value in part[name].to_pylist()]


def test_a_page_without_words_goes():
    assert reason(Gneissweb(quality="q"), dclm=1, cosmo=1, topic=0, eflaw=0, tokens_per_character=0.25) == "no_words"


def test_readability_alone(verdict_of):
    assert verdict_of(Readability(), "The harbour masters reached half of the sailors. Nobody knew it.") is None
    assert verdict_of(Readability(max_eflaw=10), "it is to be or it is not to be so it is") == "hard_to_read"
    assert verdict_of(Readability(), "a" * 100) == "few_tokens"  # seven tokens of up to 16 characters
    assert verdict_of(Readability(), "? ! ? ! ? !") == "many_tokens"
