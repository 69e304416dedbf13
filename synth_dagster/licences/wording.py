"""What licences allow and ask for, in a few words for people."""

from synth_dagster.licences.terms import Terms, Use

MEANING = {
    Use.COMMERCIAL: "every use",
    Use.UNSPECIFIED: "not said",
    Use.NON_COMMERCIAL: "no sale",
    Use.RESEARCH: "research only",
}


def allows(terms: Terms) -> str:
    """The use that terms allow, in words."""
    return "unknown" if terms.unknown else MEANING[terms.use]


def asks(terms: Terms) -> str:
    """What terms ask for, in words."""
    asked = ["attribution"] if terms.attribution else []
    asked += ["share alike"] if terms.share_alike else []
    asked += ["no changed copies"] if terms.no_derivatives else []
    return ", ".join(asked)
