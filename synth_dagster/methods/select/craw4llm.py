"""Craw4LLM: follows links from good pages first, and keeps what such a crawl would have fetched.

Paper: arXiv:2502.13347. A crawl begins at random pages. Each round takes the pages of its frontier that a classifier
rates highest and puts what they link to into the frontier, until the budget is spent. Here the pages are there already:
what is saved is what is kept and worked on. Politeness and consent are outside the method.
"""

import heapq
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias
from urllib.parse import urljoin, urlsplit

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import InputPath, Proof, Selector
from synth_dagster.parts.models.linear_text import VERSION, LinearText, TrainingSettings
from synth_dagster.parts.selections import selection
from synth_dagster.records import Document, digest
from synth_dagster.services import Models

Rating: TypeAlias = Literal["quality", "in_degree", "length", "random"]


class Craw4llm(Selector, TrainingSettings):
    """The score is the rating of a page, the rank its place in the crawl; of equals the first by record id is taken."""

    paper = "arXiv:2502.13347"
    proof = Proof(
        "planted signal",
        "Of a tenth that is good, and four times as often linked to by good pages, .80 .65 .42 in the first 5 10 20 % "
        "of three webs within .04, at random .11; the order is that of a plain search of the frontier.",
    )
    version = VERSION
    judges = (Document,)
    reads = ("url", "attributes")
    topics = ("crawl", "links", "frontier")

    examples: InputPath = Field(description="Labelled texts: .jsonl with text and label, or a folder for each label.")
    label: str = Field("good", min_length=1, description="The label whose probability rates a page.")
    rate_by: Rating = Field("quality", description="What rates a page; the others are what the paper compares with.")
    also: tuple[Rating, ...] = Field((), description="Ratings that are added to it, all brought to one scale.")
    scale: Literal["z_score", "min_max"] = Field(
        "z_score", description="The scale where ratings are added: deviations from the mean, or 0 to 1."
    )
    links: str = Field(
        "links", min_length=1, description="The attribute of a page that lists the addresses it links to."
    )
    seeds: int = Field(10_000, ge=1, description="Pages at which the crawl begins, drawn at random.")
    pages_a_round: int = Field(10_000, ge=1, description="Pages that are taken before new links are followed.")
    budget: int = Field(20_000_000, ge=1, description="Most pages to take.")
    seed: int = Field(0, ge=0, description="Draws where the crawl begins; also of the classifier's training.")

    def select(self, pool: pa.Table, /, *, models: Models) -> pa.Table:
        pages = pool.sort_by("record_id")
        graph = Links.of(pages, self.links)
        rating, drawn = self._rated(pages, graph, models), _chances(pages, self.seed)
        seeds = np.argsort(drawn, kind="stable")[: self.seeds]
        order, seen = crawled(graph.targets, rating, seeds, self.pages_a_round, self.budget)
        found = _as_table(pages["record_id"], rating, order, seen)
        place = {record_id: row for row, record_id in enumerate(pages["record_id"].to_pylist())}
        return found.take(pa.array([place[record_id] for record_id in pool["record_id"].to_pylist()], pa.int64()))

    def _rated(self, pages: pa.Table, graph: "Links", models: Models) -> np.ndarray:
        if not self.also:
            return self._by(self.rate_by, pages, graph, models)
        ratings = (self._by(name, pages, graph, models) for name in (self.rate_by, *self.also))
        return np.sum([scaled(rating, self.scale) for rating in ratings], axis=0).round(9)  # ties stay ties

    def _by(self, name: Rating, pages: pa.Table, graph: "Links", models: Models) -> np.ndarray:
        if name == "quality":
            examples = models.examples(self.examples, label=self.label)
            model = LinearText.unpacked(models.trained("ngram_classifier", self.training(), examples))
            return model.probabilities(pages["text"])[:, model.labels.index(self.label)]
        if name == "random":
            return _chances(pages, self.seed + 1)
        if name == "length":
            return np.array([len(text or "") for text in pages["text"].to_pylist()], float)
        return graph.in_degree().astype(float)


def scaled(rating: np.ndarray, scale: str) -> np.ndarray:
    """The rating in deviations from its mean, or from 0 to 1; 0 for all where all are rated alike."""
    low, width = (rating.min(), np.ptp(rating)) if scale == "min_max" else (rating.mean(), rating.std())
    return (rating - low) / width if width else np.zeros(len(rating))


class Links:
    """Which pages of a pool a page links to, as rows in ascending order. Passages of one page share its address."""

    def __init__(self, targets: Sequence[np.ndarray]) -> None:
        self.targets = targets

    @classmethod
    def of(cls, pages: pa.Table, attribute: str) -> "Links":
        addresses = pages["url"].to_pylist()
        rows: dict[str, list[int]] = defaultdict(list)
        for row, address in enumerate(addresses):
            if address:
                rows[key_of(address) or address].append(row)
        said = zip(addresses, pages["attributes"].to_pylist(), strict=True)
        keys = (_linked(address, attributes, attribute) for address, attributes in said)
        return cls([_distinct(rows, linked) for linked in keys])

    def in_degree(self) -> np.ndarray:
        """From how many pages of the pool a page is linked to."""
        return np.bincount(np.concatenate([np.zeros(0, np.int64), *self.targets]), minlength=len(self.targets))


def key_of(address: str, base: str | None = None) -> str | None:
    """What an address is compared by: without scheme, fragment and last slash; None for none that can be read."""
    try:
        parts = urlsplit(urljoin(base or "", address.strip()))
    except ValueError:
        return None
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.netloc.lower()}{parts.path.rstrip('/')}{query}"


def crawled(
    targets: Sequence[np.ndarray], rating: np.ndarray, seeds: np.ndarray, pages_a_round: int, budget: int
) -> tuple[list[int], np.ndarray]:
    """The rows in the order of the crawl, and for each row whether it was ever in the frontier."""
    seen = np.zeros(len(rating), bool)
    seen[seeds] = True
    frontier = [(-rating[row], row) for row in seeds.tolist()]
    heapq.heapify(frontier)
    order: list[int] = []
    while frontier and len(order) < budget:
        taken = min(pages_a_round, budget - len(order), len(frontier))
        visited = [heapq.heappop(frontier)[1] for _ in range(taken)]
        order += visited
        for row in (target for page in visited for target in targets[page].tolist()):
            if not seen[row]:
                seen[row] = True
                heapq.heappush(frontier, (-rating[row], row))
    return order, seen


def _linked(address: str | None, attributes: str | None, attribute: str) -> Iterator[str]:
    """The keys of the addresses that a page's attribute lists; what is no address is passed over."""
    said: Mapping[str, object] = json.loads(attributes or "{}")
    links = said.get(attribute)
    for link in links if isinstance(links, list) else ():
        key = key_of(link, address) if isinstance(link, str) else None
        if key:
            yield key


def _distinct(rows: Mapping[str, Sequence[int]], keys: Iterator[str]) -> np.ndarray:
    return np.array(sorted({row for key in keys for row in rows.get(key, ())}), np.int64)


def _chances(pages: pa.Table, seed: int) -> np.ndarray:
    """A number below 1 for each page that depends on nothing but its id and the seed."""
    ids = pages["record_id"].to_pylist()
    return np.array([int.from_bytes(digest("crawl", seed, one.hex())[:6], "big") / 2**48 for one in ids], float)


def _as_table(ids: pa.ChunkedArray, rating: np.ndarray, order: Sequence[int], seen: np.ndarray) -> pa.Table:
    """A row for each page: those of the crawl in its order, the rest of its frontier, then the others, by rating."""
    taken = np.zeros(len(rating), bool)
    taken[list(order)] = True
    rest = np.lexsort((np.arange(len(rating)), -rating, ~seen))
    ranking = np.concatenate([np.array(order, np.int64), rest[~taken[rest]]])
    reasons = ["over_budget" if known else "not_reached" for known in seen.tolist()]
    return selection(ids, rating, ranking, taken, reasons)
