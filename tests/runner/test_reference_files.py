"""Files of reference texts are read once for all batches, and again when they have changed."""

from synth_dagster.runner.services import ProjectReferences


def test_texts_are_read_once_until_a_file_changes_or_another_comes(tmp_path):
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "a.txt").write_text("spam.example")
    first = ProjectReferences(tmp_path).texts("lists")
    assert ProjectReferences(tmp_path).texts("lists") is first
    (folder / "a.txt").write_text("spam.example\nmore.example")
    assert list(ProjectReferences(tmp_path).texts("lists")) == ["spam.example\nmore.example"]
    (folder / "b.txt").write_text("other.example")
    assert list(ProjectReferences(tmp_path).texts("lists")) == ["spam.example\nmore.example", "other.example"]
    (folder / "a.txt").unlink()
    assert list(ProjectReferences(tmp_path).texts("lists")) == ["other.example"]
