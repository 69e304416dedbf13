"""How fast are near-duplicates found, how many of them, and in how much memory?

Pages of 364 words of the project's own pages, with copies of known Jaccard similarity planted among them. MinHash runs
on one core and on two, and, where a Python with datatrove is named (`--peer`), beside that on the same texts. A second
part adds 1 % to an index of all; `--short N` measures the peak of memory over N short texts.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.measured import ROOT, tell

WORDS = 364  # 360 different grams of 5 words
CHANGED = {"0.70": 13, "0.80": 8, "0.90": 4}  # words far apart: each takes 5 grams, so s = (360 - 5k) / (360 + 5k)
PAIRS = 400  # of each similarity
SAMPLE = 4_000  # texts that datatrove is given


def vocabulary() -> np.ndarray:
    """The words of the project's own pages, as often as they stand there."""
    pages = " ".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md")))
    return np.array([word for word in pages.lower().split() if word.isalpha()])


def texts_of(count: int) -> tuple[list[str], dict[str, list[tuple[int, int]]]]:
    """`count` texts, and the numbers of the planted pairs by similarity; the copies are the last texts."""
    rng, known = np.random.default_rng(7), vocabulary()
    copies = PAIRS * len(CHANGED)
    words = rng.choice(known, (count - copies, WORDS))
    # a number's letters among the words keep grams of common words from being in many texts
    words[:, ::3] = np.char.add(words[:, ::3], rng.choice(list("abcdefghijklmnop"), words[:, ::3].shape))
    pairs: dict[str, list[tuple[int, int]]] = {name: [] for name in CHANGED}
    changed = []
    for number, (name, many) in enumerate((name, many) for name, many in CHANGED.items() for _ in range(PAIRS)):
        copy = words[number].copy()
        places = np.linspace(6, WORDS - 6, many).astype(int)
        copy[places] = [f"changed{number}x{place}".translate(LETTERS) for place in places]
        pairs[name].append((number, count - copies + number))
        changed.append(" ".join(copy))
    return [*(" ".join(line) for line in words), *changed], pairs


LETTERS = str.maketrans("0123456789", "abcdefghij")


def pool_of(texts: list[str], first: int = 0) -> pa.Table:
    ids = [(first + number).to_bytes(16, "big") for number in range(len(texts))]
    priorities = np.zeros(len(texts))
    return pa.table({"record_id": pa.array(ids, pa.binary()), "text": pa.array(texts), "priority": priorities})


def part_minhash(cores: int, count: int) -> dict[str, Any]:
    """Signatures, banding and clusters on so many cores: texts a second, and whom each text duplicates."""
    from synth_dagster.methods.dedup.minhash import Minhash

    texts, _ = texts_of(count)
    table = pool_of(texts)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    Minhash().cluster(table.slice(0, 500))  # imports and tables
    before, start = time.process_time(), time.perf_counter()
    found = Minhash().cluster(table)
    wall, cpu = time.perf_counter() - start, time.process_time() - before
    cluster = [int.from_bytes(one, "big") for one in found["cluster"].to_pylist()]
    return {"wall_s": wall, "cpu_s": cpu, "cluster": cluster, "bytes": sum(map(len, texts)), "peak_mib": peak_mib()}


def part_incremental(count: int) -> dict[str, Any]:
    """An index of all but 1 %, then that 1 % beside doing all anew, on one core."""
    from synth_dagster.lake.signature_index import SignatureIndex
    from synth_dagster.methods.dedup.minhash import Minhash
    from synth_dagster.runner.duplicates import compared
    from synth_dagster.storage import open_store

    method, table = Minhash(), pool_of(texts_of(count)[0])
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    with tempfile.TemporaryDirectory() as folder:

        def index(name: str) -> SignatureIndex:
            return SignatureIndex(open_store(folder), name, method.signature_settings() or {})

        seconds = []
        for name, part in (("grown", table.slice(0, count - count // 100)), ("grown", table), ("whole", table)):
            start = time.process_time()
            verdicts = compared(index(name), part, method.signatures)
            seconds.append(time.process_time() - start)
        same = verdicts.equals(compared(index("grown"), table, method.signatures))
    return {"cpu_s": seconds, "share": seconds[1] / seconds[2], "same": same}


def short_texts(count: int) -> pa.Table:
    """So many texts of some ten words, of which every tenth is a copy."""
    known, chunks = pa.array(vocabulary()), []
    for made in range(0, count, 100_000):
        rng, some = np.random.default_rng(made), min(100_000, count - made)
        lengths = rng.integers(6, 15, some)
        flat = known.take(pa.array(rng.integers(0, len(known), int(lengths.sum()))))
        offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
        lines = pa.compute.binary_join(pa.ListArray.from_arrays(offsets, flat), " ")  # type: ignore[attr-defined]
        places = np.arange(some)
        places[::10] = 5
        ids = np.zeros((some, 2), ">u8")
        ids[:, 1] = np.arange(made, made + some)
        fixed = pa.Array.from_buffers(pa.binary(16), some, [None, pa.py_buffer(ids.tobytes())])
        chunks.append(pa.table({"record_id": fixed, "text": lines.take(pa.array(places)), "priority": np.zeros(some)}))
    return pa.concat_tables(chunks)


def part_short(count: int) -> dict[str, Any]:
    """Peak memory over so many short texts."""
    from synth_dagster.methods.dedup.minhash import Minhash

    table = short_texts(count)
    before, start = peak_mib(), time.perf_counter()
    found = Minhash(memory_mib=512).cluster(table)
    kept = int(np.count_nonzero(found["keep"].to_numpy(zero_copy_only=False)))
    return {
        "texts": count,
        "wall_s": time.perf_counter() - start,
        "texts_mib": table.nbytes >> 20,
        "peak_before_mib": before,
        "peak_mib": peak_mib(),
        "kept": kept,
    }


def peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def in_process(part: str, *numbers: int) -> dict[str, Any]:
    """A part in a process of its own, so that its memory and its cores are its own."""
    command = [sys.executable, "-m", "benchmarks.deduplication", "--part", part, *map(str, numbers)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2_000:])
    return json.loads(done.stdout)


def datatrove(python: str) -> dict[str, Any]:
    """The peer over the sample, by a Python that has it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.jsonl"
        rows = [json.dumps({"id": str(number), "text": text}) for number, text in enumerate(texts_of(SAMPLE)[0])]
        path.write_text("\n".join(rows) + "\n")
        script = str(Path(__file__).with_name("deduplication_peer.py"))
        done = subprocess.run([python, script, str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2_000:])
    return json.loads(done.stdout.splitlines()[-1])


def scores(dropped: set[int], pairs: dict[str, list[tuple[int, int]]]) -> dict[str, float]:
    """Recall at each similarity, and the share of what was dropped that is of a planted pair."""
    of_pairs = {number for some in pairs.values() for pair in some for number in pair}
    recall = {name: sum(bool(set(pair) & dropped) for pair in some) / len(some) for name, some in pairs.items()}
    return {
        **{f"recall_{name}": round(found, 4) for name, found in recall.items()},
        "precision": round(len(dropped & of_pairs) / max(len(dropped), 1), 4),
    }


def dropped_of(cluster: list[int]) -> set[int]:
    return {number for number, kept in enumerate(cluster) if number != kept}


def main(asked: argparse.Namespace) -> int:
    pairs = texts_of(SAMPLE)[1]
    one, two = in_process("minhash", 1, asked.texts), in_process("minhash", 2, asked.texts)
    sample = in_process("minhash", 1, SAMPLE)
    ours = scores(dropped_of(sample["cluster"]), pairs)
    incremental = in_process("incremental", asked.texts)
    rates = {cores: asked.texts / run["wall_s"] for cores, run in ((1, one), (2, two))}
    limits = {
        "two cores are 1.8 times one": rates[2] >= 1.8 * rates[1],
        "1 % costs at most 3 % of all": incremental["share"] <= 0.03,
        "the verdicts of both are the same": incremental["same"],
        "no unrelated texts are merged": ours["precision"] == 1.0,
    }
    found: dict[str, Any] = {
        "texts": asked.texts,
        "megabytes": round(one["bytes"] / 1e6, 1),
        "texts_a_second": {f"{cores} cores": round(rate) for cores, rate in rates.items()},
        "texts_a_cpu_second": {
            "1 cores": round(asked.texts / one["cpu_s"]),
            "2 cores": round(asked.texts / two["cpu_s"]),
        },
        "two_to_one": round(rates[2] / rates[1], 2),
        "peak_mib": one["peak_mib"],
        "planted": ours,
        "incremental": incremental,
    }
    if asked.peer:
        peer = datatrove(asked.peer)
        took = sum(peer["seconds"].values())
        theirs = scores(set(range(SAMPLE)) - {int(one) for one in peer["kept"]}, pairs)
        seconds = {step: round(spent, 2) for step, spent in peer["seconds"].items()}
        found["datatrove"] = {"version": peer["version"], "texts_a_second": round(SAMPLE / took, 1), "seconds": seconds}
        found["datatrove"] |= {"peak_mib": peer["peak_mib"], "planted": theirs}
        found["times_datatrove"] = round(rates[1] / (SAMPLE / took), 1)
        limits["20 times datatrove on one core"] = found["times_datatrove"] >= 20
        # 400 pairs of a similarity: two independent families of hash functions differ by chance by up to .07
        limits["recall is datatrove's, within chance"] = all(
            ours[name] >= theirs[name] - 0.07 for name in ours if name.startswith("recall")
        )
        limits["precision is at least datatrove's"] = ours["precision"] >= theirs["precision"]
    if asked.short:
        found["short"] = in_process("short", asked.short)
        limits["short texts stay within 4 GiB"] = found["short"]["peak_mib"] <= 4_096
    found["numpy"] = version("numpy")
    return tell("deduplication", limits=limits, **found)


PARTS = {"minhash": part_minhash, "incremental": part_incremental, "short": part_short}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="The form that is always printed.")
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--short", type=int, default=0, help="Measure memory over so many short texts.")
    parser.add_argument("--peer", default="", help="A Python that has datatrove.")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        print(json.dumps(PARTS[arguments.part[0]](*map(int, arguments.part[1:]))))
        sys.exit(0)
    sys.exit(main(arguments))
