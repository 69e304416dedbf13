"""Texts for the curation benchmark: real ones, cut and perturbed so that every rule has pages on both sides of it."""

import gzip
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

SHARDS = 8
_WORDS = 500  # texts whose words are swapped in
_TWO = 0.31  # share of pages that are two texts: with it a page has 2,000 characters, 100,000 pages 200 MB


def write(folder: Path, texts: Path, documents: int) -> list[Path]:
    """Compressed JSON lines with `text` and `url`, in shards. The same arguments give the same bytes."""
    originals = list(_originals(texts))
    words = [word for text in originals[:_WORDS] for word in text.split()]
    paths = [folder / f"pages-{shard}.jsonl.gz" for shard in range(SHARDS)]
    for shard, path in enumerate(paths):
        with gzip.open(path, "wt", compresslevel=1, encoding="utf-8") as lines:
            for number in range(shard, documents, SHARDS):
                lines.write(json.dumps(_page(number, originals, words)) + "\n")
    return paths


def _originals(texts: Path) -> Iterator[str]:
    for path in sorted([*texts.glob("inaugural/*.txt"), *texts.glob("state_of_the_union/*.txt")]):
        yield from _passages(path.read_text(encoding="utf-8", errors="replace"), random.Random(path.name))
    for line in (texts / "alpaca_eval/model_outputs.jsonl").read_text(encoding="utf-8").splitlines():
        yield from (text for text in _strings(json.loads(line)) if len(text) > 300)


def _passages(text: str, chance: random.Random) -> Iterator[str]:
    size, passage, separator = chance.randint(1_500, 5_000), "", chance.choice(["\n", "\n\n"])
    for paragraph in re.split(r"\n+", text):
        passage += paragraph + separator
        if len(passage) > size:
            yield passage.strip()
            passage = ""


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _page(number: int, originals: list[str], words: list[str]) -> dict[str, str]:
    chance = random.Random(number)
    original = chance.choice(originals)
    if chance.random() < _TWO:
        original += "\n\n" + chance.choice(originals)
    pieces = re.split(r"(\s+)", original)
    for place in range(0, len(pieces), 2):
        if chance.random() < 0.02:
            pieces[place] = chance.choice(words)
    text = _CHANGES[number % len(_CHANGES)]("".join(pieces), chance)
    return {"text": text, "url": f"https://site{number}.example/page"}


def _lines_again(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    return "\n".join(lines + [chance.choice(lines) for _ in range(chance.randint(1, max(1, len(lines) // 3)))])


def _phrase_again(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    start, length = chance.randrange(len(words)), chance.randint(3, 40)
    phrase = words[start : start + length]
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(words))
        words[place:place] = phrase
    return " ".join(words)


_CHANGES = (
    *([lambda text, _: text] * 7),
    _lines_again,
    _phrase_again,
    lambda text, _: "\n".join(re.split(r"(?<=[.,;]) ", text)),
    lambda text, chance: "\n".join(("- " if chance.random() < 0.93 else "") + line for line in text.split("\n")),
    lambda text, chance: re.sub(r"\. ", lambda _: "... " if chance.random() < 0.6 else ". ", text),
    lambda text, chance: " ".join(
        str(chance.randrange(10_000)) if chance.random() < 0.15 else word for word in text.split(" ")
    ),
    lambda text, chance: " ".join(text.split(" ")[: chance.randint(30, 70)]),
    lambda text, chance: "\n".join(line[: chance.randint(10, 60)] for line in text.split("\n")),
    lambda text, chance: " ".join(word + (" #" if chance.random() < 0.1 else "") for word in text.split(" ")),
    lambda text, _: f"Home\nAbout us\nPrivacy policy: we use cookies\n{text}\nRead more\nTerms of use",
)
