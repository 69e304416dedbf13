"""The report of a release: one set of facts, written as a dataset card in Markdown and as a page to look at.

Everything stands in the lake and the manifest already; nothing is run again. The same release gives the same bytes, as
long as nothing that it is compared with has changed: its checks, and the other releases of the dataset.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.errors import SynthError
from synth_dagster.exports.facts import StepFacts
from synth_dagster.governance.approvals import approval_of
from synth_dagster.governance.checklist import checklist
from synth_dagster.governance.descent import Defect, defects, descend, fates, reach_of
from synth_dagster.governance.facts import facts_from
from synth_dagster.governance.guarded import decided, found_by_guards
from synth_dagster.governance.history import files_of, gate_days, release_lines
from synth_dagster.governance.judges import judged_by_stage
from synth_dagster.governance.language_losses import lost_languages
from synth_dagster.governance.licences import licence_report
from synth_dagster.governance.named_languages import named_languages
from synth_dagster.governance.release_rows import KEPT_BY, ReleaseRows, release_rows
from synth_dagster.governance.report_card import card
from synth_dagster.governance.report_facts import ReleaseFacts, StageFacts
from synth_dagster.governance.report_page import page, picture
from synth_dagster.governance.report_samples import samples_of
from synth_dagster.governance.step_counts import step_counts
from synth_dagster.governance.tallies import clusters, dropped_by_language, flows, lengths, personal, retained
from synth_dagster.governance.topic_shifts import topics_of
from synth_dagster.governance.versions import kind_of
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.method import Measure, Measurement
from synth_dagster.methods.measure.compression_ratio import CompressionRatio
from synth_dagster.methods.measure.distinct_n import DistinctN
from synth_dagster.recipe import Recipe, parse_recipe
from synth_dagster.record_tables import from_table
from synth_dagster.records import Json, RecordKind, digest
from synth_dagster.runner.licences import LICENCE
from synth_dagster.runner.services import services_for
from synth_dagster.runner.verdicts import VERDICTS
from synth_dagster.scale.signals import flatten
from synth_dagster.services import Vectors

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

MOST_MEASURED = 5_000  # records whose texts are measured, the first by id: a fair sample, and a bound on the memory
MOST_HASHED = 10_000  # records whose content hash is computed again
HASHED_AT_ONCE = 500
OTHER_RELEASES = 20  # in which a source is looked for
_BESIDE_WORDS = ("source", "lang", "attributes")
RETAINED = ("lang", "source", "license", "synthetic_depth")


@dataclass(frozen=True, slots=True)
class Report:
    """Where a report stands in the lake, and its picture, which shows counts only."""

    card: str
    page: str
    picture: bytes
    approval: str


def write_report(lake: Lake, facts: ReleaseFacts) -> Report:
    """Write card and page, each whole or not at all."""
    about = facts.about
    place = f"reports/{about.dataset}/{about.release}"
    with lake.telling(about.dataset), lake.lease(place, "exclusive"):  # somebody may erase or approve meanwhile
        samples = samples_of(lake, lake.meta.release(about.dataset, about.release))
        facts = replace(facts, approval=approval_of(lake, lake.meta.release(about.dataset, about.release)))
        return Report(
            card=lake.save_page(f"{place}.md", card(facts)),
            page=lake.save_page(f"{place}.html", page(facts, samples)),
            picture=picture(facts),
            approval=facts.approval.line(),
        )


def has_report(lake: Lake, dataset: str, release: str) -> bool:
    """Whether a release's page was written, which comes last: a full disk or a kill may have come before it."""
    return lake.store.entry(f"reports/{dataset}/{release}.html") is not None


def stored_recipe(lake: Lake, release: Release, root: Path) -> Recipe | None:
    """The recipe that a release was made by, as it was stored; None where it cannot be read any more."""
    hashed = release.manifest["recipe"]
    try:
        return parse_recipe(lake.meta.recipe(hashed), root / "recipes" / f"{hashed}.yaml", root)
    except SynthError:  # a method of it is gone, or the lake is older than its metadata
        return None


def release_facts(
    lake: Lake, release: Release, recipe: Recipe | None, root: Path = Path(), vectors: Vectors | None = None
) -> ReleaseFacts:
    """Gather the facts of an accepted release. Raises LakeError where a version that it rests on is gone.

    `root` is the project's folder, in which the recipe's measures find the files that they compare with; `vectors` are
    those of a model, for a measure that goes by them.
    """
    kind = kind_of(lake, release)
    measures = _Measures(recipe, root, vectors)
    measured = measures.of(_first_kept(lake, release, kind), partial(_all_kept, lake, release))
    with release_rows(lake, release) as rows:
        descend(rows)
        about = facts_from(lake, release, kind, rows)
        licences = licence_report(lake, release)
        found = [*defects(rows), *_hashes(lake, release, kind)]
        deciding = _deciding(release, recipe)
        return ReleaseFacts(
            about=about,
            approval=approval_of(lake, release),
            of=release.manifest["of"],
            manifest=release.manifest,
            deciding=deciding,
            mix_steps=_mix_steps(release, recipe),
            step_counts=step_counts(
                rows, [(one.stage, one.method) for one in about.steps], release.manifest["table"], deciding
            ),
            expected=recipe.expect.model_dump(mode="json") if recipe else {},
            answerers=_answerers(lake, rows),
            models=rows.counts(KEPT_BY, "model"),
            methods=rows.counts("kept", "method"),
            stages=_stages(rows.chains),
            judges=judged_by_stage(lake, recipe, rows.chains),
            measures=_numbers(measured),
            before=_numbers(measures.of(_first_judged(lake, rows, kind), partial(_all_judged, lake, rows))),
            spreads={key: one.histogram for key, one in measured.items() if one.histogram},
            measured=MOST_MEASURED,
            lengths=lengths(rows),
            clusters=clusters(rows),
            flows=flows(rows),
            retained={column: retained(rows, column) for column in RETAINED},
            dropped_by_language=dropped_by_language(rows),
            lost=lost_languages(rows.connection)[1],
            named=named_languages(rows),
            topics=topics_of(rows, lake, release.manifest),
            reach=reach_of(rows, _others(lake, release)),
            fates=fates(rows),
            relations=rows.counts("edges", "relation"),
            quoting=rows.one("select count(*) as records from kept where spans > 0")["records"],
            personal=personal(rows),
            found=found_by_guards(lake, rows, release.dataset),
            decisions=decided(lake, release.dataset),
            human_token_share=rows.one(
                "select sum(tokens * coalesce(human_share, 0)) / nullif(sum(tokens), 0) as share from kept"
            )["share"],
            defects=found,
            hashed=min(MOST_HASHED, about.kept),
            licences=licences,
            checklist=checklist(lake, release),
            checks=_checks(lake, release),
            gates=gate_days(lake, release.dataset),
            releases=release_lines(lake, release.dataset),
            files=files_of(lake, release),
        )


def _deciding(release: Release, recipe: Recipe | None) -> list[str]:
    """The steps that decide, as the recipe orders them; else those that have dropped something."""
    use = release.manifest.get("use", {})
    if recipe is None:
        dropped = release.manifest.get("verdicts", {}).get("dropped", {})
        return list(dict.fromkeys(reason.partition(":")[0] for reason in dropped if ":" in reason))
    stated = use.get("purpose") is not None or use.get("published", False) or use.get("opt_outs") == "obey"
    return [*([LICENCE] if stated else []), *(step.key for step in recipe.mix.deciding)]


def _mix_steps(release: Release, recipe: Recipe | None) -> list[StepFacts]:
    return [
        StepFacts(
            stage=release.manifest["table"],
            code_version=release.manifest["mix"],
            key=step.key,
            method=step.slug,
            version=step.method.version,
            settings=step.method.model_dump(mode="json"),
            prompts={},
        )
        for step in (recipe.mix.deciding if recipe else ())
    ]


def _answerers(lake: Lake, rows: ReleaseRows) -> dict[str, Mapping[str, Json]]:
    """Who answers for each role, as it was written down with the code version."""
    found: dict[str, Mapping[str, Json]] = {}
    for code in dict.fromkeys(version.code_version for version in rows.versions):
        found |= (lake.meta.made_by(code) or {}).get("teachers") or {}
    return found


def _checks(lake: Lake, release: Release) -> list[Mapping[str, Any]]:
    version = lake.accepted(release.dataset, release.manifest["table"], release.release)
    gate = lake.meta.gate(version.candidate_id) if version else None
    return list(gate.checks) if gate else []


# ---------------------------------------------------------------------------------------------------------- the records


class _Measures:
    """Variety and redundancy always, and what the recipe's `measure` asks for."""

    def __init__(self, recipe: Recipe | None, root: Path, vectors: Vectors | None) -> None:
        self._vectors = vectors
        self._steps: dict[str, Any] = {
            "distinct_n": DistinctN.model_validate({}),
            "compression_ratio": CompressionRatio.model_validate({}),
        }
        self._steps |= {step.key: step.method for step in (recipe.mix.measures if recipe else ())}
        self._root = root

    def of(self, sample: pa.Table, whole: Callable[[Sequence[str]], pa.Table]) -> dict[str, Measurement]:
        """Words are measured in a sample, other columns in all records."""
        if not sample.num_rows:
            return {}
        return {
            key: method.measure(sample if "words" in method.reads else whole(method.reads), **self._services(method))
            for key, method in self._steps.items()
            if isinstance(method, Measure)
        }

    def _services(self, method: Measure) -> Mapping[str, Any]:
        return services_for(method, None, self._root, vectors=self._vectors)


def _numbers(measured: Mapping[str, Measurement]) -> dict[str, Mapping[str, float]]:
    return {key: one.numbers for key, one in measured.items()}


def _all_kept(lake: Lake, release: Release, columns: Sequence[str]) -> pa.Table:
    table = release.manifest["table"]
    return lake.read(release.dataset, table, batches=[release.release], columns=["record_id", *columns])


def _all_judged(lake: Lake, rows: ReleaseRows, columns: Sequence[str]) -> pa.Table:
    tables = [lake.candidate_table(chain[0], ["record_id", "status", *columns]) for chain in rows.chains]
    current = [table.filter(pc.equal(table["status"], "current")).drop_columns("status") for table in tables]
    return pa.concat_tables(current)


def _first_kept(lake: Lake, release: Release, kind: RecordKind) -> pa.Table:
    table = release.manifest["table"]
    return _shown(lake.read(release.dataset, table, batches=[release.release], limit=MOST_MEASURED), kind)


def _first_judged(lake: Lake, rows: ReleaseRows, kind: RecordKind) -> pa.Table:
    """The current records with the lowest ids of all that was judged, read batch by batch."""
    last = rows.one(
        f"""select max(record_id) as record_id from
            (select record_id from judged where status = 'current' order by record_id limit {MOST_MEASURED})"""
    )["record_id"]
    parts = []
    for chain in rows.chains:
        table = lake.candidate_table(chain[0])
        chosen = pc.and_(
            pc.equal(table["status"], "current"), pc.less_equal(table["record_id"], pa.scalar(last, pa.binary()))
        )
        parts.append(_shown(table.filter(chosen), kind))
    return pa.concat_tables(parts).sort_by("record_id") if parts else pa.table({"record_id": pa.array([], pa.binary())})


def _shown(rows: pa.Table, kind: RecordKind) -> pa.Table:
    """The words of records, and what else a measure may read, in the order of the rows."""
    flat = flatten(rows, kind)
    for name in _BESIDE_WORDS:
        flat = flat.append_column(name, rows[name])
    return flat


def _hashes(lake: Lake, release: Release, kind: RecordKind) -> list[Defect]:
    """Whether what the first records say is what their content hashes are over; some of them are held at a time."""
    left, wrong = MOST_HASHED, list[str]()
    table = release.manifest["table"]
    for batch in lake.stream(release.dataset, table, batches=[release.release], rows=HASHED_AT_ONCE):
        records = from_table(pa.Table.from_batches([batch.slice(0, left)]), kind)
        wrong += [one.record_id.hex() for one in records if digest(one.content()) != one.content_hash]
        left -= min(left, batch.num_rows)
        if not left:
            break
    meaning = f"the content is not what its hash is over (of the first {MOST_HASHED:,} kept records)"
    return [Defect("hash_wrong", meaning, len(wrong), sorted(wrong)[:3])]


def _others(lake: Lake, release: Release) -> pa.RecordBatchReader:
    """What the dataset's last other releases kept, as a stream of `record_id` and `release`."""
    known = [one.release for one in lake.meta.releases(release.dataset) if one.state == "accepted"]
    others = [name for name in known if name != release.release][-OTHER_RELEASES:]
    columns = ["record_id", "release", "verdict"]
    schema = pa.schema([(name, pa.binary() if name == "record_id" else pa.string()) for name in columns])
    parts = lake.stream(release.dataset, VERDICTS, batches=others, columns=columns)
    kept = (part.filter(pc.equal(part.column("verdict"), "kept")) for part in parts)
    return pa.RecordBatchReader.from_batches(schema, kept)


# ------------------------------------------------------------------------------------------------------ the way here


@dataclass
class _Sum:
    """What the batches of one stage add up to."""

    numbers: Counter[str] = field(default_factory=Counter)
    rejects: Counter[str] = field(default_factory=Counter)
    usd: float | None = 0.0
    seconds: float = 0.0

    def add(self, version: Candidate) -> None:
        details = version.details
        self.numbers += Counter(batches=1, rows=version.rows, current=version.current, rejected=version.rejected)
        self.rejects += Counter(details.get("rejects") or {})
        self.seconds += details.get("seconds") or 0.0
        for usage in (details.get("teacher") or {}).values():
            self.numbers += Counter({name: usage[name] for name in ("calls", "cached", "tokens_in", "tokens_out")})
            self.usd = None if self.usd is None or usage["usd"] is None else self.usd + usage["usd"]

    def facts(self, name: str) -> StageFacts:
        number = self.numbers
        return StageFacts(
            name=name,
            batches=number["batches"],
            records=number["current"],
            older=number["rows"] - number["current"],
            rejected=number["rejected"],
            rejects=dict(sorted(self.rejects.items(), key=lambda item: (-item[1], item[0]))),
            calls=number["calls"],
            cached=number["cached"],
            tokens=number["tokens_in"] + number["tokens_out"],
            usd=self.usd,
            seconds=round(self.seconds, 1),
        )


def _stages(chains: Iterable[Sequence[Candidate]]) -> list[StageFacts]:
    """The row stages with the sums over the versions that the release rests on, first one first."""
    sums: dict[str, _Sum] = {}
    for chain in chains:
        for version in chain:
            sums.setdefault(version.stage, _Sum()).add(version)
    return [one.facts(name) for name, one in reversed(sums.items())]
