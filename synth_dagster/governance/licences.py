"""What the licences of a release allow: each with its terms, what they kept and dropped, and the chain that forbids.

A release is judged by the rules it was made under, which its manifest holds; an export may ask for more than that.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.errors import SynthError
from synth_dagster.governance.versions import pinned
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.licences.consent import OptOuts, refused, refusing_parts
from synth_dagster.licences.fit import PURPOSES, Purpose, unfit
from synth_dagster.licences.registry import Licences
from synth_dagster.licences.terms import Terms, every

SHOWN = 3  # examples of what is dropped


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a release is to be used for."""

    purpose: Purpose | None = None
    published: bool = False
    opt_outs: OptOuts = "record"

    @property
    def is_stated(self) -> bool:
        return self.purpose is not None or self.published or self.opt_outs == "obey"

    def words(self) -> str:
        """As a sentence names it."""
        parts = [f"purpose '{self.purpose}'"] if self.purpose else []
        parts += ["publication"] if self.published else []
        return " and ".join([*parts, "what sites say"] if self.opt_outs == "obey" else parts)

    def and_also(self, asked: "Wanted") -> "Wanted":
        """What is asked for here, where something is, else what this says."""
        opt_outs = "obey" if "obey" in (self.opt_outs, asked.opt_outs) else "record"
        return Wanted(asked.purpose or self.purpose, asked.published or self.published, opt_outs)

    def why_not(self, known: Licences, license_: str, consent: str, *, changed: bool) -> str | None:
        """Why a record with this licence and consent may not be used so, or None."""
        if self.opt_outs == "obey" and (why := refused(consent, purpose=self.purpose, published=self.published)):
            return why
        return unfit(known.terms(license_), purpose=self.purpose, published=self.published, changed=changed)


@dataclass(frozen=True, slots=True)
class Step:
    """A record on the way from a forbidden one up to where what forbids it came in."""

    record_id: str
    stage: str
    method: str
    source: str
    license: str
    consent: str

    def line(self) -> str:
        where = f"{self.stage} {self.record_id[:12]}"
        return f"{where} ({f'by {self.method}' if self.method else f'source {self.source}'}): {self.license or 'none'}"


@dataclass(frozen=True, slots=True)
class Chain:
    """Why a record is forbidden: from the record up to the first one that is, and what brought it in there."""

    reason: str
    steps: Sequence[Step]
    brought_in: str

    def line(self) -> str:
        return f"{self.reason}: {' <- '.join(step.line() for step in self.steps)}; {self.brought_in}"


@dataclass(frozen=True, slots=True)
class LicenceLine:
    """One licence of a release's records: its terms, and how many records with it were kept and dropped for it."""

    license: str
    terms: Terms
    kept: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a release as it stands could be used so: how many of its records could not, by reason."""

    wanted: Wanted
    misfits: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LicenceReport:
    """The licences of a release."""

    release: str
    wanted: Wanted
    lines: Sequence[LicenceLine]
    whole: Terms  # of everything that was kept, together
    fits: Sequence["Fit"]
    chains: Sequence[Chain]  # examples of what was dropped
    unknown: Mapping[str, str]  # licences that nobody has classed -> what to do

    def as_json(self) -> dict[str, Any]:
        lines = [{"license": one.license, **terms_json(one.terms)} | _counts(one) for one in self.lines]
        return {
            "release": self.release,
            "use": asdict(self.wanted),
            "licenses": lines,
            "whole": terms_json(self.whole),
            "fits": [asdict(fit.wanted) | {"misfits": dict(fit.misfits)} for fit in self.fits],
            "chains": [asdict(chain) for chain in self.chains],
            "unknown": dict(self.unknown),
        }


def terms_json(terms: Terms) -> dict[str, Any]:
    """Terms as JSON: the use by its name, sets as sorted lists."""
    return {
        "use": terms.use.name.lower(),
        "attribution": terms.attribution,
        "share_alike": sorted(terms.share_alike),
        "no_derivatives": sorted(terms.no_derivatives),
        "unknown": sorted(terms.unknown),
    }


def _counts(line: LicenceLine) -> dict[str, int]:
    return {"kept": line.kept, "dropped": line.dropped}


def licence_report(lake: Lake, release: Release) -> LicenceReport:
    """What the licences of a release's records ask for, of those kept and those dropped for their licence."""
    known, wanted = rules_of(release)
    kept, dropped = Counter[str](), Counter[str]()
    examples: dict[str, bytes] = {}
    for row in _judged(lake, release):
        kept[row["license"]] += row["records"] if row["verdict"] == "kept" else 0
        if (row["reason"] or "").startswith("licence:"):
            dropped[row["license"]] += row["records"]
            examples.setdefault(row["reason"], row["first"])
    lines = [
        LicenceLine(licence, known.terms(licence), kept[licence], dropped[licence])
        for licence in sorted({*kept, *dropped}, key=lambda one: (-kept[one], one))
        if kept[licence] or dropped[licence]
    ]
    whole = every(line.terms for line in lines if line.kept)
    chains = [Chains(lake, release, wanted, known).of(record_id) for _, record_id in sorted(examples.items())[:SHOWN]]
    unknown = {name: known.hint(name) for name in sorted({one for line in lines for one in line.terms.unknown})}
    fits = _fits(lake, release, known)
    return LicenceReport(release.release, wanted, lines, whole, fits, chains, unknown)


def _fits(lake: Lake, release: Release, known: Licences) -> list[Fit]:
    """Every purpose, at home and published, with what sites say obeyed: what of the release stands against it."""
    kinds = Counter[tuple[str, str, bool]]()
    for row in _released(lake, release):
        kinds[row["license"], row["consent"], row["changed"]] += row["records"]
    asked = [Wanted(purpose, published, "obey") for purpose in PURPOSES for published in (False, True)]
    return [Fit(wanted, _misfits(kinds, wanted, known)) for wanted in asked]


def _misfits(kinds: Mapping[tuple[str, str, bool], int], wanted: Wanted, known: Licences) -> dict[str, int]:
    found = Counter[str]()
    for (license_, consent, changed), count in kinds.items():
        if why := wanted.why_not(known, license_, consent, changed=changed):
            found[why] += count
    return dict(sorted(found.items()))


def rules_of(release: Release) -> tuple[Licences, Wanted]:
    """How a release counts licences, and what it is for: nothing is stated for one of an older version."""
    use, rules = release.manifest.get("use", {}), release.manifest.get("licences", {})
    known = Licences(rules.get("own", {}), frozenset(rules.get("ignored", ())))
    return known, Wanted(use.get("purpose"), use.get("published", False), use.get("opt_outs", "record"))


def check_use(lake: Lake, release: Release, wanted: Wanted) -> None:
    """Refuse to hand over what may not be used so. Raises SynthError with the counts, the first chain and a cure."""
    if refusal := refused_use(lake, release, wanted):
        raise SynthError(f"{refusal} Nothing was written.")


def refused_use(lake: Lake, release: Release, wanted: Wanted) -> str | None:
    """Why a release may not be used so, with the counts, the first chain and a cure; None where all of it may."""
    if not wanted.is_stated:
        return None
    known, _ = rules_of(release)
    found, first = Counter[tuple[str, str]](), None
    for row in _released(lake, release):
        if why := wanted.why_not(known, row["license"], row["consent"], changed=row["changed"]):
            found[why, row["license"] or "no licence"] += row["records"]
            first = first or row["first"]
    return None if first is None else _refusal(release, wanted, found, Chains(lake, release, wanted, known).of(first))


def _refusal(release: Release, wanted: Wanted, found: Mapping[tuple[str, str], int], chain: Chain) -> str:
    most = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    told = ", ".join(f"{count} {why} ({licence})" for (why, licence), count in most[:3])
    more = f" and {len(most) - 3} more licences" if len(most) > 3 else ""
    return (
        f"{sum(found.values())} of {release.records} records of '{release.release}' do not fit {wanted.words()}: "
        f"{told}{more}. The first: {chain.line()}. State it under 'use:' in the recipe and run: "
        "the next release leaves such records out."
    )


@dataclass
class Chains:
    """Walks from a forbidden record up its parents, to where what forbids it came in."""

    lake: Lake
    release: Release
    wanted: Wanted
    known: Licences

    def of(self, record_id: bytes) -> Chain:
        row = self._row(self.release.manifest["of"], None, record_id)
        if row is None:
            return Chain("replaced", [], f"record {record_id.hex()} is no longer what the lake shows")
        reason = self._why(row) or "fits"
        steps = [_step(row)]
        while above := next((parent for parent in self._parents(row) if self._why(parent) == reason), None):
            row = above
            steps.append(_step(row))
        return Chain(reason, steps, self._origin(row))

    def _origin(self, row: Mapping[str, Any]) -> str:
        parents = self._parents(row)
        said = refusing_parts(row["consent"] or "") if self._is_of_consent(row) else []
        if said:
            return f"source '{row['source']}' has {'; '.join(said)}"
        if not parents:
            return f"source '{row['source']}' has that licence"
        given = {part for parent in parents for part in (parent["license"] or "").split(" AND ")}
        added = [part for part in (row["license"] or "").split(" AND ") if part not in given]
        if added:
            return f"the terms of the provider of '{row['model_id']}' brought in {', '.join(added)}"
        return f"its {len(parents)} parents do not go together"

    def _why(self, row: Mapping[str, Any]) -> str | None:
        return self.wanted.why_not(self.known, row["license"] or "", row["consent"] or "", changed=True)

    def _is_of_consent(self, row: Mapping[str, Any]) -> bool:
        """Whether it is what a site said that forbids the record, and not its licence."""
        alone = replace(self.wanted, opt_outs="record")
        return self._why(row) != alone.why_not(self.known, row["license"] or "", "", changed=True)

    def _parents(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        rows = (self._row(one["stage"], one["batch"], one["record_id"]) for one in row["parents"] or ())
        return [found for found in rows if found is not None]

    def _row(self, stage: str, batch: str | None, record_id: bytes) -> dict[str, Any] | None:
        rows = self.lake.read(
            self.release.dataset,
            stage,
            columns=["record_id", "license", "consent", "source", "method", "model_id", "parents"],
            where=f"record_id = unhex('{record_id.hex()}')",
            batches=None if batch is None else [batch],
        ).to_pylist()
        return rows[0] | {"stage": stage} if rows else None


def _step(row: Mapping[str, Any]) -> Step:
    method = row["method"] if row["parents"] else ""
    license_, consent = row["license"] or "", row["consent"] or ""
    return Step(row["record_id"].hex(), row["stage"], method, row["source"], license_, consent)


def _released(lake: Lake, release: Release) -> Iterator[dict[str, Any]]:
    """Which licences and consents the records of a release have, how many each, and the first of them.

    `changed` is whether a model wrote any of it. Groups come some at a time, in the order of the table.
    """
    columns = ["record_id", "license", "consent", "synthetic_depth"]
    for part in lake.stream(release.dataset, release.manifest["table"], batches=[release.release], columns=columns):
        told = pa.table(
            {
                "license": pc.fill_null(part["license"], ""),
                "consent": pc.fill_null(part["consent"], ""),
                "changed": pc.greater(part["synthetic_depth"], 0),  # type: ignore[attr-defined]
                "first": part["record_id"],
                "records": part["record_id"],
            }
        )
        groups = told.group_by(["license", "consent", "changed"], use_threads=False)  # keeps the order
        counted = groups.aggregate([("first", "first"), ("records", "count")])
        yield from counted.rename_columns({"first_first": "first", "records_count": "records"}).to_pylist()


def _judged(lake: Lake, release: Release) -> list[dict[str, Any]]:
    """What the release decided about the records of each licence, with which reason, about how many, and the first.

    All batches are joined with the verdicts at once: an id and a licence are few bytes, and a join costs all verdicts.
    """
    import duckdb

    verdicts = lake.read(
        release.dataset, "verdicts", columns=["record_id", "verdict", "reason"], batches=[release.release]
    )
    columns = ["record_id", "license"]
    parts = [lake.candidate_table(version, columns=columns) for version in pinned(lake, release)]
    if not parts:
        return []
    with duckdb.connect() as connection:
        connection.register("records", pa.concat_tables(parts))
        connection.register("verdicts", verdicts)
        counted = "count(*) as records, min(record_id) as first from records join verdicts using (record_id)"
        joined = f"select coalesce(license, '') as license, verdict, reason, {counted} group by all order by first"
        return connection.sql(joined).to_arrow_table().to_pylist()
