"""Pages of which it is known how much they teach, and a judge that says so, with errors at a set rate."""

import random

from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request

SUBJECTS = {
    "cells": "membrane nucleus cell tissue protein enzyme organism division",
    "algebra": "equation variable coefficient polynomial root fraction theorem proof",
    "rivers": "erosion valley sediment delta glacier current basin rainfall",
    "empires": "dynasty treaty province emperor senate colony reform uprising",
}
LESSONS = (
    "Because the {0} acts on the {1}, the {2} changes.",
    "A {0} consists of a {1} and a {2}.",
    "For example, every {0} needs a {1} before the {2} forms.",
    "We can explain the {0} by comparing the {1} with the {2}.",
)
SHOP = "sale discount cart checkout coupon shipping brand newsletter login cookie banner offer deal price"
NOTICES = (
    "Click here for the {0} and the {1}.",
    "Subscribe to our {0}, save on {1} and {2}.",
    "New {0} every day, free {1}, best {2}.",
    "Log in for your {0} or your {1}.",
)
SENTENCES = 15


def page(points: int, rng: random.Random) -> str:
    """Fifteen sentences: of each three, as many teach as the page has points of five."""
    words = SUBJECTS[rng.choice(sorted(SUBJECTS))].split()
    lessons = [rng.choice(LESSONS).format(*rng.sample(words, 3)) for _ in range(3 * points)]
    others = [rng.choice(NOTICES).format(*rng.sample(SHOP.split(), 3)) for _ in range(SENTENCES - 3 * points)]
    return " ".join(rng.sample([*lessons, *others], SENTENCES))


def pages(number: int, seed: int = 0) -> list[tuple[str, int]]:
    """Pages and their points: as on the web, fewer the more points."""
    rng = random.Random(seed)
    drawn = rng.choices(range(6), weights=(25, 25, 20, 15, 10, 5), k=number)
    return [(page(points, rng), points) for points in drawn]


class TeachingWorld:
    """Counts the sentences of a page that teach; a share of its scores is a point off."""

    def __init__(self, *, off: float = 0.0, says: str = "It teaches some. Educational score: {}") -> None:
        self.off, self.says = off, says

    def answer(self, request: Request) -> str | None:
        text = request.tag("page")
        if not text:
            return None
        return self.says.replace("{}", str(self.points(text, request.key)))

    def points(self, text: str, key: bytes) -> int:
        words = {word for line in SUBJECTS.values() for word in line.split()}
        sentences = text.lower().replace(",", "").split(".")
        lessons = sum(bool(words & set(sentence.split())) for sentence in sentences)
        found = round(lessons / 3)
        wrong = share(key, "off") < self.off
        return min(5, max(0, found + (1 if share(key, "way") < 0.5 else -1))) if wrong else found
