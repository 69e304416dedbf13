"""Limits: nothing is lost, nearly all of what an endpoint gives is used, and it is not asked for more than that.

All in virtual time. The oracle is a client that knows the limit from the start: its throughput is computed.
"""

import asyncio
import random

import pytest

from synth_dagster.errors import TeacherError
from tests.teacher.limits.virtual import Server, asked

AT_LEAST = 0.9


def answered(answers):
    """The answers, which must all be answers."""
    assert not [answer for answer in answers if isinstance(answer, BaseException)]
    return answers


class Dead(Server):
    """Nobody listens there."""

    async def post(self, path, body):
        self.calls += 1
        await asyncio.sleep(0.001)
        raise ConnectionRefusedError


class Hole(Server):
    """It takes requests and never answers."""

    async def post(self, path, body):
        self.calls += 1
        await asyncio.sleep(1e6)


def chances(share, count=20_000):
    rng = random.Random(4711)
    return [rng.random() < share for _ in range(count)]


# ------------------------------------------------------------------------------------------------- it refuses over time


@pytest.mark.parametrize("phase", [0.0, 0.1, 0.5, 0.9, 0.97])
@pytest.mark.parametrize("retry_after", [False, True], ids=["silent", "retry-after"])
def test_a_storm_of_429_costs_one_second_and_no_answer(phase, retry_after):
    """100 requests a second: 1,200 take an oracle 12 s. The first second that is over the limit is the only one."""
    server = Server(per_second=100, retry_after=retry_after, phase=phase)
    answers, took = asked(server, 1_200)
    answered(answers)
    assert 1_200 / took >= AT_LEAST * 100
    assert server.over_limit_seconds == 1


@pytest.mark.parametrize(
    ("server", "settings"),
    [
        pytest.param(Server(per_second=100, tells=True), {}, id="the headers tell it"),
        pytest.param(Server(per_second=100), {"requests_per_minute": 6_000}, id="the recipe states it"),
        pytest.param(Server(per_second=2), {"requests_per_minute": 120}, id="the recipe states a small one"),
    ],
)
def test_a_limit_that_is_known_is_never_passed(server, settings):
    count = 12 * server.per_second
    answers, took = asked(server, count, **settings)
    answered(answers)
    assert count / took >= AT_LEAST * server.per_second
    assert server.over_limit_seconds == 0
    assert server.calls == count


def test_tokens_are_counted_as_they_were_used():
    """60,000 tokens a minute and 100 in each call are 10 calls a second, although each might have taken 400."""
    answers, took = asked(Server(), 300, tokens=100, tokens_per_minute=60_000)
    answered(answers)
    assert 10 >= 300 / took >= AT_LEAST * 10


def test_tokens_that_the_headers_allow_are_never_passed():
    """1,000 tokens a second and 100 in each call are 10 calls a second, said by headers alone."""

    class Metered(Server):
        def _told(self, now):
            left = max(0, 1_000 - 100 * self.seconds[int(now)])
            self.over += self.seconds[int(now)] > 10
            told = {"limit": "1000", "remaining": str(left), "reset": f"{1000 * (int(now) + 1 - now):.0f}ms"}
            return {f"x-ratelimit-{name}-tokens": value for name, value in told.items()}

    server = Metered()
    server.over = 0
    answers, took = asked(server, 200, tokens=100)
    answered(answers)
    assert 200 / took >= AT_LEAST * 10
    assert server.over == 0


def test_a_rate_that_grew_is_found_after_a_while():
    """At first 20 a second. After a minute of quiet it rises by 1 % a second: 19.2 * 1.01 ** 100 is 52."""
    server = Server(per_second=20)

    def grown(number):
        server.per_second = 1_000
        return 0.05

    server.latency = lambda number: grown(number) if number > 300 else 0.05
    answered(asked(server, 6_000)[0])
    last = [at for at in server.answered_at if at > server.answered_at[-1] - 10]
    assert len(last) / 10 > 40


# --------------------------------------------------------------------------------------- it refuses, or queues, at once


@pytest.mark.parametrize(
    ("room", "settings"),
    [pytest.param(16, {}, id="climbing"), pytest.param(4, {"max_in_flight": 64}, id="told too much")],
)
def test_room_in_flight_is_found_where_the_rest_is_refused(room, settings):
    server = Server(at_once=room)
    answers, took = asked(server, 1_000, **settings)
    answered(answers)
    assert 1_000 / took >= AT_LEAST * room / 0.05
    assert server.calls < 1_100


@pytest.mark.parametrize("workers", [4, 20])
def test_a_queue_is_kept_short_without_a_word_from_the_server(workers):
    """It never refuses. What goes beyond its workers only waits there, so no more than a few times as many go."""
    server = Server(workers=workers)
    answers, took = asked(server, 2_000)
    answered(answers)
    assert 2_000 / took >= AT_LEAST * workers / 0.05
    assert server.most_open <= 4 * workers


def test_a_batching_server_gets_all_that_makes_it_faster():
    """With n in flight it takes 1 + n/64 s: 256 give 51 a second, the 8 of the start 7. Its latency is no queue's."""
    server = Server(latency=lambda number: 1.0, slower_by=64)
    answers, took = asked(server, 4_000)
    answered(answers)
    assert server.most_open == 256
    assert 4_000 / took >= AT_LEAST * 256 / (1 + 256 / 64)


@pytest.mark.parametrize("timeout_s", [1.0, 2.0])
@pytest.mark.parametrize("service_s", [0.04, 0.05])
def test_more_than_a_server_answers_in_time_is_not_sent_for_long(timeout_s, service_s):
    """Told 256, four workers of 50 ms answer 160 within a timeout of 2 s. Nobody is sent twice in vain after that."""
    server = Server(workers=4, latency=lambda number: service_s)
    answers, took = asked(server, 2_000, max_in_flight=256, timeout_s=timeout_s)
    answered(answers)
    assert 2_000 / took >= AT_LEAST * 4 / service_s
    assert server.calls <= 2_000 + 256


# ------------------------------------------------------------------------------------------------- it fails, or is slow


@pytest.mark.parametrize(
    ("count", "settings", "in_flight"),
    [
        pytest.param(5_000, {"max_in_flight": 32}, 32, id="stated"),
        # from 8 to 256 in five rounds, which take what four whole ones do, and the last round waits for a retry
        pytest.param(15_000, {}, 256, id="climbing"),
    ],
)
def test_single_failures_do_not_slow_the_rest(count, settings, in_flight):
    """5 % errors and 2 % dropped connections: an oracle sends 1 / 0.93 requests for an answer."""
    error, drop = chances(0.05), chances(0.02)[::-1]
    server = Server(fails=lambda number: 500 if error[number] else 1 if drop[number] else 0)
    answers, took = asked(server, count, **settings)
    answered(answers)
    assert count / took >= AT_LEAST * 0.93 * in_flight / 0.05


def test_an_endpoint_that_goes_and_comes_is_said_once_a_minute(caplog):
    """It is down for two of every ten seconds, while 5,000 answers take 40 s or more: four times down, told once."""
    server = Server(fails=lambda number: 503 if asyncio.get_running_loop().time() % 10 < 2 else 0)
    answered(asked(server, 5_000, max_in_flight=8)[0])
    assert len([one for one in caplog.records if "left alone" in one.message]) == 1
    assert len([one for one in caplog.records if "answers again" in one.message]) == 1


@pytest.mark.parametrize("share", [0.17, 0.3])
def test_an_endpoint_that_always_fails_so_often_is_not_taken_for_a_full_one(share):
    """With fewer in flight as large a share fails, so load is not the cause: 32 at a time, one second each."""
    error = chances(share)
    server = Server(latency=lambda number: 1.0, fails=lambda number: 500 if error[number] else 0)
    answers, took = asked(server, 2_000, max_in_flight=32)
    answered(answers)
    assert 2_000 / took >= AT_LEAST * (1 - share) * 32


def test_a_slow_tail_does_not_look_like_a_queue():
    """One answer in twenty takes ten times as long: 0.0725 s in the mean."""
    slow = chances(0.05)
    server = Server(latency=lambda number: 0.5 if slow[number] else 0.05)
    answers, took = asked(server, 5_000, max_in_flight=32)
    answered(answers)
    assert 5_000 / took >= AT_LEAST * 32 / 0.0725


@pytest.mark.parametrize("seed", range(4))
def test_answers_of_very_different_lengths_do_not_look_like_a_queue(seed):
    """Half take less than 1 s, one in twenty more than 3.7 s (log-normal, 0.8). The oracle is told of 64 workers."""

    def server():
        rng = random.Random(seed)
        return Server(workers=64, latency=lambda number: rng.lognormvariate(0, 0.8))

    answers, took = asked(server(), 5_000)
    answered(answers)
    _, oracle_took = asked(server(), 5_000, max_in_flight=64)
    assert oracle_took / took >= AT_LEAST


@pytest.mark.parametrize("gone", [Dead, Hole])
def test_a_dead_replica_is_left_out_and_costs_nothing(gone):
    """Of three addresses two live: 2 * 8 workers. The dead one gets five requests, and one now and then."""
    servers = {"http://a/v1": Server(workers=8), "http://b/v1": gone(), "http://c/v1": Server(workers=8)}
    answers, took = asked(servers, 3_000, timeout_s=2.0)
    answered(answers)
    assert 3_000 / took >= AT_LEAST * 16 / 0.05
    one, dead, other = servers.values()
    assert dead.calls <= 16
    assert abs(one.answers - other.answers) <= 0.1 * 3_000


def test_a_replica_that_comes_back_is_used_again():
    """It drops everything for its first ten requests, then works."""
    back = Server(workers=8, fails=lambda number: 1 if number < 10 else 0)
    servers = {"http://a/v1": Server(workers=8), "http://b/v1": back}
    answered(asked(servers, 3_000)[0])
    assert back.answers > 500


def test_an_endpoint_that_is_down_is_hardly_asked_while_256_wait(caplog):
    """For 50 s every request fails. 64 retries are free, then one a second; the breaker lets far fewer through."""
    server = Server(fails=lambda number: 503)
    (*_, last), took = asked(server, 256, patience_s=50.0)
    assert isinstance(last, TeacherError) and "HTTP 503: oops; for 50 s" in str(last)
    assert 50 <= took < 100
    assert server.calls < 40
    (opened,) = [record.message for record in caplog.records if "failed 5 times in a row (HTTP 503)" in record.message]
    assert "left alone" in opened
