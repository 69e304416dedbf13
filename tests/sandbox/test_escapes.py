"""What a program may try, and what then is true of the machine. Each isolation that is to be had here is tried alike.

Whatever fails, nothing here can hurt the machine: the limits stand before a program's first line.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from synth_dagster.sandbox.inside import seccomp
from synth_dagster.sandbox.local import ISOLATING, LocalSandbox, why_not
from synth_dagster.sandbox.process import ROOT
from synth_dagster.services import Limits

SMALL = Limits(cpu_s=1, memory_mb=200, disk_mb=2, output_kb=4)


@pytest.fixture(params=["namespaces", pytest.param("landlock", marks=pytest.mark.prove)])
def sandbox(request):
    refused = why_not(request.param)
    if refused is not None:
        pytest.skip(f"{request.param}: {refused}")
    return LocalSandbox(wanted=request.param)


def ran(sandbox, program, limits=SMALL):
    return asyncio.run(sandbox.run(program, limits=limits))


def test_this_machine_isolates():
    """Else all tests below would be skipped, and nobody would know."""
    assert LocalSandbox().isolation in ISOLATING


# ------------------------------------------------------------------------------------------------------ many, and large


def test_a_fork_bomb_makes_no_process(sandbox):
    bomb = """
import os
made = 0
for _ in range(100):
    try:
        os.fork()
        made += 1
    except OSError:
        pass
print(made)
"""
    assert ran(sandbox, bomb).output == "0\n"


@pytest.mark.parametrize(
    "start",
    [
        pytest.param("import subprocess; subprocess.Popen(['/bin/sleep', '60'])", id="a program of the machine"),
        pytest.param("import os; os.system('sleep 60 &'); os.execv('/bin/sh', ['sh'])", id="a shell"),
        pytest.param("import threading; threading.Thread(target=print, daemon=True).start()", id="a thread"),
        pytest.param("import multiprocessing as m; m.get_context('fork').Process(target=print).start()", id="a worker"),
        pytest.param("import os; os.setsid()", id="a session of its own"),
    ],
)
def test_nothing_can_outlive_a_program_for_nothing_can_be_started(sandbox, start):
    assert ran(sandbox, start).ending == "failed"


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param("held = []\nwhile True:\n    held.append(bytearray(10_000_000))", id="little by little"),
        pytest.param("[0] * 10**11", id="at once"),
        pytest.param("import mmap\nheld = [mmap.mmap(-1, 2**24) for _ in range(10**4)]", id="mapped"),
    ],
)
def test_a_memory_bomb_ends_at_the_limit(sandbox, bomb):
    found = ran(sandbox, bomb)
    assert found.ending == "memory" or (found.ending, found.error) == ("failed", "OSError")


def test_endless_output_is_cut_and_ends_the_program(sandbox):
    found = ran(sandbox, "while True:\n    print('spam')")
    assert (
        found.ending == "output"
        and len(found.output) == 4 * 1_024
        and set(found.output.split()) <= {"spam", "spa", "sp", "s"}
    )


def test_an_endless_loop_ends_by_processor_time_and_a_sleeper_by_the_clock(sandbox):
    assert ran(sandbox, "while True:\n    pass").ending == "time"
    assert ran(sandbox, "import time\ntime.sleep(600)", Limits(wall_s=1)).ending == "time"


def test_files_fill_no_disk(sandbox):
    one = "f = open('a', 'wb')\nfor _ in range(100):\n    f.write(b'x' * 100_000)\n    f.flush()"
    assert ran(sandbox, one).ending in ("failed", "killed")  # refused by the kernel, or seen in its folder
    many = "for n in range(10**6):\n    open(str(n), 'wb').write(b'x' * 100_000)"
    assert ran(sandbox, many).ending in ("failed", "killed", "time")


@pytest.mark.parametrize(
    "made", ["os.mkdir('d'); os.chdir('d')", "os.mkdir(str(n))", "os.mkdir('d', 0); os.chdir('d')"]
)
def test_folders_without_end_neither_fill_the_disk_nor_stop_the_one_who_counts_and_removes_them(
    made, tmp_path, monkeypatch
):
    """Where the folder is one of the machine's: each inside the last one is deeper than a path or a call may be."""
    if why_not("landlock") is not None:
        pytest.skip("only namespaces here: they have a file system of their own")
    program = f"import os\nfor n in range(10**6):\n    {made}"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = ran(LocalSandbox(wanted="landlock"), program, Limits(wall_s=30))
    assert found.ending in ("killed", "failed")  # too many names, or the kernel refused one
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------------------------------------------- files and network


def test_the_users_files_cannot_be_read_and_their_folder_not_be_listed(sandbox, tmp_path):
    (tmp_path / "key").write_text("secret")
    hidden = ("FileNotFoundError", "PermissionError")
    for look in (
        f"open({str(tmp_path / 'key')!r})",
        f"import os; os.listdir({str(tmp_path)!r})",
        "open('/etc/passwd')",
    ):
        assert ran(sandbox, look).error in hidden
    # of the home folder nothing is seen but the way to an interpreter that stands in it
    home = ran(sandbox, f"import os\nprint(*os.listdir({str(Path.home())!r}))")
    assert home.error in hidden or all(
        (Path.home() / name) in Path(sys.base_prefix).parents for name in home.output.split()
    )


def test_nothing_can_be_written_changed_or_removed_outside_its_folder(sandbox, tmp_path):
    kept = tmp_path / "kept"
    kept.write_text("as it was")
    mode = kept.stat().st_mode
    tries = (
        "open({!r}, 'w')",
        "import os; os.truncate({!r}, 0)",
        "import os; os.remove({!r})",
        "import os; os.rename({!r}, 'mine')",
        "import os; os.chmod({!r}, 0)",
        "import os; os.utime({!r}, (0, 0))",
        "import os; os.symlink({!r}, 'link'); open('link', 'a').write('x')",
    )
    assert [ran(sandbox, one.format(str(kept))).ending for one in tries] == ["failed"] * len(tries)
    assert ran(sandbox, "open('/usr/lib/planted', 'w')").ending == "failed"
    assert kept.read_text() == "as it was" and kept.stat().st_mode == mode


def test_its_own_folder_is_empty_private_and_gone_afterwards(sandbox):
    program = "import os\nopen('a', 'w').write('b')\nprint(os.getcwd(), sorted(os.listdir('.')), open('a').read())"
    found = ran(sandbox, program)
    folder, files = found.output.split(maxsplit=1)
    assert files == "['a', 'program.py'] b\n" and not Path(folder).exists()


def test_there_is_no_network(sandbox):
    for family in ("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"):
        assert ran(sandbox, f"import socket\nsocket.socket(socket.{family})").error == "PermissionError"


def test_there_is_no_environment(sandbox, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert ran(sandbox, "import os\nprint(dict(os.environ))").output == "{}\n"


# ------------------------------------------------------------------------------------------------------------ processes


@pytest.mark.parametrize("signal", [0, 9, 15])
def test_it_cannot_signal_whoever_started_it(sandbox, signal):
    program = f"""
import os
for pid in ({os.getpid()}, os.getppid(), 1, -1, 0):
    try:
        os.kill(pid, {signal})
        print(pid)
    except OSError:
        pass
"""
    assert ran(sandbox, program).output == ""


def test_it_cannot_raise_its_limits_or_change_those_of_others(sandbox):
    raising = "import resource as r\nr.setrlimit(r.RLIMIT_CPU, (100, 100))"
    assert ran(sandbox, raising).ending == "failed"
    assert ran(sandbox, f"import resource as r\nr.prlimit({os.getppid()}, r.RLIMIT_CPU)").ending == "failed"


def test_it_holds_no_file_of_the_one_who_started_it(sandbox):
    program = """
import os
for number in range(3, 64):
    try:
        os.fstat(number)
        print(number)
    except OSError:
        pass
"""
    # what it opens itself begins at 3, and it has opened nothing
    assert ran(sandbox, program).output == ""


def test_calls_of_the_kernel_are_refused_by_number(sandbox):
    program = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
calls = {seccomp.denied(seccomp.system.MACHINE)!r}
print([call for call in calls if libc.syscall(call, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() != 1])
print(libc.syscall(462, 0), ctypes.get_errno())
"""
    # 1 is EPERM; a call that is younger than the list does not exist (38 is ENOSYS)
    assert ran(sandbox, program).output == "[]\n-1 38\n"


def test_a_killed_parent_leaves_no_program_behind(tmp_path):
    """The one who started it dies without a word: the kernel ends the program with it."""
    script = (
        "import asyncio\nfrom synth_dagster.sandbox.local import LocalSandbox\n"
        "from synth_dagster.services import Limits\n"
        "s = LocalSandbox()\nprint(s.isolation, flush=True)\n"
        "asyncio.run(s.run('import time\\ntime.sleep(300)', limits=Limits(wall_s=300)))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT, text=True)
    assert parent.stdout is not None and parent.stdout.readline().strip() in ISOLATING
    wait_until(lambda: len(sleepers(parent.pid)) == 2)  # the one that walls itself in, and its child
    found = sleepers(parent.pid)
    parent.kill()
    parent.wait()
    wait_until(lambda: not any(works(pid) for pid in found))


def works(pid):
    """One that ended has an entry until the first process of the machine, which inherits it, looks at it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def sleepers(parent):
    """The processes below one."""
    children = [
        int(pid) for task in Path(f"/proc/{parent}/task").glob("*/children") for pid in task.read_text().split()
    ]
    return children + [below for child in children for below in sleepers(child)]


def wait_until(holds, seconds=60):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_than_root_is_isolated_alike(tmp_path):
    """As nobody, who has no privilege that could help."""
    python = next((path for path in (sys.executable, "/usr/bin/python3") if reachable(path)), None)
    if python is None:
        pytest.skip("nobody but root reaches an interpreter of this version here")
    script = (
        "from synth_dagster.sandbox.local import *\nprint({one: why_not(one) for one in ISOLATING})\n"
        "print(asyncio.run(LocalSandbox().query('SELECT 1 AS a', tables={})).table.rows)"
    )
    found = subprocess.run(
        [python, "-c", script],
        user=65534,
        group=65534,
        extra_groups=[],
        cwd=ROOT,
        env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if "site-packages" in path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout.splitlines() == [str({one: why_not(one) for one in ISOLATING}), "((1,),)"], found.stderr


def run_text(command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def reachable(python):
    """Whether others than root may start it, and it has our version, so that our packages fit."""
    path = Path(python).resolve()
    asked = [python, "-c", "import sys; print(sys.version_info[:2])"]
    return (
        path.exists()
        and all(folder.stat().st_mode & 1 for folder in path.parents)
        and run_text(asked) == str(sys.version_info[:2])
    )
