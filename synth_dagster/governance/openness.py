"""How open a release is, by its licences: the parts and their arrangement apart, since neither makes the other free.

Tiers as in "Towards best practices for open datasets for LLM training" (2501.08365): openly licensed is what anybody
may use, change and share for any purpose, by every part and by the arrangement; open access is what can be had, without
that being sure. A licence that nobody has classed leaves the tier unknown.
"""

from collections.abc import Iterable
from typing import Literal, TypeAlias

from synth_dagster.licences.registry import Licences
from synth_dagster.licences.terms import Terms, Use

Tier: TypeAlias = Literal["openly_licensed", "open_access", "unknown"]


def is_open(terms: Terms) -> bool:
    """Whether anybody may use, change and share it for any purpose; naming and share-alike may be asked for."""
    return terms.use is Use.COMMERCIAL and not terms.no_derivatives and not terms.unknown


def tier_of(known: Licences, parts: Iterable[str], arrangement: str | None) -> Tier:
    """The tier of what has these licences, one for each kind of part, in an arrangement under that licence."""
    found = [known.terms(part) for part in parts]
    whole = known.terms(arrangement) if arrangement else Terms(Use.UNSPECIFIED)
    if any(terms.unknown for terms in (*found, whole)):
        return "unknown"
    return "openly_licensed" if all(is_open(terms) for terms in (*found, whole)) else "open_access"
