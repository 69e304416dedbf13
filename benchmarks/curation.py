"""Rule filters: how many documents a second beside datatrove and data-juicer, deciding the same, in how much memory?

Texts are real ones of `--texts`, perturbed to `--documents`. Peers are Pythons of other environments, made by
    python -m venv peers && peers/bin/pip install 'datatrove[processing]' spacy
    python -m venv juicer && juicer/bin/pip install py-data-juicer aiohttp ray
and given with --peer peers/bin/python (or SYNTH_PEER_PYTHON) and --juicer juicer/bin/python (or SYNTH_JUICER_PYTHON).
Without them only our own numbers are printed. Delete them afterwards: data-juicer installs what it misses by itself.
"""

import argparse
import hashlib
import json
import os
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as parquet

from benchmarks import curation_addresses, curation_juicer, curation_texts
from benchmarks.curation_peer import peak_mib
from benchmarks.measured import ROOT, options, parsed, tell, two_cores_hold, two_processes
from synth_dagster.catalog import method, methods
from synth_dagster.method import Filter
from synth_dagster.methods.refine.c4_quality import C4Quality
from synth_dagster.records import Document
from synth_dagster.runner.services import services_for
from synth_dagster.scale.signals import compute_signals, judge
from synth_dagster.services import Drop

CHAIN = ("gopher_repetition", "gopher_quality", "c4_quality", "fineweb_quality")
RATIO, AGREEMENT = 20, 0.995


def main(arguments: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as folder:
        pages = curation_texts.write(Path(folder), Path(arguments.texts), arguments.documents)
        before = two_processes()
        one, two = (_streamed(pages, Path(folder), cores) for cores in (1, 2))
        reached, speedup = (before + two_processes()) / 2, one["wall_s"] / two["wall_s"]
        found = {
            "documents": arguments.documents,
            "megabytes": round(one["characters"] / 1e6),
            "stream": {"one_core": one, "two_cores": two, "speedup": round(speedup, 2)},
        }
        found["retention"] = _retention(Path(arguments.texts) / "udhr")
        limits = {"two_cores": two_cores_hold(speedup, reached), "same_output": one["written"] == two["written"]}
        if arguments.peer:
            beside = _beside(pages[:1], arguments.peer, arguments.peer_documents)
            found["beside_datatrove"] = beside
            limits |= {f"{name}_{RATIO}_times": row["ratio"] >= RATIO for name, row in beside["filters"].items()}
            limits |= {
                f"{name}_agrees": row["agreement"] >= AGREEMENT
                for name, row in beside["filters"].items()
                if "agreement" in row
            }
        if arguments.juicer:
            sample = _sample(pages[:1], arguments.peer_documents)
            found["beside_data_juicer"] = beside = curation_juicer.beside(pages[:1], sample["text"], arguments.juicer)
            limits |= {
                f"{name}_as_data_juicer": row["agreement"] >= AGREEMENT for name, row in beside["operators"].items()
            }
    return tell("curation", limits=limits, reached=reached, **found)


# ------------------------------------------------------------------------------------ compressed input, filtered output


def _streamed(pages: Sequence[Path], folder: Path, cores: int) -> dict[str, Any]:
    """All shards read, judged by the whole chain and written, each in one pass, on so many processes."""
    start = time.perf_counter()
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        shards = list(pool.map(_shard, pages, [folder] * len(pages)))
    wall = time.perf_counter() - start
    documents = sum(shard["documents"] for shard in shards)
    return {
        "wall_s": round(wall, 2),
        "documents_a_second": round(documents / wall),
        "documents_a_cpu_second": round(documents / sum(shard["cpu_s"] for shard in shards)),
        "characters": sum(shard["characters"] for shard in shards),
        "kept": sum(shard["kept"] for shard in shards),
        "dropped": dict(sum((Counter(shard["dropped"]) for shard in shards), Counter())),
        "peak_mib_of_a_process": max(shard["peak_mib"] for shard in shards),
        "written": _digest(folder / f"{page.name}.parquet" for page in pages),
    }


def _digest(files: Iterable[Path]) -> str:
    """Of the addresses, which are the pages' names, and the texts of all that was written, in order."""
    found = hashlib.blake2b(digest_size=16)
    for file in files:
        for batch in parquet.ParquetFile(file).iter_batches(columns=["url", "text"]):
            for value in (value for row in batch.to_pylist() for value in row.values()):
                found.update(f"{len(value)}:{value}".encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def _shard(path: Path, folder: Path) -> dict[str, Any]:
    start = time.process_time()
    dropped: Counter[str] = Counter()
    documents = characters = kept = 0
    schema = pa.schema([("text", pa.string()), ("url", pa.string())])
    with parquet.ParquetWriter(folder / f"{path.name}.parquet", schema) as output:
        for batch in _batches(path, schema):
            left, reasons = _through(batch)
            documents, kept = documents + batch.num_rows, kept + left.num_rows
            characters += sum(map(len, batch["text"].to_pylist()))
            dropped.update(reasons)
            output.write_table(left)
    counts = {"documents": documents, "characters": characters, "kept": kept}
    return counts | {"dropped": dict(dropped), "peak_mib": peak_mib(), "cpu_s": time.process_time() - start}


def _batches(path: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    parse = pyarrow.json.ParseOptions(explicit_schema=schema)
    with pa.CompressedInputStream(str(path), "gzip") as lines:
        read = pyarrow.json.ReadOptions(use_threads=False, block_size=1 << 23)
        for batch in pyarrow.json.open_json(lines, read, parse):
            yield pa.Table.from_batches([batch])


def _through(pages: pa.Table) -> tuple[pa.Table, list[str]]:
    """What is left of a batch after the chain, and why the rest went; a dropped page meets no further rule."""
    gone: list[str] = []
    for name in CHAIN:
        texts, reasons = _judged(name, pages["text"])
        gone += [f"{name}:{reason}" for reason in reasons if reason is not None]
        pages = pages.set_column(0, "text", texts).filter(pa.array([reason is None for reason in reasons]))
    return pages, gone


def _judged(name: str, texts: pa.ChunkedArray) -> tuple[pa.Array | pa.ChunkedArray, list[str | None]]:
    """The texts as the rule leaves them, and the reason of each, None for one that stays."""
    kind = method(name)()
    if isinstance(kind, C4Quality):
        cleaned = [kind.clean(text) for text in texts.to_pylist()]
        left = [None if isinstance(text, Drop) else text for text in cleaned]
        return pa.array(left, pa.string()), [text.reason if isinstance(text, Drop) else None for text in cleaned]
    assert isinstance(kind, Filter)
    ids = pa.array([number.to_bytes(16, "big") for number in range(len(texts))], pa.binary())
    nothing = pa.nulls(len(texts), pa.string())
    flat = pa.table({"record_id": ids, "text": texts, "title": nothing, "url": nothing})
    signals = compute_signals(kind, flat, services=services_for(kind, None, ROOT))
    return texts, judge(kind, signals)["reason"].to_pylist()


# ------------------------------------------------------------------------------------------------------ every language


def _retention(folder: Path) -> dict[str, dict[str, float]]:
    """Filter -> language -> the share of pages that it keeps of one text, in pages of ten paragraphs.

    Of all filters of documents that have a default for each setting.
    """
    pages = [(path.stem, page) for path in sorted(folder.glob("*.txt")) for page in _ten_paragraphs(path)]
    texts = pa.chunked_array([pa.array([page for _, page in pages], pa.string())])
    kept = {
        name: [reason is None for reason in _judged(name, texts)[1]] for name in dict.fromkeys((*CHAIN, *_filters()))
    }
    languages = Counter(language for language, _ in pages)
    return {
        name: {
            language: round(sum(k for k, (of, _) in zip(stays, pages, strict=True) if of == language) / count, 2)
            for language, count in languages.items()
        }
        for name, stays in kept.items()
    }


def _filters() -> list[str]:
    found = [(slug, kind) for slug, kind in methods().items() if issubclass(kind, Filter) and Document in kind.judges]
    return [slug for slug, kind in found if not any(one.is_required() for one in kind.model_fields.values())]


def _ten_paragraphs(path: Path) -> list[str]:
    lines = [line for line in path.read_text(encoding="utf-8", errors="replace").split("\n") if line.strip()]
    return ["\n".join(lines[start : start + 10]) for start in range(0, len(lines), 10)]


# ---------------------------------------------------------------------------------------------------- beside datatrove


def _beside(pages: Sequence[Path], peer: str, documents: int) -> dict[str, Any]:
    """CPU seconds of both on the same pages, each filter by itself and the chain, and where they decide otherwise."""
    script = str(ROOT / "benchmarks/curation_peer.py")
    command = [peer, script, str(documents), *map(str, pages)]
    theirs = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    table = _sample(pages, documents)
    _through(table.slice(0, 10))
    rows: dict[str, dict[str, Any]] = {}
    for name in CHAIN:
        start = time.process_time()
        _, reasons = _judged(name, table["text"])
        rows[name] = _row(table.num_rows, time.process_time() - start, theirs["seconds"][name])
        rows[name] |= _compared(reasons, theirs["reasons"][name])
    start = time.process_time()
    _through(table)
    rows["chain"] = _row(table.num_rows, time.process_time() - start, theirs["seconds"]["chain"])
    rows["url_filter"] = _addresses_beside(peer)
    told = {name: theirs[name] for name in ("datatrove", "peak_mib")}
    return told | {"documents": table.num_rows, "filters": rows}


def _addresses_beside(peer: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        found = curation_addresses.beside(Path(folder), peer)
    row = _row(found["count"], found["seconds"], found["theirs"]["seconds"])
    return row | _compared(found["reasons"], found["theirs"]["reasons"])


def _sample(pages: Sequence[Path], documents: int) -> pa.Table:
    schema = pa.schema([("text", pa.string()), ("url", pa.string())])
    return pa.concat_tables([batch for path in pages for batch in _batches(path, schema)]).slice(0, documents)


def _row(documents: int, ours: float, theirs: float) -> dict[str, Any]:
    return {
        "documents_a_cpu_second": round(documents / ours),
        "datatrove": round(documents / theirs),
        "ratio": round(theirs / ours, 1),
    }


def _compared(ours: Sequence[str | None], theirs: Sequence[str | None]) -> dict[str, Any]:
    other = Counter((a, b) for a, b in zip(theirs, ours, strict=True) if (a is None) != (b is None))
    return {
        "agreement": round(1 - sum(other.values()) / len(ours), 5),
        "datatrove_dropped": sum(reason is not None for reason in theirs),
        "disagreements": {f"{a} | {b}": count for (a, b), count in other.items()},
    }


def _arguments() -> argparse.Namespace:
    parser = options(__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--texts", default=str(ROOT / "../shared/data"), help="a folder with the texts to perturb")
    parser.add_argument("--peer", default=os.environ.get("SYNTH_PEER_PYTHON"), help="a Python that has datatrove")
    juicer = os.environ.get("SYNTH_JUICER_PYTHON")
    parser.add_argument("--juicer", default=juicer, help="a Python that has data-juicer")
    parser.add_argument("--peer-documents", type=int, default=5_000, help="how many of them the peers are given")
    return parsed(parser)


if __name__ == "__main__":
    raise SystemExit(main(_arguments()))
