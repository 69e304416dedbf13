"""Run by the Python of another environment: datatrove's filters over the benchmark's pages. Imports nothing of ours.

Prints JSON: CPU seconds of each filter by itself and of the chain, and the reason of each page from each filter.
"""

import gzip
import json
import sys
import time
from importlib.metadata import version


def main(documents: int, paths: list[str]) -> None:
    from datatrove.data import Document
    from datatrove.pipeline import filters
    from datatrove.utils.text import split_into_parts

    texts = [json.loads(line)["text"] for path in paths for line in _lines(path)][:documents]
    chain = {
        "gopher_repetition": filters.GopherRepetitionFilter(),
        "gopher_quality": filters.GopherQualityFilter(),
        "c4_quality": filters.C4QualityFilter(filter_no_terminal_punct=False),
        "fineweb_quality": filters.FineWebQualityFilter(),
    }
    reasons, seconds = {}, {}
    for name, kept in chain.items():
        kept.filter(Document(text="Loads what it needs.", id="0"))
        split_into_parts.cache_clear()
        start = time.process_time()
        reasons[name] = [_reason(kept.filter(Document(text=text, id="0"))) for text in texts]
        seconds[name] = time.process_time() - start
    start = time.process_time()
    for text in texts:
        page = Document(text=text, id="0")  # its words are cut once for all filters that leave it as it is
        all(_reason(kept.filter(page)) is None for kept in chain.values())
    seconds["chain"] = time.process_time() - start
    print(json.dumps({"datatrove": version("datatrove"), "seconds": seconds, "reasons": reasons}))


def _lines(path: str) -> "list[str]":
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return list(lines)


def _reason(found: object) -> "str | None":
    return found[1] if isinstance(found, tuple) else None if found else "dropped"


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
