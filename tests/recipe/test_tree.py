import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth_dagster.recipe import tree
from synth_dagster.recipe.tree import MAX_BYTES, MAX_DEPTH, NotYaml, Tree, decoded, plain_value, read_yaml


@pytest.mark.parametrize(
    ("word", "value"),
    [
        pytest.param("no", "no", id="no is a word (YAML 1.1 says false)"),
        pytest.param("on", "on", id="on is a word"),
        pytest.param("1:30", "1:30", id="a time is text (YAML 1.1 says 90)"),
        pytest.param("2024-01-01", "2024-01-01", id="a date is text"),
        pytest.param("007", "007", id="leading zeros are text (YAML 1.1 says octal)"),
        pytest.param("0x1F", "0x1F", id="hexadecimal is text"),
        pytest.param("5_000_000", 5_000_000, id="underscores group digits"),
        pytest.param("-3", -3, id="negative"),
        pytest.param("1e6", 1_000_000.0, id="1e6 is a number (YAML 1.1 says text)"),
        pytest.param("0.30", 0.3, id="decimal"),
        pytest.param("1e999", "1e999", id="what is no finite number is text"),
        pytest.param(".nan", ".nan", id="not a number is text"),
        pytest.param("9" * 400, "9" * 400, id="a number of 400 digits is text"),
        pytest.param("True", True, id="true"),
        pytest.param("~", None, id="null"),
    ],
)
def test_an_unquoted_word_means_what_everybody_reads(word, value):
    assert plain_value(word) == value
    assert type(plain_value(word)) is type(value)


def test_quotes_make_text_of_everything():
    assert read_yaml("""{a: "5", b: 'true', c: ""}""").data == {"a": "5", "b": "true", "c": ""}


def test_every_value_knows_its_line():
    found = read_yaml("a:\n  - b: 1\n    c:\n      2\n  - d\n")
    assert found.data == {"a": [{"b": 1, "c": 2}, "d"]}
    places = [("a",), ("a", 0, "b"), ("a", 0, "c"), ("a", 1), ("a", 0, "missing"), ()]
    assert [found.line(place) for place in places] == [1, 2, 3, 5, 2, 1]


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        pytest.param("a: 1\nb: 2\na: 3\n", 3, "'a' stands here twice, first in line 1.", id="duplicate key"),
        pytest.param("a: &x 1\n", 1, "An anchor (&) is not taken in a recipe.", id="anchor"),
        pytest.param("a: 1\nb: *x\n", 2, "An alias (*x) is not taken in a recipe.", id="alias"),
        pytest.param("a:\n  !!python/name:os.system x\n", 2, "A tag (!) is not taken in a recipe.", id="tag"),
        pytest.param(
            "? [1, 2]\n: 3\n", 1, "Something that is no name stands where a name belongs.", id="a list for a name"
        ),
        pytest.param("a: 1\n---\nb: 2\n", 2, "A second document begins here ('---').", id="two documents"),
    ],
)
def test_what_lets_a_line_mean_something_else_is_refused(text, line, cause):
    assert [(flaw.line, flaw.cause) for flaw in read_yaml(text).flaws] == [(line, cause)]


def test_after_a_duplicate_the_first_value_stays_and_the_rest_is_read():
    assert read_yaml("a: 1\na: {b: [2]}\nc: 3\n").data == {"a": 1, "c": 3}


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        pytest.param("a: 1\n\tb: 2\n", 2, "This is not YAML", id="tab"),
        pytest.param("a: 1\nb: [2\n", 2, "This is not YAML", id="open bracket"),
        pytest.param("a: 1\nb: c: d\n", 2, "This is not YAML", id="two colons"),
        pytest.param("a: 1\nb: \x00\n", 2, "Control character U+0000", id="nul"),
        pytest.param("a: \ud800\n", 1, "Control character U+D800", id="half a surrogate pair"),
        pytest.param('a: "\\UFFFFFFFF"\n', 1, "not YAML", id="an escape for no character"),
        pytest.param("a" * (MAX_BYTES + 1), 1, "longer than 1,000,000 bytes", id="too long"),
        pytest.param("[" * (MAX_DEPTH + 2), 1, f"Nested deeper than {MAX_DEPTH} levels", id="deep flow lists"),
        pytest.param("- " * 500 + "1", 1, f"Nested deeper than {MAX_DEPTH} levels", id="deep block lists"),
    ],
)
def test_what_cannot_be_read_at_all_is_one_flaw_with_its_line(text, line, part):
    with pytest.raises(NotYaml) as caught:
        read_yaml(text)
    assert caught.value.flaw.line == line
    assert part in caught.value.flaw.cause
    assert caught.value.flaw.cure


def test_a_tab_is_named_as_the_culprit():
    with pytest.raises(NotYaml) as caught:
        read_yaml("a:\n\t- b\n")
    assert caught.value.flaw.cure == "Indent with spaces, not with tabs."


def test_a_bomb_of_aliases_is_refused_and_not_unfolded():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]  # 10**30 values, unfolded
    flaws = read_yaml("\n".join(lines)).flaws
    assert len(flaws) == 30 + 29 * 10  # each anchor and each alias


def test_bytes_that_are_not_utf8_are_told_by_line():
    with pytest.raises(NotYaml) as caught:
        decoded(b"a: 1\nb: \xff\n")
    assert (caught.value.flaw.line, caught.value.flaw.cause) == (2, "The file is not UTF-8 text (byte 8).")


def test_a_byte_order_mark_does_no_harm():
    assert read_yaml(decoded(b"\xef\xbb\xbfa: 1\n")).data == {"a": 1}


def test_half_a_surrogate_pair_is_neither_a_name_nor_a_value(monkeypatch):
    monkeypatch.setattr(tree, "_LOADER", yaml.SafeLoader)  # libyaml refuses the escape itself
    assert [flaw.line for flaw in read_yaml('"\\ud800": 1\nb: "\\udfff"\n').flaws] == [1, 2]


@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.one_of(st.text(), st.text(alphabet="ab:-[]{}&*!?|>\"'\\#, \n\t~0")))
def test_any_text_is_a_tree_or_a_flaw(monkeypatch, loader, text):
    monkeypatch.setattr(tree, "_LOADER", getattr(yaml, loader))
    try:
        found = read_yaml(text)
    except NotYaml as error:
        line = error.flaw.line
    else:
        assert isinstance(found, Tree)
        return
    assert 1 <= line <= text.count("\n") + text.count("\r") + 3
