"""The page of a release in a browser: it runs nothing of a record's, asks nobody for anything, and its search works."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from synth_dagster.explorer.question import Explorer
from synth_dagster.explorer.server import Server
from synth_dagster.governance.report import release_facts, write_report
from synth_dagster.lake.lake import Lake
from tests.governance.audit_world import plant
from tests.ui.dagster_ui import browser, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.prove,
    pytest.mark.skipif(chromium() is None, reason="needs the browser Chromium on PATH (apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = plant(tmp_path_factory.mktemp("page") / "lake")
    write_report(lake, release_facts(lake, lake.meta.release("demo", "r0001"), None))
    return lake


@pytest.fixture(params=["file", "server"])
def address(request: pytest.FixtureRequest, lake: Lake) -> Iterator[str]:
    """The page as somebody opens it: a file that was sent to them, and as `synth explore` shows it."""
    if request.param == "file":
        yield Path(lake.store.link("reports/demo/r0001.html")).as_uri()
    else:
        with Server(Explorer(lake), "127.0.0.1", 0) as server:
            yield f"http://127.0.0.1:{server.port}/reports/demo/r0001.html"


@pytest.fixture
def opened(address: str) -> Iterator[tuple["Page", list[str], list[str]]]:
    """The page, what it asked for, and what the console said."""
    with browser() as page:
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(address)
        yield page, asked, said


def test_nothing_of_a_record_runs_and_nobody_is_asked_for_anything(opened, address):
    page, asked, said = opened
    assert page.get_by_text("window.ran").count() > 0  # the words are there
    assert page.evaluate("window.ran") is None
    assert asked == [address] and said == []
    # even what gets into the page by a mistake of ours is kept from running by its policy
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 2\">')")
    page.wait_for_timeout(200)
    assert page.evaluate("window.ran") is None


def test_the_search_finds_words_ids_and_reasons_from_the_keyboard(opened):
    page, _, said = opened
    shown, count = page.locator(".sample:visible"), page.locator("#count")
    assert (shown.count(), count.inner_text()) == (6, "6 of 6 shown")
    page.keyboard.press("/")
    page.keyboard.type("MINHASH duplicate")
    assert (shown.count(), count.inner_text()) == (1, "1 of 6 shown")
    page.keyboard.press("Escape")
    assert shown.count() == 6
    page.select_option("#verdict", "kept")
    assert shown.count() == 3
    page.fill("#words", "nowhere at all")
    assert (shown.count(), count.inner_text()) == (0, "0 of 6 shown")
    assert said == []


def test_whoever_does_not_see_it_is_told_the_same(opened):
    page, _, _ = opened
    levels = page.evaluate("Array.from(document.querySelectorAll('h1,h2,h3'), one => Number(one.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))  # no level is left out
    drawings = page.evaluate(
        "Array.from(document.querySelectorAll('svg'), one => [one.getAttribute('role'), one.ariaLabel])"
    )
    assert drawings and all(role == "img" and label for role, label in drawings)
    assert "notes to kept 2" in drawings[0][1]  # the Sankey, in words
    assert page.locator("table:not(:has(caption))").count() == 0 and page.locator("th:not([scope])").count() == 0
    assert page.locator("input:not([id]), select:not([id])").count() == 0
    labelled = page.evaluate("Array.from(document.querySelectorAll('label'), one => one.htmlFor)")
    assert labelled == ["words", "verdict"] and page.locator("main, nav[aria-label]").count() == 2
    ids = page.evaluate("Array.from(document.querySelectorAll('[id]'), one => one.id)")
    links = page.evaluate("Array.from(document.querySelectorAll('a'), one => one.getAttribute('href').slice(1))")
    assert len(ids) == len(set(ids)) and set(links) <= set(ids)


def test_on_paper_all_records_stand_and_nothing_to_press(opened):
    page, _, _ = opened
    page.fill("#words", "nowhere at all")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator(".sample:visible").count() == 6
    assert page.locator("nav:visible, #search:visible").count() == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf()[:5] == b"%PDF-"


@pytest.mark.parametrize("width", [360, 1200])
def test_it_fits_the_window(lake, width):
    with browser(width=width) as page:
        page.goto(Path(lake.store.link("reports/demo/r0001.html")).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
