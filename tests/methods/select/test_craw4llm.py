"""Craw4LLM: the order is that of a plain search of the frontier, and good pages that link to each other come first."""

import json
import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.lake.lake import Lake
from synth_dagster.methods.select.craw4llm import Craw4llm, Links, crawled, key_of
from synth_dagster.readers.places import Places
from synth_dagster.recipe import load_recipe
from synth_dagster.runner.context import RunContext
from synth_dagster.runner.models import TrainedModels
from synth_dagster.runner.tryout import try_out
from synth_dagster.runner.verdicts import VERDICTS
from tests.assets.project import Programs
from tests.scripted_teacher.echo import EchoTeacher


def plain(targets, rating, seeds, a_round, budget):
    """The card's algorithm with a list as frontier, sorted anew each round."""
    frontier, seen, order = [*seeds], {*seeds}, []
    while frontier and len(order) < budget:
        frontier.sort(key=lambda row: (-rating[row], row))
        taken, frontier = frontier[:a_round], frontier[a_round:]
        taken = taken[: budget - len(order)]
        order += taken
        for row in [target for page in taken for target in targets[page]]:
            if row not in seen:
                seen.add(row)
                frontier.append(row)
    return order


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 12), st.integers(1, 60))
def test_the_order_is_that_of_a_plain_search_and_no_page_is_taken_twice(seed, starts, a_round, budget):
    rng = random.Random(seed)
    targets = [sorted(rng.sample(range(50), rng.randint(0, 4))) for _ in range(50)]
    rating = [rng.choice([0.1, 0.5, 0.5, 0.9, rng.random()]) for _ in range(50)]  # with ties
    seeds = rng.sample(range(50), starts)
    rows = [np.array(one, np.int64) for one in targets]
    order, seen = crawled(rows, np.array(rating), np.array(seeds), a_round, budget)
    assert order == plain(targets, rating, seeds, a_round, budget)
    assert len(set(order)) == len(order) and seen[order].all()
    # a crawl that was stopped anywhere and is begun again goes the way that it went
    assert all(crawled(rows, np.array(rating), np.array(seeds), a_round, n)[0] == order[:n] for n in range(1, budget))


PAGES, LINKED = 20_000, 10


def web(homophily, seed):
    """A tenth is good. From a good page a link goes to a good one with this probability, from another with .1."""
    rng = np.random.default_rng(seed)
    good = rng.random(PAGES) < 0.1
    kinds = np.flatnonzero(~good), np.flatnonzero(good)
    to_good = rng.random((PAGES, LINKED)) < np.where(good, homophily, 0.1)[:, None]
    targets = np.where(
        to_good, rng.choice(kinds[1], (PAGES, LINKED)), rng.choice(kinds[0], (PAGES, LINKED))
    )  # (pages, links)
    ratings = {"quality": good + rng.normal(0, 0.5, PAGES), "random": rng.random(PAGES)}
    graph = Links([*targets])
    return good, graph.targets, ratings | {"in_degree": graph.in_degree().astype(float)}


def good_shares(good, targets, rating):
    """Of the first 5, 10 and 20 % that are crawled."""
    order, _ = crawled(targets, rating, np.arange(100), 100, PAGES // 5)
    return [good[order[: PAGES * percent // 100]].mean() for percent in (5, 10, 20)]


@pytest.mark.parametrize("seed", range(3))
def test_of_a_web_where_good_pages_link_to_good_ones_it_finds_them_first(seed):
    good, targets, ratings = web(0.4, seed)
    found, by_chance = (good_shares(good, targets, ratings[name]) for name in ("quality", "random"))
    # the card's own check, on a web of its own: .80 .65 .42 against .11 .11 .11, of .10 that are good
    assert found == pytest.approx([0.80, 0.65, 0.42], abs=0.04)
    assert by_chance == pytest.approx([0.11] * 3, abs=0.03)
    assert found[-1] >= 3 * by_chance[-1]
    # a good page has 1.34 times the links of another, so that counting links finds some of them, but far fewer
    assert all(
        one < 0.65 * other for one, other in zip(good_shares(good, targets, ratings["in_degree"]), found, strict=True)
    )


@pytest.mark.parametrize("seed", range(3))
def test_without_such_links_what_is_left_is_that_a_page_is_rated_before_it_is_taken(seed):
    good, targets, ratings = web(0.1, seed)
    found = {name: good_shares(good, targets, rating) for name, rating in ratings.items()}
    assert found["quality"] == pytest.approx([0.51, 0.47, 0.37], abs=0.04)  # the card's, as above
    # ratings that know nothing of a page find as many as there are; links too, where they go anywhere
    assert found["random"] == pytest.approx([good.mean()] * 3, abs=0.03)
    assert found["in_degree"] == pytest.approx([good.mean()] * 3, abs=0.03)


class Labelled(TrainedModels):
    """Examples that are in memory."""

    def __init__(self):
        super().__init__(None, None)

    def examples(self, path, *, label=None):
        texts = ["lemma proof theorem field"] * 20 + ["sale cookie banner login"] * 20
        return pa.table({"text": texts, "label": ["good"] * 20 + ["bad"] * 20})


GOOD, BAD = "a theorem with its proof", "a banner for the sale"


def pool(*pages):
    """Pages as (number, text, address, links)."""
    return pa.table(
        {
            "record_id": pa.array([number.to_bytes(16, "big") for number, *_ in pages], pa.binary()),
            "text": [text for _, text, *_ in pages],
            "url": pa.array([url for *_, url, _ in pages], pa.string()),
            "attributes": [json.dumps({"links": links}) for *_, links in pages],
        }
    )


def fates(method, pages):
    rows = method.select(pages, models=Labelled()).to_pylist()
    assert [row["record_id"] for row in rows] == pages["record_id"].to_pylist()
    return {
        int.from_bytes(row["record_id"], "big"): row["reason"] or "kept"
        for row in sorted(rows, key=lambda row: row["rank"])
    }


def test_it_follows_links_whatever_their_form_and_says_why_a_page_is_not_taken():
    start = (
        "https://a.example/",
        ["/good#top", "bad", "http://A.example/passages/", 7, "http://[", "https://c.example"],
    )
    pages = pool(
        (1, GOOD, *start),
        (2, BAD, "https://a.example/bad", []),
        (3, GOOD, "https://a.example/good", []),
        (4, GOOD, "https://a.example/passages", []),
        (5, BAD, "https://a.example/passages", "no list"),
        (6, GOOD, "https://alone.example/", []),
        (7, GOOD, None, []),
    )
    first = next(seed for seed in range(100) if _begins_at(1, seed, pages))
    method = Craw4llm(examples="x", seeds=1, pages_a_round=1, budget=3, seed=first)
    # of the four that page 1 links to the good ones are taken; 6 has no link to it, 7 no address
    taken, known, unknown = (1, 3, 4), (2, 5), (6, 7)
    assert fates(method, pages) == (
        dict.fromkeys(taken, "kept") | dict.fromkeys(known, "over_budget") | dict.fromkeys(unknown, "not_reached")
    )
    assert list(fates(method, pages))[:3] == [1, 3, 4]
    assert fates(method, pages.take([6, 3, 0, 5, 1, 2, 4])) == fates(method, pages)


def _begins_at(number, seed, pages):
    found = fates(Craw4llm(examples="x", seeds=1, pages_a_round=1, budget=1, seed=seed), pages)
    return found[number] == "kept"


@pytest.mark.parametrize(
    ("rate_by", "best"),
    [
        pytest.param("in_degree", 2, id="linked to from two pages"),
        pytest.param("length", 3, id="the longest"),
    ],
)
def test_what_the_paper_compares_with(rate_by, best):
    a, b, c = (f"https://{name}.example" for name in "abc")
    pages = pool((1, GOOD, a, [b]), (2, BAD, b, []), (3, GOOD + " of some length", c, [b]))
    method = Craw4llm(examples="x", rate_by=rate_by, seeds=3, budget=1)
    assert fates(method, pages)[best] == "kept"


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        # lengths 2 4 9: mean 5, deviation sqrt(26 / 3) = 2.944; links 0 0 2: mean 2 / 3, deviation .943
        pytest.param("z_score", [-1.019 - 0.707, -0.340 - 0.707, 1.359 + 1.414], id="deviations"),
        pytest.param("min_max", [0 + 0, 2 / 7 + 0, 1 + 1], id="from 0 to 1"),
    ],
)
def test_ratings_are_added_on_one_scale(scale, expected):
    c = "https://c.example"
    pages = pool((1, "ab", "https://a.example", [c]), (2, "abcd", "https://b.example", [c]), (3, "abcdefghi", c, []))
    method = Craw4llm(examples="x", rate_by="length", also=("in_degree",), scale=scale)
    assert method.select(pages, models=Labelled())["score"].to_pylist() == pytest.approx(expected, abs=2e-3)
    alike = Craw4llm(examples="x", rate_by="length", also=("length",), scale=scale)
    assert alike.select(pages.slice(0, 1), models=Labelled())["score"].to_pylist() == [0]


def test_addresses_are_compared_without_scheme_fragment_and_last_slash():
    assert key_of("HTTP://A.Example/b/#c") == key_of("b", "https://a.example/") == "a.example/b"
    assert key_of("https://a.example/b?c=1") != key_of("https://a.example/b")
    assert key_of("http://[") is None


RECIPE = """
dataset: web
sources:
  - {name: pages, reader: files, path: pages.jsonl, license: CC0-1.0}
stages:
  seed_corpus: []
  filtered_mix:
    of: seed_corpus
    select: {craw4llm: {examples: labelled.jsonl, budget: 2, pages_a_round: 1, seeds: 1}}
"""


def test_a_release_follows_the_links_of_its_documents(tmp_path):
    a, b, c = (f"https://{name}.example" for name in "abc")
    pages = [{"url": one, "text": GOOD, "links": [other]} for one, other in ((a, b), (b, c), (c, a))]
    examples = [{"text": GOOD, "label": "good"}, {"text": BAD, "label": "bad"}]
    for name, rows in (("pages", pages), ("labelled", examples)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "web.yaml").write_text(RECIPE)
    recipe = load_recipe(tmp_path / "web.yaml", root=tmp_path)
    lake = Lake.open(str(tmp_path / "lake"))
    context = RunContext(
        recipe=recipe, lake=lake, teachers=Programs(EchoTeacher()), places=Places(tmp_path), run_id="r", session_id="s"
    )
    try_out(context, 10)
    ranked = sorted(lake.read("web", VERDICTS).to_pylist(), key=lambda row: row["rank"])
    address = {row["record_id"]: row["url"] for row in lake.read("web", "seed_corpus").to_pylist()}
    ring = [address[row["record_id"]] for row in ranked]
    # wherever it begins, it goes round: one seed and its link are the budget, the third page is in the frontier
    assert "".join(ring) in (a + b + c) * 2
    assert [row["reason"] for row in ranked] == [None, None, "craw4llm:over_budget"]
