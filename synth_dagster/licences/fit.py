"""Whether a record's licence lets it into a release: the purpose of the release, and whether it leaves the house."""

from typing import Literal, TypeAlias

from synth_dagster.licences.terms import Terms, Use

Purpose: TypeAlias = Literal["commercial", "unspecified", "non_commercial", "research"]

PURPOSES: dict[Purpose, Use] = {
    "commercial": Use.COMMERCIAL,
    "unspecified": Use.UNSPECIFIED,
    "non_commercial": Use.NON_COMMERCIAL,
    "research": Use.RESEARCH,
}
"""Purpose -> the strictest use that a licence of such a release may have."""

# Each may be passed on under the other's terms: versions of one licence, whose owners said so.
_SAME = (
    {"CC-BY-SA-2.0", "CC-BY-SA-2.5", "CC-BY-SA-3.0", "CC-BY-SA-4.0"},
    {"CC-BY-NC-SA-2.0", "CC-BY-NC-SA-2.5", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0"},
    {"GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later", "CC-BY-SA-4.0"},
)


def unfit(terms: Terms, *, purpose: Purpose | None, published: bool, changed: bool) -> str | None:
    """Why a record with these terms may not be in a release, or None.

    `changed` says whether it is another text than the licensed one. The reasons: `unknown`, `unspecified`,
    `non_commercial`, `research_only`, and of what is published `no_derivatives` and `share_alike_conflict`.
    """
    if purpose is not None and terms.use > PURPOSES[purpose]:
        if terms.unknown:
            return "unknown"
        return {Use.UNSPECIFIED: "unspecified", Use.NON_COMMERCIAL: "non_commercial"}.get(terms.use, "research_only")
    if published and changed and terms.no_derivatives:
        return "unknown" if terms.unknown else "no_derivatives"
    return "share_alike_conflict" if published and changed and _in_conflict(terms) else None


def _in_conflict(terms: Terms) -> bool:
    """Whether two licences each demand that a changed copy is passed on under themselves, or one frees what is not."""
    licences = terms.share_alike
    if len(licences) > 1 and not any(licences <= same for same in _SAME):
        return True
    return bool(licences) and terms.use > Use.COMMERCIAL and any(_allows_sale(licence) for licence in licences)


def _allows_sale(licence: str) -> bool:
    """A share-alike licence that allows commercial use cannot cover a text that something else keeps from it."""
    return licence.startswith(("CC-BY-SA", "GPL", "AGPL", "GFDL", "ODbL", "CDLA", "EUPL", "CECILL", "OSL", "MS-RL"))
