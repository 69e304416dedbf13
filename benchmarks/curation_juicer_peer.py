"""Run by the Python of another environment: data-juicer's operators over the same pages. Imports nothing of ours.

Reads what to run as JSON from its input and prints JSON: CPU seconds of each operator by itself and of all that share
words and lines, its value and whether it keeps each page, the peak of memory, and which characters it calls special.
Operators are called with lists, batches as large as its default: without the data sets around them, which cost more.
"""

import gzip
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from curation_peer import peak_mib

# The ends of the names of those that take a context.
_CUTTERS = ("words_num_filter", "words_filter", "stopwords_filter", "word_repetition_filter", "line_length_filter")


def main(asked: dict) -> None:
    from data_juicer.ops.common import SPECIAL_CHARACTERS

    texts = [json.loads(line)["text"] for path in asked["paths"] for line in _lines(path)][: asked["documents"]]
    with tempfile.TemporaryDirectory() as folder:
        for name, words in asked["lists"].items():
            (Path(folder) / f"{name}.json").write_text(json.dumps({"en": words}))
        operators = {name: _operator(name, given, folder) for name, given in asked["operators"].items()}
    seconds, values, kept = {}, {}, {}
    for name, operator in operators.items():
        start = time.process_time()
        found = list(_judged([operator], texts, asked["batch"]))
        seconds[name] = time.process_time() - start
        values[name] = [next(iter(stats.values())) for stats, _ in found]
        kept[name] = [stays for _, stays in found]
    start = time.process_time()
    together = [stays for _, stays in _judged(list(operators.values()), texts, asked["batch"])]
    seconds["all"] = time.process_time() - start
    told = {
        "version": version("py-data-juicer"),
        "seconds": seconds,
        "values": values,
        "kept": kept | {"all": together},
        "special": "".join(sorted(one for one in SPECIAL_CHARACTERS if len(one) == 1)),
        "peak_mib": peak_mib(),
    }
    print("\n" + json.dumps(told))


def _operator(name: str, given: dict, folder: str) -> Any:
    module = import_module(f"data_juicer.ops.filter.{name}_filter")
    kinds = [one for one in vars(module).values() if getattr(one, "__module__", "") == module.__name__]
    (kind,) = [one for one in kinds if one.__name__.endswith("Filter")]
    return kind(**given, **({f"{name}_dir": folder} if name in ("stopwords", "flagged_words") else {}))


def _judged(operators: list[Any], texts: list[str], batch: int) -> Iterator[tuple[dict, bool]]:
    """Statistics and verdict of each text. Several operators cut words and lines once, as they do when fused."""
    from data_juicer.utils.constant import Fields

    for start in range(0, len(texts), batch):
        some = texts[start : start + batch]
        samples = {"text": some, Fields.stats: [{} for _ in some], Fields.context: [{} for _ in some]}
        stays = [True] * len(some)
        for operator in operators:
            given = {"context": True} if len(operators) > 1 and _cuts(operator) else {}
            samples = operator.compute_stats_batched(samples, **given)
            verdicts = operator.process_batched(samples)
            stays = [so_far and bool(verdict) for so_far, verdict in zip(stays, verdicts, strict=True)]
        yield from zip(samples[Fields.stats], stays, strict=True)


def _cuts(operator: Any) -> bool:
    return type(operator).__module__.endswith(_CUTTERS)


def _lines(path: str) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return list(lines)


if __name__ == "__main__":
    main(json.load(sys.stdin))
