"""The explorer as a process and as a thread: it starts on a port, logs nothing of what it shows, and ends when told."""

import http.client
import logging
import os
import re
import signal
import socket

import pytest

from synth_dagster.explorer.question import Explorer
from synth_dagster.explorer.server import Server
from synth_dagster.lake.lake import Lake
from synth_dagster.record_tables import to_table
from tests.cli.project import Place, new_place
from tests.lake.conftest import document, write_to


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    """A project whose lake has one record."""
    place = new_place(tmp_path_factory.mktemp("served") / "p")
    lake = Lake.open(place.root / "lake")
    lake.accept(write_to(lake, "b:1", to_table([document("b:1", 1, text="a heron stands")], "document")))
    return place


def asked(port: int, path: str):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer, body


def test_the_command_serves_and_ends_by_a_signal_without_a_word_of_what_was_asked(place):
    process = place.start("explore", "--port", "0", PYTHONUNBUFFERED="1")
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)", said)[1])  # type: ignore[index]
        answer, body = asked(port, "/search?q=heron")
        assert answer.status == 200 and "stands" in body
        assert asked(port, "/record/heron")[0].status == 404
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, err
    assert "heron" not in said + out + err and "Traceback" not in err


def test_a_port_that_is_taken_is_said_in_one_line(place):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = place.call("explore", "--port", str(taken.getsockname()[1]))
    assert done.code == 1 and done.err.count("\n") == 1
    assert "synth ui" in done.err and "--port" in done.err


@pytest.mark.parametrize(
    ("arguments", "env", "said"),
    [
        (("--host", "0.0.0.0"), {}, "SYNTH_EXPLORE_TOKEN"),
        ((), {"SYNTH_EXPLORE": "https://data.example"}, "SYNTH_EXPLORE_TOKEN"),
        ((), {"SYNTH_EXPLORE_TOKEN": "short"}, "at least 16"),
        ((), {"SYNTH_EXPLORE": "nowhere"}, "SYNTH_EXPLORE is"),
    ],
)
def test_a_server_that_cannot_be_meant_so_does_not_start(place, arguments, env, said):
    done = place.call("explore", "--port", "0", *arguments, **env)
    assert done.code in (1, 2) and said in done.err and done.err.count("\n") == 1


def test_it_stops_and_gives_its_port_back(tmp_path):
    with Server(Explorer(Lake.open(tmp_path / "lake")), "127.0.0.1", 0) as server:
        port = server.port
        assert asked(port, "/")[0].status == 200
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def test_a_page_that_fails_quotes_no_record_anywhere(tmp_path, monkeypatch, caplog):
    def fails(lake, dataset):
        raise ValueError("a heron stands")

    lake = Lake.open(tmp_path / "lake")
    lake.accept(write_to(lake, "b:1", to_table([document("b:1", 1)], "document")))
    monkeypatch.setattr(Lake, "counts", fails)
    with caplog.at_level(logging.DEBUG), Server(Explorer(lake), "127.0.0.1", 0) as server:
        answer, body = asked(server.port, "/")
    assert answer.status == 500 and "heron" not in body + caplog.text
    assert "ValueError at" in caplog.text
