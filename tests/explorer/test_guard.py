"""Who is answered: names that the server has, sessions that a token opened, forms that our own pages hold."""

import pytest

from synth_dagster.errors import SynthError
from synth_dagster.explorer.guard import Guard
from tests.explorer.conftest import TOKEN, browser_of, signed_in

TEAM = {"host": "0.0.0.0", "address": "https://data.example", "token": TOKEN}


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:3070", "", "127.0.0.1.evil.example", "10.0.0.7", "[::1"]
)
def test_a_site_that_names_itself_after_this_address_is_refused(client, host):
    answer = client.get("/", headers={"host": host})
    assert answer.status_code == 403 and "records" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:3070", "localhost", "LOCALHOST:1", "[::1]:3070"])
def test_the_names_of_this_machine_are_taken(client, host):
    assert client.get("/erasures", headers={"host": host}).status_code == 200


def test_a_server_that_others_reach_answers_to_its_address_and_to_numbers(world):
    guard = Guard(**TEAM)
    assert all(guard.answers_to(name) for name in ("data.example", "DATA.example:443", "10.0.0.7:3070", "localhost"))
    assert not any(guard.answers_to(name) for name in ("evil.example", "data.example.evil.example", ""))


@pytest.mark.parametrize(("host", "address"), [("0.0.0.0", ""), ("127.0.0.1", "https://data.example")])
def test_an_open_server_needs_a_token(host, address):
    with pytest.raises(SynthError, match="needs a token"):
        Guard.of({}, host, address)
    with pytest.raises(SynthError, match="at least 16"):
        Guard.of({"SYNTH_EXPLORE_TOKEN": "short"}, host, address)
    assert Guard.of({"SYNTH_EXPLORE_TOKEN": TOKEN}, host, address).token == TOKEN
    assert Guard.of({}, "127.0.0.1", "http://127.0.0.1:3070").token is None
    assert TOKEN not in repr(Guard(token=TOKEN))


def test_what_others_reach_is_shown_after_signing_in_only(world):
    client = browser_of(world, **TEAM)
    client.base_url = "https://data.example"
    for path in ("/", "/search?q=secret", "/previews/p.html", "/reports/demo/r0001.html"):
        answer = client.get(path)
        assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?next=%2F")
    assert client.get("/?format=json").status_code == 401
    assert client.get("/?format=json", headers={"authorization": f"Bearer {TOKEN}x"}).status_code == 401
    assert client.get("/?format=json", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client.post("/sign-in", data={"token": "wrong"}).status_code == 403
    answer = client.post("/sign-in", data={"token": TOKEN, "next": "/search?q=secret"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/search?q=secret")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and TOKEN not in cookie
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb"]
)
def test_signing_in_leads_to_no_other_site(world, to):
    answer = browser_of(world, token=TOKEN).post("/sign-in", data={"token": TOKEN, "next": to})
    assert answer.headers["location"] == "/"


def test_signing_out_ends_the_session(world):
    client = signed_in(world)
    word = client.get("/").text.partition('name="word" value="')[2].partition('"')[0]
    assert word
    client.post("/sign-out", data={"word": "another"})
    assert "Sign out" in client.get("/").text
    client.post("/sign-out", data={"word": word})
    assert "Sign out" not in client.get("/").text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_form_of_another_site_signs_nobody_in(world, headers):
    answer = browser_of(world, token=TOKEN).post("/sign-in", data={"token": TOKEN}, headers=headers)
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


def test_a_session_that_nobody_has_opened_is_none(world):
    client = browser_of(world, token=TOKEN)
    client.cookies.set("synth_explore", "made-up")
    assert "Sign out" not in client.get("/erasures").text


def test_a_form_without_end_is_refused(world):
    assert browser_of(world, token=TOKEN).post("/sign-in", data={"token": "x" * 20_000}).status_code == 413


def test_behind_a_server_with_tls_the_address_is_our_origin_and_cookies_stay_encrypted(world):
    client = browser_of(world, **TEAM)
    ours = {"origin": "https://data.example", "sec-fetch-site": "same-origin"}
    answer = client.post("/sign-in", data={"token": TOKEN}, headers=ours)
    assert answer.status_code == 303 and "Secure" in answer.headers["set-cookie"]
    assert client.post("/sign-in", data={"token": TOKEN}, headers={"origin": "https://a.example"}).status_code == 403
