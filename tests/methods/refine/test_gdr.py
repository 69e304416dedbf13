"""GDR: planted private data is exchanged, the text around it and what is public stay, what fails still is dropped."""

import asyncio
import json
import re

import pytest

from synth_dagster.methods.refine.gdr import Gdr, parses
from synth_dagster.parts.privacy.personal_data import personal_data
from synth_dagster.records import Document, digest
from synth_dagster.services import Call, Drop
from synth_dagster.teacher.embedded.answers import answer as embedded_answer
from synth_dagster.teacher.embedded.chance import Chance
from synth_dagster.teacher.embedded.writing import EXTRACTIVE
from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request
from tests.scripted_teacher.teacher import ScriptedTeacher

# ------------------------------------------------------------------------- 500 texts, private data of ten kinds in them

FIRST = ("Oona", "Tarek", "Ilka", "Bodo", "Mirja", "Cosmin", "Yusra", "Pelle")
LAST = ("Brandvold", "Quistgaard", "Szalay", "Teichmann", "Okonjo", "Vanterpool", "Ylinen")
PUBLIC = ("Marie Curie", "Isaac Newton", "the Nile", "Vienna", "radium", "1898", "4.50", "Ada Lovelace")
KINDS = {
    "name": lambda n: f"{FIRST[n % 8]} {LAST[n % 7]}",
    "email": lambda n: f"{FIRST[n % 8].lower()}{n}@acme-mail.org",
    "phone": lambda n: f"+1 415 {200 + n % 700} {1000 + n}",
    "address": lambda n: f"{n + 3} Larkspur Lane, Dunmore",
    "social security": lambda n: f"{100 + n % 500}-{10 + n % 80}-{1000 + n}",
    "card": lambda n: ("5425233430109903", "4263982640269299", "374245455400126")[n % 3],
    "ip address": lambda n: f"93.184.{n % 250}.{(7 * n) % 250}",
    "date of birth": lambda n: f"{1 + n % 28} March {1950 + n % 50}",
    "user name": lambda n: f"{FIRST[n % 8].lower()}_{n}",
    "key": lambda n: "AKIA" + digest("key", n).hex().upper()[:16],
}
STAND_INS = {
    "name": "Robin Example", "email": "robin@example.com", "phone": "202-555-0143", "address": "1 Example Street",
    "social security": "078-05-1120", "card": "4111111111111111", "ip address": "192.0.2.7",
    "date of birth": "1 January 1970", "user name": "some_user", "key": "KEYFOREXAMPLES",
}  # fmt: skip


def planted(number):
    """A text with two pieces of private data, each with its kind, and two public facts."""
    kinds = [list(KINDS)[(number + step) % 10] for step in (0, 3)]
    private = {KINDS[kind](number): kind for kind in kinds}
    facts = [PUBLIC[number % 8], PUBLIC[(number + 3) % 8]]
    pieces = list(private)
    body = (
        f"This note of the archive tells of {facts[0]} and of {facts[1]}, which people still read about. "
        f"It came with the remark {pieces[0]} in the margin, and on its back stands {pieces[1]}. "
        "Nobody knows who wrote it, and the paper is of the kind that was sold at the time."
    )
    return Document(body=body, record_id=digest(body)), private, facts


TEXTS = [planted(number) for number in range(500)]
PRIVATE = {piece: kind for _, private, _ in TEXTS for piece, kind in private.items()}


class Finder:
    """Knows what is private, overlooks some of it, and takes some of what is public for private."""

    def __init__(self, overlooks=0.0, overlooks_names=0.0, takes_public=0.0):
        self.overlooks, self.overlooks_names, self.takes_public = overlooks, overlooks_names, takes_public

    def answer(self, request):
        text = request.tag("text")
        found = {piece: STAND_INS[kind] for piece, kind in PRIVATE.items() if piece in text}
        for piece in list(found):
            rate = self.overlooks_names if PRIVATE[piece] == "name" else self.overlooks
            if share(request.key, "overlooked", piece) < rate:
                del found[piece]
        public = [fact for fact in PUBLIC if fact in text and share(request.key, "taken", fact) < self.takes_public]
        found |= dict.fromkeys(public, "something")
        return {"replacements": [{"original": old, "replacement": new} for old, new in found.items()]}


class Answers(ScriptedTeacher):
    """The scripted teacher knows the fields of no reply of this method, so they are answered by its world directly."""

    async def ask(self, prompt, /, *, into, sample=0, sampling=None, **values):
        request = self._request(prompt.messages(values), frozenset(into.model_fields), None, sample)
        reply = into.model_validate(self.worlds[0].answer(request))
        reply.answered_by(Call(request.key, "scripted-2026", prompt.hash))
        return reply


class Embedded:
    def answer(self, request: Request):
        turns = [{"role": "system", "content": request.system}, {"role": "user", "content": request.user}]
        properties = {"score": {"type": "integer"}}
        if "replacements" in request.fields:
            item = {"type": "object", "properties": {n: {"type": "string"} for n in ("original", "replacement")}}
            properties = {"replacements": {"type": "array", "items": item | {"required": ["original", "replacement"]}}}
        schema = {"type": "object", "properties": properties, "required": list(properties)}
        return json.loads(embedded_answer(turns, model=EXTRACTIVE, chance=Chance("0"), schema=schema))


def refined(document, world, **settings):
    teacher = Answers(world)
    return asyncio.run(Gdr(**settings).refine(document, refiner=teacher, judge=teacher)), teacher


def doc(body, **more):
    return Document(body=body, record_id=digest(body), **more)


def counts(world, **settings):
    """Of private pieces the share that is gone, of what was exchanged the share that was private, facts that stay."""
    gone = exchanged = private_exchanged = facts_left = 0
    for document, private, facts in TEXTS:
        found, _ = refined(document, world, **settings)
        if isinstance(found, Drop):
            gone += len(private)
            continue
        gone += sum(piece not in found.body for piece in private)
        spans = [document.body[slice(*span)] for span in found.attributes.get("gdr", {}).get("spans_before", ())]
        exchanged += len(spans)
        private_exchanged += sum(span in private for span in spans)
        facts_left += sum(fact in found.body for fact in facts)
    pieces, facts = sum(len(p) for _, p, _ in TEXTS), sum(len(f) for _, _, f in TEXTS)
    return gone / pieces, private_exchanged / exchanged, facts_left / facts


def test_planted_private_data_is_found_and_public_facts_stay():
    """One in ten is overlooked at first, of names one in fifty, and one public fact in thirty is taken for private."""
    recall, precision, facts = counts(Finder(overlooks=0.1, overlooks_names=0.02, takes_public=1 / 30))
    # three of the ten kinds have no detector, and a tenth of them is overlooked for good: .97 can be reached
    assert 0.95 <= recall <= 0.975 and precision >= 0.80 and facts >= 0.95
    # the paper reports .99 and .80, the card asks for .95 of the facts; one overlooked in a hundred is enough
    recall, precision, facts = counts(Finder(overlooks=0.01, overlooks_names=0.01, takes_public=1 / 30))
    assert recall >= 0.99 and precision >= 0.80 and facts >= 0.95


def test_to_strike_out_every_name_and_number_instead_leaves_fewer_facts():
    struck = [re.sub(r"[A-Z][a-z]+(?: [A-Z][a-z]+)*|\d[\d.]*", "[...]", document.body) for document, _, _ in TEXTS]
    facts = sum(fact in text for text, (_, _, facts) in zip(struck, TEXTS, strict=True) for fact in facts) / 1_000
    assert facts < 0.5  # against .95 above


def test_what_detectors_know_is_asked_for_until_it_is_gone():
    class OverlooksAtFirst(Finder):
        def answer(self, request):
            return super().answer(request) if request.sample else {"replacements": []}

    document = doc("Write to oona8@acme-mail.org, as Isaac Newton would.")
    found, teacher = refined(document, OverlooksAtFirst(), most_changed=0.5)
    assert found.body == "Write to robin@example.com, as Isaac Newton would."
    # 19 of 52 characters, which is more than the default allows
    told = {"attempts": 2, "delta": round(19 / 52, 6), "spans_before": [[9, 28]], "spans_after": [[9, 26]]}
    assert found.attributes["gdr"] == told
    assert teacher.requests[1].tag("left") == "email"  # its kind, so that the prompt is no second place of the data


def test_what_is_there_still_is_dropped_with_its_kind_and_not_its_text():
    found, _ = refined(doc("Write to oona8@acme-mail.org for the whole of this long story."), Finder(overlooks=1.0))
    assert found == Drop("still_there", "after 3 tries: email", call=found.call)


def test_texts_without_private_data_are_the_same_records():
    clean = [doc(f"Story {n} tells of {PUBLIC[n % 8]} and of the river that it is about.") for n in range(200)]
    same = sum(refined(document, Finder())[0] is document for document in clean)
    assert same == 200
    taken = sum(refined(document, Finder(takes_public=0.01))[0] is document for document in clean)
    assert taken >= 0.98 * 200


def test_one_stand_in_for_one_piece_in_text_title_and_url():
    document = doc(
        "Oona Brandvold lives here. Nobody but Oona Brandvold does, since Oona Brandvoldsen left, or so it is told.",
        title="On Oona Brandvold",
        url="https://example.org/Oona Brandvold",
    )
    found, _ = refined(document, Finder(), piece_tokens=50)
    assert found.body.count("Robin Example") == 2 and "Oona Brandvoldsen" in found.body  # another name
    assert (found.title, found.url) == ("On Robin Example", "https://example.org/Robin Example")
    assert Gdr.redacts and found.model_id is None and "Oona" not in str(found.attributes)


def test_what_is_declared_public_stays():
    document = doc("Oona Brandvold, the minister, opened the bridge in Vienna.")
    assert refined(document, Finder(), keep=("Oona Brandvold",))[0] is document


def test_a_text_that_would_change_too_much_is_dropped():
    found, _ = refined(doc("Oona Brandvold, oona8@acme-mail.org"), Finder())
    assert found.reason == "changed_too_much" and found.detail == "0.94 of its characters"  # 33 of 35


def test_only_documents_in_which_detectors_find_something_are_asked_about_if_so_wished():
    clean = doc("Oona Brandvold is a name, and no detector knows names.")
    found, teacher = refined(clean, Finder(), ask="found")
    assert found is clean and teacher.requests == []


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ({"original": "the", "replacement": "a"}, "everyday word"),
        ({"original": " ", "replacement": "_"}, "blank"),
        ({"original": "radium", "replacement": "radium"}, "itself"),
        ({"original": "uranium", "replacement": "lead"}, "not in the text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_worth_exchanging_is_not(item, why):
    class Names:
        def answer(self, request):
            return {"replacements": [item]}

    document = doc("In 1898 the Curies found radium.")
    assert refined(document, Names())[0] is document


CODE = '''"""Sends mail. Ask oona8@acme-mail.org."""
ADMIN = "oona8@acme-mail.org"


def send(to=ADMIN):
    return f"mail to {to} from the list of the house, as always"
'''


def test_code_runs_as_before():
    found, _ = refined(doc(CODE), Finder(), mode="code_anonymize")
    assert parses(found.body) and found.body.count("robin@example.com") == 2
    module = {}
    exec(found.body, module)  # a program of ours
    assert module["send"]("b") == "mail to b from the list of the house, as always"
    assert module["send"]() == "mail to robin@example.com from the list of the house, as always"

    class Breaks(Finder):
        def answer(self, request):
            private = {"original": "oona8@acme-mail.org", "replacement": 'robin"quoted'}
            return {"replacements": [private]}

    assert refined(doc(CODE), Breaks(), mode="code_anonymize")[0].reason == "broken_code"


def test_hurtful_words_are_exchanged_and_a_polite_text_is_asked_about_once():
    rude = doc("You are an idiot, and your work sucks. The bridge over the river was finished in 1898, as planned.")
    found, _ = refined(rude, Embedded(), mode="detoxify")
    assert found.body.startswith("You are an person, and your work is not good. The bridge over the river")
    assert found.model_id == "scripted-2026"
    polite = doc("The bridge over the river was finished in 1898.")
    found, teacher = refined(polite, Embedded(), mode="detoxify")
    assert found is polite and len(teacher.requests) == 1


def test_the_embedded_teachers_stand_ins_are_nobodys():
    document = doc(
        "Write to oona@acme.org or +1 415 222 1000, from 93.184.216.34. My name is Oona Brandvold. It is a long "
        "letter, and there is more in it than the address, as everybody who reads it will see at once."
    )
    found, _ = refined(document, Embedded())
    assert not personal_data(found.body) and "Oona Brandvold" not in found.body
    assert "My name is " in found.body
