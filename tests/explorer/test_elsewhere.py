"""A lake in a bucket with its metadata on Postgres is explored as one in a folder is, to an erasure."""

import pytest

from synth_dagster.governance.erase import Surroundings
from synth_dagster.lake.lake import Lake
from synth_dagster.records import digest
from tests.explorer.conftest import BATCHES, PARENTS, STAGES, browser_of, signed_in
from tests.explorer.test_erasing import ended, form_of
from tests.governance.erase_world import World, plant

pytestmark = pytest.mark.prove

CHANGING = {"created_at", "at", "run_id", "path", "candidate", "version", "versions", "seconds", "since", "started_at"}
PAGES = [
    "/",
    "/search",
    "/search?q=said",
    f"/record/{digest('q2').hex()}",
    f"/record/{digest('a1').hex()}",
    "/release/demo/r0001",
    "/erase?source=forum",
]


@pytest.fixture
def away(bucket, schema, tmp_path) -> World:
    """The same world, where a team keeps it."""
    lake = Lake.open(bucket.url, metadata=schema, s3=bucket.options)
    around = Surroundings(f"s3://{bucket.name}/answers", bucket.options, tmp_path)
    return plant(tmp_path, PARENTS, stages=STAGES, batches=BATCHES, lake=lake, around=around)


def told(client, page: str):
    answer = client.get(f"{page}{'&' if '?' in page else '?'}format=json")
    assert answer.status_code == 200, answer.text
    return unchanging(answer.json())


def unchanging(value):
    """Without what differs between any two lakes: moments, and names of files."""
    if isinstance(value, dict):
        return {name: unchanging(one) for name, one in value.items() if name not in CHANGING}
    return [unchanging(one) for one in value] if isinstance(value, list) else value


def test_pages_say_what_they_say_of_a_folder_and_an_erasure_is_carried_out(world, away):
    there, here = browser_of(away), browser_of(world)
    for page in PAGES:
        assert told(there, page) == told(here, page), page
    client = signed_in(away)
    form = form_of(client, source="forum")
    assert form["expected"] == "5"  # as in a folder: f1, q2 and p2, and the older versions of these two
    assert client.post("/erase", data=form).status_code == 303
    receipt = client.get(ended(client), params={"format": "json"}).json()
    assert receipt["proof"]["clean"] and receipt["proof"]["ids_proven"] and receipt["counts"]["records"] == 5
    assert client.get(f"/record/{digest('q2').hex()}").status_code == 404
    assert client.get("/search", params={"format": "json"}).json()["count"] == 6  # of nine
