"""Datasets saved in the project come in row by row; nothing here asks the hub."""

import builtins

import pytest

from synth_dagster.errors import SynthError
from synth_dagster.readers.base import Item, NotDelivered
from synth_dagster.readers.huggingface import HuggingFace
from synth_dagster.readers.places import Places

pytest.importorskip("datasets", reason="datasets is not installed (the extra is `huggingface`)")


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")


@pytest.fixture
def save(tmp_path):
    """Saves splits of rows as a dataset of the project."""

    def write(rows, path="inbox/data", split=None):
        import datasets

        made = datasets.Dataset.from_list(rows)
        (datasets.DatasetDict({split: made}) if split else made).save_to_disk(str(tmp_path / path))

    return write


@pytest.fixture
def read(tmp_path):
    def read_all(path="inbox/data", start=None, optional=False, **settings):
        return list(HuggingFace(path=path, **settings).items(Places(tmp_path), start=start, optional=optional))

    return read_all


def test_a_saved_dataset_is_read_row_by_row_with_its_fields(save, read):
    save([{"id": n, "text": f"Text {n}.", "stars": n} for n in range(3)])
    found = read()
    assert [(item.native_key, item.text, item.attributes) for item in found] == [
        (f"train#{n}", f"Text {n}.", {"stars": n}) for n in range(3)
    ]


def test_reading_can_begin_at_any_row_also_among_repeats(save, read):
    save([{"text": text} for text in ("a", "b", "a", "c", "a")])
    whole = read()
    assert len({item.native_key for item in whole}) == 5
    assert [read(start=item.locator) for item in whole] == [whole[number:] for number in range(5)]


def test_conversations_are_known_here_too(save, read):
    save([{"conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}]}])
    (item,) = read()
    assert (item.form, item.text) == ("sharegpt", "### user\n\nWhy?\n\n### assistant\n\nSo.")


def test_a_split_is_read_by_its_name_and_an_unknown_one_names_those_there(save, read):
    save([{"text": "one"}], split="test")
    assert [item.text for item in read(split="test")] == ["one"]
    with pytest.raises(SynthError, match=r"has no split 'train'\. It has: test"):
        read()


def test_a_dataset_without_the_column_is_one_reject_that_names_the_columns(save, read):
    save([{"body": "one"}, {"body": "two"}])
    (found,) = read()
    assert found.reject.reason == "missing_field" and "'body'" in found.reject.detail
    assert all(isinstance(item, Item) for item in read(text_field="body"))


def test_what_is_not_there_is_told(read, tmp_path):
    with pytest.raises(NotDelivered, match="There is no folder 'inbox/nothing'"):
        read("inbox/nothing")
    assert read("inbox/nothing", optional=True) == []
    (tmp_path / "inbox" / "data").mkdir(parents=True)
    with pytest.raises(SynthError, match=r"'inbox/data' \(split 'train'\) cannot be opened"):
        read()


def test_a_folder_outside_the_project_is_refused(read, tmp_path):
    with pytest.raises(SynthError, match="leaves the project"):
        read("../..")


def test_without_the_package_one_sentence_says_what_to_install(save, read, monkeypatch):
    save([{"text": "one"}])
    real = builtins.__import__

    def without(name, *more, **given):
        if name == "datasets":
            raise ImportError(name)
        return real(name, *more, **given)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SynthError, match=r"pip install 'synth-dagster\[huggingface\]'"):
        read()
