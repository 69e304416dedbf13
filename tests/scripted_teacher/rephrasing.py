"""Pages about bridges, mills and halls whose facts are known, and a writer who says each again in every form."""

import re
from collections.abc import Mapping
from random import Random

from synth_dagster.parts.cards.strategies import STRATEGIES, StrategyName
from synth_dagster.records import Document, digest
from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request

PAGE = (
    "{Name} is {kind} in {place}. It was built in {year} by {maker}, who also drew the plans. It is {length} metres "
    "long and has {count} {parts}. Since {later} it has been closed to carts, and every {day} there are market stalls "
    "around it."
)
_PAGE = re.compile(
    r"(?P<name>[\w' ]+) is (?P<kind>an? \w+) in (?P<place>\w+)\. It was built in (?P<year>\d+) by "
    r"(?P<maker>\w+ \w+), who also drew the plans\. It is (?P<length>\d+) metres long and has (?P<count>\d+) "
    r"(?P<parts>\w+)\. Since (?P<later>\d+) it has been closed to carts, and every (?P<day>\w+) there are market"
)
FORMS: Mapping[StrategyName, str] = {
    "qa": """Question: What is {name}, and where does it stand?
Answer: It is {kind} in {place}.
Question: Who built it, and when?
Answer: {maker} built it in {year} and also drew the plans.
Question: How large is it?
Answer: It is {length} metres long, with {count} {parts}.
Question: Has anything changed?
Answer: Carts have not been let in since {later}, and every {day} there are market stalls around it.""",
    "dialogue": """A: Do you know {name}?

B: The one in {place}? I never knew who made it.

A: That was {maker}, in {year}, with plans drawn by the same hand. It is {kind} of {length} metres with {count} {parts}.

B: And carts still use it?

A: Not since {later}. There are market stalls around it now, every {day}.""",
    "instruction": """Request: Tell me in a few lines about {name}.
Response: It is {kind} in {place}, {length} metres long, with {count} {parts}. Built in {year} by {maker}, who also
drew the plans, it was closed to carts in {later}. Around it there are market stalls every {day}.""",
    "list": """- name: {name}, {kind}
- where: in {place}
- built: in {year}, by {maker}, to the same person's plans
- size: {length} metres, {count} {parts}
- closed to carts: since {later}
- market stalls: every {day}""",
    "conversational": "You know {name}, don't you? It's {kind}, over in {place}. I always thought it older, but it "
    "dates from {year}; {maker} built it and even drew the plans. It's {length} metres long, believe it or not, and "
    "I counted {count} {parts}. You can't take a cart there, not since {later}, but come on a {day}, for the stalls.",
    "plain": "{Name} is {kind}. It is in {place}. {maker} built it and drew the plans. That was in {year}. It is long: "
    "{length} metres. It has {count} {parts}. Carts may not go there. That rule began in {later}. Look at it on "
    "a {day}, when there are stalls.",
    "encyclopaedic": "{Name}, {kind} in {place}, was erected in {year} to the design and under the direction of "
    "{maker}. It measures {length} metres and comprises {count} {parts}. It has not been open to carts since "
    "{later}; the surroundings serve as the site of a market held every {day}.",
    "summary": "{Name}: {kind} in {place}, built {year} by {maker}; {length} metres, {count} {parts}; no carts since "
    "{later}, market each {day}.",
    "notes": "{Name} ({kind}, in {place}): {year}, {maker}; {length} m; {count} {parts}; no carts from {later}; "
    "stalls: {day}.",
    "lesson": """You will learn what {name} is and what has become of it.

It is {kind}, and it stands in {place}. Somebody who draws the plans and also builds is called a master builder: here
this was {maker}, in {year}. The result is {length} metres long and has {count} {parts}. To close a place to carts means
that only walkers may pass; here that was done in {later}, and so there is room for stalls every {day}.

To remember: built in {year}, closed to carts in {later}.""",
    "steps": """1. First find {name} on a map: it is {kind} in {place}, and the place explains the rest.
2. Then ask who made it, because plans and work came from one hand: {maker}, in {year}.
3. Then measure it, since size tells what it was for: {length} metres, {count} {parts}.
4. At last look at its use today: without carts since {later}, it has room for stalls every {day}.""",
}
PLACES = ("Corran", "Pell", "Sulmar", "Arden", "Torvale", "Belcor", "Fanlor", "Quinros", "Maverly", "Ostin")
FIRST, LAST = ("Anna", "Bertil", "Clara", "Edda"), ("Dell", "Holm", "Varga", "Quist")
SPOILED = {
    "lead_in": lambda text, passage: f"Sure! Here is the rewritten text:\n\n{text}",
    "meta_phrase": lambda text, passage: f"{text} Let me know if you need another version.",
    "refusal": lambda text, passage: "I'm sorry, I cannot help with that.",
    "invented_fact": lambda text, passage: f"{text} It was sold in 1066.",
    "lost_facts": lambda text, passage: re.sub(r"[0-9]+|(?<= )[A-Z][a-z]+", "some", text),
    "copy": lambda text, passage: passage,
}


class Rephraser:
    """`faults` is fault -> share of the answers that have it; `planted` says which answers do."""

    def __init__(self, **faults: float) -> None:
        self.faults, self.planted = faults, dict[bytes, str]()

    def answer(self, request: Request) -> str:
        passage, name = request.tag("passage"), request.tag("style")
        known = _PAGE.search(" ".join(passage.split()))
        text = said_as(name, known.groupdict()) if known and name in STRATEGIES else passage[::-1]
        drawn = share(request.key, "rephrasing")
        for fault, rate in self.faults.items():
            if drawn < rate:
                self.planted[request.key] = fault
                return SPOILED[fault](text, passage)
            drawn -= rate
        return text


def said_as(form: str, known: Mapping[str, object]) -> str:
    """The facts in a form; a name begins with a capital only where a sentence does."""
    name = str(known["name"])
    wanted = {**FORMS}.get(form, form)
    return wanted.format(**{**known, "name": name[0].lower() + name[1:], "Name": name[0].upper() + name[1:]})


def pages(count: int) -> list[Document]:
    """Pages that differ in every fact."""
    return [_page(number) for number in range(count)]


def _page(number: int) -> Document:
    known = facts_of(number)
    body = said_as(PAGE, known)
    return Document(body=body, title=str(known["name"]), record_id=digest("page", number), source="pages", lang="en")


def facts_of(number: int) -> dict[str, object]:
    rng = Random(number)
    place = rng.choice(PLACES)
    kind, parts = rng.choice([("a bridge", "arches"), ("a mill", "rooms"), ("a hall", "windows"), ("a pier", "posts")])
    first, last = rng.choice(FIRST), rng.choice(LAST)
    return {
        "name": f"The {rng.choice(['old', 'upper', 'lower', 'red', 'long'])} {kind.split()[1]} of {place}",
        "kind": kind,
        "place": place,
        "year": 1700 + number,
        "maker": f"{first} {last}",
        "length": rng.randint(20, 90),
        "count": rng.randint(91, 160),
        "parts": parts,
        "later": 1900 + rng.randint(0, 80),
        "day": rng.choice(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]),
    }
