"""The checklist for open datasets, answered from what is stored of a release, each answer with its evidence.

Sections, tiers and questions follow "Towards best practices for open datasets for LLM training" (2501.08365). A release
that its recipe marks as published is held back where its licence tier is unknown, nobody says how to have data removed,
or a step has no counts of what it dropped. Nothing is run again, and what nobody stored counts as not satisfied.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from synth_dagster.errors import SynthError
from synth_dagster.governance.answer import plural
from synth_dagster.governance.checklist_seen import Seen
from synth_dagster.governance.openness import Tier, is_open, tier_of
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.lake.meta_values import Release


@dataclass(frozen=True, slots=True)
class Item:
    """One question. `holds` is None where it does not apply; the evidence says where to look, never record text."""

    section: str
    question: str
    holds: bool | None
    evidence: str

    @property
    def answer(self) -> str:
        """In a word."""
        return {True: "yes", False: "no", None: "-"}[self.holds]


@dataclass(frozen=True, slots=True)
class Checklist:
    """The answers about a release. `parts` is what the licences of its records alone come to."""

    dataset: str
    release: str
    published: bool
    tier: Tier
    parts: Tier
    arrangement: str | None
    replicable: bool
    items: Sequence[Item]
    blockers: Mapping[str, str]  # what keeps it from being published -> in words, with what to do

    @property
    def scores(self) -> dict[str, tuple[int, int]]:
        """Section -> (satisfied, applicable)."""
        asked = [item for item in self.items if item.holds is not None]
        names = dict.fromkeys(item.section for item in self.items)
        of = {name: [bool(item.holds) for item in asked if item.section == name] for name in names}
        return {name: (sum(holds), len(holds)) for name, holds in of.items()}

    def line(self) -> str:
        """The tier, and whether others could make it again, as a sentence each."""
        again = "It can be made again by others." if self.replicable else "Others could not make it again."
        tier, parts = (one.replace("_", " ") for one in (self.tier, self.parts))
        return f"tier {tier} (its parts alone: {parts}). {again}"

    def summary(self) -> dict[str, Any]:
        """What fits a manifest."""
        scores = {name: f"{held}/{of}" for name, (held, of) in self.scores.items()}
        names = {"tier": self.tier, "parts": self.parts, "arrangement": self.arrangement}
        return names | {"replicable": self.replicable, "scores": scores}

    def as_json(self) -> dict[str, Any]:
        scores = {name: {"satisfied": held, "applicable": of} for name, (held, of) in self.scores.items()}
        return asdict(self) | {"scores": scores}


def checklist(lake: Lake, release: Release) -> Checklist:
    """The checklist of an accepted release. Raises SynthError where its rows are no longer in the lake."""
    rows = lake.accepted(release.dataset, release.manifest["table"], release.release)
    if rows is None:
        raise SynthError(f"Release '{release.release}' of '{release.dataset}' is no longer in the lake.")
    return checked(lake, rows, release.manifest)


def checked(lake: Lake, rows: Candidate, manifest: Mapping[str, Any]) -> Checklist:
    """The checklist of a release's rows, also of those that await their gate."""
    seen = Seen(lake, rows, manifest)
    items = [
        *_licences(seen),
        *_reproducible(seen),
        *_harm(seen),
        *_sourcing(seen),
        *_processing(seen),
        *_lasting(seen),
    ]
    arrangement = seen.said.license
    parts = tier_of(seen.known, seen.counts["license"], "CC0-1.0")
    return Checklist(
        dataset=rows.dataset,
        release=rows.batch,
        published=bool(manifest.get("use", {}).get("published")),
        tier=tier_of(seen.known, seen.counts["license"], arrangement),
        parts=parts,
        arrangement=arrangement,
        replicable=all(item.holds is not False for item in items if item.section == REPRODUCIBLE),
        items=items,
        blockers=dict(_blockers(seen)),
    )


def refuse_unpublishable(found: Checklist) -> None:
    """Raises SynthError for a release that may not be published yet, with each reason and its cure."""
    if found.blockers:
        raise SynthError(
            f"Release '{found.release}' of '{found.dataset}' cannot be published: {' '.join(found.blockers.values())} "
            "The next release has what the recipe then says. Nothing was written."
        )


def _blockers(seen: Seen) -> Iterator[tuple[str, str]]:
    licences = [*seen.counts["license"], *([seen.said.license] if seen.said.license else [])]
    unknown = sorted({name for licence in licences for name in seen.known.terms(licence).unknown})
    if unknown:
        yield "unknown_licence", f"Nobody has classed {', '.join(unknown[:3])}. {seen.known.hint(unknown[0])}"
    if unsaid := seen.said.removal_unsaid():
        yield "no_removal", unsaid
    if uncounted := seen.uncounted:
        named = ", ".join(uncounted[:3])
        yield "no_drop_counts", f"There are no counts of what was dropped by {named}. Make it anew with 'synth run'."


# ------------------------------------------------------------------------------------------------------- the questions

LICENCES = "openness and reciprocity"
REPRODUCIBLE = "transparency by reproducibility"
HARM = "harm and preferences"
SOURCING = "sourcing and diversity"
PROCESSING = "processing"
LASTING = "release and preservation"


def _licences(seen: Seen) -> Iterator[Item]:
    terms = {licence: seen.known.terms(licence or "") for licence in seen.counts["license"]}
    closed = sorted(licence or "none" for licence, one in terms.items() if not is_open(one))
    arrangement = seen.said.license
    yield Item(
        LICENCES, "every part has a licence that is known", not any(t.unknown for t in terms.values()), _LICENCES
    )
    yield Item(LICENCES, "every part is openly licensed", not closed, ", ".join(closed[:3]) or _LICENCES)
    is_free = is_open(seen.known.terms(arrangement)) if arrangement else False
    yield Item(
        LICENCES, "the arrangement is openly licensed", is_free, arrangement or "publication.license is not said"
    )
    apart = seen.said.terms_of_use
    yield Item(
        LICENCES, "terms of use stand apart from the licence", True if apart else None, apart or "there are none"
    )


def _reproducible(seen: Seen) -> Iterator[Item]:
    sources, said = sorted(seen.counts["source"]), seen.said
    hidden = [name for name in sources if name not in said.public_sources]
    yield Item(REPRODUCIBLE, "anybody can get the sources", not hidden, ", ".join(hidden[:3]) or _STATED)
    code = seen.manifest.get("code", {})
    yield Item(
        REPRODUCIBLE,
        "code and versions are noted",
        bool(code.get("installed")),
        f"manifest.code {code.get('synth_dagster')}",
    )
    yield Item(
        REPRODUCIBLE, "the code can be read by others", bool(said.code), said.code or "publication.code is not said"
    )
    yield Item(
        REPRODUCIBLE,
        "every step and its settings are noted",
        None not in seen.makeups,
        f"recipe {seen.manifest['recipe']}",
    )
    models = seen.models
    prompts = [one for one in seen.steps.values() if one.get("prompts")]
    yield Item(
        REPRODUCIBLE,
        "prompts are noted",
        bool(prompts) if models else None,
        f"{plural(len(prompts), 'step')} with prompts",
    )
    shut = [model for model in models if model not in said.open_models and not model.startswith("embedded-")]
    yield Item(REPRODUCIBLE, "anybody can get the models", not shut if models else None, ", ".join(shut[:3]) or _STATED)


def _harm(seen: Seen) -> Iterator[Item]:
    with_address, looked_up = seen.addresses
    evidence = f"{looked_up} of {with_address} texts with an address (synth consent)"
    yield Item(
        HARM, "what sites say is recorded for each text", looked_up == with_address if with_address else None, evidence
    )
    obeyed = seen.manifest.get("use", {}).get("opt_outs") == "obey"
    yield Item(HARM, "what sites say is obeyed", obeyed if with_address else None, "use.opt_outs of the recipe")
    guarded = sorted({slug for slug in seen.steps if slug == "pii"} | seen.privacy_checks)
    yield Item(HARM, "personal data is looked for", bool(guarded), ", ".join(guarded) or "no step does")
    removal = bool(seen.said.removal and seen.said.contact)
    yield Item(HARM, "there is a way to have data removed", removal, "publication.contact and publication.removal")


def _sourcing(seen: Seen) -> Iterator[Item]:
    sources = sorted(seen.counts["source"])
    silent = [name for name in sources if not seen.said.reasons.get(name)]
    yield Item(
        SOURCING, "each source is there for a reason", not silent, ", ".join(silent[:3]) or "publication.reasons"
    )
    yield Item(SOURCING, "how it was acquired is noted", True, "the reader of each source (synth trace)")
    yield Item(SOURCING, "there are several sources", len(sources) > 1, plural(len(sources), "source"))
    nameless = sum(count for name, count in seen.counts["lang"].items() if name in (None, "", "und"))
    yield Item(SOURCING, "languages are known", not nameless, f"{plural(nameless, 'record')} without one")
    translations = seen.translated
    question = "how much machines translated is known"
    yield Item(SOURCING, question, not translations.unknown, translations.line())
    part = seen.said.communities
    yield Item(SOURCING, "those that it is about took part", bool(part), part or "publication.communities is not said")
    written = sum(count for depth, count in seen.counts["synthetic_depth"].items() if depth)
    looked = seen.said.inspected
    yield Item(
        SOURCING,
        "people looked at what models wrote",
        bool(looked) if written else None,
        looked or "publication.inspected is not said",
    )
    yield Item(
        SOURCING,
        "how much models wrote is known",
        None not in seen.counts["human_share"],
        f"{plural(written, 'record')} written by models",
    )


def _processing(seen: Seen) -> Iterator[Item]:
    yield Item(
        PROCESSING,
        "every step has counts of what it dropped",
        not seen.uncounted,
        ", ".join(seen.uncounted[:3]) or "synth status",
    )
    dropped = seen.rows.details.get("verdicts", {}).get("dropped", {})
    yield Item(PROCESSING, "every drop has its reason", "" not in dropped and None not in dropped, "the table verdicts")
    measured = "quality_signals" in seen.lake.stages(seen.rows.dataset)
    yield Item(PROCESSING, "quality is measured", measured, "the table quality_signals")


def _lasting(seen: Seen) -> Iterator[Item]:
    yield Item(
        LASTING,
        "it has a version and checksums",
        bool(seen.rows.data_version),
        f"data version {seen.rows.data_version[:12]}",
    )
    name = seen.said.identifier
    yield Item(LASTING, "it has a persistent identifier", bool(name), name or "publication.identifier is not said")
    whom = seen.said.contact
    yield Item(LASTING, "somebody answers for it", bool(whom), whom or "publication.contact is not said")
    yield Item(LASTING, "what is erased leaves a mark", True, "tombstones and receipts of synth erase")


_LICENCES = "synth licences"
_STATED = "publication of the recipe"
