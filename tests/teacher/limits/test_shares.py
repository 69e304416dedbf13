"""Limits that a recipe states hold over all processes of the machine that ask one endpoint."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.teacher.limits.shares import Member, Shares, fair, key_of, share, shares_folder
from synth_dagster.teacher.roles import Endpoint
from synth_dagster.teacher.wire import Wire
from tests.teacher.limits.virtual import Server, ask, run

LOOKS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20), st.booleans()), max_size=40)


@given(most=st.integers(1, 12), looks=LOOKS)
def test_shares_never_add_up_to_more_than_the_limit(most: int, looks: list[tuple[int, int, bool]]):
    """Members look in any order, want any number, and use all that they hold or nothing."""
    members = {number: Member() for number in range(4)}
    for number, wanted, busy in looks:
        held = members[number].slots
        others = [member for other, member in members.items() if other != number]
        used = Member(held if busy else 0, wanted, members[number].rate, 1)
        members[number] = share(used, held, others, most)
        assert sum(member.slots for member in members.values()) <= most
        assert sum(member.rate for member in members.values()) <= 1 + 1e-9


@given(st.integers(1, 50), st.lists(st.integers(0, 30), min_size=1, max_size=6))
def test_nobody_gets_more_while_another_lacks_what_it_wants(most: int, wanted: list[int]):
    given_to = [fair(most, [want, *wanted[:place], *wanted[place + 1 :]]) for place, want in enumerate(wanted)]
    for here, want in zip(given_to, wanted, strict=True):
        lacking = [other for other, other_want in zip(given_to, wanted, strict=True) if other < other_want]
        assert here <= want or not lacking or here <= min(lacking) + 1


def test_two_processes_share_what_one_had(tmp_path: Path):
    first, second = Shares(tmp_path, "endpoint", 8), Shares(tmp_path, "endpoint", 8)
    first.look(0, 20)
    assert first.slots == 8
    second.look(0, 20)
    assert second.slots == 0  # all are held
    first.look(8, 20)
    assert first.slots == 8  # and all are in use
    first.look(2, 20)
    second.look(0, 20)
    assert (first.slots, second.slots) == (4, 4)
    first.rest()
    second.look(4, 20)
    assert second.slots == 8
    first.close()
    second.close()
    assert [path.name for path in (tmp_path / "endpoint").iterdir()] == ["ledger"]


HOLDER = """
import sys, time
from pathlib import Path
from synth_dagster.teacher.limits.shares import Shares
shares = Shares(Path(sys.argv[1]), "endpoint", 8)
shares.look(8, 20)
print(shares.slots, flush=True)
time.sleep(600)
"""


def test_what_a_killed_process_held_is_free_at_the_next_look(tmp_path: Path):
    shares = Shares(tmp_path, "endpoint", 8)
    with subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout and holder.stdout.readline() == "8\n"
            shares.look(0, 20)
            assert shares.slots == 0
        finally:
            holder.kill()
    shares.look(0, 20)
    assert shares.slots == 8
    shares.close()


def asked_by_two(folder: Path | None, server: Server, **settings: int) -> list[object]:
    """Two runs that ask one endpoint at once, each as a process of its own would."""
    endpoint = Endpoint("writer", "endpoint", ("m",), base_url="http://one/v1", **settings)

    async def story() -> list[object]:
        wires = [Wire([endpoint], shares=folder, connect=lambda _: server, wall=server.phase) for _ in range(2)]  # type: ignore[arg-type,return-value]
        answers = await asyncio.gather(*(ask(wire, replace(endpoint), 300) for wire in wires))
        for wire in wires:
            await wire.close()
        return [answer for some in answers for answer in some]

    return run(story())


def test_a_stated_limit_holds_for_two_runs_together(tmp_path: Path):
    server = Server(per_second=50)
    answers = asked_by_two(tmp_path, server, requests_per_minute=3_000)
    assert len(answers) == 600 and all(isinstance(answer, int) for answer in answers)
    assert server.over_limit_seconds == 0
    assert server.calls == 600  # nothing was refused, so nothing was sent again


def test_requests_in_flight_are_counted_over_two_runs(tmp_path: Path):
    alone, together = Server(), Server()
    asked_by_two(None, alone, max_in_flight=8)
    answers = asked_by_two(tmp_path, together, max_in_flight=8)
    assert all(isinstance(answer, int) for answer in answers)
    assert alone.most_open == 16
    assert together.most_open == 8


def test_the_folder_is_the_users_own_and_names_no_endpoint(tmp_path: Path):
    folder = shares_folder({"XDG_RUNTIME_DIR": str(tmp_path)})
    assert folder == tmp_path / "synth_dagster"
    assert folder.stat().st_mode & 0o077 == 0
    assert shares_folder({"XDG_RUNTIME_DIR": str(tmp_path / "missing")}) is None
    name = key_of(["http://one/v1"], "sk-secret")
    assert "one" not in name and "secret" not in name
    assert name != key_of(["http://one/v1"], "another")
