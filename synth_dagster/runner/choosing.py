"""What a release does with the records that the filters left: duplicates, the selection, the mixture."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.errors import MethodError
from synth_dagster.method import Deduplicator, Mixer, Selector
from synth_dagster.runner.context import RunContext
from synth_dagster.runner.duplicates import found_by
from synth_dagster.runner.pool import Pool
from synth_dagster.runner.services import services_for
from synth_dagster.services import Vectors

NO_DOMAIN = "none"  # of records without a value of the signal that domains are told by


def drop_duplicates(context: RunContext, pool: Pool, vectors: Vectors) -> None:
    step = context.recipe.mix.deduplicate
    if step is None:
        return
    assert isinstance(step.method, Deduplicator)
    first = step.method.before_filters
    among = [
        reason is None or (first and filtered) for reason, filtered in zip(pool.reason, pool.filtered, strict=True)
    ]
    if not any(among):
        return
    found = found_by(context, step, pool.table.filter(pa.array(among)), vectors)
    for place, record_id in enumerate(pool.table["record_id"].to_pylist()):
        if not among[place]:
            continue
        one = found.get(record_id)
        pool.cluster_size[place] = one.cluster_size if one else 1
        if one and one.duplicate_of != record_id:
            pool.reason[place] = f"{step.key}:duplicate"
            pool.duplicate_of[place] = one.duplicate_of
            pool.filtered[place], pool.judged[place] = False, not first


def select(context: RunContext, pool: Pool) -> None:
    step = context.recipe.mix.select
    alive = pool.alive()
    if step is None or not alive.num_rows:
        return
    assert isinstance(step.method, Selector)
    services = services_for(step.method, None, context.root, shelf=context.shelf)
    asked = alive.select(["record_id", "source", "text", "tokens", *step.method.reads, *step.method.signals_read()])
    chosen = step.method.select(asked, **services)  # type: ignore[attr-defined]  # the verb of the kind
    places = pool.places()
    for row in chosen.to_pylist():
        place = places[row["record_id"]]
        pool.score[place], pool.rank[place] = row["score"], row["rank"]
        if not row["selected"]:
            pool.reason[place] = f"{step.key}:{row['reason']}"


def mix(context: RunContext, pool: Pool) -> None:
    """Give each domain the tokens that the mixture asks for: whole passes first, then records by their rank."""
    step = context.recipe.mix.mix
    alive = pool.alive()
    if step is None or not alive.num_rows:
        return
    assert isinstance(step.method, Mixer)
    if step.method.by == "cluster_size" and context.recipe.mix.deduplicate is None:
        raise MethodError(
            f"'{step.key}' mixes by the number of records that say the same, and the mix has no 'deduplicate'. Add "
            "one, such as minhash."
        )
    places = pool.places()
    domains = _domains(alive, step.method.by, pool, places)
    sizes = {name: sum(row["tokens"] for row in members) for name, members in domains.items()}
    more = services_for(step.method, None, context.root, shelf=context.shelf)
    if "removed" in step.method.reads:
        more["removed"] = _removed(pool, step.method.by, domains)
    if "texts" in step.method.reads:
        more["texts"] = _texts(alive, domains)
    asked = step.method.mix(sizes, **more).tokens  # type: ignore[attr-defined]  # the verb of the kind
    for domain, members in domains.items():
        copies = shared_out([row["tokens"] for row in members], asked.get(domain, 0.0))
        for row, count in zip(members, copies, strict=True):
            place = places[row["record_id"]]
            pool.copies[place] = count
            if count == 0:
                pool.reason[place] = f"{step.key}:share"


def _domains(alive: pa.Table, by: str, pool: Pool, places: Mapping[bytes, int]) -> dict[str, list[dict[str, Any]]]:
    """The records of each domain, the best of the selection first, else by id."""
    names = pc.fill_null(alive[by].cast(pa.string()), NO_DOMAIN)
    rows = alive.select(["record_id", "tokens"]).append_column(by, names).to_pylist()
    ranks = {row["record_id"]: pool.rank[places[row["record_id"]]] for row in rows}
    rows.sort(key=lambda row: (ranks[row["record_id"]] is None, ranks[row["record_id"]] or 0, row["record_id"]))
    domains: dict[str, list[dict[str, Any]]] = {name: [] for name in sorted({row[by] for row in rows})}
    for row in rows:
        domains[row[by]].append(row)
    return domains


def _texts(alive: pa.Table, domains: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[str]]:
    """The texts of each domain, in the order of its records."""
    texts = dict(zip(alive["record_id"].to_pylist(), alive["text"].to_pylist(), strict=True))
    return {name: [texts[row["record_id"]] or "" for row in members] for name, members in domains.items()}


def _removed(pool: Pool, by: str, domains: Iterable[str]) -> dict[str, float]:
    """Of each domain the share of the records that filters judged and dropped."""
    said = pool.cluster_size if by == "cluster_size" else pool.table[by].to_pylist()
    names = [NO_DOMAIN if name is None else str(name) for name in said]
    judged = Counter(name for name, there in zip(names, pool.judged, strict=True) if there)
    dropped = Counter(name for name, there in zip(names, pool.filtered, strict=True) if there)
    return {name: dropped[name] / judged[name] for name in domains}


def shared_out(sizes: Sequence[int], budget: float) -> list[int]:
    """How often each record is seen so that the sizes add up to the budget: whole passes, then the first that fit."""
    total = sum(sizes)
    if not total:
        return [1] * len(sizes)
    passes = int(budget // total)
    left = budget - passes * total
    copies = []
    for size in sizes:
        takes = size <= left + 1e-9
        left -= size if takes else 0
        copies.append(passes + takes)
    return copies
