"""Programs of edits: what is read, what is an error, and that the executor does exactly what the calls say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.pages.edit_programs import (
    Normalise,
    Program,
    RemoveLines,
    RemoveText,
    Window,
    executed,
    is_subsequence,
    read_program,
    windows,
    written,
)
from synth_dagster.parts.pages.published_programs import executed_as_published, read_as_published
from synth_dagster.parts.text.tokens import count

TEXT = 'zero\none, "quoted"\ntwo two\nthree (bracket)\nfour'
ALL = ("remove_lines", "normalize", "remove_str", "keep_chunk")


def whole(text):
    return Window(0, tuple(text.split("\n")))


def read(program, window=None):
    return read_program(program, window or whole(TEXT), ALL)


@pytest.mark.parametrize(
    ("call", "operation"),
    [
        pytest.param("remove_lines(line_start=1, line_end=2)", RemoveLines(1, 2), id="by name"),
        pytest.param("remove_lines(1, 2)", RemoveLines(1, 2), id="by place"),
        pytest.param("  remove_lines(line_start = 4,line_end=4);", RemoveLines(4, 4), id="blanks and a semicolon"),
        pytest.param('normalize(source_str="two", target_str="2")', Normalise("two", "2"), id="replacement"),
        pytest.param('normalize(source_str="two")', Normalise("two", ""), id="a target is not needed"),
        pytest.param(r'normalize("one, \"quoted\"", "")', Normalise('one, "quoted"', ""), id="comma and quotes inside"),
        pytest.param("normalize('three (bracket)', '')", Normalise("three (bracket)", ""), id="bracket inside"),
        pytest.param('remove_str(line=3, text="(bracket)")', RemoveText(3, "(bracket)"), id="piece of a line"),
    ],
)
def test_calls_are_read(call, operation):
    assert read(call) == Program((operation,))


@pytest.mark.parametrize("answer", ["keep_chunk()", "", "```python\nkeep_chunk()\n```"])
def test_nothing_is_to_be_done(answer):
    assert read(answer) == Program()


@pytest.mark.parametrize(
    "call",
    [
        pytest.param("These lines are fine.", id="prose"),
        pytest.param("remove_lines(1)", id="argument missing"),
        pytest.param("remove_lines(1, 2, 3)", id="argument too many"),
        pytest.param("remove_lines(start=1, end=2)", id="names of no argument"),
        pytest.param("remove_lines(line_start=1, line_start=2)", id="one given twice"),
        pytest.param("remove_lines(line_start='1', line_end=2)", id="text for a number"),
        pytest.param("remove_lines(line_start=1, line_end=2", id="not closed"),
        pytest.param("remove_lines(line_start=2, line_end=1)", id="backwards"),
        pytest.param("remove_lines(line_start=-1, line_end=1)", id="before the first"),
        pytest.param("remove_lines(line_start=4, line_end=5)", id="beyond the last"),
        pytest.param("remove_lines(line_start=1, line_end=" + "9" * 5_000 + ")", id="a number without end"),
        pytest.param("remove_lines(all=True)", id="everything"),
        pytest.param('normalize(source_str="five", target_str="")', id="string that is not there"),
        pytest.param('normalize(source_str="", target_str="x")', id="empty string"),
        pytest.param('normalize(source_str=" ", target_str="x")', id="blank string"),
        pytest.param(r'normalize(source_str="two", target_str="a\nb")', id="a new line would shift the numbers"),
        pytest.param(r'normalize(source_str="two", target_str="\ud800")', id="half a character"),
        pytest.param('remove_str(line=9, text="x")', id="piece of no line"),
        pytest.param('remove_str(line=4, text="one")', id="piece of another line"),
        pytest.param("__import__('os')", id="another function"),
        pytest.param("drop_doc()", id="not of this level"),
        pytest.param("(" * 10_000, id="brackets without end"),
    ],
)
def test_what_cannot_be_read_or_done_is_an_error(call):
    assert read(call) == Program((), 1)
    assert read(f"{call}\nremove_lines(0, 0)") == Program((RemoveLines(0, 0),), 1)


def test_a_window_may_only_touch_its_own_lines():
    window = Window(2, ("two two", "three"))
    assert read("remove_lines(2, 3)", window).errors == 0
    assert read("remove_lines(1, 2)", window).errors == read("remove_lines(3, 4)", window).errors == 1


@pytest.mark.parametrize(
    ("operations", "text", "errors"),
    [
        pytest.param([RemoveLines(0, 1), RemoveLines(1, 2)], "three (bracket)\nfour", 0, id="intervals that overlap"),
        pytest.param([RemoveLines(0, 10**15)], "", 0, id="all, however wide"),
        # the replacement comes first although it is written last, and lines keep their numbers
        pytest.param([RemoveLines(0, 1), Normalise("o", "0")], "tw0 tw0\nthree (bracket)\nf0ur", 0, id="order"),
        pytest.param([Normalise("two", "2"), Normalise("two", "3")], TEXT.replace("two", "2"), 1, id="string is gone"),
        pytest.param([RemoveText(2, "two")], TEXT, 1, id="stands there twice"),
        pytest.param(
            [RemoveText(2, "two "), RemoveText(2, " two")],
            TEXT.replace("two two", ""),
            0,
            id="both pieces looked up in the line as it was",
        ),
        pytest.param([Normalise("o", "o" * 40)], TEXT, 1, id="would blow the text up"),
    ],
)
def test_execution(operations, text, errors):
    done = executed(TEXT, Program(tuple(operations)))
    assert (done.text, done.errors) == (text, errors)


words = st.text("ab \"',()\\=\u2028\x85", max_size=8)


@given(st.lists(words, min_size=1, max_size=6), st.data())
def test_a_written_program_is_read_as_itself(lines, data):
    text = "\n".join(lines)
    number = st.integers(0, len(lines) - 1)
    first = data.draw(number)
    pieces = [(n, line[a : a + 3]) for n, line in enumerate(lines) for a in range(len(line)) if line[a : a + 3].strip()]
    operations = [RemoveLines(first, data.draw(st.integers(first, len(lines) - 1)))]
    operations += [RemoveText(*piece) for piece in pieces[:3]]
    operations += [Normalise(piece, target) for (_, piece), target in zip(pieces, ["", "x\"'"], strict=False)]
    program = Program(tuple(operations))
    assert read_program(written(program), whole(text), ALL) == program


@given(st.text("ab\n", max_size=40), st.lists(st.tuples(st.integers(-3, 9), st.integers(-3, 9)), max_size=4))
def test_removed_lines_are_those_of_the_intervals(text, intervals):
    lines = text.split("\n")
    gone = {number for first, last in intervals for number in range(first, last + 1)}
    done = executed(text, Program(tuple(RemoveLines(*interval) for interval in intervals)))
    assert done.text == "\n".join(line for number, line in enumerate(lines) if number not in gone)
    assert is_subsequence(done.text, text)


@given(st.text("ab c\n", max_size=200), st.integers(4, 30))
def test_windows_lose_nothing_and_number_on(text, most):
    found = windows(text, most)
    assert "\n".join(line for window in found for line in window.lines) == text
    assert [window.first for window in found] == [sum(len(w.lines) for w in found[:n]) for n in range(len(found))]
    assert all(len(w.lines) == 1 or sum(count(line) + 3 for line in w.lines) <= most for w in found)


def test_lines_are_shown_with_their_numbers_and_a_long_one_by_its_beginning():
    first, long, last = windows(f"a\nb\n{'word ' * 100}\nc", 20)
    assert first.numbered(20) == "[000]a\n[001]b" and last.numbered(20) == "[003]c"
    assert long.numbered(20) == "[002]" + " ".join(["word"] * 20) + " ..."


@pytest.mark.parametrize(
    ("program", "text", "errors"),
    [
        pytest.param('normalize(source_str="one, x", target_str="")', TEXT, 0, id="three pieces are passed over"),
        pytest.param('normalize(source_str="five", target_str="")', TEXT, 0, id="string that is not there"),
        pytest.param("remove_lines(line_start=4, line_end=9)", TEXT.removesuffix("\nfour"), 1, id="cut at the end"),
        pytest.param("remove_lines(line_start=0, line_end=12", "three (bracket)\nfour", 1, id="the last digit is lost"),
        pytest.param("remove_lines(all=True)", "", 0, id="everything"),
        pytest.param("Remove it.", TEXT, 0, id="prose is passed over"),
    ],
)
def test_the_published_reading_has_its_slips(program, text, errors):
    # "line_end=12" without its bracket is read as "line_end=1": lines 0 and 1 go
    expected = TEXT.split("\n", 2)[2] if "line_end=12" in program else text
    done = executed_as_published(TEXT, read_as_published(program))
    assert (done.text, done.errors) == (expected, errors)
