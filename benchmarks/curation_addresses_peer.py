"""Run by the Python of another environment: datatrove's filter of addresses. Imports nothing of ours, fetches nothing.

Into the folder that it is given go addresses of that folder's words, some of them of listed hosts, what its lists ban
in the form of url_filter, and as theirs.json its CPU seconds and the reason of each address.
"""

import json
import os
import random
import sys
import time
from pathlib import Path

SUFFIXES = "com " * 50 + "org " * 8 + "net " * 5 + "de " * 5 + "ru " * 4 + "co.uk " * 3 + "fr it nl pl com.au co.jp edu"
NAMES = {
    "hard_blacklisted": "banned_word",
    "soft_blacklisted": "soft_words",
    "blacklisted_subword": "banned_part",
}


def main(folder: Path, count: int, times: int) -> None:
    os.environ["HF_ASSETS_CACHE"] = str(folder / "unpacked")  # the lists, which it unpacks from its own package
    from datatrove.data import Document
    from datatrove.pipeline.filters.url_filter import URLFilter
    from tldextract import TLDExtract

    found = URLFilter()
    found.tldextractor = TLDExtract(suffix_list_urls=())  # the list that it ships
    found.download_data()
    addresses = _addresses(json.loads((folder / "words.json").read_text()), sorted(found.block_listed_domains), count)
    (folder / "addresses.json").write_text(json.dumps(addresses))
    _write_lists(found, folder / "lists")
    pages = [Document(text="x", id="0", metadata={"url": address}) for address in addresses]
    found.filter(pages[0])
    seconds, reasons = [], []
    for _ in range(times):
        start = time.process_time()
        reasons = [found.filter(page) for page in pages]
        seconds.append(time.process_time() - start)
    told = [None if reason is True else NAMES.get(reason[1], reason[1]) for reason in reasons]
    (folder / "theirs.json").write_text(json.dumps({"seconds": min(seconds), "reasons": told}))


def _addresses(words: "list[str]", listed: "list[str]", count: int) -> "list[str]":
    chance = random.Random(7)
    suffixes = SUFFIXES.split()

    def word() -> str:
        return chance.choice(words)

    def host() -> str:
        if chance.random() < 0.02:
            return chance.choice(listed)
        before = chance.choice(["www.", "www.", "", "", "", f"{word()}."])
        middle = chance.choice(["", "-", word(), word(), str(chance.randrange(100))])
        return f"{before}{word()}{middle}{word()}.{chance.choice(suffixes)}"

    def piece() -> str:
        if chance.random() < 0.4:
            return str(chance.randrange(3_000))
        return chance.choice("-_").join(word() for _ in range(chance.randrange(1, 6)))

    def address() -> str:
        query = [f".php?id={chance.randrange(9_999)}", f"?p={word()}&s={word()}"]
        path = "/".join(piece() for _ in range(chance.randrange(4)))
        scheme, end = chance.choice(["https", "https", "http"]), chance.choice(["", "", "/", ".html", *query])
        return f"{scheme}://{host()}/{path}{end}"

    return [address() for _ in range(count)]


def _write_lists(found: object, folder: Path) -> None:
    folder.mkdir()
    lists = {
        "domain": found.block_listed_domains,  # type: ignore[attr-defined]
        "url": found.block_listed_url,  # type: ignore[attr-defined]
        "word": found.banned_words,  # type: ignore[attr-defined]
        "soft": found.soft_banned_words,  # type: ignore[attr-defined]
        "part": found.banned_subwords,  # type: ignore[attr-defined]
    }
    for kind, entries in lists.items():
        (folder / f"{kind}.txt").write_text("".join(f"{kind}: {entry}\n" for entry in sorted(entries)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
