"""Addresses for the curation benchmark: both filters by the lists that datatrove ships, 2 % of hosts listed."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.deduplication import vocabulary
from benchmarks.measured import ROOT
from synth_dagster.methods.filter.url_filter import UrlFilter
from synth_dagster.runner.services import services_for
from synth_dagster.scale.signals import compute_signals, judge

COUNT = 60_000
TIMES = 9  # the least of so many is taken, on both sides


def beside(folder: Path, peer: str) -> dict[str, Any]:
    """CPU seconds of both over the same addresses, and the reasons of both."""
    words = sorted({word for word in vocabulary().tolist() if 2 < len(word) < 12 and word.isascii()})
    (folder / "words.json").write_text(json.dumps(words))
    script = str(ROOT / "benchmarks/curation_addresses_peer.py")
    subprocess.run([peer, script, str(folder), str(COUNT), str(TIMES)], check=True, capture_output=True)
    theirs = json.loads((folder / "theirs.json").read_text())
    method = UrlFilter(lists="lists")  # type: ignore[call-arg]  # what else it has, has a default
    services = services_for(method, None, folder)
    pages = _flat(json.loads((folder / "addresses.json").read_text()))
    judge(method, compute_signals(method, pages.slice(0, 10), services=services))  # reads the lists
    seconds, reasons = [], list[str | None]()
    for _ in range(TIMES):
        start = time.process_time()
        reasons = judge(method, compute_signals(method, pages, services=services))["reason"].to_pylist()
        seconds.append(time.process_time() - start)
    return {"count": COUNT, "seconds": min(seconds), "reasons": reasons, "theirs": theirs}


def _flat(addresses: list[str]) -> pa.Table:
    ids = pa.array([number.to_bytes(16, "big") for number in range(len(addresses))], pa.binary())
    nothing = pa.nulls(len(addresses), pa.string())
    return pa.table({"record_id": ids, "text": nothing, "title": nothing, "url": pa.array(addresses)})
