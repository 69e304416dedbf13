"""Makes a release of the mix: reads accepted batches only, and gives every record of its stage one verdict.

The order is licences, filters, duplicates (before the filters if the recipe says so), selection, mixture. A record is
kept, or dropped with the method and the rule that dropped it, a duplicate with the record that it duplicates. The
manifest names the version of every batch that was read, so that the same release made again is the same bytes or is
refused.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.errors import GateClosed, LakeError, MethodError, no_such
from synth_dagster.lake.findings import QUARANTINE, held, held_input
from synth_dagster.lake.lake import Candidate
from synth_dagster.lake.meta import PlannedBatch, Release
from synth_dagster.lake.remaking import is_to_remake
from synth_dagster.method import Deduplicator, Mixer, Selector
from synth_dagster.parts.sql import quoted
from synth_dagster.parts.text.tokens import NAME as TOKEN_COUNTER
from synth_dagster.parts.text.tokens import token_count_sql
from synth_dagster.records import Json, digest, schema_of
from synth_dagster.runner.causes import grouped
from synth_dagster.runner.code import code_of
from synth_dagster.runner.context import SIGNALS, Outcome, RunContext
from synth_dagster.runner.duplicates import found_by, standing_sql
from synth_dagster.runner.licences import unlicensed
from synth_dagster.runner.planted import planted
from synth_dagster.runner.references import checked_against, contamination
from synth_dagster.runner.services import services_for
from synth_dagster.runner.signals import filter_steps
from synth_dagster.runner.stamp import counted
from synth_dagster.scale.signals import column_name, flatten, judge

VERDICTS = "verdicts"
NO_DOMAIN = "none"  # of records without a value of the signal that domains are told by
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")  # of a release

COUNTED = ("verdicts", "tokens", "contamination")  # what a release's manifest says of its verdicts

VERDICT = pa.schema(
    [
        ("record_id", pa.binary()),
        ("stage", pa.string()),
        ("batch", pa.string()),
        ("source", pa.string()),
        ("verdict", pa.string()),  # kept | dropped
        ("reason", pa.string()),  # method:rule, or superseded; null when kept
        ("duplicate_of", pa.binary()),
        ("cluster_size", pa.int64()),  # records that say the same, this one too; null where nobody looked
        ("score", pa.float64()),  # of the selection, where there is one
        ("rank", pa.int64()),
        ("copies", pa.int32()),  # how often the mixture asks for it; 0 when dropped
        ("tokens", pa.int64()),
        ("run_id", pa.string()),
        ("created_at", pa.timestamp("us", tz="UTC")),
        ("release", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Inputs:
    """The accepted versions that a release reads, per batch: records and their signals."""

    batches: Mapping[str, tuple[Candidate, Candidate]]
    missing: Mapping[str, str]  # batch -> why it is not in the release
    held: Mapping[str, Mapping[bytes, str]] = field(default_factory=dict)  # batch -> record in quarantine -> why

    def identity(self, mix_fingerprint: str) -> str:
        versions = {batch: [rows.data_version, marks.data_version] for batch, (rows, marks) in self.batches.items()}
        away = {batch: sorted(one.hex() for one in records) for batch, records in self.held.items() if records}
        return digest("release", mix_fingerprint, versions, sorted(self.missing), *([away] if away else [])).hex()


def release_inputs(context: RunContext) -> Inputs:
    """What the next release would read, and the batches that cannot be read, each with its reason."""
    recipe, lake, meta = context.recipe, context.lake, context.lake.meta
    shown = {stage: lake.accepted_all(recipe.dataset, stage) for stage in (*_chain(context), SIGNALS)}
    plans = {batch.batch: batch for batch in meta.planned(recipe.dataset)}
    seen = _Seen(context, shown, plans)
    batches: dict[str, tuple[Candidate, Candidate]] = {}
    missing: dict[str, str] = {}
    for batch in sorted({*plans, *shown[recipe.mix.of]}):
        why = seen.why_not(batch)
        if why is None:
            batches[batch] = (shown[recipe.mix.of][batch], shown[SIGNALS][batch])
        else:
            missing[batch] = why
    away = {batch: held(lake, rows) | planted(lake, recipe, rows) for batch, (rows, _) in batches.items()}
    return Inputs(batches, missing, away)


def _chain(context: RunContext) -> list[str]:
    """The row stages that lead to the mix's, first one first."""
    chain: list[str] = []
    above: str | None = context.recipe.mix.of
    while above is not None:
        chain.append(above)
        above = context.recipe.stage(above).reads
    return chain[::-1]


@dataclass
class _Seen:
    """What the lake shows, to find out why a batch cannot be read: not made, not accepted, or made of old inputs.

    Every stage on the way counts, because a record whose parents nobody can see any more has no lineage.
    """

    context: RunContext
    shown: Mapping[str, Mapping[str, Candidate]]
    plans: Mapping[str, PlannedBatch]
    _wanted: dict[tuple[str, str], str] = field(default_factory=dict)

    def why_not(self, batch: str) -> str | None:
        """The first reason that keeps a batch out of a release."""
        if batch not in self.plans:
            return "no delivery holds it now; 'synth run' retires it"
        whys = (self._not_current(stage, batch) for stage in _chain(self.context))
        return next(filter(None, whys), None) or self._without_signals(batch)

    def _not_current(self, stage: str, batch: str) -> str | None:
        lake, dataset = self.context.lake, self.context.recipe.dataset
        there = self.shown[stage].get(batch)
        if there is None:
            return f"'{stage}' has no accepted version"
        if lake.awaiting(dataset, stage, batch) is not None:
            return f"'{stage}' has a candidate that awaits its gate"
        gate = lake.meta.gate(there.candidate_id)
        if gate is not None and not gate.passed:
            return f"'{stage}' no longer passes its checks"
        if (gate.guards if gate else "") != self.context.recipe.guards_fingerprint(stage, self.context.root):
            return f"'{stage}' was not inspected by the guards that the recipe has now"
        why = self._outdated(stage, there)
        if why and any(other.state == "refused" for other in lake.meta.candidates(dataset, stage, batch)):
            return f"the newest version of '{stage}' failed its checks"
        return why

    def _outdated(self, stage: str, there: Candidate) -> str | None:
        above = self.context.recipe.stage(stage).reads
        if is_to_remake(there):
            return f"'{stage}' lost records to an erasure that are to be made again"
        if above is None and dict(there.inputs) != {"delivery": self.plans[there.batch].digest}:
            return f"'{stage}' is of an older delivery"
        if above is not None and there.inputs.get(above) != self.shown[above][there.batch].data_version:
            return f"'{stage}' is of an older version of '{above}'"
        if above is not None and _away(there) != held_input(held(self.context.lake, self.shown[above][there.batch])):
            return f"'{stage}' was made before what is in quarantine of '{above}' changed"
        if there.code_version != self._code_version(stage, there.batch):
            return f"'{stage}' was made by other steps than the recipe has now"
        return None

    def _code_version(self, stage: str, batch: str) -> str:
        key = (stage, self.plans[batch].source)
        if key not in self._wanted:
            self._wanted[key] = self.context.code_version(stage, batch)
        return self._wanted[key]

    def _without_signals(self, batch: str) -> str | None:
        of = self.context.recipe.mix.of
        marks = self.shown[SIGNALS].get(batch)
        if marks is None:
            return "its quality signals are missing"
        if marks.code_version != self.context.recipe.signals_fingerprint(self.context.root):
            return "its quality signals were made by other expressions"
        if dict(marks.inputs) != {of: self.shown[of][batch].data_version}:
            return "its quality signals are of an older version"
        gate = self.context.lake.meta.gate(marks.candidate_id)
        return "its quality signals no longer pass their checks" if gate and not gate.passed else None


def _away(version: Candidate) -> dict[str, str]:
    """What a version says of the records in quarantine that it was made without."""
    return {name: value for name, value in version.inputs.items() if name == QUARANTINE}


def is_released(context: RunContext, inputs: Inputs) -> str | None:
    """The name of the latest release, when it was made from exactly these inputs by these rules."""
    identity = inputs.identity(context.recipe.mix_fingerprint(context.root))
    released = [r for r in context.lake.meta.releases(context.recipe.dataset) if r.state == "accepted"]
    return released[-1].release if released and released[-1].identity == identity else None


def check_name(release: str) -> None:
    """Refuse a name that is no plain word: it becomes a partition, a file of the lake and an argument of commands."""
    if not NAME.fullmatch(release):
        raise LakeError(
            f"{release[:80]!r} cannot name a release: use letters, digits, '.', '_' and '-', at most 60, a letter or "
            "digit first, such as r0001."
        )


def make_release(context: RunContext, release: str, *, allow_missing: bool = False) -> Outcome:
    """Write a release as candidates. Raises GateClosed when a batch is missing, LakeError if it cannot be remade."""
    lake, dataset, mix = context.lake, context.recipe.dataset, context.recipe.mix
    check_name(release)
    with lake.lease(f"release/{dataset}", kind="exclusive"):
        known = next((found for found in lake.meta.releases(dataset) if found.release == release), None)
        if known and known.state == "withdrawn":
            raise LakeError(
                f"Release '{release}' was withdrawn, since records of it were erased. It is not made again; "
                "run without a name to make the next one."
            )
        inputs = _pinned(context, known.manifest) if known else release_inputs(context)
        _refuse_gaps(inputs, allow_missing=allow_missing or known is not None)
        manifest = _manifest(context, release, inputs, checked=known.manifest.get("benchmarks") if known else None)
        there = _awaiting(context, release, manifest)
        if there is not None:
            return Outcome(there, made=False)
        verdicts, rows = _decided(context, release, inputs)
        common = {
            "rejects": None,
            "run_id": context.run_id,
            "session_id": context.session_id,
            "code_version": context.recipe.mix_fingerprint(context.root),
            "inputs": {batch: version.data_version for batch, (version, _) in inputs.batches.items()},
            "recipe_hash": context.recipe.hash,
            "partition": "release",
        }
        signals = (context.lake.candidate_table(marks) for _, marks in inputs.batches.values())
        held_items = contamination(context.recipe, signals, verdicts)
        details = _details(verdicts) | {"manifest": manifest, "contamination": held_items}
        lake.write_candidate(dataset, VERDICTS, release, verdicts, details=details, **common)
        written = lake.write_candidate(dataset, mix.name, release, rows, details=details, **common)
        if known and known.data_version != written.data_version:
            lake.refuse(written)
            raise LakeError(
                f"Release '{release}' cannot be made again: the same inputs now give other bytes. "
                "A release never changes; run without a name to make the next one."
            )
        return Outcome(written, made=True)


def _awaiting(context: RunContext, release: str, manifest: Mapping[str, Json]) -> Candidate | None:
    """The same release, whole and waiting for its gate: made before a crash, or by a run at the same time."""
    lake, dataset = context.lake, context.recipe.dataset
    rows = lake.awaiting(dataset, context.recipe.mix.name, release)
    verdicts = lake.awaiting(dataset, VERDICTS, release) or lake.accepted(dataset, VERDICTS, release)
    is_same = rows is not None and verdicts is not None and rows.run_id == verdicts.run_id
    return rows if is_same and rows and _made_alike(rows.details["manifest"], manifest) else None


def _made_alike(one: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    """Whether two manifests say the same, whoever had them made."""
    return {**one, "built_by": None} == {**other, "built_by": None}


def _refuse_gaps(inputs: Inputs, *, allow_missing: bool) -> None:
    if inputs.missing and not allow_missing:
        causes = "; ".join(grouped(f"batch {batch}: {why}" for batch, why in sorted(inputs.missing.items())))
        raise GateClosed(f"No release while batches are missing ({causes}). Repair them, or use --allow-missing.")
    if not inputs.batches:
        raise GateClosed("No release: no batch is accepted yet. 'synth status' shows what is missing.")


def _pinned(context: RunContext, manifest: Mapping[str, Any]) -> Inputs:
    """The versions that a release was made from. Raises LakeError when one is gone or the rules are others."""
    recipe, meta = context.recipe, context.lake.meta
    if manifest["mix"] != recipe.mix_fingerprint(context.root):
        raise LakeError(
            f"Release '{manifest['release']}' was made by other rules than the recipe has now. "
            "A release never changes; run without a name to make the next one."
        )
    batches: dict[str, tuple[Candidate, Candidate]] = {}
    for batch, pins in manifest["batches"].items():
        batches[batch] = (meta.candidate(pins["records"]), meta.candidate(pins["signals"]))
    held_then = {
        batch: {bytes.fromhex(one): why for one, why in pins.get("held", {}).items()}
        for batch, pins in manifest["batches"].items()
    }
    return Inputs(batches, manifest.get("missing", {}), held_then)


def _manifest(context: RunContext, release: str, inputs: Inputs, *, checked: Json = None) -> dict[str, Json]:
    """What a release is made from. `checked` is what an older making of the same release was checked against."""
    recipe = context.recipe
    benchmarks = checked or checked_against(recipe, context.root)
    fingerprint = recipe.mix_fingerprint(context.root)
    return {
        "dataset": recipe.dataset,
        "release": release,
        "of": recipe.mix.of,
        "table": recipe.mix.name,
        "recipe": recipe.hash,
        "mix": fingerprint,
        "identity": inputs.identity(fingerprint),
        "token_counter": TOKEN_COUNTER,
        "use": recipe.use.model_dump(mode="json"),
        "approval": recipe.approval.model_dump(mode="json"),
        "built_by": asdict(context.builder),
        "publication": recipe.publication.model_dump(mode="json"),
        "licences": {"own": dict(recipe.own_licences), "ignored": sorted(recipe.licences().ignored)},
        "batches": {
            batch: {
                "records": rows.candidate_id,
                "data_version": rows.data_version,
                "signals": marks.candidate_id,
                "signals_version": marks.data_version,
            }
            | (
                {"held": {one.hex(): why for one, why in sorted(away.items())}}
                if (away := inputs.held.get(batch))
                else {}
            )
            for batch, (rows, marks) in inputs.batches.items()
        },
        "missing": dict(inputs.missing),
        "code": code_of(context.root),
    } | ({"benchmarks": benchmarks} if benchmarks else {})


# ------------------------------------------------------------------------------------------------------------- verdicts


@dataclass
class _Pool:
    """Every record of the stage, narrow: one row each, with what has been decided about it."""

    table: pa.Table  # record_id, batch, source, license, origin, text, tokens, standing
    reason: list[str | None]
    filtered: list[bool]  # whether the reason is a filter's
    judged: list[bool]  # whether filters had a say
    duplicate_of: list[bytes | None]
    cluster_size: list[int | None]
    score: list[float | None]
    rank: list[int | None]
    copies: list[int]

    def alive(self) -> pa.Table:
        """The rows that nothing has dropped yet, with the size of their clusters."""
        table = self.table.append_column("cluster_size", pa.array(self.cluster_size, pa.int64()))
        return table.filter(pa.array([reason is None for reason in self.reason], pa.bool_()))

    def places(self) -> dict[bytes, int]:
        return {record_id: place for place, record_id in enumerate(self.table["record_id"].to_pylist())}


def _decided(context: RunContext, release: str, inputs: Inputs) -> tuple[pa.Table, pa.Table]:
    """The verdicts of a release and its rows."""
    pool = _pool(context, inputs)
    _drop_duplicates(context, pool)
    _select(context, pool)
    _mix(context, pool)
    return _verdict_table(context, release, pool), _kept_rows(context, release, inputs, pool)


def _pool(context: RunContext, inputs: Inputs) -> _Pool:
    table = pa.concat_tables(
        _judged(context, rows, marks, inputs.held.get(batch, {})) for batch, (rows, marks) in inputs.batches.items()
    )
    table = table.sort_by("record_id")
    rows = table.num_rows
    reasons = unlicensed(context.recipe, table)
    filtered = [bool(rule) and rule == reason for rule, reason in zip(table["rule"].to_pylist(), reasons, strict=True)]
    return _Pool(
        table.drop_columns(["reason", "rule", "status", "consent"]),
        reason=reasons,
        filtered=filtered,
        judged=[reason is None or dropped for reason, dropped in zip(reasons, filtered, strict=True)],
        duplicate_of=[None] * rows,
        cluster_size=[None] * rows,
        score=[None] * rows,
        rank=[None] * rows,
        copies=[1] * rows,
    )


# what became of a record before the mix, else why it is in quarantine, else the first rule of the recipe that drops it
_JUDGED = f"""
    select record_id, batch, source, license, consent, status, text, {token_count_sql("text")} as tokens,
        [standing] as standing[reads][signals],
        case synthetic_depth when 0 then 'real' else 'synthetic' end as origin,
        case when status = 'current' and away is null then rule end as rule,
        case status when 'current' then coalesce(away, rule) when 'superseded' then status
            else coalesce(reason, status) end as reason
    from records join texts using (record_id) left join held using (record_id) left join signals using (record_id)
    left join (select record_id, arg_min(rule, place) as rule from ruled group by record_id) using (record_id)
"""


def _judged(context: RunContext, rows: Candidate, marks: Candidate, away: Mapping[bytes, str]) -> pa.Table:
    """One batch, narrow: the columns of the pool, and the reason of the first rule that drops each record."""
    import duckdb

    full, signals = context.lake.candidate_table(rows), context.lake.candidate_table(marks)
    standing, reads = standing_sql(context.recipe.mix.deduplicate, signals.schema), _read_by_selection(context)
    texts = flatten(full, context.recipe.stage(rows.stage).record_kind).select(["record_id", "text"])
    with duckdb.connect() as connection:
        connection.register(
            "records",
            full.select(list(dict.fromkeys([*_RECORD, "status", "reason", *reads]))),
        )
        signals = signals.select([name for name in signals.column_names if "__" in name or name == "record_id"])
        asked = "".join(f", signals.{quoted(name)}" for name in _signals_read(context, signals.schema))
        connection.register("signals", signals)
        connection.register("texts", texts)
        connection.register("ruled", _ruled(context, signals))
        connection.register(
            "held", pa.Table.from_pydict({"record_id": [*away], "away": [*away.values()]}, schema=_HELD)
        )
        return connection.sql(
            _JUDGED.replace("[standing]", standing)
            .replace("[reads]", "".join(f", {name}" for name in reads))
            .replace("[signals]", asked)
        ).to_arrow_table()


def _read_by_selection(context: RunContext) -> tuple[str, ...]:
    """The columns of documents that the selection asks for beside those that all selections have."""
    step = context.recipe.mix.select
    asked = step.method.reads if step and isinstance(step.method, Selector) else ()
    return tuple(name for name in asked if name != "cluster_size")


def _signals_read(context: RunContext, there: pa.Schema) -> list[str]:
    """The signals that selection and mixture go by. Raises MethodError for one that no filter of the mix computes."""
    select, mix = context.recipe.mix.select, context.recipe.mix.mix
    names = list(select.method.signals_read()) if select and isinstance(select.method, Selector) else []
    names += [mix.method.by] if mix and isinstance(mix.method, Mixer) and "__" in mix.method.by else []
    known = [name for name in there.names if "__" in name]
    for name in names:
        if name not in known:
            raise MethodError(no_such("signal", name, known, f"The filters of the mix compute {', '.join(known)}."))
    return list(dict.fromkeys(names))


_RECORD = ("record_id", "batch", "source", "license", "consent", "synthetic_depth", "attributes")
_HELD = pa.schema([("record_id", pa.binary()), ("away", pa.string())])
_RULED = pa.schema([("record_id", pa.binary()), ("rule", pa.string()), ("place", pa.int32())])


def _ruled(context: RunContext, table: pa.Table) -> pa.Table:
    """A row for each record and rule that drops it: method:rule, and the filter's place in the recipe."""
    parts = [_RULED.empty_table()]
    for place, (key, method) in enumerate(filter_steps(context).items()):
        prefix = column_name(key, "")
        signals = {name.removeprefix(prefix): table[name] for name in table.column_names if name.startswith(prefix)}
        verdicts = judge(method, pa.table({"record_id": table["record_id"], **signals}))
        dropped = verdicts.filter(pc.field("reason").is_valid())
        rules = pa.array([f"{key}:{reason}" for reason in dropped["reason"].to_pylist()], pa.string())
        places = pa.array([place] * dropped.num_rows, pa.int32())
        parts.append(pa.table({"record_id": dropped["record_id"], "rule": rules, "place": places}).cast(_RULED))
    return pa.concat_tables(parts)


def _drop_duplicates(context: RunContext, pool: _Pool) -> None:
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
    found = found_by(context, step, pool.table.filter(pa.array(among)))
    for place, record_id in enumerate(pool.table["record_id"].to_pylist()):
        if not among[place]:
            continue
        one = found.get(record_id)
        pool.cluster_size[place] = one.cluster_size if one else 1
        if one and one.duplicate_of != record_id:
            pool.reason[place] = f"{step.key}:duplicate"
            pool.duplicate_of[place] = one.duplicate_of
            pool.filtered[place], pool.judged[place] = False, not first


def _select(context: RunContext, pool: _Pool) -> None:
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


def _mix(context: RunContext, pool: _Pool) -> None:
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


def _domains(alive: pa.Table, by: str, pool: _Pool, places: Mapping[bytes, int]) -> dict[str, list[dict[str, Any]]]:
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


def _removed(pool: _Pool, by: str, domains: Iterable[str]) -> dict[str, float]:
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


def _verdict_table(context: RunContext, release: str, pool: _Pool) -> pa.Table:
    rows = pool.table.num_rows
    kept = [reason is None for reason in pool.reason]
    columns: dict[str, Any] = {
        "record_id": pool.table["record_id"],
        "stage": pa.array([context.recipe.mix.of] * rows, pa.string()),
        "batch": pool.table["batch"],
        "source": pool.table["source"],
        "verdict": pa.array(["kept" if is_kept else "dropped" for is_kept in kept], pa.string()),
        "reason": pa.array(pool.reason, pa.string()),
        "duplicate_of": pa.array(pool.duplicate_of, pa.binary()),
        "cluster_size": pa.array(pool.cluster_size, pa.int64()),
        "score": pa.array(pool.score, pa.float64()),
        "rank": pa.array(pool.rank, pa.int64()),
        "copies": pa.array(
            [count if is_kept else 0 for count, is_kept in zip(pool.copies, kept, strict=True)], pa.int32()
        ),
        "tokens": pool.table["tokens"],
        "run_id": pa.array([context.run_id] * rows, pa.string()),
        "created_at": pa.array([datetime.now(UTC)] * rows, pa.timestamp("us", tz="UTC")),
        "release": pa.array([release] * rows, pa.string()),
    }
    return pa.table(columns).cast(VERDICT)


def _kept_rows(context: RunContext, release: str, inputs: Inputs, pool: _Pool) -> pa.Table:
    """The kept records as they stand in their stage, with how often and why."""
    chosen = {
        record_id: (pool.copies[place], pool.score[place], pool.rank[place])
        for record_id, place in pool.places().items()
        if pool.reason[place] is None
    }
    kind = context.recipe.stage(context.recipe.mix.of).record_kind
    parts = [
        _taken(context.lake.candidate_table(rows).select(schema_of(kind).names), chosen)
        for rows, _ in inputs.batches.values()
    ]
    table = pa.concat_tables(parts).sort_by("record_id")
    return table.append_column("release", pa.array([release] * table.num_rows, pa.string()))


def _taken(table: pa.Table, chosen: Mapping[bytes, tuple[int, float | None, int | None]]) -> pa.Table:
    ids = table["record_id"].to_pylist()
    table = table.filter(pa.array([record_id in chosen for record_id in ids], pa.bool_()))
    picked = [chosen[record_id] for record_id in ids if record_id in chosen]
    return (
        table.append_column("copies", pa.array([copies for copies, _, _ in picked], pa.int32()))
        .append_column("score", pa.array([score for _, score, _ in picked], pa.float64()))
        .append_column("rank", pa.array([rank for _, _, rank in picked], pa.int64()))
    )


def _details(verdicts: pa.Table) -> dict[str, Json]:
    reasons = verdicts["reason"].to_pylist()
    return {
        "verdicts": {"kept": reasons.count(None), "dropped": dict(counted(reasons))},
        "records": len(reasons),
        "tokens": sum(verdicts.filter(pc.field("verdict") == "kept")["tokens"].to_pylist()),
    }


def publish(context: RunContext, rows: Candidate) -> None:
    """Accept a release: its verdicts first, then its rows, then its name. A crash in between is healed by a rerun."""
    lake, dataset = context.lake, context.recipe.dataset
    verdicts = lake.awaiting(dataset, VERDICTS, rows.batch)
    if verdicts is not None:
        lake.accept(verdicts)
    lake.accept(rows)
    manifest: dict[str, Any] = dict(rows.details["manifest"])
    lake.meta.add_release(
        Release(
            dataset=dataset,
            release=rows.batch,
            identity=manifest["identity"],
            data_version=rows.data_version,
            manifest=manifest | {name: rows.details[name] for name in COUNTED if name in rows.details},
            records=rows.rows,
            demo=is_demo(context, rows),
            run_id=rows.run_id,
        )
    )


def is_demo(context: RunContext, rows: Candidate) -> bool:
    """Whether the embedded teacher wrote any of it."""
    models = context.lake.candidate_table(rows, columns=["model_id"])["model_id"].unique().to_pylist()
    return any(model and model.startswith("embedded-") for model in models)
