"""data-juicer's operators and the same rules on our engine: CPU seconds, values and decisions on the same pages."""

import json
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.curation_common_rules import CommonRules
from benchmarks.measured import ROOT
from synth_dagster.scale.signals import compute_signals, judge

# Chosen so that pages of the benchmark lie on both sides of each. Operators that need a model to be downloaded
# (language, perplexity, tokens) are not among them.
LIMITS = {
    "text_length": {"min_len": 400, "max_len": 8_000},
    "words_num": {"min_num": 60, "max_num": 1_000},
    "alphanumeric": {"min_ratio": 0.76},
    "special_characters": {"max_ratio": 0.25},
    "stopwords": {"min_ratio": 0.3},
    "flagged_words": {"max_ratio": 0.01},
    "character_repetition": {"max_ratio": 0.1},
    "word_repetition": {"max_ratio": 0.1},
    "average_line_length": {"min_len": 40},
    "maximum_line_length": {"min_len": 60, "max_len": 3_000},
}
_STOP_WORDS = """
    a an and are as at be been but by can for from has have he his i if in is it its not of on or our that the their
    them there they this to was we were which will with you your
    """
# Its own lists are downloaded when they are first needed; these are enough to count.
LISTS = {
    "stopwords": tuple(re.findall(r"\w+", _STOP_WORDS)),
    "flagged_words": ("war", "enemy", "debt", "tax", "crime", "hate"),
}
BATCH = 1_000


def beside(pages: Sequence[Path], texts: pa.ChunkedArray, peer: str) -> dict[str, Any]:
    """Each operator by itself and all together; `texts` are the first of the pages."""
    theirs = _theirs(pages, len(texts), peer)
    flat = _flat(texts)
    _ours(dict.fromkeys(LIMITS, (0, 1)), flat.slice(0, 10), theirs["special"])  # makes tables that last
    rows: dict[str, dict[str, Any]] = {}
    for name in (*LIMITS, "all"):
        chosen = LIMITS if name == "all" else {name: LIMITS[name]}
        start = time.process_time()
        signals, kept = _ours({one: _range(LIMITS[one]) for one in chosen}, flat, theirs["special"])
        seconds = time.process_time() - start
        rows[name] = _row(len(texts), seconds, theirs["seconds"][name]) | _agreement(kept, theirs["kept"][name])
        if name != "all":
            rows[name]["same_values"] = _same(signals[name], theirs["values"][name])
    memory = theirs["peak_mib"]
    return {"version": theirs["version"], "documents": len(texts), "peak_mib": memory, "operators": rows}


def _theirs(pages: Sequence[Path], documents: int, peer: str) -> dict[str, Any]:
    asked = {"paths": [str(page) for page in pages], "documents": documents, "batch": BATCH}
    asked |= {"operators": LIMITS, "lists": LISTS}
    command = [peer, str(ROOT / "benchmarks/curation_juicer_peer.py")]
    answer = subprocess.run(command, input=json.dumps(asked), check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(answer.splitlines()[-1])


def _flat(texts: pa.ChunkedArray) -> pa.Table:
    ids = pa.array([number.to_bytes(16, "big") for number in range(len(texts))], pa.binary())
    nothing = pa.nulls(len(texts), pa.string())
    return pa.table({"record_id": ids, "text": texts, "title": nothing, "url": nothing})


def _ours(limits: Mapping[str, tuple[float, float]], flat: pa.Table, special: str) -> tuple[pa.Table, list[bool]]:
    rules = CommonRules(limits=dict(limits), special=special, lists=LISTS)
    signals = compute_signals(rules, flat)
    return signals, [reason is None for reason in judge(rules, signals)["reason"].to_pylist()]


def _range(given: Mapping[str, float]) -> tuple[float, float]:
    values = {name[:3]: value for name, value in given.items()}
    return values.get("min", 0), values.get("max", 1e9)


def _row(documents: int, ours: float, theirs: float) -> dict[str, Any]:
    return {
        "documents_a_cpu_second": round(documents / ours),
        "data_juicer": round(documents / theirs),
        "ratio": round(theirs / ours, 1),
    }


def _agreement(ours: Sequence[bool], theirs: Sequence[bool]) -> dict[str, Any]:
    other = sum(a != b for a, b in zip(ours, theirs, strict=True))
    return {"agreement": round(1 - other / len(ours), 5), "data_juicer_dropped": len(theirs) - sum(theirs)}


def _same(ours: pa.ChunkedArray, theirs: Sequence[float]) -> float:
    """Share of the pages that have the same value but for the last digits."""
    return round(float(np.isclose(ours.to_numpy(), np.array(theirs, float), rtol=1e-9, atol=0).mean()), 5)
