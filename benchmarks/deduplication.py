"""How fast are near-duplicates found, how many of them, and in how much memory?

Pages of 364 words of the project's own pages, with copies of known Jaccard similarity planted among them. MinHash runs
on one core and on two (the best of some runs, of which the first starts the other process), and, where a Python with
datatrove is named (`--peer`), beside that on the same texts. A second part adds 1 % to an index of all; `--short N`
measures the peak of memory over N short texts.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from benchmarks.measured import ROOT, in_process, options, parsed, tell, two_cores_hold, two_processes

WORDS = 364  # 360 different grams of 5 words
CHANGED = {"0.70": 13, "0.80": 8, "0.90": 4}  # words far apart: each takes 5 grams, so s = (360 - 5k) / (360 + 5k)
PAIRS = 4_000  # of each similarity: the share of them that is found has a standard error of .008 and less
SAMPLE = 2 * PAIRS * len(CHANGED)  # texts that datatrove is given: the planted ones


def vocabulary() -> np.ndarray:
    """The words of the project's own pages, as often as they stand there."""
    pages = " ".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md")))
    return np.array([word for word in pages.lower().split() if word.isalpha()])


def similarity_of(changed: int) -> float:
    """Jaccard similarity of two texts of 360 different grams of 5 words that differ in so many words far apart."""
    grams = WORDS - 4
    return (grams - 5 * changed) / (grams + 5 * changed)


def texts_of(count: int) -> tuple[list[str], dict[str, list[tuple[int, int]]]]:
    """`count` texts, and the numbers of the planted pairs by similarity; the copies are the last texts."""
    rng, known = np.random.default_rng(7), vocabulary()
    each = min(PAIRS, count // (2 * len(CHANGED)))
    copies = each * len(CHANGED)
    words = rng.choice(known, (count - copies, WORDS))
    # a number's letters among the words keep grams of common words from being in many texts
    words[:, ::3] = np.char.add(words[:, ::3], rng.choice(list("abcdefghijklmnop"), words[:, ::3].shape))
    pairs: dict[str, list[tuple[int, int]]] = {name: [] for name in CHANGED}
    changed = []
    for number, (name, many) in enumerate((name, many) for name, many in CHANGED.items() for _ in range(each)):
        copy = words[number].copy()
        places = np.linspace(6, WORDS - 6, many).astype(int)
        copy[places] = [f"changed{number}x{place}".translate(LETTERS) for place in places]
        pairs[name].append((number, count - copies + number))
        changed.append(" ".join(copy))
    return [*(" ".join(line) for line in words), *changed], pairs


TIMES = 3  # the least of so many is taken: seconds are few, and what else the machine does only adds to them
LOOKED_AT = 200  # pairs of each similarity that are compared gram by gram
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
    Minhash.model_validate({}).cluster(table.slice(0, 500))  # imports and tables
    runs = [clustered(table) for _ in range(TIMES)]
    cluster = [int.from_bytes(one, "big") for one in runs[0][0]["cluster"].to_pylist()]
    wall, cpu = (min(run[place] for run in runs) for place in (1, 2))
    return {"wall_s": wall, "cpu_s": cpu, "cluster": cluster, "bytes": sum(map(len, texts)), "peak_mib": peak_mib()}


def clustered(table: pa.Table) -> tuple[pa.Table, float, float]:
    """Whom each text duplicates, and the wall and CPU seconds that it took."""
    from synth_dagster.methods.dedup.minhash import Minhash

    before, start = cpu_seconds(), time.perf_counter()
    return Minhash.model_validate({}).cluster(table), time.perf_counter() - start, cpu_seconds() - before


def cpu_seconds() -> float:
    """Of this process and of those that it has started, which sign too."""
    started = Path("/proc/self/task").glob("*/children")
    theirs = (Path("/proc", child, "stat") for one in started for child in one.read_text().split())
    ticks = (stat.read_text().rpartition(")")[2].split()[11:13] for stat in theirs)
    return time.process_time() + sum(int(one) for both in ticks for one in both) / os.sysconf("SC_CLK_TCK")


def part_incremental(count: int) -> dict[str, Any]:
    """An index of all but 1 %, then that 1 % beside doing all anew, on one core."""
    from synth_dagster.lake.signature_index import SignatureIndex
    from synth_dagster.methods.dedup.minhash import Minhash
    from synth_dagster.runner.duplicates import compared
    from synth_dagster.storage import open_store

    method, table = Minhash.model_validate({}), pool_of(texts_of(count)[0])
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
    found = Minhash.model_validate({"memory_mib": 512}).cluster(table)
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


def datatrove(python: str) -> dict[str, Any]:
    """The peer over the sample, by a Python that has it."""
    texts, pairs = texts_of(SAMPLE)
    looked = {name: some[:LOOKED_AT] for name, some in pairs.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.jsonl"
        path.write_text("".join(json.dumps({"id": str(n), "text": text}) + "\n" for n, text in enumerate(texts)))
        Path(folder, "pairs").write_text(json.dumps(looked))
        script = str(Path(__file__).with_name("deduplication_peer.py"))
        command = [python, script, str(path), str(Path(folder, "pairs"))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2_000:])
    return json.loads(done.stdout.splitlines()[-1])


def jaccards() -> dict[str, float]:
    """The mean similarity of some of the planted pairs, by the grams that are compared here."""
    from synth_dagster.parts.similarity.clusters import jaccard
    from synth_dagster.parts.text.folded_words import folded_words
    from synth_dagster.parts.text.hashed_words import distinct, ngrams

    texts, pairs = texts_of(SAMPLE)
    grams = distinct(ngrams(folded_words(pa.array(texts), digits_to_zero=True), 5))
    looked = {name: np.array(some[:LOOKED_AT]) for name, some in pairs.items()}
    return {name: float(jaccard(grams, some[:, 0], some[:, 1]).mean()) for name, some in looked.items()}


# ------------------------------------------------------------------------------------------- found of what is planted


Pairs: TypeAlias = dict[str, list[tuple[int, int]]]


def found_of(dropped: set[int], pairs: Pairs) -> dict[str, np.ndarray]:
    """For each planted pair whether one of it was dropped."""
    return {name: np.array([one in dropped or other in dropped for one, other in some]) for name, some in pairs.items()}


def scores(dropped: set[int], pairs: Pairs) -> dict[str, float]:
    """Recall at each similarity, and the share of what was dropped that is of a planted pair."""
    of_pairs = {number for some in pairs.values() for pair in some for number in pair}
    recall = {f"recall_{name}": round(float(found.mean()), 4) for name, found in found_of(dropped, pairs).items()}
    return recall | {"precision": round(len(dropped & of_pairs) / max(len(dropped), 1), 4)}


def by_equation(found: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Recall beside 1 - (1 - s^rows)^bands, and by how many standard errors of so many pairs they differ."""
    from synth_dagster.parts.similarity.minhash import banding_probability

    told = {}
    for name, pairs in found.items():
        expected = banding_probability(similarity_of(CHANGED[name]))
        error = math.sqrt(expected * (1 - expected) / len(pairs))
        off = (float(pairs.mean()) - expected) / error
        told[name] = {
            "recall": round(float(pairs.mean()), 4),
            "equation": round(expected, 4),
            "errors_off": round(off, 2),
        }
    return told


def paired(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """By how much our recall differs from another's on the same pairs, and the standard error of that difference."""
    told = {}
    for name, found in ours.items():
        difference = found.astype(float) - theirs[name]
        error = float(difference.std()) / math.sqrt(len(difference))
        told[name] = {"difference": round(float(difference.mean()), 4), "standard_error": round(error, 4)}
    return told


def rounded(found: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in found.items()}


def dropped_of(cluster: list[int]) -> set[int]:
    return {number for number, kept in enumerate(cluster) if number != kept}


def main(asked: argparse.Namespace) -> int:
    pairs = texts_of(SAMPLE)[1]
    before = two_processes()
    one, two = (in_process("deduplication", "minhash", cores, asked.texts) for cores in (1, 2))
    reached = (before + two_processes()) / 2
    sample = in_process("deduplication", "minhash", 1, SAMPLE)
    ours_dropped = dropped_of(sample["cluster"])
    ours, expected = scores(ours_dropped, pairs), by_equation(found_of(ours_dropped, pairs))
    incremental = in_process("deduplication", "incremental", asked.texts)
    rates = {cores: asked.texts / run["wall_s"] for cores, run in ((1, one), (2, two))}
    limits = {
        "two cores are two": two_cores_hold(rates[2] / rates[1], reached),
        "1 % costs at most 3 % of all": incremental["share"] <= 0.03,
        "the verdicts of both are the same": incremental["same"],
        "no unrelated texts are merged": ours["precision"] == 1.0,
        "recall is the equation's within chance": all(abs(one["errors_off"]) <= 3 for one in expected.values()),
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
        "by_equation": expected,
        "incremental": incremental,
    }
    if asked.peer:
        peer = datatrove(asked.peer)
        took = sum(peer["seconds"].values())
        dropped = set(range(SAMPLE)) - {int(one) for one in peer["kept"]}
        theirs = scores(dropped, pairs)
        seconds = {step: round(spent, 2) for step, spent in peer["seconds"].items()}
        found["datatrove"] = {"version": peer["version"], "texts_a_second": round(SAMPLE / took, 1), "seconds": seconds}
        found["datatrove"] |= {"peak_mib": peer["peak_mib"], "planted": theirs}
        found["jaccard"] = {"ours": rounded(jaccards()), "datatrove": rounded(peer["jaccard"])}
        found["ours_less_datatrove"] = differences = paired(found_of(ours_dropped, pairs), found_of(dropped, pairs))
        found["times_datatrove"] = round(SAMPLE / sample["wall_s"] / (SAMPLE / took), 1)
        limits["20 times datatrove on one core"] = found["times_datatrove"] >= 20
        for name, one in differences.items():
            limits[f"recall at {name} is datatrove's within chance"] = one["difference"] >= -2 * one["standard_error"]
        limits["precision is at least datatrove's"] = ours["precision"] >= theirs["precision"]
    if asked.short:
        found["short"] = in_process("deduplication", "short", asked.short)
        limits["short texts stay within 4 GiB"] = found["short"]["peak_mib"] <= 4_096
    found["numpy"] = version("numpy")
    return tell("deduplication", limits=limits, reached=reached, **found)


PARTS = {"minhash": part_minhash, "incremental": part_incremental, "short": part_short}

if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--short", type=int, default=0, help="Measure memory over so many short texts.")
    parser.add_argument("--peer", default="", help="A Python that has datatrove.")
    sys.exit(main(parsed(parser, **PARTS)))
