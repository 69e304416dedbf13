"""What is known about consent to a record's use, as text: how it joins over parents, and what it keeps out of releases.

A consent is a list of statements with ` AND ` between them: a ground that a recipe names, and what the sites of the
record's origins said. Statements of refusal begin with one of the words below.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from synth_dagster.licences.fit import Purpose
from synth_dagster.licences.site_terms import Verdict

OptOuts: TypeAlias = Literal["record", "obey"]

OPT_OUT = "opt-out by"
NO_SALE, NO_COMPETITION, NO_PASSING_ON = "no sale by", "no competition by", "no passing on by"

SAID: Mapping[Verdict, str] = {
    "no_scraping_no_ai": f"{OPT_OUT} terms (no scraping, no AI)",
    "no_scraping": f"{OPT_OUT} terms (no scraping)",
    "no_ai": f"{OPT_OUT} terms (no AI)",
    "non_commercial": f"{NO_SALE} terms",
    "non_compete": f"{NO_COMPETITION} terms",
    "no_redistribution": f"{NO_PASSING_ON} terms",
    "conditional": "conditions by terms",
}
"""What terms of service come to -> as a consent says it; nothing for those that ask for nothing."""


def joined_consents(consents: Iterable[str]) -> str:
    """Every statement of every one of them, once, in alphabetical order."""
    return " AND ".join(sorted({part for consent in consents for part in consent.split(" AND ") if part}))


def refused(consent: str, *, purpose: Purpose | None, published: bool) -> str | None:
    """Why a release that obeys what sites say may not hold a record with this consent, or None.

    The reasons: `opted_out`; `site_no_sale` and `site_no_competition` of what is to be sold, the first also where the
    purpose is unspecified; `site_no_passing_on` of what is published.
    """
    said = {word for word in (OPT_OUT, NO_SALE, NO_COMPETITION, NO_PASSING_ON) if _says(consent, word)}
    if OPT_OUT in said:
        return "opted_out"
    if NO_SALE in said and purpose in ("commercial", "unspecified"):
        return "site_no_sale"
    if NO_COMPETITION in said and purpose == "commercial":
        return "site_no_competition"
    return "site_no_passing_on" if NO_PASSING_ON in said and published else None


def refusing_parts(consent: str) -> list[str]:
    """The statements of a consent that refuse something."""
    words = (OPT_OUT, NO_SALE, NO_COMPETITION, NO_PASSING_ON)
    return [part for part in consent.split(" AND ") if part.startswith(words)]


def _says(consent: str, word: str) -> bool:
    return any(part.startswith(word) for part in consent.split(" AND "))
