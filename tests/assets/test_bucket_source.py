"""A whole run over objects of a bucket, as an operator sets it up: variables, a recipe, `synth run`."""

import pytest

from tests.assets.project import LINES, ONLY_CORPUS
from tests.faulty_s3 import faulty


@pytest.mark.prove
def test_objects_are_made_into_records_once_and_again_when_they_are_replaced(project, bucket):
    recipe = ONLY_CORPUS.replace("reader: files, path: inbox/notes/", f"reader: s3, path: {bucket.url}/notes/")
    place = project(recipe)
    put = bucket.client.put_object
    for number, line in enumerate(LINES):
        put(Bucket=bucket.name, Key=f"prefix/notes/{number}.txt", Body=line.encode())
    code, said = place.synth("run", "tiny", **bucket.env)
    assert code == 0, said
    assert sorted(row["text"] for row in place.rows("seed_corpus")) == sorted(LINES)
    before = place.versions("seed_corpus")
    assert place.synth("run", "tiny", **bucket.env)[0] == 0
    assert place.versions("seed_corpus") == before
    put(Bucket=bucket.name, Key="prefix/notes/0.txt", Body=b"The ferry of Corran crosses the sound at noon.")
    code, said = place.synth("run", "tiny", **bucket.env)
    assert code == 0, said
    assert "ferry" in " ".join(row["text"] for row in place.rows("seed_corpus"))
    assert bucket.env["AWS_SECRET_ACCESS_KEY"] not in said


@pytest.mark.prove
def test_a_bucket_that_denies_in_the_middle_or_is_busy_for_a_while_leaves_no_half_batch(project, bucket):
    place = project(ONLY_CORPUS.replace("reader: files, path: inbox/notes/", f"reader: s3, path: {bucket.url}/notes/"))
    with faulty(bucket.endpoint) as faults:
        env = {**bucket.env, "AWS_ENDPOINT_URL": faults.address}
        for number, line in enumerate(LINES):
            bucket.client.put_object(Bucket=bucket.name, Key=f"prefix/notes/{number}.txt", Body=line.encode())
        faults.deny_path = f"/{bucket.name}/prefix/notes/3.txt"
        code, said = place.synth("run", "tiny", **env)
        assert code == 1 and "denies GetObject" in said and "Check the credentials" in said, said
        assert "Traceback" not in said and bucket.env["AWS_SECRET_ACCESS_KEY"] not in said
        assert place.lake.meta.planned("tiny") == [] and place.candidates("seed_corpus") == []
        faults.deny_path, faults.refuse = "", 3
        code, said = place.synth("run", "tiny", **env)
        assert code == 0 and faults.refuse == 0, said
        assert sorted(row["text"] for row in place.rows("seed_corpus")) == sorted(LINES)
