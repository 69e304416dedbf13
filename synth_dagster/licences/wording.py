"""What licences allow and ask for, in a few words for people."""

from collections.abc import Container

from synth_dagster.licences.fit import Purpose
from synth_dagster.licences.terms import Terms, Use

MEANING = {
    Use.COMMERCIAL: "every use",
    Use.UNSPECIFIED: "not said",
    Use.NON_COMMERCIAL: "no sale",
    Use.RESEARCH: "research only",
}

USES: dict[Purpose, str] = {
    "commercial": "commercial",
    "unspecified": "commercial where a licence that says nothing is taken for a yes (unspecified)",
    "non_commercial": "non-commercial",
    "research": "research",
}


def uses(fitting: Container[Purpose]) -> list[str]:
    """The uses that these purposes stand for: one that needs no licence's silence holds with it too."""
    implied = "unspecified" if "commercial" in fitting else None
    return [words for one, words in USES.items() if one in fitting and one != implied]


def allows(terms: Terms) -> str:
    """The use that terms allow, in words."""
    return "unknown" if terms.unknown else MEANING[terms.use]


def asks(terms: Terms) -> str:
    """What terms ask for, in words."""
    asked = ["attribution"] if terms.attribution else []
    asked += ["share alike"] if terms.share_alike else []
    asked += ["no changed copies"] if terms.no_derivatives else []
    return ", ".join(asked)
