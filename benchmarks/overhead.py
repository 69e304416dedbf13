"""What the platform costs beside the work: four stages and a teacher of zero delay, against the methods in a loop.

The loop calls the same verbs on the same records with the same teacher, gives each new record its id as the methods
need one, and runs the same filter, duplicate search and rules over all pairs. It writes nothing, checks nothing and
remembers no lineage. The platform does all that: candidates, gates with Great Expectations, Delta commits, Dagster's
events, plots and pages of samples, a release with a verdict for each record. Interpreter start, imports, the making of
Dagster's databases (once in a project's life) and the report on the release are left out of both and told beside.
"""

import asyncio
import cProfile
import pstats
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.measured import options, parsed, tell

DOCUMENTS = 10_000
BATCHES = 1
MOST = 1.5
RECIPE = """
dataset: tiny
sources:
  - {{name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en, shard: {shard}}}
teachers: {{writer: {{use: embedded}}, judge: {{use: embedded}}}}
stages:
  seed_corpus: [pii]
  generated_instructions: [{{grounded_qa: {{per_passage: 1}}}}]
  preference_pairs: [{{ultrafeedback: {{completions: 4}}}}]
  filtered_mix:
    of: preference_pairs
    filters: [answer_rules]
    deduplicate: {{minhash: {{bands: 14, rows: 8}}}}
budget: {{usd_per_run: 5.0, tokens_per_run: 1_000_000_000}}
expect: {{min_keep_rate: 0.01}}
"""
STEMS = ("river", "stone", "lamp", "market", "garden", "winter", "copper", "harbour", "letter", "bridge", "candle")
WORDS = [first + last for first in STEMS for last in STEMS]


def text_of(number: int) -> str:
    """A passage of three sentences that shares few of its word runs with another."""
    a, b, c, d, e, f, g, h, i = random.Random(number).choices(WORDS, k=9)
    return (
        f"The {a} of {number} stands near the {b} and was rebuilt by the {c} of {d}. "
        f"A {e} was found by keeper {number * 7} under the {f} beside the old {g}. "
        f"Every {h} of house {number * 13} is counted twice with a {i} before winter."
    )


@contextmanager
def clock(into: dict[str, Any], name: str) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    into[name] = {"wall_s": round(time.perf_counter() - wall, 2), "cpu_s": round(time.process_time() - cpu, 2)}


async def bare(texts: Sequence[str], teacher: Any, recipe: Any) -> dict[str, int]:
    """The methods of the recipe in a loop over lists."""
    from synth_dagster.records import Document, digest

    def named(record: Any) -> Any:
        return replace(record, record_id=digest(record.content()), content_hash=digest(record.content()))

    async def verb(step: Any, records: Sequence[Any], **services: Any) -> list[Any]:
        call = getattr(step.method, step.method.verb())
        made = [await call(record, **services) for record in records]
        flat = [one for given in made for one in (given if isinstance(given, list | tuple) else [given])]
        return [named(one) for one in flat if hasattr(one, "content") and one.status == "current"]

    corpus = [named(Document(body=text, source="notes", batch="b", stage="seed_corpus")) for text in texts]
    (clean,) = recipe.stage("seed_corpus").steps
    (ask,) = recipe.stage("generated_instructions").steps
    (rate,) = recipe.stage("preference_pairs").steps
    documents = await verb(clean, corpus)
    instructions = await verb(ask, documents, writer=teacher)
    pairs = await verb(rate, instructions, writer=teacher, judge=teacher)
    kept = mixed(pairs, recipe)
    return {"documents": len(documents), "instructions": len(instructions), "pairs": len(pairs), "kept": kept}


def mixed(pairs: Sequence[Any], recipe: Any) -> int:
    """How many pairs the mix's rules and its duplicate search keep."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from synth_dagster.record_tables import to_table
    from synth_dagster.scale.signals import compute_signals, flatten, judge

    rows = to_table([replace(pair, parents=()) for pair in pairs], "preference")
    flat = flatten(rows, "preference")
    for step in recipe.mix.filters:
        verdicts = judge(step.method, compute_signals(step.method, flat))
        flat = flat.filter(verdicts["reason"].is_null())
    pool = flat.select(["record_id", "text"])
    pool = pool.append_column("priority", pa.array([0] * pool.num_rows, pa.int64())).sort_by("record_id")
    return pc.sum(recipe.mix.deduplicate.method.cluster(pool)["keep"]).as_py()  # type: ignore[attr-defined]


def platform(project: Any) -> dict[str, int]:
    """The same through `synth run`'s session: Dagster, gates, lake, release."""
    told = project.run()
    if told.causes:
        raise RuntimeError("; ".join(told.causes))
    counts = {stage: records for stage, (records, _, _) in project.lake.counts("tiny").items()}
    return {
        "documents": counts["seed_corpus"],
        "instructions": counts["generated_instructions"],
        "pairs": counts["preference_pairs"],
        "kept": counts["filtered_mix"],
    }


def report_seconds(project: Any) -> float:
    """How long the page about the release took: it is no stage, and the loop makes none."""
    with project.instance() as instance:
        steps = [step for run in instance.get_runs() for step in instance.get_run_step_stats(run.run_id)]
    return sum(step.end_time - step.start_time for step in steps if step.step_key.endswith("release_report"))


def main(documents: int, *, profile: bool) -> int:
    seconds: dict[str, Any] = {}
    with clock(seconds, "imports"):
        import dagster  # noqa: F401
        import matplotlib.backends.backend_agg
        import matplotlib.figure  # noqa: F401

        from tests.assets.project import Programs, small_project
        from tests.scripted_teacher.echo import EchoTeacher
    with clock(seconds, "great_expectations_import"):
        import great_expectations  # noqa: F401
    texts = [text_of(number) for number in range(documents)]
    with tempfile.TemporaryDirectory(prefix="overhead-") as folder:
        recipe_text = RECIPE.format(shard=documents // BATCHES)
        echoes = EchoTeacher(("a", "b")), EchoTeacher(("a", "b"))
        project = small_project(Path(folder) / "p", recipe_text, Programs(echoes[1]))
        project.deliver(texts)
        recipe = project.recipe("tiny")
        with clock(seconds, "new_dagster_databases"), project.instance():
            pass  # made once in the life of a project
        with clock(seconds, "bare_loop"):
            wanted = asyncio.run(bare(texts, echoes[0], recipe))
        profiler = cProfile.Profile()
        if profile:
            profiler.enable()
        with clock(seconds, "platform"):
            found = platform(project)
        seconds["release_report"] = {"wall_s": round(report_seconds(project), 2)}
        if profile:
            profiler.disable()
            pstats.Stats(profiler, stream=sys.stderr).sort_stats("cumulative").print_stats(70)
    # which of two duplicates stays hangs on their ids, and those differ: so the number kept may, by a few
    same = all(wanted[name] == found[name] for name in ("documents", "instructions", "pairs"))
    staged = seconds["platform"]["wall_s"] - seconds["release_report"]["wall_s"]
    ratio = round(staged / seconds["bare_loop"]["wall_s"], 3)
    return tell(
        "overhead",
        limits={
            f"at most {MOST} times the bare loop": ratio <= MOST,
            "same counts": same and abs(wanted["kept"] - found["kept"]) <= 0.01 * wanted["kept"],
        },
        ratio=ratio,
        ratio_cpu=round(seconds["platform"]["cpu_s"] / seconds["bare_loop"]["cpu_s"], 3),
        records=found,
        records_of_the_bare_loop=wanted,
        calls={"bare_loop": echoes[0].calls, "platform": echoes[1].calls},
        seconds=seconds,
    )


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    parser.add_argument("--profile", action="store_true", help="where the time of the platform goes, to stderr")
    given = parsed(parser)
    raise SystemExit(main(given.documents, profile=given.profile))
