"""Which records a release may not hold: those whose licences do not fit what the recipe says it is for."""

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from synth_dagster.licences.consent import refused
from synth_dagster.licences.fit import unfit
from synth_dagster.recipe import Recipe
from synth_dagster.records import Json

LICENCE = "licence"  # stands in the place of a method, in reasons such as licence:non_commercial


def unlicensed(recipe: Recipe, pool: pa.Table) -> list[str | None]:
    """The reason of each record of a pool: its licence before any rule that drops it, else the pool's own.

    The pool has license, consent, origin (real or synthetic), status and reason. What a stage has already put aside
    keeps its reason.
    """
    reasons: list[str | None] = pool["reason"].to_pylist()
    if not recipe.use.is_stated:
        return reasons
    forbidden = _forbidden(recipe, sorted(set(pool["license"].to_pylist())))
    refused = _refused(recipe, set(pool["consent"].to_pylist()))
    names = ("status", "license", "origin", "consent")
    rows = zip(*(pool[name].to_pylist() for name in names), reasons, strict=True)
    return [
        (status == "current" and (refused.get(consent) or forbidden[licence, origin])) or reason
        for status, licence, origin, consent, reason in rows
    ]


def _refused(recipe: Recipe, consents: Iterable[str]) -> dict[str, str]:
    """Consent -> why such a record may not be released, where the recipe obeys what sites say."""
    use = recipe.use
    if use.opt_outs == "record":
        return {}
    found = {one: refused(one, purpose=use.purpose, published=use.published) for one in consents}
    return {consent: f"{LICENCE}:{why}" for consent, why in found.items() if why}


def misfits(recipe: Recipe, teachers: Mapping[str, Mapping[str, Json]]) -> list[str]:
    """A sentence for each source and role of which everything would be dropped from a release for its licence.

    `teachers` has the identity of each role, where a provider's terms stand. Said before a run, which may cost money.
    """
    if not recipe.use.is_stated:
        return []
    asked = {f"source '{source.name}'": source.license for source in recipe.sources}
    terms = {role: str(teachers.get(role, {}).get("terms") or "") for role in recipe.roles()}
    asked |= {f"the teacher '{role}'": term for role, term in terms.items() if term}
    forbidden = _forbidden(recipe, sorted(set(asked.values())))
    unsaid = recipe.publication.removal_unsaid() if recipe.use.published else None
    return [f"No release opens its gate, since it is published. {unsaid}"] * bool(unsaid) + [
        _misfit(recipe, what, licence) for what, licence in asked.items() if forbidden[licence, "synthetic"]
    ]


def _misfit(recipe: Recipe, what: str, licence: str) -> str:
    known, use = recipe.licences(), recipe.use
    why = unfit(known.terms(licence), purpose=use.purpose, published=use.published, changed=True)
    cures = [known.hint(name) for name in sorted(known.terms(licence).unknown)]
    said = f"What comes from {what} ({licence}) is left out of releases: {LICENCE}:{why}."
    return " ".join([said, *cures])


def _forbidden(recipe: Recipe, licences: Sequence[str]) -> dict[tuple[str, str], str | None]:
    """(licence, origin) -> why such a record may not be released, or None."""
    known, use = recipe.licences(), recipe.use
    found: dict[tuple[str, str], str | None] = {}
    for licence in licences:
        for origin in ("real", "synthetic"):
            changed = origin == "synthetic"
            why = unfit(known.terms(licence), purpose=use.purpose, published=use.published, changed=changed)
            found[licence, origin] = f"{LICENCE}:{why}" if why else None
    return found
