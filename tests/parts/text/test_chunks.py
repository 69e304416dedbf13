"""Passages are slices of the text, cut where a reader would cut."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.errors import SynthError
from synth_dagster.parts.text.chunks import split, words

WORD = st.sampled_from(["tree", "Rain", "fell", "on", "the", "old", "roof", "again", "x", "it's"])
SENTENCE = st.lists(WORD, min_size=1, max_size=9).map(lambda found: " ".join(found) + ".")
PROSE = st.lists(SENTENCE, min_size=1, max_size=3).map("\n".join)
HEADING = st.lists(WORD, min_size=1, max_size=4).map(lambda found: "## " + " ".join(found))
CODE = st.lists(
    st.sampled_from(["x = 1", "", "print(x)", "def f(a):", "    return a", "# note"]), min_size=1, max_size=6
)
FENCED = CODE.map(lambda lines: "\n".join(["```python", *lines, "```"]))
INDENTED = CODE.map(lambda lines: "\n".join("    " + line if line else "" for line in ["y = 0", *lines, "y += 1"]))
LIST = st.lists(SENTENCE, min_size=1, max_size=4).map(lambda found: "\n\n".join("* " + item for item in found))
TABLE = st.just("| a | b |\n|---|---|\n| 1 | 2 |")
GRAMMAR = st.just('   stmt ::= "assert" expr\n   expr ::= term')
TEXT = st.lists(st.one_of(PROSE, HEADING, FENCED, INDENTED, LIST, TABLE, GRAMMAR), max_size=12).map("\n\n".join)


def lines_of(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


@given(TEXT, st.integers(30, 80))
@settings(max_examples=150, deadline=None)
def test_every_line_is_in_exactly_one_passage_in_order(text, limit):
    # a paragraph has at most 3 sentences of 9 words, so none is cut inside
    passages = split(text, max_words=limit)
    assert [line for passage in passages for line in lines_of(passage)] == lines_of(text)


@given(st.text(max_size=400), st.integers(1, 12))
@settings(max_examples=200, deadline=None)
def test_no_character_is_lost_or_doubled_whatever_the_text(text, limit):
    passages = split(text, max_words=limit, min_words=0)
    assert "".join("".join(passages).split()) == "".join(text.split())
    assert all(passage.strip() and passage in text for passage in passages)


@given(
    st.lists(
        st.sampled_from(["", "Title", "## H", "word " * 9, "A b. C d. E f g.", "    x = 1", "```", "* item", "Note:"])
    )
)
@settings(max_examples=150, deadline=None)
def test_only_what_may_not_be_cut_is_longer_than_the_limit(lines):
    text = "\n".join(lines)
    for passage in split(text, max_words=12):
        assert words(passage) <= 12 or "```" in passage or "    x = 1" in passage


@given(PROSE, st.one_of(FENCED, INDENTED, TABLE, GRAMMAR), PROSE, st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_code_and_tables_are_never_cut(before, block, after, limit):
    passages = split(f"{before}\n\n{block}\n\n{after}", max_words=limit)
    assert sum(block.strip("\n") in passage for passage in passages) == 1


def test_a_code_block_longer_than_the_limit_stays_whole():
    block = "```\n" + "\n\n".join(f"x = {n}" for n in range(50)) + "\n```"
    assert split(f"Before it.\n\n{block}\n\nAfter it.", max_words=10) == ["Before it.", block, "After it."]


def test_blank_lines_inside_indented_code_do_not_end_it():
    code = '   def f():\n       """Do it.\n\n       This explains the thing at length.\n       """\n\n   f()'
    assert code in split(f"Look at this:\n\n{code}\n\nThat was it.", max_words=8)[0]


def test_an_indented_description_is_prose_and_may_be_cut():
    text = "x.run(self)\n\n   Runs it once and returns at once.\n\n   Then it waits for the end of it all."
    # 1 + 6 words, then 9: the name stays with the beginning of its description
    assert split(text, max_words=9) == [
        "x.run(self)\n\n   Runs it once and returns at once.",
        "   Then it waits for the end of it all.",
    ]


def test_a_heading_stays_with_what_follows():
    text = "One two three four five.\n\nThe title\n\nSix seven eight nine ten."
    assert split(text, max_words=7) == ["One two three four five.", "The title\n\nSix seven eight nine ten."]


def test_a_heading_stays_with_the_first_piece_of_a_long_paragraph():
    text = "# Title\n\nOne two three. Four five six. Seven eight nine."
    assert split(text, max_words=5) == ["# Title\n\nOne two three.", "Four five six.", "Seven eight nine."]


def test_a_lead_in_stays_with_its_example():
    text = "First some words here.\n\nFor example:\n\n    x = 1\n\nAnd some more words."
    assert split(text, max_words=6, min_words=1) == [
        "First some words here.",
        "For example:\n\n    x = 1",
        "And some more words.",
    ]


def test_a_list_stays_together_if_it_fits_and_is_cut_between_items_if_not():
    items = "* one two\n\n* three four\n\n* five six"
    assert split(f"A sentence of five words.\n\n{items}", max_words=9)[1] == items
    assert split(items, max_words=6) == ["* one two\n\n* three four", "* five six"]


def test_small_paragraphs_are_joined():
    assert split("a b.\n\nc d.\n\ne f.", max_words=4, min_words=0) == ["a b.\n\nc d.", "e f."]


def test_a_long_paragraph_is_cut_at_sentences_and_a_long_sentence_at_words():
    assert split("One two. Three four five. Six.", max_words=3) == ["One two.", "Three four five.", "Six."]
    assert split("a b c d e f g", max_words=3) == ["a b c", "d e f", "g"]


def test_chinese_is_cut_by_its_own_full_stops():
    text = "今天下雨了。我们在家。明天会好。"  # 5, 4 and 4 characters and their full stops, a word each
    assert split(text, max_words=6) == ["今天下雨了。", "我们在家。", "明天会好。"]


def test_indented_prose_of_any_script_is_no_code():
    text = "    \u092c\u093e\u0930\u093f\u0936 \u0939\u0941\u0908 \u0925\u0940\u0964 " * 3  # three sentences in Hindi
    assert len(split(text.rstrip(), max_words=4)) == 3


def test_the_declaration_of_human_rights_is_cut_in_every_language():
    folder = Path(__file__).resolve().parents[3].parent / "shared/data/udhr"
    if not folder.is_dir():
        pytest.skip("../shared/data/udhr is not here")
    for path in sorted(folder.glob("*.txt")):
        text = path.read_text("utf-8")
        passages = split(text, max_words=100)
        assert "".join("".join(passages).split()) == "".join(text.split())
        assert max(map(words, passages)) <= 100, path.name


def test_a_fence_that_nobody_closes_does_not_swallow_the_rest():
    text = "Before.\n\n```\n\n" + "\n\n".join(f"Sentence number {n} stands here." for n in range(20))
    assert len(split(text, max_words=20)) > 3


@pytest.mark.parametrize("text", ["", "\n\n \t\n", " "], ids=["empty", "blank lines", "a space"])
def test_nothing_gives_nothing(text):
    assert split(text, max_words=10) == []


@pytest.mark.parametrize(
    ("most", "least"), [(0, None), (5, 6), (5, -1)], ids=["no words", "least above most", "negative"]
)
def test_impossible_sizes_are_refused(most, least):
    with pytest.raises(SynthError, match="Set 0 <= min_words <= max_words"):
        split("text", max_words=most, min_words=least)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("   A" + "a(" * 200_000 + ".", id="brackets that never close"),
        pytest.param("\n\n".join(["    x = 1"] * 20_000), id="code with many blank lines"),
        pytest.param("\n\n".join(["* item"] * 20_000), id="a list without end"),
        pytest.param("\n\n".join(["Title"] * 20_000), id="headings only"),
        pytest.param("word. " * 100_000, id="one paragraph"),
        pytest.param("." * 200_000 + " " * 200_000 + ".", id="dots and spaces"),
        pytest.param("`" * 200_000, id="back-ticks"),
    ],
)
def test_no_text_costs_more_than_its_length(text):
    # each of these would take minutes, not the second it takes, if the cost grew with the square
    assert "".join("".join(split(text, max_words=50)).split()) == "".join(text.split())


def test_the_default_corpus_keeps_its_code_grammar_and_tables():
    from pydoc_data.topics import topics

    from synth_dagster.readers.python_reference import without_underlines

    for text in map(without_underlines, topics.values()):
        passages = split(text, max_words=220)
        assert "".join("".join(passages).split()) == "".join(text.split())
        for row, following in zip(text.split("\n"), text.split("\n")[1:], strict=False):
            if "::=" in row and following.strip():
                assert any(f"{row}\n{following}" in passage for passage in passages)
