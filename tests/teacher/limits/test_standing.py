"""How an endpoint is asked just now: what a person sees of the limits while a run waits."""

import asyncio

import pytest

from synth_dagster.teacher.roles import Endpoint
from synth_dagster.teacher.wire import Wire
from tests.teacher.limits.virtual import Server, ask, run


def said_after(seconds, servers, count=400, **settings):
    """What is said after so many seconds of asking, 256 at a time, and when all is done."""
    urls = tuple(f"http://{number}/v1" for number in range(len(servers)))
    endpoint = Endpoint("writer", "endpoint", ("m",), base_url=urls[0], base_urls=urls[1:] and urls, **settings)

    async def story():
        wire = Wire([endpoint], connect=lambda one: servers[urls.index(one.base_url)], wall=0.0)
        asking = asyncio.create_task(ask(wire, endpoint, count))
        await asyncio.sleep(seconds)
        during = wire.standing()
        await asking
        await wire.close()
        return during, wire.standing()

    return run(story())


@pytest.mark.parametrize(
    ("server", "settings", "seconds", "said"),
    [
        # 8 to begin with, of the 256 that are asked for
        pytest.param(Server(), {}, 0.01, "8 of 8 in flight, 248 waiting", id="at the start"),
        pytest.param(Server(), {"max_in_flight": 64}, 0.01, "64 of 64 in flight, 192 waiting", id="a stated ceiling"),
        # 120 a minute are 2 a second, 4 % less are sent: the first goes at once and has been answered
        pytest.param(
            Server(),
            {"requests_per_minute": 120},
            0.2,
            "0 of 8 in flight, 256 waiting, at most 1.9 a second",
            id="a stated rate",
        ),
        # 100 went in the second before it refused, 4 % less go from then on
        pytest.param(Server(per_second=100), {}, 3.5, "at most 96 a second", id="a learned rate"),
        # 40 a second, of which 8 and then one more went, and 31 are left for 0.9 s: 0.96 * 31 / 0.9
        pytest.param(
            Server(per_second=40, tells=True, latency=lambda number: 0.2),
            {},
            0.25,
            "at most 33 a second",
            id="a rate that the headers tell",
        ),
        pytest.param(
            Server(fails=lambda number: 503 if number < 60 else 0),
            {"patience_s": 1e4},
            20.0,
            "256 waiting, the endpoint fails: one request at a time tries again",
            id="an endpoint that is down",
        ),
    ],
)
def test_what_goes_what_waits_and_what_holds_it_back(server, settings, seconds, said):
    during, after = said_after(seconds, [server], **settings)
    assert said in during, during
    assert after == ""


def test_of_several_addresses_those_that_fail_are_counted():
    down = Server(fails=lambda number: 503)
    during, _ = said_after(0.3, [Server(), down, Server()], count=2_000)
    assert "1 of 3 addresses fail" in during


def test_a_long_pause_that_an_endpoint_asks_for_is_said():
    class Busy(Server):
        async def post(self, path, body):
            if self.calls == 0:
                self.calls += 1
                import httpx2

                return httpx2.Response(429, content=b"{}", headers={"retry-after": "30"})
            return await super().post(path, body)

    during, after = said_after(10.0, [Busy()])
    assert "it refuses: asked again in 2" in during  # 20 s are left of 30, and up to 5 % more
    assert after == ""
