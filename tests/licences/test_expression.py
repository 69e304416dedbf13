"""Licence expressions, read as SPDX says."""

import pytest

from synth_dagster.licences.expression import Choice, Every, Licence, NotAnExpression, canonical, leaves, near, parse

MIT, APACHE, BY = (Licence(name, listed=True) for name in ("MIT", "Apache-2.0", "CC-BY-4.0"))


def test_ids_and_operators_in_any_case_are_written_as_the_list_has_them():
    assert canonical("mit or (apache-2.0 and cc-by-4.0)") == "MIT OR (Apache-2.0 AND CC-BY-4.0)"


def test_and_binds_before_or():
    assert parse("MIT OR Apache-2.0 AND CC-BY-4.0") == Choice((MIT, Every((APACHE, BY))))
    assert parse("(MIT OR Apache-2.0) AND CC-BY-4.0") == Every((Choice((MIT, APACHE)), BY))


def test_an_exception_only_allows_more_so_the_licence_stays():
    assert parse("GPL-2.0-or-later WITH Bison-exception-2.2") == Licence("GPL-2.0-or-later", listed=True)


def test_what_the_list_does_not_have_is_read_and_marked():
    assert leaves(parse("LicenseRef-Acme AND MIT")) == [Licence("LicenseRef-Acme", listed=False), MIT]
    assert parse("CC BY 4.0") == Licence("CC BY 4.0", listed=False)


@pytest.mark.parametrize("text", ["", "(MIT", "MIT AND", "OR MIT", "MIT AND OR MIT", "MIT)", "x" * 1_001, "(" * 900])
def test_what_follows_no_grammar_is_refused(text):
    with pytest.raises(NotAnExpression):
        parse(text)


def test_a_slip_of_the_pen_has_a_neighbour():
    assert near("CC BY 40") == "CC-BY-4.0"
    assert near("Apache 2") == "Apache-2.0"
    assert near("Acme house rules") is None
