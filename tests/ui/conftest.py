"""A test of a live daemon that fails says what Dagster knows of its runs, because its project is gone afterwards."""

from collections.abc import Iterator

import pytest

from tests.ui.live import Live


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    live = getattr(item, "funcargs", {}).get("live")
    if report.failed and isinstance(live, Live):
        report.sections.append(("runs of Dagster", live.told()))
        report.sections.append(("log of the second daemon", live.second))
    return report
