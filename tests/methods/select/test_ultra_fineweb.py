"""Seeds are put in the right order at a tenth of the tokens, and what they teach finds the planted pages."""

import random

import numpy as np
import pyarrow as pa
import pytest

from synth_dagster.errors import SynthError
from synth_dagster.methods.select.ultra_fineweb import UltraFineweb
from synth_dagster.parts.models.linear_text import auc
from synth_dagster.parts.models.ngram_lm import NgramLM
from synth_dagster.parts.models.seed_verification import Verdict, right_choices, verified
from synth_dagster.runner.models import TrainedModels

NOUNS = ["river", "valley", "miller", "bridge", "harvest", "market", "village", "orchard", "winter", "lantern"]
VERBS = ["carries", "follows", "crosses", "remembers", "builds", "repairs", "watches", "feeds"]
PLACES = ["near the hill", "under the old oak", "before the rain", "in the early morning", "behind the church"]
SHOP = ["sale", "cart", "login", "cookie", "banner", "checkout", "coupon", "menu", "share", "home", "click", "offer"]


def clean(rng):
    """Four sentences of one grammar."""
    return " ".join(
        f"The {rng.choice(NOUNS)} {rng.choice(VERBS)} the {rng.choice(NOUNS)} {rng.choice(PLACES)}." for _ in range(4)
    )


def shuffled(rng):
    """The same words in no order."""
    words = clean(rng).split()
    return " ".join(rng.sample(words, len(words)))


def boilerplate(rng):
    return " ".join(rng.choice(SHOP) for _ in range(40))


KINDS = {"clean": clean, "shuffled": shuffled, "boilerplate": boilerplate}


def texts(kind, number, seed):
    rng = random.Random(f"{kind} {seed}")
    return [KINDS[kind](rng) for _ in range(number)]


def mix(number, seed):
    """30 % clean, 40 % shuffled, 30 % boilerplate, and which is which."""
    order = "clean shuffled boilerplate shuffled boilerplate clean shuffled boilerplate clean shuffled"
    kinds = [order.split()[place % 10] for place in range(number)]
    rng = random.Random(seed)
    return [KINDS[kind](rng) for kind in kinds], np.array(kinds)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_three_seeds_are_put_in_order_and_the_normal_mix_changes_nothing(seed):
    normal, _ = mix(500, seed)
    candidates = {kind: pa.array(texts(kind, 100, seed)) for kind in KINDS}
    candidates["null"] = pa.array(mix(300, seed + 50)[0])
    found = verified(pa.array(normal), candidates, pa.array(texts("clean", 100, seed + 99)), seeds=3)
    saved = {name: float(np.mean(verdict.saved)) for name, verdict in found.items()}
    assert saved["clean"] > saved["boilerplate"] > saved["shuffled"]
    assert abs(saved["null"]) <= 2 * found["null"].chance
    assert [name for name, verdict in found.items() if verdict.improves] == ["clean"]
    assert (found["clean"].word, found["null"].word) == ("helps", "undecided")
    # a tenth of the training: 90 % before the checkpoint and a ninth of that after it, of at most 15 %
    words = sum(len(text.split()) for text in normal)
    assert found["clean"].tokens <= 0.15 * (words + found["clean"].tokens)


def test_the_right_ending_of_a_text_is_chosen_by_who_has_read_it():
    asked = pa.array(
        [
            "The miller repairs the old wheel before the rain comes again.",
            "A lantern hangs above the door where travellers knock at night.",
            "In winter the shepherd watches his sheep behind the stone church.",
            "Every harvest the market sells apples and wool to the valley.",
        ]
    )
    assert right_choices(NgramLM.learnt(asked), asked) == 1
    assert right_choices(NgramLM.learnt(asked), asked.slice(0, 3)) == 0  # there are no four to choose from


METHOD = UltraFineweb(candidates="c", bits=16)


class Labelled(TrainedModels):
    """Models of labelled texts that are in memory."""

    def __init__(self, sets):
        super().__init__(None, None)
        self._sets = sets

    def examples(self, path, *, label):
        rows = [(text, name) for name, some in self._sets.items() for text in some]
        return pa.table({"text": [text for text, _ in rows], "label": [name for _, name in rows]})


def sets(*, wrong=0.0, **more):
    """The normal mix, held-out texts, a good candidate of which some texts are wrong, and others."""
    good = texts("clean", 150, 5)
    bad = texts("shuffled", round(wrong * 150), 5)
    return {"raw": mix(300, 3)[0], "clean": texts("clean", 100, 4), "books": [*bad, *good[len(bad) :]], **more}


def chosen(method, given, number=200):
    pool, kinds = mix(number, 77)
    ids = pa.array([place.to_bytes(16, "big") for place in range(number)], pa.binary())
    return method.select(pa.table({"record_id": ids, "text": pool}), models=Labelled(given)), kinds == "clean"


@pytest.mark.parametrize(("wrong", "least"), [(0.0, 0.95), (0.1, 0.9)], ids=["a clean seed", "a tenth is wrong"])
def test_planted_pages_are_told(wrong, least):
    found, is_clean = chosen(METHOD, sets(wrong=wrong, junk=texts("boilerplate", 100, 8)))
    assert auc(found["score"].to_numpy(), is_clean) > least


def test_what_was_chosen_is_the_candidate_of_the_next_round():
    one, is_clean = chosen(METHOD, sets())
    two, _ = chosen(METHOD.model_copy(update={"rounds": 2}), sets())
    assert one["score"].to_pylist() != two["score"].to_pylist()
    assert auc(two["score"].to_numpy(), is_clean) > 0.95


def test_whoever_is_left_out_has_a_reason_and_ranks_behind():
    found, _ = chosen(METHOD, sets())
    rows = sorted(found.to_pylist(), key=lambda row: row["rank"])
    assert [row["selected"] for row in rows] == sorted((row["selected"] for row in rows), reverse=True)
    assert {row["reason"] for row in rows} == {None, "improbable"}


def test_no_candidate_that_helps_is_told_with_what_each_did():
    with pytest.raises(SynthError, match=r"No candidate .* junk undecided: saves -0\.\d+ bits a byte"):
        chosen(
            UltraFineweb(candidates="c"),
            {**sets(), "books": texts("shuffled", 100, 6), "junk": texts("shuffled", 100, 7)},
        )


@pytest.mark.parametrize(
    ("saved", "word"),
    [
        ([0.021, 0.021], "helps"),
        ([0.02, 0.02], "undecided"),
        ([0.1, -0.1], "undecided"),
        ([-0.02, -0.02], "undecided"),
        ([-0.021, -0.021], "harms"),
    ],
    ids=str,
)
def test_within_two_deviations_of_chance_nothing_is_said(saved, word):
    verdict = Verdict(saved, gained=[0.0], chance=0.01, tokens=1)
    assert (verdict.word, verdict.improves) == (word, word == "helps")


def test_what_cannot_be_told_is_said_so_with_what_to_do():
    normal = mix(300, 3)[0]
    with pytest.raises(SynthError, match=r"books undecided: saves .* undecided more texts, or more 'runs', may tell"):
        chosen(METHOD, {"raw": normal, "clean": texts("clean", 100, 4), "books": mix(300, 53)[0]})


def test_labels_that_are_missing_are_told():
    for lacking in ("raw", "books"):
        given = {name: some for name, some in sets().items() if name != lacking}
        with pytest.raises(SynthError, match="Label some 'raw'"):
            chosen(METHOD, given, number=10)
