"""The engine that runs filters: what SQL gives, in which order, and what happens when a value is missing."""

import pyarrow as pa
import pytest

from synth_dagster.errors import MethodError
from synth_dagster.method import Filter
from synth_dagster.record_tables import FLAT, to_table
from synth_dagster.records import Document, Instruction, Message, Preference
from synth_dagster.scale.signals import column_name, compute_signals, flatten, judge


class Lengths(Filter):
    paper = "interpretation"
    least: int = 3

    def signals(self):
        return {"length": "length(text)", "half": "length / 2", "_letters": "string_split(text, '')"}

    def rules(self):
        return {"short": f"length < {self.least}", "odd": "length % 2 = 1"}


def filter_of(signals=None, rules=None, measure=None):
    class Own(Filter):
        paper = "interpretation"

        def signals(self):
            return signals or {}

        def measure(self, flat, /, **services):
            return measure(flat, **services) if measure else {}

        def rules(self):
            return rules or {}

    return Own()


def documents(*texts):
    ids = [number.to_bytes(16, "big") for number in range(len(texts))]
    column = pa.array(texts, pa.string())
    return pa.table({"record_id": pa.array(ids, pa.binary()), "text": column, "title": column, "url": column})


def reasons(method, flat):
    return judge(method, compute_signals(method, flat))["reason"].to_pylist()


def test_a_signal_may_name_an_earlier_one_and_working_values_are_not_kept():
    found = compute_signals(Lengths(), documents("abcd", "ab"))
    assert found.column_names == ["record_id", "length", "half"]
    assert found["half"].to_pylist() == [2.0, 1.0]


def test_the_first_rule_that_fails_names_the_reason():
    # "ab" is short; "a" is short and odd; "abcde" is only odd
    assert reasons(Lengths(), documents("abcd", "ab", "a", "abcde")) == [None, "short", "short", "odd"]


def test_a_rule_without_a_value_drops():
    assert reasons(Lengths(), documents(None, "abcd")) == ["short:no_value", None]


def test_an_earlier_rule_without_a_value_comes_before_a_later_one_that_fails():
    method = filter_of({"score": "try_cast(text as double)"}, {"low": "score < 1", "any": "true"})
    assert reasons(method, documents("x", "2")) == ["low:no_value", "any"]


def test_measured_columns_come_first_and_signals_may_name_them():
    method = filter_of({"double": "size * 2"}, measure=lambda flat: {"size": pa.array([7] * flat.num_rows)})
    found = compute_signals(method, documents("a"))
    assert found.column_names == ["record_id", "size", "double"]
    assert found["double"].to_pylist() == [14]


def test_measure_is_given_the_services_it_asks_for():
    method = filter_of(measure=lambda flat, *, references: {"known": pa.array([references] * flat.num_rows)})
    assert compute_signals(method, documents("a"), services={"references": 3})["known"].to_pylist() == [3]


def test_rows_keep_their_order():
    texts = [str(number % 97) * (number % 13) for number in range(5_000)]
    flat = documents(*texts)
    found = compute_signals(filter_of({"length": "length(text)"}, {"long": "length > 10"}), flat)
    assert found["record_id"].equals(flat["record_id"])
    assert found["length"].to_pylist() == [len(text) for text in texts]


def test_whole_numbers_stay_whole_and_sums_are_no_decimals():
    found = compute_signals(filter_of({"sum": "list_sum([1, 2])", "mean": "list_avg([1, 2])"}), documents("a"))
    assert found.schema.types[1:] == [pa.int64(), pa.float64()]


def test_measured_columns_are_the_same_with_a_signal_of_sql_beside_them_or_without():
    flat = documents("ab", None, "c")
    columns = {
        "small": pa.array([1, None, 3], pa.int8()),
        "single": pa.array([0.5, None, 2.0], pa.float32()),
        "yes": pa.array([True, False, None]),
        "label": pa.chunked_array([["x"], ["y", None]]),
        "nothing": pa.nulls(3),
        "_step": pa.array([1, 2, 3]),
    }
    alone = compute_signals(filter_of(measure=lambda flat: columns), flat)
    beside = compute_signals(filter_of({"one": "1"}, measure=lambda flat: columns), flat).drop_columns(["one"])
    assert alone.schema == beside.schema and alone.to_pylist() == beside.to_pylist()
    with pytest.raises(MethodError, match="'words' is a list"):
        compute_signals(filter_of(measure=lambda flat: {"words": pa.array([["a"], ["b"], []])}), flat)


def test_an_empty_table_has_the_types_of_a_full_one():
    full, empty = (compute_signals(Lengths(), documents(*texts)) for texts in (["abc"], []))
    assert empty.schema == full.schema
    assert judge(Lengths(), empty).schema == judge(Lengths(), full).schema
    assert judge(Lengths(), empty).num_rows == 0


def test_a_filter_without_rules_keeps_everything():
    assert reasons(filter_of({"length": "length(text)"}), documents("a", None)) == [None, None]


@pytest.mark.parametrize(
    ("signals", "rules", "said"),
    [
        pytest.param({"good": "1", "bad": "lenght(text)"}, {}, "signal 'bad'.*lenght", id="unknown function"),
        pytest.param({"bad": "1 +"}, {}, "signal 'bad'", id="no SQL"),
        pytest.param({"bad": "string_split(text, ' ')"}, {}, "'_bad'", id="pieces of text"),
        pytest.param({"good": "1"}, {"worse": "nothing > 2"}, "rule 'worse'.*nothing", id="rule over no signal"),
        pytest.param({"good": "1", "_step": "2"}, {"worse": "_step > 2"}, "rule 'worse'", id="rule over a step"),
    ],
)
def test_a_mistake_in_a_filter_names_filter_and_place(signals, rules, said):
    with pytest.raises(MethodError, match=f"(?s)Own.*{said}"):
        reasons(filter_of(signals, rules), documents("a"))


def test_an_error_over_a_value_does_not_tell_the_value():
    with pytest.raises(MethodError, match="signal 'number'") as caught:
        reasons(filter_of({"number": "text::int"}), documents("a secret"))
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "sql", ["(select max(content) from read_text('pyproject.toml'))", "(select max(text) from documents)"]
)
def test_sql_sees_no_file_and_no_variable(sql):
    with pytest.raises(MethodError, match="signal 'leak'"):
        compute_signals(filter_of({"leak": sql}), documents("a"))


def test_measure_must_give_a_value_for_each_record():
    with pytest.raises(MethodError, match="1 values of 'size' for 2 records"):
        compute_signals(filter_of(measure=lambda flat: {"size": pa.array([1])}), documents("a", "b"))


def test_a_signal_may_not_hide_a_column():
    with pytest.raises(MethodError, match="hides"):
        compute_signals(filter_of(measure=lambda flat: {"text": flat["text"]}), documents("a"))


DIALOGUE = (Message("system", "Be short."), Message("user", "Why?"), Message("assistant", "So."))


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param(Document(body="b", title="t"), {"text": "b", "title": "t", "url": None}, id="document"),
        pytest.param(
            Instruction(messages=(*DIALOGUE, Message("user", "How?"), Message("assistant", "Thus."))),
            {
                "text": "Be short.\n\nWhy?\n\nSo.\n\nHow?\n\nThus.",
                "instruction": "Why?\n\nHow?",
                "response": "Thus.",
            },
            id="instruction",
        ),
        pytest.param(
            Instruction(messages=(Message("user", "Look it up."), Message("assistant", "", tool_calls='[{"id":"1"}]'))),
            {"text": "Look it up.\n\n", "instruction": "Look it up.", "response": '[{"id":"1"}]'},
            id="a call of a function in place of words",
        ),
        pytest.param(
            Preference(
                prompt=DIALOGUE[:2],
                chosen=DIALOGUE[2:],
                rejected=(Message("assistant", "No."),),
                chosen_score=2.0,
            ),
            {
                "text": "Be short.\n\nWhy?\n\nSo.\n\nNo.",
                "instruction": "Why?",
                "response": "So.",
                "rejected_response": "No.",
                "chosen_score": 2.0,
                "rejected_score": None,
            },
            id="preference",
        ),
    ],
)
def test_flat_columns_hold_the_words_of_a_record(record, expected):
    flat = flatten(to_table([record], record.kind), record.kind)
    assert flat.drop_columns("record_id").to_pylist() == [expected]


@pytest.mark.parametrize("kind", list(FLAT))
def test_no_records_are_flat_columns_without_rows(kind):
    flat = flatten(to_table([], kind), kind)
    assert flat.column_names == ["record_id", *FLAT[kind]]
    assert compute_signals(filter_of({"kind": "record_kind", "odd": "chosen_score"}), flat).num_rows == 0


@pytest.mark.parametrize("record", [Document(body="x"), Instruction.single("a", "b"), Preference()])
def test_one_filter_can_ask_which_kind_it_reads(record):
    flat = flatten(to_table([record], record.kind), record.kind)
    method = filter_of({"kind": "record_kind", "scored": "chosen_score is not null", "asked": "instruction"})
    assert compute_signals(method, flat)["kind"].to_pylist() == [record.kind]


def test_columns_of_the_signals_table_carry_the_filter():
    assert column_name("gopher_quality", "words") == "gopher_quality__words"
