"""Reference texts with the answers beside them, one for each text, in the same order."""

import json

import pytest

from synth_dagster.errors import SynthError
from synth_dagster.readers.texts import answers_by_file, texts_by_file

LINES = [
    ({"question": "One?", "answer": "First. "}, [("One?", "First.")]),
    ({"turns": ["Two?", "", "And then?"], "reference": ["a", "b"]}, [("Two?", ""), ("And then?", "b")]),
    ({"prompt": "Three?", "answer": "", "solution": 7}, [("Three?", "7")]),
    ({"text": "Four.", "answer": {"not": "a text"}}, [("Four.", "")]),
    ({"text": " ", "answer": "of nothing"}, []),
    ("Five.", [("Five.", "")]),
    ({"nothing": 1}, []),
]


def test_each_text_has_its_answer_or_none(tmp_path):
    (tmp_path / "b.jsonl").write_text("\n\n".join(json.dumps(line) for line, _ in LINES))
    (tmp_path / "a.txt").write_text("One.\n\n\n\nTwo.")
    (tmp_path / "c.csv").write_text("Question,A\n")
    texts, answers = texts_by_file(tmp_path, "."), answers_by_file(tmp_path, ".")
    assert list(texts) == list(answers) == ["a.txt", "b.jsonl", "c.csv"]
    pairs = [*zip(texts["b.jsonl"], answers["b.jsonl"], strict=True)]
    assert pairs == [pair for _, expected in LINES for pair in expected]
    assert answers["a.txt"] == ["", ""] and answers["c.csv"] == [""]
    alone = answers_by_file(tmp_path, "b.jsonl")
    assert alone == {"b.jsonl": answers["b.jsonl"]}


def test_a_broken_line_is_refused(tmp_path):
    (tmp_path / "b.jsonl").write_text("{")
    with pytest.raises(SynthError, match=r"b\.jsonl:1 is not JSON"):
        answers_by_file(tmp_path, ".")
