"""The embedded teacher in a process of its own: it answers, and never outlives who started it."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from synth_dagster.teacher.embedded.process import TeacherProcess


def answers(base_url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{base_url}/models", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def ends(base_url: str) -> bool:
    for _ in range(100):
        if not answers(base_url):
            return True
        time.sleep(0.05)
    return False


def test_a_child_answers_until_it_is_stopped():
    child = TeacherProcess.start()
    try:
        assert answers(child.base_url)
    finally:
        child.stop()
    assert not child.is_running()
    assert ends(child.base_url)
    child.stop()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_ends_when_its_parent_is_killed(how):
    story = (
        "from synth_dagster.teacher.embedded.process import TeacherProcess; import time;"
        "print(TeacherProcess.start().base_url, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", story],
        stdout=subprocess.PIPE,
        text=True,
        # where tests run in the background of a script, Dagster has this process ignore it, and that is inherited
        preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL),  # noqa: PLW1509  # it only sets a signal
    )
    assert parent.stdout is not None
    base_url = parent.stdout.readline().strip()
    assert answers(base_url)
    os.kill(parent.pid, how)
    parent.wait()
    parent.stdout.close()
    assert ends(base_url)
