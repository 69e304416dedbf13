"""Carrying out an erasure: by who has signed in, on a page of ours, as it was looked at, with the command's receipt."""

import re
import threading
import time

import pytest

from synth_dagster.explorer.job import Busy, Erasures
from synth_dagster.records import digest
from tests.explorer.conftest import TOKEN, browser_of, signed_in


def form_of(client, **asked) -> dict[str, str]:
    """What the form on the page holds, with what a person types."""
    page = client.get("/erase", params=asked).text
    hidden = dict(
        re.findall(r'<input type="hidden" name="([a-z]+)" value="([^"]*)"', page.partition('action="/erase"')[0])
    )
    section = page.partition("Carry it out")[2]
    hidden = dict(re.findall(r'<input type="hidden" name="([a-z]+)" value="([^"]*)"', section))
    return hidden | {"typed": hidden["expected"]}


def ended(client) -> str:
    """The page of the receipt, when the erasure is over; it takes a second, and a loaded machine gets two minutes."""
    until = time.monotonic() + 120
    while (answer := client.get("/erasing")).status_code == 200 and time.monotonic() < until:
        assert "Refresh" in answer.headers, answer.text
        time.sleep(0.05)
    return answer.headers["location"]


@pytest.fixture
def own(world, tmp_path):
    return world.copied(tmp_path / "copy")


def test_records_are_erased_with_the_receipt_of_the_command(own):
    client = signed_in(own)
    form = form_of(client, source="forum")
    assert form["expected"] == "5"  # f1, q2 and p2, and the older versions of these two
    answer = client.post("/erase", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/erasing")
    place = ended(client)
    told = client.get(place, params={"format": "json"}).json()
    assert told["proof"]["clean"] and told["proof"]["ids_proven"] and told["counts"]["records"] == 5
    assert {row["withdrawn"] for row in told["releases"]} == {"r0001", "r0002"}
    assert "Clean" in client.get(place).text
    # the same server shows what is there now
    assert client.get(f"/record/{digest('q2').hex()}").status_code == 404
    assert client.get("/search", params={"format": "json"}).json()["count"] == 6  # of nine
    assert "withdrawn" in client.get("/release/demo/r0001").text
    assert client.get(f"/search?q={own.texts['f1'].split()[0]}&format=json").json()["records"] == []
    assert client.get("/erasures", params={"format": "json"}).json()["erasures"][0]["clean"]


def test_children_of_several_parents_are_told_and_may_be_made_anew(own):
    client = browser_of(own)
    told = client.get("/erase", params={"source": "forum", "children": "remake", "format": "json"}).json()
    (batch,) = told["children"]["batches"]  # q2 has a1 too, which stays; p2 has no other parent
    assert (batch["stage"], batch["batch"], batch["records"]) == ("questions", "notes:1", 1)
    page = client.get("/erase", params={"source": "forum", "children": "remake"}).text
    assert "the next run makes these batches anew" in page
    wrong = client.get("/erase", params={"source": "forum", "children": "keep"})
    assert wrong.status_code == 400 and "Known: drop, remake" in wrong.text
    signed = signed_in(own)
    signed.post("/erase", data=form_of(signed, source="forum", children="remake"))
    receipt = signed.get(ended(signed), params={"format": "json"}).json()
    assert receipt["asked"]["children"] == "remake" and receipt["counts"]["children"]["batches"] == [batch]


def test_nothing_is_erased_for_who_may_not(own):
    """Nobody, a form of another site, a word of another session, a number that was not typed, or is another by now."""
    client = signed_in(own)
    form = form_of(client, source="forum")
    assert browser_of(own).post("/erase", data=form).status_code == 403
    assert browser_of(own, token=TOKEN).post("/erase", data=form).status_code == 403
    for changed, headers, status in (
        ({"word": "another"}, {}, 403),
        ({}, {"origin": "https://evil.example"}, 403),
        ({}, {"sec-fetch-site": "cross-site"}, 403),
        ({"typed": ""}, {}, 409),
        ({"typed": "4"}, {}, 409),
        ({"typed": "4", "expected": "4"}, {}, 409),
        ({"source": "", "record": ""}, {}, 400),
        ({"dataset": "other"}, {}, 404),
    ):
        assert client.post("/erase", data=form | changed, headers=headers).status_code == status, changed
    assert client.get("/erasing").headers["location"] == "/erasures"
    assert client.get("/search", params={"format": "json"}).json()["count"] == 9


def test_a_program_names_the_token_itself(own):
    client = browser_of(own, token=TOKEN)
    # p3, and its version before that says the same
    asked = {"dataset": "demo", "record": digest("p3").hex(), "expected": "2", "typed": "2"}
    assert client.post("/erase", data=asked, headers={"authorization": "Bearer wrong"}).status_code == 403
    assert client.post("/erase", data=asked, headers={"authorization": f"Bearer {TOKEN}"}).status_code == 303
    assert ended(client).startswith("/erasures/")


def test_an_erasure_of_everything_has_to_be_meant(own):
    client = signed_in(own)
    form = form_of(client, where="true")
    assert "everything in the dataset" in client.get("/erase", params={"where": "true"}).text
    client.post("/erase", data=form)
    until = time.monotonic() + 120
    while "did not come to its end" not in (page := client.get("/erasing").text) and time.monotonic() < until:
        time.sleep(0.05)
    assert "yes-everything" in page
    assert client.get("/search", params={"format": "json"}).json()["count"] == 9


def test_one_erasure_goes_on_at_a_time_and_a_failure_quotes_nothing():
    go_on, erasures = threading.Event(), Erasures()

    def fails() -> str:
        go_on.wait(60)
        raise ValueError("a record's own words")

    erasures.begin(fails)
    with pytest.raises(Busy):
        erasures.begin(fails)
    go_on.set()
    until = time.monotonic() + 60
    while erasures.is_running and time.monotonic() < until:
        time.sleep(0.01)
    assert erasures.job is not None and erasures.job.state == "failed"
    assert "ValueError" in erasures.job.said and "own words" not in erasures.job.said
