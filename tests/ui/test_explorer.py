"""The explorer in Chromium: the way of a governance officer, by mouse and by keyboard, and words that stay words."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from synth_dagster.explorer.guard import Guard
from synth_dagster.explorer.question import Explorer
from synth_dagster.explorer.server import Server
from synth_dagster.governance.erase import Surroundings
from synth_dagster.lake.lake import Lake
from synth_dagster.record_tables import to_table
from synth_dagster.records import Instruction, Message, Span, digest
from tests.lake.conftest import document, parent_of, write_to
from tests.ui.dagster_ui import browser, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.prove,
    pytest.mark.skipif(chromium() is None, reason="needs the browser Chromium on PATH (apt-get install chromium)"),
]

TOKEN = "a-token-of-our-own"
EVIL = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
PASSAGE = "The heron is a wading bird that hunts in shallow water of the marsh."


@pytest.fixture
def address(tmp_path) -> Iterator[str]:
    """A passage and a question about it, from a forum; a passage of notes that is full of markup."""
    lake = Lake.open(tmp_path / "lake")
    heron = replace(
        document("forum:1", 0), body=f"{PASSAGE} {EVIL}", source="forum", license="CC-BY-4.0", stage="corpus"
    )
    other = replace(document("forum:1", 1), body="Nothing of that kind.", source="notes")
    asked = Instruction(
        record_id=digest("asked"),
        content_hash=digest("asked"),
        source="forum",
        batch="forum:1",
        method="grounded_qa",
        model_id="a/model",
        license="CC-BY-4.0",
        parents=(parent_of(heron, "corpus"),),
        messages=(Message("user", f"What is a heron? {EVIL}"), Message("assistant", "A wading bird.")),
        evidence=(Span(heron.record_id, 13, 26, "a wading bird"),),
    )
    lake.accept(write_to(lake, "forum:1", to_table([heron, other], "document")))
    lake.accept(write_to(lake, "forum:1", to_table([asked], "instruction"), stage="questions"))
    explorer = Explorer(lake, Guard(token=TOKEN), Surroundings(project=tmp_path))
    with Server(explorer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture
def page() -> Iterator["Page"]:
    with browser(width=1200) as window:
        said: list[str] = []
        window.on("console", lambda message: said.append(message.text))
        yield window
        assert not [one for one in said if "Security Policy" in one]  # nothing of ours was refused


def test_from_a_search_to_an_erasure(address: str, page: "Page"):
    page.goto(address)
    page.get_by_label("Words or the beginning of an id").fill("heron")
    page.keyboard.press("Enter")
    page.get_by_role("status").wait_for()
    assert page.locator("article").count() == 2 and page.locator("mark").first.inner_text() == "heron"
    page.get_by_role("link", name=digest("asked").hex()[:12]).click()
    assert page.get_by_role("heading", name="What it says").is_visible()
    assert page.locator("mark").inner_text() == "a wading bird"  # the evidence, in the passage
    page.locator("svg a").first.click()  # the drawing leads to the parent
    assert page.title().startswith("corpus ")
    page.get_by_role("link", name="forum", exact=True).click()
    assert page.get_by_role("heading", name="source forum").is_visible()
    page.get_by_role("link", name="Erase preview").last.click()
    assert "Nothing was erased" in page.locator("main").inner_text()
    page.get_by_role("link", name="Sign in").last.click()
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Type 2 to erase so many records").fill("2")  # the passage and the question
    page.get_by_role("button", name="Erase", exact=True).click()
    page.get_by_text("Clean: nothing of it is found any more.").wait_for(timeout=120_000)
    page.goto(f"{address}/search")
    assert page.locator("article").count() == 1
    page.get_by_role("button", name="Sign out").click()
    assert page.get_by_role("link", name="Sign in").count() == 1


def test_a_script_in_a_record_does_not_run(address: str, page: "Page"):
    for path in ("/search", f"/record/{digest('asked').hex()}", f"/search?q={EVIL[:20]}", f"/source/{EVIL[:20]}"):
        page.goto(address + path)
        assert "owned" not in page.title()
        assert page.locator("main script, main img").count() == 0
    page.goto(f"{address}/record/{digest('asked').hex()}")
    assert EVIL in page.locator("main").inner_text()


def test_the_keyboard_is_enough(address: str, page: "Page"):
    """The first key leads to the content; every link, field and box that scrolls is reached, in order, and is seen."""
    page.goto(f"{address}/record/{digest('asked').hex()}")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    wanted = page.locator("main :is(a, button, input, select, summary, [tabindex='0'])").count()
    seen = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        place, outline = page.evaluate(
            "(e => [[...document.querySelectorAll('main *')].indexOf(e), getComputedStyle(e).outlineStyle])"
            "(document.activeElement)"
        )
        if place >= 0:
            seen.add(place)
            assert outline != "none"
    assert len(seen) == wanted


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_no_page_is_wider_than_its_window(address: str, width: int):
    with browser(width=width) as window:
        for path in (
            "/",
            "/search",
            f"/record/{digest('asked').hex()}",
            "/source/forum",
            "/erase?source=forum",
            "/sign-in",
        ):
            window.goto(address + path)
            assert window.evaluate("document.documentElement.scrollWidth") <= width, path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(address: str, page: "Page", scheme: str):
    """At least 4.5 to 1, as WCAG 2.2 asks of text: the luminance of both colours, by its formula."""
    page.emulate_media(color_scheme=scheme)
    for path in ("/", f"/record/{digest('asked').hex()}", "/erase?source=forum"):
        page.goto(address + path)
        assert page.evaluate(CONTRAST) >= 4.5, path


CONTRAST = """() => {
  const numbers = text => text.match(/[0-9.]+/g).map(Number)
  const part = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
  const behind = e => {
    for (; e; e = e.parentElement) {
      const colour = numbers(getComputedStyle(e).backgroundColor)
      if (colour.length < 4 || colour[3] > 0) return colour
    }
    return [255, 255, 255]
  }
  let least = 99
  for (const e of document.querySelectorAll('body *')) {
    if (e.closest('svg') || ![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue
    const [a, b] = [light(numbers(getComputedStyle(e).color)), light(behind(e))]
    least = Math.min(least, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05))
  }
  return least
}"""
