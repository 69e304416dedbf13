"""Planted defects are caught in disguise too, in every field and turn of a record, and ordinary text in any script is
left in peace."""

import json
from functools import partial
from pathlib import Path

import pytest

import synth_dagster
from synth_dagster.methods.guard.privacy_security_guard import PrivacySecurityGuard
from synth_dagster.record_tables import to_table
from synth_dagster.records import Document, digest
from synth_dagster.runner.guards import guarded
from synth_dagster.services import NoAncestors
from tests.methods.guard.disguised import DISGUISES, FOREIGN, KINDS, OF_ORDERS, PLACES, PROSE, document

ROOT = Path(synth_dagster.__file__).parents[1]
GUARD = PrivacySecurityGuard(poisoned_seeds="off", verbatim="off", max_held_share=1)


def held(records, check):
    kind = records[0].kind
    found = GUARD.inspect(guarded(to_table(records, kind), kind), ancestors=NoAncestors())
    return {one.record_id: one for one in found if one.check == check and one.severity == "quarantine"}


def of(check, *, count):
    """Disguise or place -> how many of so many planted defects are held; one inspection for each kind of record."""
    plant = {name: partial(in_the_body, hide) for name, hide in DISGUISES.items()}
    plant |= {name: partial(in_the_body, hide) for name, hide in OF_ORDERS.items() if check == "injected_instructions"}
    plant |= {f"in the {name}": place for name, place in PLACES.items()}
    made = {
        (name, n): plant[name](n + 100 * at, KINDS[check](n)) for at, name in enumerate(plant) for n in range(count)
    }
    by_kind = [[one for one in made.values() if one.kind == kind] for kind in ("document", "instruction", "preference")]
    caught = {record_id for records in by_kind for record_id in held(records, check)}
    return {name: sum(made[name, n].record_id in caught for n in range(count)) for name in plant}


def in_the_body(hide, n, text):
    return PLACES["body"](n, hide(text))


@pytest.mark.parametrize("check", KINDS)
def test_five_defects_of_each_kind_are_caught_in_each_disguise_and_place(check):
    told = of(check, count=5)
    assert {name: caught for name, caught in told.items() if caught < 5 - ALLOWED.get((check, name), 0)} == {}


# an address of ten characters is too short for a blob of hexadecimal digits, as many a number is
ALLOWED = {
    ("personal_data", "hexadecimal"): 1,
    ("personal_data", "base64"): 1,
    ("injected_instructions", "rot13"): 3,  # those that have none of the words by which it is known
}


@pytest.mark.prove
@pytest.mark.parametrize("check", KINDS)
def test_of_forty_defects_of_each_kind_95_in_100_are_caught_over_all_disguises_and_places(check):
    told = of(check, count=40)
    assert sum(told.values()) >= 0.95 * 40 * len(told), told
    assert min(caught for name, caught in told.items() if name != "rot13") >= 36, told


def test_orders_in_other_languages_are_caught():
    caught = held(
        [document(n, body=f"{PROSE}{text} {PROSE}") for n, text in enumerate(FOREIGN)], "injected_instructions"
    )
    assert len(FOREIGN) == 39 and len(caught) == 39


def test_a_finding_in_disguise_says_so_and_where_it_stands_if_that_is_known():
    full = DISGUISES["full width"]("maria1@kontor.ch")
    encoded = document(1, body=f"Say {DISGUISES['base64']('maria1@kontor.ch')}")
    found = held([document(0, body=f"Write to {full}."), encoded], "personal_data")
    one, other = found[digest("d", 0)], found[digest("d", 1)]
    assert (one.start, one.end, one.note) == (9, 9 + len(full), "disguised: look-alikes")
    assert (other.start, other.end, other.note) == (None, None, "disguised: base64")


def test_a_canary_in_disguise_has_come_out_too():
    guard = PrivacySecurityGuard(canaries=["zq7-hollow-lantern"], max_held_share=1)
    texts = [disguise("zq7-hollow-lantern") for disguise in DISGUISES.values()]
    records = [document(n, body=f"{PROSE}{text} {PROSE}", synthetic_depth=1) for n, text in enumerate(texts)]
    found = guard.inspect(guarded(to_table(records, "document"), "document"), ancestors=NoAncestors())
    assert len({one.record_id for one in found if one.check == "canaries"}) == len(texts)


def paragraphs():
    """Texts of the project in 40 languages, its pages, and the reference of Python: no defect is planted in them."""
    topics = pytest.importorskip("pydoc_data.topics").topics
    pages = [page for folder in ("docs", "docs/recipes") for page in sorted((ROOT / folder).glob("*.md"))]
    texts = [part for text in topics.values() for part in text.split("\n\n")]
    texts += [part for page in pages for part in page.read_text(encoding="utf-8").split("\n\n")]
    worlds = ROOT / "recipes/gallery/worlds"
    for name in ("pages_of_languages.jsonl", "zh_pages.jsonl", "lessons.jsonl"):
        texts += [json.loads(line)["text"] for line in (worlds / name).read_text(encoding="utf-8").splitlines()]
    return [text for text in texts if len(text) > 80]


def test_ordinary_texts_in_many_scripts_are_left_in_peace():
    texts = paragraphs()
    records = [Document(record_id=digest(n), source="a", batch="a:0", body=text) for n, text in enumerate(texts)]
    found = GUARD.inspect(guarded(to_table(records, "document"), "document"), ancestors=NoAncestors())
    alarmed = {one.record_id for one in found if one.severity == "quarantine"}
    assert len(texts) > 1_500 and len(alarmed) <= 0.005 * len(texts)
