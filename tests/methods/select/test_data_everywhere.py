"""DSIR: what is like the target is drawn, from each source its share; attributes instead of a cut on toxicity."""

import random

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from synth_dagster.errors import SynthError
from synth_dagster.methods.filter.text_attributes import TextAttributes
from synth_dagster.methods.select.data_everywhere import DataEverywhere
from tests.methods.labelled import PlainModels

QUALITY, JUNK = (
    ["lattice", "orbit", "harvest", "senate", "estuary", "treaty", "enzyme", "glacier"],
    ["buy", "now", "click", "deal", "free", "win"],
)
WAR = ["shelling", "casualties", "bomb", "wounded", "killed"]
FILLER = ["the", "of", "and", "in", "a", "to", "with", "from", "at", "by"]


def text(rng, *kinds, length=40):
    return " ".join(rng.choice(rng.choice(kinds)) for _ in range(length))


def pool_of(texts, sources=None, **signals):
    count = len(texts)
    columns = {
        "record_id": pa.array([b"%06d" % number for number in range(count)]),
        "source": pa.array(sources or ["web"] * count, pa.string()),
        "text": pa.array(texts, pa.string()),
        "tokens": pa.array([len((one or "").split()) for one in texts], pa.int64()),
    }
    return pa.table(columns | {name: pa.array(values) for name, values in signals.items()})


def selected(found):
    return np.flatnonzero(found["selected"].to_numpy(zero_copy_only=False))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_texts_like_the_target_nine_in_ten_are_among_the_first(references, seed):
    rng = random.Random(seed)
    texts = [text(rng, QUALITY, FILLER) if number % 10 == 0 else text(rng, JUNK, FILLER) for number in range(600)]
    aims = [text(rng, QUALITY, FILLER) for _ in range(50)]
    method = DataEverywhere(target="aims/", share=0.1)
    found = method.select(pool_of(texts), references=references({"aims/": aims}))
    kept = selected(found)
    assert len(kept) == 60 and (kept % 10 == 0).mean() >= 0.9


def test_each_source_is_compared_with_itself_and_gives_its_share(references):
    rng = random.Random(2)
    texts = [text(rng, QUALITY, FILLER) for _ in range(40)] + [text(rng, JUNK, FILLER) for _ in range(60)]
    sources, aims = ["books"] * 40 + ["web"] * 60, references({"aims/": [text(rng, QUALITY) for _ in range(9)]})
    found = DataEverywhere(target="aims/", share=0.25).select(pool_of(texts, sources), references=aims)
    assert [(selected(found) < 40).sum(), (selected(found) >= 40).sum()] == [10, 15]
    together = DataEverywhere(target="aims/", share=0.25, by_source=False, noise=False)
    assert (selected(together.select(pool_of(texts, sources), references=aims)) < 40).all()


def test_a_budget_in_tokens_is_shared_out_by_the_size_of_sources(references):
    texts, sources = ["one two three four five"] * 100, ["books"] * 20 + ["web"] * 80
    # 500 tokens, budget 100: books give 20 tokens or four texts, the web sixteen
    found = DataEverywhere(budget=100).select(pool_of(texts, sources), references=references())
    assert [(selected(found) < 20).sum(), (selected(found) >= 20).sum()] == [4, 16]


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_news_of_war_goes_by_a_cut_on_toxicity_and_stays_by_a_target_of_attributes(references, seed):
    rng = random.Random(seed)
    labels = [
        *({"text": text(rng, WAR, FILLER), "label": "high"} for _ in range(40)),
        *({"text": text(rng, QUALITY, JUNK, FILLER), "label": "low"} for _ in range(60)),
    ]
    goodness = [
        *({"text": text(rng, QUALITY, QUALITY, FILLER), "label": "high"} for _ in range(40)),
        *({"text": text(rng, JUNK, FILLER), "label": "low"} for _ in range(40)),
    ]
    kinds = {"good": (QUALITY, QUALITY, FILLER), "war": (QUALITY, WAR, FILLER), "junk": (JUNK, JUNK, WAR, FILLER)}
    names = ["good"] * 150 + ["war"] * 50 + ["junk"] * 200
    texts = [text(rng, *kinds[name]) for name in names]
    attributes = TextAttributes(quality="quality", toxicity="toxicity")
    models = PlainModels({"quality": goodness, "toxicity": labels})
    told = attributes.measure(pa.table({"text": texts}), models=models)
    war = np.array(names) == "war"
    toxic = np.array(told["toxicity"].to_pylist()) == "high"
    assert toxic[war].mean() > 0.8  # a cut would drop them
    signals = {f"text_attributes__{name}": values for name, values in told.items()}
    like = {"text_attributes__quality": ["high"], "text_attributes__toxicity": ["low"]}
    method = DataEverywhere(like=like, share=0.5)
    found = method.select(pool_of(texts, **signals), references=references())
    kept = np.isin(np.arange(400), selected(found))
    assert kept[war].mean() > 0.8 and kept[np.array(names) == "junk"].mean() < 0.1


def test_attributes_that_no_record_has_are_named(references):
    method = DataEverywhere(like={"a__quality": ["best"]})
    assert method.signals_read() == ("a__quality",)
    with pytest.raises(SynthError, match=r"no record of the pool has a__quality in \['best'\]"):
        method.select(pool_of(["a"], a__quality=["high"]), references=references())


def test_two_targets_are_refused():
    with pytest.raises(ValidationError, match="give one of them"):
        DataEverywhere(target="x", like={"a__b": ["c"]})


def test_an_empty_pool_gives_an_empty_answer(references):
    assert DataEverywhere().select(pool_of([]), references=references()).num_rows == 0
