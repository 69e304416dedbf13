"""A pytest plugin for CI: a skipped test is a failed test, unless no CI machine can have what it lacks.

A skip says that something is missing. On a person's machine that is a service; in CI it is a test that nobody runs.
Loaded by `-p tests.ci_skips`, which `make test` and `make prove` add when SYNTH_CI is set.
"""

import re

import pytest

# What only some machines have; everything else is there in CI, or CI is broken.
ALLOWED = re.compile(r"needs a GPU|needs SYNTH_MODEL", re.IGNORECASE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    return refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):
    return refuse_skip((yield))


def refuse_skip(report):
    """The report, as a failure where it was a skip without a good reason. An expected failure is no skip."""
    if not report.skipped or hasattr(report, "wasxfail") or ALLOWED.search(reason := reason_of(report)):
        return report
    report.outcome = "failed"
    report.longrepr = f"{report.nodeid} was skipped in CI, where what it needs must be present. {reason}"
    return report


def reason_of(report) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
