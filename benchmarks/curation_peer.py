"""Run by the Python of another environment: datatrove's filters over the benchmark's pages. Imports nothing of ours.

Prints JSON: CPU seconds of each filter by itself and of the chain, the reason of each page from each filter, and the
peak of memory in MiB.
"""

import gzip
import json
import sys
import time
from importlib.metadata import version
from pathlib import Path


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
    told = {"datatrove": version("datatrove"), "seconds": seconds, "reasons": reasons, "peak_mib": peak_mib()}
    print(json.dumps(told))


def peak_mib() -> int:
    """The most memory that this process has held. Not what getrusage says: that begins with what the parent held."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) // 1024


def _lines(path: str) -> "list[str]":
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return list(lines)


def _reason(found: object) -> "str | None":
    return found[1] if isinstance(found, tuple) else None if found else "dropped"


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
