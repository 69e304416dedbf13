"""The algebra of terms: joining more never allows more, and the order in which one joins does not matter."""

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from license_expression import get_spdx_licensing

from synth_dagster.licences.registry import Licences, joined, names_of, provider_terms, spdx
from synth_dagster.licences.terms import Terms, Use, every, freest

KNOWN = Licences()

WORDS = st.sampled_from(["", "by", "nc by", "nc by sa", "by nd", "research by sa", "unspecified", "by sa", "nc nd"])
TERMS = st.builds(Terms.of, WORDS, st.sampled_from(["A", "B", "C"])) | st.builds(Terms.nobody_knows, st.just("D"))


def flags(terms):
    """As the audit writes them: use, attribution, share-alike."""
    return terms.use.name.lower(), int(terms.attribution), int(bool(terms.share_alike))


@pytest.mark.parametrize(
    ("licences", "wanted"),
    [  # the fixtures of the card
        (["CC BY 4.0", "CC BY-NC 4.0"], ("non_commercial", 1, 0)),
        (["MIT License", "OpenAI"], ("non_commercial", 1, 1)),
        (["MIT License", "Unspecified"], ("unspecified", 1, 0)),
        (["Various"], ("research", 1, 1)),
    ],
)
def test_licences_resolve_as_the_audits_own_code_resolves_them(licences, wanted):
    assert flags(KNOWN.join(licences)) == wanted


# The class names of the audit's table, with what it says of them; `?` counts as a demand.
AUDIT = """
Academic Free License v3.0|commercial|1|0
Academic Research Purposes Only|research|1|1
AI2 ImpACT License - Low Risk|commercial|1|1
All Uses-Attribution|commercial|1|0
Apache License 2.0|commercial|1|0
Artistic License 2.0|commercial|1|0
BSD 2-Clause License|commercial|1|0
BSD 3-Clause License|commercial|1|0
C-UDA|commercial|1|1
CC BY 2.0|commercial|1|0
CC BY 2.5|commercial|1|0
CC BY 3.0|commercial|1|0
CC BY 4.0|commercial|1|0
CC BY-NC 2.0|non_commercial|1|0
CC BY-NC 3.0|non_commercial|1|0
CC BY-NC 4.0|non_commercial|1|0
CC BY-NC-ND 3.0|non_commercial|1|0
CC BY-NC-ND 4.0|non_commercial|1|0
CC BY-NC-SA 3.0|non_commercial|1|1
CC BY-NC-SA 4.0|non_commercial|1|1
CC BY-SA|commercial|1|1
CC BY-SA 2.0|commercial|1|1
CC BY-SA 3.0|commercial|1|1
CC BY-SA 4.0|commercial|1|1
CC0 1.0|commercial|0|0
CDLA Permissive 2.0|commercial|1|0
CDLA Permissive 1.0|commercial|1|0
CDLA Sharing 1.0|commercial|1|1
EPL 1.0|commercial|1|0
GNU General Public License v2.0|commercial|1|1
GNU General Public License v3.0|commercial|1|1
Google Cloud Translation API|non_commercial|1|1
ISC License|commercial|1|0
LGPL 2.1|commercial|1|0
LGPL 3.0|commercial|1|0
MIT License|commercial|1|0
MPL 2.0|commercial|1|0
Microsoft Data Licensing Agreement|research|1|1
Non Commercial|non_commercial|0|0
OANC|commercial|1|0
ODC BY 1.0|commercial|1|0
OGL 3.0|commercial|1|0
OpenAI|non_commercial|1|1
Anthropic|non_commercial|1|1
Request Form|research|1|1
Unspecified|unspecified|0|0
Various|research|1|1
Skywork Community License|commercial|1|0
BigScience OpenRAIL-M|commercial|1|1
Llama 2|commercial|1|0
LMSYS-Chat-1M Dataset License|commercial|0|0
Apache 2.0|commercial|1|0
CC BY|commercial|1|0
CC BY SA|commercial|1|1
CC BY-NC-ND|non_commercial|1|0
CC0|commercial|0|0
CSLU Agreement|non_commercial|1|0
LDC User Agreement|non_commercial|1|0
Public Domain|commercial|0|0
Unclear|non_commercial|1|1
Open Access|commercial|1|1
Meta Llama3 Community License|commercial|1|0
"""


@pytest.mark.parametrize("row", AUDIT.strip().splitlines())
def test_every_class_of_the_audit_has_a_licence_with_its_terms(row):
    name, *wanted = row.split("|")
    assert flags(KNOWN.terms(name)) == (wanted[0], int(wanted[1]), int(wanted[2]))
    assert not KNOWN.terms(name).unknown


@pytest.mark.parametrize("name", [row.split("|")[0] for row in AUDIT.strip().splitlines()] + ["No License", "MIT"])
def test_every_class_of_the_audit_is_written_as_spdx_writes_it_and_none_is_lost(name):
    said = spdx(name)
    unlisted = get_spdx_licensing().validate(said).errors
    assert not unlisted or re.fullmatch(r"LicenseRef-[A-Za-z0-9.\-]+", said)
    assert KNOWN.terms(said) == KNOWN.terms(name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("mit or (Apache-2.0 and CC-BY-4.0)", "MIT OR (Apache-2.0 AND CC-BY-4.0)", id="in any case"),
        pytest.param("MIT AND MIT OR MIT", "MIT", id="what is said three times"),
        pytest.param("GPL-2.0-or-later WITH Bison-exception-2.2", None, id="an exception"),
        pytest.param("MIT AND (CC BY 4.0 OR Apache 2.0)", "MIT AND (CC-BY-4.0 OR Apache-2.0)", id="names of people"),
        pytest.param("House rules AND MIT", "LicenseRef-House-rules AND MIT", id="terms on no list"),
        pytest.param("LicenseRef-OpenAI-ToU", None, id="a reference"),
        pytest.param("https://acme.example/terms AND MIT", "LicenseRef-acme.example-terms AND MIT", id="an address"),
        pytest.param("MIT/Apache", "LicenseRef-MIT-Apache", id="no expression"),
        pytest.param("\u65e5\u672c", "LicenseRef-unknown", id="no letter that SPDX takes"),
        pytest.param("", "NOASSERTION", id="nothing"),
        pytest.param("NONE", None, id="none"),
        pytest.param("MIT AND NOASSERTION", "MIT AND LicenseRef-Unspecified", id="nothing, beside something"),
    ],
)
def test_whatever_a_record_says_is_written_in_spdxs_grammar(text, said):
    assert spdx(text) == (said or text)


@given(st.text(max_size=60))
def test_whatever_is_written_in_spdxs_grammar_stays(text):
    assert spdx(spdx(text)) == spdx(text)


def test_terms_on_no_list_are_told_by_what_they_are_called_and_where_they_stand():
    assert names_of("LicenseRef-OpenAI-Terms") == ["OpenAI", "https://openai.com/policies/terms-of-use"]
    assert names_of("CC-BY-NC-4.0") == ["CC BY-NC 4.0"] and names_of("LicenseRef-House") == []


def test_where_the_audits_table_contradicts_itself_the_stricter_row_counts():
    """It has MIT without attribution beside MIT License with it, CC BY-NC-SA without share-alike, and reads no licence
    at all as every use allowed; of CC BY-ND it says share-alike, which is our no derivatives."""
    assert flags(KNOWN.terms("MIT")) == ("commercial", 1, 0)
    assert flags(KNOWN.terms("CC BY-NC-SA")) == ("non_commercial", 1, 1)
    assert KNOWN.terms("No License") == KNOWN.terms("") == KNOWN.terms("NOASSERTION") == Terms(Use.UNSPECIFIED)
    assert KNOWN.terms("CC BY-ND 4.0").no_derivatives == {"CC-BY-ND-4.0"}


def test_a_choice_is_the_freest_and_a_sum_the_strictest():
    assert KNOWN.terms("CC-BY-NC-SA-4.0 OR MIT") == KNOWN.terms("MIT")
    assert KNOWN.terms("CC-BY-NC-SA-4.0 AND MIT") == KNOWN.terms("CC-BY-NC-SA-4.0")
    assert KNOWN.terms("(MIT OR GPL-3.0-only) AND CC-BY-4.0").share_alike == frozenset()


@pytest.mark.parametrize(
    ("address", "licence"),
    [
        ("https://creativecommons.org/licenses/by-nc/4.0/", "CC-BY-NC-4.0"),
        ("http://creativecommons.org/licenses/by-sa/3.0/legalcode", "CC-BY-SA-3.0"),
        ("https://www.creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://opensource.org/licenses/MIT", "MIT"),
        ("https://spdx.org/licenses/Apache-2.0.html", "Apache-2.0"),
        ("https://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0"),
        ("https://www.gnu.org/licenses/gpl-3.0.en.html", "GPL-3.0-only"),
        ("https://openai.com/policies/terms-of-use", "LicenseRef-OpenAI-Terms"),
    ],
)
def test_a_licence_is_known_by_its_address_alone_and_in_a_sum(address, licence):
    assert KNOWN.terms(address) == KNOWN.terms(licence) and not KNOWN.terms(address).unknown
    assert KNOWN.terms(joined([address, "CC-BY-ND-4.0"])) == KNOWN.join([licence, "CC-BY-ND-4.0"])


def test_an_address_that_nobody_knows_is_the_strictest_until_a_recipe_says_its_terms():
    unknown = "https://acme.example/terms"
    assert KNOWN.terms(unknown).unknown == {unknown} and KNOWN.terms(f"{unknown} AND MIT").unknown == {unknown}
    own = Licences({unknown: "nc by"})
    assert flags(own.terms(f"{unknown} AND MIT")) == ("non_commercial", 1, 0)


@pytest.mark.parametrize("text", ["LicenseRef-Acme", "house rules", "(MIT", "Aladdin"])
def test_what_nobody_has_classed_is_kept_flagged_and_the_strictest(text):
    terms = KNOWN.terms(text)
    assert terms.unknown and terms.use is Use.RESEARCH and terms.no_derivatives
    assert KNOWN.terms("MIT").allows(terms) and not terms.allows(KNOWN.terms("MIT"))


def test_a_recipes_own_words_go_before_the_table():
    own = Licences({"LicenseRef-Acme": "by", "MIT": "nc"})
    assert flags(own.terms("LicenseRef-Acme AND Apache-2.0")) == ("commercial", 1, 0)
    assert own.terms("mit").use is Use.NON_COMMERCIAL


def test_provider_terms_that_are_not_counted_leave_the_rest_or_nothing_said():
    ignoring = Licences(ignored=frozenset(["LicenseRef-OpenAI-Terms"]))
    assert ignoring.terms("LicenseRef-OpenAI-Terms AND MIT") == KNOWN.terms("MIT")
    assert ignoring.terms("OpenAI") == Terms(Use.UNSPECIFIED)


def test_a_provider_is_known_by_its_address_and_its_models():
    assert provider_terms(["m"], ["https://api.openai.com/v1"]) == "LicenseRef-OpenAI-Terms"
    assert provider_terms(["claude-x"], ["http://127.0.0.1:1/v1"]) == "LicenseRef-Anthropic-Terms"
    assert provider_terms(["meta/Llama-3-8B"], []) == "LicenseRef-Llama-3-Community"
    assert provider_terms(["qwen"], ["http://127.0.0.1:1/v1"]) == ""


@pytest.mark.parametrize("words", ["ncc", "nc research", "by nc commercial", "?"])
def test_other_words_are_no_terms(words):
    with pytest.raises(ValueError, match="write at most one of"):
        Terms.of(words, "A")


def test_expressions_are_put_together_without_being_read():
    assert joined(["MIT", "", "MIT"]) == "MIT"
    assert joined(["B AND A", "C", "A"]) == "A AND B AND C"
    assert joined(["MIT OR GPL-3.0-only", "CC-BY-4.0"]) == "CC-BY-4.0 AND (MIT OR GPL-3.0-only)"
    assert joined([]) == ""


# ------------------------------------------------------------------------------------------------------- properties


@given(TERMS, TERMS, TERMS)
def test_joining_is_commutative_associative_and_idempotent(a, b, c):
    assert a.with_(b) == b.with_(a)
    assert a.with_(b).with_(c) == a.with_(b.with_(c))
    assert a.with_(a) == a


@given(st.lists(TERMS, max_size=6), TERMS)
def test_one_more_ancestor_never_allows_more(ancestors, more):
    assert every(ancestors).allows(every([*ancestors, more]))


@given(st.lists(TERMS, min_size=1, max_size=6))
def test_a_choice_is_one_of_them_whatever_their_order(terms):
    chosen = freest(terms)
    assert chosen in terms and chosen == freest(reversed(terms))
    assert all(chosen.use <= other.use or bool(chosen.unknown) < bool(other.unknown) for other in terms)


LEAVES = st.sampled_from(["MIT", "CC-BY-NC-4.0", "CC-BY-SA-4.0", "CC-BY-ND-4.0", "LicenseRef-Acme", "CC0-1.0"])


@given(st.lists(LEAVES, min_size=1, max_size=5))
def test_the_text_of_a_join_asks_for_what_the_join_of_the_terms_asks_for(licences):
    assert KNOWN.terms(joined(licences)) == KNOWN.join(licences)


def test_one_forbidden_root_in_twenty_is_found_below_whatever_lies_between_and_nothing_else():
    """Four generations of 400 records, each of one or two of the one before, against sets that are carried along."""
    random = Random(5)
    free = ["MIT", "CC-BY-4.0", "CC0-1.0"]
    above = [("CC-BY-NC-4.0", {n}) if n % 20 == 0 else (random.choice(free), set()) for n in range(400)]
    for _ in range(3):
        drawn = [random.sample(above, random.randint(1, 2)) for _ in range(400)]
        above = [(joined(licence for licence, _ in of), set().union(*(roots for _, roots in of))) for of in drawn]
    found = [KNOWN.terms(licence).use is Use.NON_COMMERCIAL for licence, _ in above]
    assert found == [bool(forbidden) for _, forbidden in above]
    assert 20 < sum(found) < 200  # about 1.5 ** 3 roots a record: some 15 % have one


@given(st.text(max_size=80))
def test_no_text_stops_the_reading(text):
    assert isinstance(KNOWN.terms(text), Terms)
