"""datatrove's MinHash over a file of JSON lines, for `benchmarks.deduplication`: run by a Python that has datatrove.

Prints the ids of what it kept, the seconds of each step, the peak of memory, and how similar some pairs are by its own
grams. One task, one core.
"""

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def main(texts: Path, pairs: Path) -> None:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter
    from datatrove.utils.hashing import HashConfig

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    config = MinhashConfig(hash_config=HashConfig(precision=64), num_buckets=14, hashes_per_bucket=8, n_grams=5)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        reader = JsonlReader(str(texts.parent), glob_pattern=texts.name)
        signatures, buckets, removed, kept = (str(root / part) for part in ("signatures", "buckets", "removed", "kept"))
        steps = {
            "signatures": ([reader, MinhashDedupSignature(output_folder=signatures, config=config)], 1),
            "buckets": ([MinhashDedupBuckets(signatures, output_folder=buckets, config=config)], 14),
            "clusters": ([MinhashDedupCluster(buckets, output_folder=removed, config=config)], 1),
            "filter": (
                [reader, MinhashDedupFilter(input_folder=removed), JsonlWriter(kept, compression=None)],
                1,
            ),
        }
        seconds = {}
        for step, (pipeline, tasks) in steps.items():
            start = time.perf_counter()
            LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=str(root / f"log-{step}")).run()
            seconds[step] = time.perf_counter() - start
        lines = [line for path in sorted(Path(kept).rglob("*.jsonl")) for line in path.read_text().splitlines()]
    from importlib.metadata import version

    told = {
        "version": version("datatrove"),
        "seconds": seconds,
        "kept": [json.loads(line)["id"] for line in lines],
        "jaccard": jaccards(texts, json.loads(pairs.read_text()), config),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print("\n" + json.dumps(told))


def jaccards(path: Path, pairs: dict[str, list[list[int]]], config: Any) -> dict[str, float]:
    """The mean similarity of the pairs of each kind, by the grams of a text as datatrove makes them."""
    from datatrove.pipeline.dedup import MinhashDedupSignature

    texts = [json.loads(line)["text"] for line in path.read_text().splitlines()]
    with tempfile.TemporaryDirectory() as name:
        signing = MinhashDedupSignature(output_folder=name, config=config)

        def alike(one: int, other: int) -> float:
            left, right = ({*signing.get_shingles(texts[number]).ravel().tolist()} for number in (one, other))
            return len(left & right) / len(left | right)

        return {kind: sum(alike(*pair) for pair in some) / len(some) for kind, some in pairs.items()}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
