"""The index of the gallery: pages by what people come for, with what each makes, asks and costs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec

from synth_dagster.catalog import methods
from synth_dagster.recipe import Recipe, load_recipe
from synth_dagster.records import RecordKind
from tests.gallery.example import PAGES, RECIPES, ROOT, is_chain, slugs

CALLS = "calls for each kept record that a model wrote"

NEEDS: Mapping[str, Sequence[str]] = {
    "Instructions and dialogues, from a few examples or from none": (
        *("agentinstruct", "alpaca", "glan", "persona_hub", "self_instruct", "smoltalk_zh", "unigen"),
    ),
    "Questions and answers that rest on texts of yours": (
        *("chase_qa", "chase_scenarios", "craft", "fanno", "redstone_qa", "source2synth", "source2synth_hops"),
    ),
    "Mathematics": (
        *(
            "chase_math",
            "kpdds",
            "metamath",
            "numinamath_cot",
            "numinamath_extract",
            "numinamath_synth",
            "numinamath_tir",
        ),
        *("phi4_plurality", "tinygsm"),
    ),
    "Programs": ("chase_code", "chase_helpers", "phi4_reversal"),
    "Instructions that are harder, stricter or more various than those you have": (
        *("eda", "evol_instruct", "kv_retrieval", "ultraif"),
    ),
    "Pairs of a better and a worse answer": ("judge_pairwise", "phi4_pivotal", "ultraif_pairs"),
    "Texts and lessons that a model writes": (
        *("beyondweb", "cosmopedia_zh", "entigraph", "oak", "persona_texts", "phi4_synth", "toedit", "wrap"),
    ),
    "The good part of a crawl or of a pool": (
        *("data_everywhere", "data_prep_kit", "fineweb", "fineweb2", "fineweb_edu", "prox_pairs", "redstone"),
        *("refinex_pairs", "semantic_dedup", "weborganizer"),
    ),
    "Without personal data, attacks and test sets": (
        *(
            "gdr",
            "plant_canaries",
            "privacy_security_guard",
            "probe_instructions",
            "probe_recipe",
            "semantic_decontaminate",
        ),
    ),
}
ELSE: Mapping[RecordKind, str] = {
    "instruction": "Instructions and dialogues, from a few examples or from none",
    "preference": "Pairs of a better and a worse answer",
    "document": "Texts and lessons that a model writes",
}
FAMILIES = {
    "curation": "The good part of a crawl or of a pool",
    "measurement": "The good part of a crawl or of a pool",
    "governance": "Without personal data, attacks and test sets",
}
MAKES: Mapping[RecordKind, str] = {"document": "texts", "instruction": "instructions", "preference": "pairs"}
COSTS = {"none": 0.0, "up to two": 2.0, "up to five": 5.0, "more": float("inf")}  # calls, and how many at most


@dataclass(frozen=True)
class Page:
    """What the index says of a page."""

    slug: str

    @cached_property
    def recipe(self) -> Recipe:
        return load_recipe(RECIPES / f"{self.slug}.yaml", root=ROOT)

    @property
    def need(self) -> str:
        """What somebody wants who should read it: as listed, else by what the method is."""
        listed = next((need for need, pages in NEEDS.items() if self.slug in pages), None)
        family = "curation" if is_chain(self.slug) else methods()[self.slug].family
        return listed or FAMILIES.get(family) or ELSE[self.kind]

    @property
    def kind(self) -> RecordKind:
        return self.recipe.stage(self.recipe.mix.of).record_kind

    @property
    def does(self) -> str:
        """The method in a line; of a chain, what the first line of its recipe says."""
        if is_chain(self.slug):
            return self.recipe.text.splitlines()[0].removeprefix("# ").removesuffix(".")
        return methods()[self.slug].summary()

    @cached_property
    def calls(self) -> str:
        """What a kept record costs; it is read from the page, so that an index costs no run."""
        page = (PAGES / f"{self.slug}.md").read_text(encoding="utf-8")
        cost = re.search(rf"^\| {CALLS} \| (.+) \|$", page, re.MULTILINE)
        assert cost, f"docs/gallery/{self.slug}.md says nothing of its cost: run 'make docs'."
        return cost[1]

    @property
    def cost(self) -> float:
        return 0.0 if self.calls == "none" else float(self.calls.replace(",", ""))

    @property
    def is_at_once(self) -> bool:
        """Whether the embedded teacher serves, or nobody is asked."""
        return not self.cost or not find_spec(f"tests.gallery.worlds.{self.slug}")

    @property
    def link(self) -> str:
        return f"[{self.slug}]({self.slug}.md)"

    def row(self) -> list[str]:
        asks = ", ".join(self.recipe.roles()) if self.cost else "nobody"
        return [self.link, self.does, MAKES[self.kind], asks, self.calls, "yes" if self.is_at_once else ""]


def index() -> str:
    pages = sorted((Page(slug) for slug in slugs()), key=lambda page: (page.cost, page.slug))
    sections = [
        f"## {need}\n\n{_table([page for page in pages if page.need == need])}"
        for need in NEEDS
        if any(page.need == need for page in pages)
    ]
    return "\n\n".join([_short(pages), *sections])


def _short(pages: Sequence[Page]) -> str:
    """Ways to choose, before the tables."""
    lows = [-1.0, *COSTS.values()]
    lines = [
        f"- {name}: {_links(page for page in pages if low < page.cost <= high)}"
        for (name, high), low in zip(COSTS.items(), lows, strict=False)
    ]
    at_once = _links(page for page in pages if page.is_at_once and page.cost)
    said = (
        f"The teacher that comes with the project serves {at_once}; what asks nobody runs without one. For the "
        'others set `SYNTH_MODEL` (README, "A real teacher").'
    )
    return "\n".join(["By the calls that a kept record cost:", "", *lines, "", said])


def _links(pages: Iterable[Page]) -> str:
    return ", ".join(page.link for page in pages)


def _table(pages: Sequence[Page]) -> str:
    head = ["page", "what it does", "makes", "asks", "calls a kept record", "runs at once"]
    rows = [head, ["---"] * len(head), *(page.row() for page in pages)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
