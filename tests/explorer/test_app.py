"""The pages of the explorer: what each tells people and programs, and what a bad address is told."""

import re
from dataclasses import replace

import pytest

from synth_dagster.explorer import reaching
from synth_dagster.explorer import record as recording
from synth_dagster.explorer import start as starting
from synth_dagster.explorer.graph import lineage_graph
from synth_dagster.explorer.guard import POLICY
from synth_dagster.governance import trace as tracing
from synth_dagster.governance.trace import Trace
from synth_dagster.lake.lake import Lake
from synth_dagster.record_tables import to_table
from synth_dagster.records import Instruction, Message, Preference, Span, digest
from synth_dagster.storage import NotThere
from tests.explorer.conftest import PARENTS, browser_of
from tests.governance.erase_world import World
from tests.lake.conftest import document, parent_of, write_to

PAGES = (
    "/",
    "/search",
    "/search?q=alpha",
    "/source/notes",
    "/release/demo/r0001",
    "/erase",
    "/erase?source=forum",
    "/erasures",
)
EVIL = "<script>document.title='owned'</script><img src=x onerror=alert(1)>\"'&"


def of(name: str) -> str:
    return digest(name).hex()


def got(client, path: str, **query):
    answer = client.get(path, params={"format": "json", **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("path", [*PAGES, f"/record/{of('q2')}", "/diff?dataset=demo&before=r0001&after=r0002"])
def test_every_page_is_whole_without_a_script_and_has_a_twin_for_programs(client, path):
    answer = client.get(path)
    assert answer.status_code == 200 and answer.text.startswith("<!doctype html>")
    assert answer.headers["content-security-policy"] == POLICY and answer.headers["cache-control"] == "no-store"
    assert "<script" not in answer.text and " style=" not in answer.text
    assert len(re.findall("<h1>", answer.text)) == 1
    boxes = re.findall(r'<input[^>]*id="(field-[^"]+)"', answer.text)
    assert all(f'for="{box}"' in answer.text for box in boxes)  # each field has its label
    twin = client.get(path, params={"format": "json"}) if "?" not in path else client.get(f"{path}&format=json")
    assert twin.headers["content-type"] == "application/json" and twin.json() is not None


def test_the_start_page_counts_what_tables_show(client):
    told = got(client, "/")
    # nine records; q1 and q3 have one parent each, q2 two, each pair one
    assert (told["records"], told["edges"]) == (9, 7)
    assert [one["release"] for one in told["datasets"][0]["releases"]] == ["r0001", "r0002"]
    assert told["source"] == ["forum", "notes"]


def test_a_record_is_told_with_what_it_is_from_and_what_was_made_of_it(client, world):
    told = got(client, f"/record/{of('q2')}")
    assert {one["record_id"] for one in told["ancestors"]} == {of("a1"), of("f1")}
    assert [one["record_id"] for one in told["descendants"]] == [of("p2")]
    assert told["counts"]["ancestors"] == [{"dataset": "demo", "stage": "corpus", "distance": 1, "records": 2}]
    assert told["row"]["text"] == world.texts["q2"]
    # of p1, p2 and p3 the second is dropped as a duplicate of the first, in both releases
    verdicts = {one["release"]: one["verdict"] for one in told["descendants"][0]["verdicts"]}
    assert verdicts == {"r0001": "dropped", "r0002": "dropped"}
    page = client.get(f"/record/{of('q2')}").text
    for name in ("a1", "f1", "p2"):
        assert f'href="/record/{of(name)}"' in page
    assert world.texts["q2"] in page and world.texts["f1"] in page


def test_the_beginning_of_an_id_leads_to_its_record(client):
    assert client.get(f"/record/{of('p1')[:10]}").headers["location"] == f"/record/{of('p1')}"
    assert client.get("/search", params={"q": of("p1")[:10]}).headers["location"] == f"/record/{of('p1')}"


def test_an_unknown_id_is_answered_with_the_nearest(client):
    digits = of("p1")[:12]
    other = digits[:-1] + ("0" if digits[-1] != "0" else "1")
    answer = client.get(f"/record/{other}")
    assert answer.status_code == 404 and "Nothing has that name" in answer.text
    nearest = re.findall(r'href="/record/([0-9a-f]{32})"', answer.text)
    assert nearest and set(nearest) <= {of(name) for name in PARENTS}


def test_a_source_tells_how_far_it_reaches(client):
    told = got(client, "/source/forum")
    # f1 itself; q2 and p2 were made from it, but are said to be of the source of their first parent
    assert (told["records"], told["made_of_them"]["records"]) == (1, 2)
    assert [(one["release"], one["kept"], one["dropped"]) for one in told["releases"]] == [
        ("r0001", 0, {"minhash:duplicate": 1}),
        ("r0002", 0, {"minhash:duplicate": 1}),
    ]


def test_a_list_says_how_much_of_the_whole_it_is(client, monkeypatch):
    """Of `notes` are all nine but f1."""
    assert "<caption>By id</caption>" in client.get("/source/notes").text
    monkeypatch.setattr(reaching, "SOME", 3)
    page = client.get("/source/notes").text
    assert "<caption>By id, the first 3 of 8</caption>" in page
    monkeypatch.setattr(recording, "LISTED", 1)
    page = client.get(f"/record/{of('q2')}").text
    # it is from a1 and f1, and has two batches on the way; its licence comes from both and is told in three steps
    assert "The nearest 1 are listed" in page and "From the sources to the record, the last 1 of 3" in page
    monkeypatch.setattr(starting, "SOURCES", 1)
    assert "Each leads to what it reaches, the first 1 of 2." in client.get("/").text


def test_an_erasure_is_looked_at_with_the_numbers_of_the_command(client, world):
    told = got(client, "/erase", source="forum")
    # q2 and p2, and the version of each that was replaced
    assert (told["dry_run"], told["meant"], told["made_of_them"]) == (True, 1, 4)
    assert {one["release"] for one in told["releases"]} == {"r0001", "r0002"}
    page = client.get("/erase", params={"source": "forum"}).text
    assert "only reads" in page and "<form" in page and 'method="post"' not in page


def test_two_releases_are_compared(client):
    told = got(client, "/diff", dataset="demo", before="r0001", after="r0002")
    assert told["records"] == {"kept_in_both": 2, "added": 0, "removed": 0}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/record/xyz", 404),
        ("/record/" + "0" * 40, 404),
        ("/record/' or 1=1 --", 404),
        ("/source/nobody", 404),
        ("/run/nobody", 404),
        ("/release/demo/r9999", 404),
        ("/release/other/r0001", 404),
        ("/erasures/nobody", 404),
        ("/erasures/..%2f..%2fmeta", 404),
        ("/diff?dataset=demo&before=r0001&after=nothing", 404),
        ("/diff", 404),
        ("/erase?source=nobody", 404),
        ("/erase?source=forum&dataset=other", 404),
        ("/erase?source=forum&record=00", 400),
        ("/erase?where=1%3D1%3B drop table corpus", 400),
        ("/erase?where=text %3D (select 1)", 400),
        ("/erase?where=no_such_column %3D 1", 400),
        ("/search?size=0", 400),
        ("/search?size=100000000000000000000", 400),
        ("/search?size=-1", 400),
        ("/search?size=many", 400),
        ("/search?after=99999999999999999999", 400),
        ("/search?after=demo/corpus/zz/notes:1", 400),
        ("/search?verdict=maybe", 400),
        ("/search?q=" + "w" * 201, 400),
        ("/search?q=a b c d e f g h i", 400),
    ],
)
def test_a_bad_address_is_told_what_is_wrong(client, path, status):
    answer = client.get(path)
    assert answer.status_code == status
    assert "Traceback" not in answer.text and "went wrong" not in answer.text
    assert client.get(f"{path}{'&' if '?' in path else '?'}format=json").status_code == status


@pytest.mark.parametrize("path", ["/", "/search", "/record/00", "/style.css"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_pages_only_read(client, path, method):
    assert client.request(method, path).status_code == 405


@pytest.fixture
def evil(tmp_path) -> World:
    """Everything that a record can say or be called is markup."""
    lake = Lake.open(tmp_path / "lake")
    root = replace(
        document("b:1", 0), body=f"{EVIL} once", title=EVIL, source=EVIL, url="javascript:alert(1)", license=EVIL
    )
    above = replace(root, stage="corpus").as_parent(EVIL)
    talk = Instruction(
        record_id=digest("talk"),
        content_hash=digest("t"),
        source=EVIL,
        batch="b:1",
        method=EVIL,
        model_id=EVIL,
        license=EVIL,
        parents=(above,),
        messages=(Message("user", EVIL, EVIL, EVIL), Message("assistant", EVIL)),
        evidence=(Span(root.record_id, 0, 8, EVIL[:8]),),
        attributes={EVIL: EVIL},
        run_id=EVIL,
    )
    said = (Message("user", EVIL),)
    pair = Preference(
        record_id=digest("pair"),
        content_hash=digest("p"),
        source=EVIL,
        batch="b:1",
        method=EVIL,
        license=EVIL,
        parents=(parent_of(talk, "questions"),),
        prompt=said,
        chosen=said,
        rejected=said,
        rationale=EVIL,
        chosen_score=4.0,
    )
    for stage, record, kind in (
        ("corpus", root, "document"),
        ("questions", talk, "instruction"),
        ("pairs", pair, "preference"),
    ):
        lake.accept(write_to(lake, "b:1", to_table([record], kind), stage=stage))
    return World(lake, None, {}, {}, {}, {}, {})  # type: ignore[arg-type]


def test_what_records_say_is_text_on_every_page(evil):
    client = browser_of(replace(evil, around=None))
    ids = [one["record_id"] for one in got(client, "/search")["records"]]
    assert len(ids) == 3
    pages = [
        "/",
        "/search",
        "/search?q=once",
        *(f"/record/{one}" for one in ids),
        f"/erase?record={digest('talk').hex()}",
    ]
    for path in pages:
        text = client.get(path).text
        assert "<script" not in text and "<img" not in text and 'href="javascript' not in text
    asked = client.get("/search", params={"q": EVIL[:60], "source": EVIL, "reason": EVIL})
    assert "<script" not in asked.text and "<img" not in asked.text
    for path in (f"/source/{EVIL}", f"/record/{EVIL}", f"/release/demo/{EVIL}"):
        text = client.get(path).text
        assert "<script" not in text and "<img" not in text


def test_a_pair_is_shown_with_what_judges_gave_it(evil):
    client = browser_of(replace(evil, around=None))
    page = client.get(f"/record/{digest('pair').hex()}").text
    assert "<summary>scores and figures</summary>" in page and "<dt>chosen_score</dt><dd>4</dd>" in page


def test_the_lake_is_shown_as_it_is_now(tmp_path):
    """What another process accepts is there at the next request."""
    lake = Lake.open(tmp_path / "lake")
    client = browser_of(World(lake, None, {}, {}, {}, {}, {}))  # type: ignore[arg-type]
    assert "Nothing has been made yet" in client.get("/").text
    other = Lake.open(tmp_path / "lake")
    other.accept(write_to(other, "b:1", to_table([document("b:1", 1)], "document")))
    assert got(client, "/search")["count"] == 1
    other.retire("demo", "corpus", "b:1", "run-2")
    assert got(client, "/search")["count"] == 0


def test_a_file_that_vanishes_under_a_page_is_looked_for_again(client, monkeypatch):
    """As when an erasure puts another in its place between two steps of a page."""
    opened, real = [], tracing.local_file

    def vanishing(*place):
        opened.append(place)
        if len(opened) == 1:
            raise NotThere("It was just here.")
        return real(*place)

    monkeypatch.setattr(tracing, "local_file", vanishing)
    assert client.get(f"/record/{of('q2')}").status_code == 200 and len(opened) > 1


def test_a_drawing_has_an_end():
    """A thousand records made of one: seven of them are drawn, and the others counted."""
    facts = {"stage": "s", "method": "m", "model_id": None, "status": "current"}
    record = {"record_id": "0" * 32, **facts}
    below = [{"record_id": f"{n:032x}", "distance": 1, **facts} for n in range(1, 201)]
    edges = [{"child": one["record_id"], "parent": record["record_id"]} for one in below]
    counts = {"ancestors": [], "descendants": [{"dataset": "d", "stage": "s", "distance": 1, "records": 1_000}]}
    drawn = lineage_graph(Trace(record, [], below, edges, [], {}, [], counts))
    assert (drawn.count("<rect"), drawn.count("<path")) == (8, 7) and "and 993 more" in drawn
    assert lineage_graph(Trace(record, [], [], [], [], {}, [], {"ancestors": [], "descendants": []})) == ""
