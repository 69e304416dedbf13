"""Which records a release may hold, by what it is for and whether it is published."""

import pytest

from synth_dagster.licences.fit import PURPOSES, unfit
from synth_dagster.licences.registry import Licences

KNOWN = Licences()


def why(licence, purpose=None, *, published=False, changed=True):
    return unfit(KNOWN.terms(licence), purpose=purpose, published=published, changed=changed)


@pytest.mark.parametrize(
    ("licence", "fits"),
    [
        ("MIT", ["commercial", "unspecified", "non_commercial", "research"]),
        ("NOASSERTION", ["unspecified", "non_commercial", "research"]),
        ("CC-BY-NC-4.0", ["non_commercial", "research"]),
        ("LicenseRef-Academic", ["research"]),
        ("LicenseRef-Acme", ["research"]),
        ("MIT AND CC-BY-NC-4.0", ["non_commercial", "research"]),
        ("MIT OR CC-BY-NC-4.0", ["commercial", "unspecified", "non_commercial", "research"]),
    ],
)
def test_a_purpose_keeps_what_allows_it_and_what_is_freer(licence, fits):
    assert [purpose for purpose in PURPOSES if why(licence, purpose) is None] == fits
    assert why(licence) is None  # where no purpose is stated nothing is dropped


def test_the_reason_says_what_forbids():
    assert why("CC-BY-NC-4.0", "commercial") == "non_commercial"
    assert why("Various", "commercial") == "research_only"
    assert why("", "commercial") == "unspecified"
    assert why("LicenseRef-Acme", "commercial") == "unknown"


def test_no_derivatives_binds_changed_texts_that_are_published():
    assert why("CC-BY-ND-4.0", published=True) == "no_derivatives"
    assert why("CC-BY-ND-4.0", published=True, changed=False) is None
    assert why("CC-BY-ND-4.0", "commercial") is None


@pytest.mark.parametrize(
    ("licence", "conflict"),
    [
        ("CC-BY-SA-4.0", False),
        ("CC-BY-SA-3.0 AND CC-BY-SA-4.0", False),  # 3.0 may be passed on under a later version
        ("CC-BY-SA-4.0 AND GPL-3.0-only", False),  # Creative Commons declared it compatible, one way
        ("CC-BY-SA-4.0 AND MIT", False),
        ("CC-BY-SA-4.0 AND CC-BY-NC-SA-4.0", True),  # each wants the whole for itself
        ("CC-BY-SA-4.0 AND CC-BY-NC-4.0", True),  # share-alike would free what may not be sold
        ("CC-BY-NC-SA-4.0 AND CC-BY-NC-4.0", False),
        ("ODbL-1.0 AND GPL-2.0-only", True),
    ],
)
def test_share_alike_licences_that_exclude_each_other_cannot_be_published_as_one_text(licence, conflict):
    assert (why(licence, published=True) == "share_alike_conflict") is conflict
    assert why(licence) is None  # at home nobody is bound to pass it on
