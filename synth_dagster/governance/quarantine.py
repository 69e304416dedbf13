"""What guards hold back, and how a person lets it go: listed, released or held again, with who, when and why.

A decision is about one record and one check, and is only ever added (`lake/findings.py`). It follows the record's id,
which is of its content: the same text read again stays released, and a changed one is looked at again.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow.compute as pc

from synth_dagster.errors import ExitCode, SynthError, UnknownName
from synth_dagster.lake.findings import Action, Decision, decide, decisions, findings
from synth_dagster.lake.lake import Lake

LONGEST = 1_000  # characters of a comment
FEWEST = 4  # digits of an id that name a record


class BadRelease(SynthError):
    """A release from quarantine that cannot be carried out as it was asked for."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class Case:
    """A record that one check of a guard holds back, or held until a person released it."""

    dataset: str
    stage: str
    batch: str
    record_id: str
    source: str
    guard: str
    check: str
    kinds: Sequence[str]
    score: float | None
    decisions: Sequence[Decision] = field(default_factory=tuple)  # oldest first

    @property
    def is_held(self) -> bool:
        return not self.decisions or self.decisions[-1].action == "held"

    def as_json(self) -> dict[str, Any]:
        about = {name: value for name, value in asdict(self).items() if name != "decisions"}
        told = [{name: getattr(one, name) for name in ("action", "who", "comment", "at")} for one in self.decisions]
        return about | {"held": self.is_held, "decisions": told}


def cases(
    lake: Lake, dataset: str, *, stage: str | None = None, batch: str | None = None, check: str | None = None
) -> list[Case]:
    """Every record of an accepted version that a check wants in quarantine, in the order of the graph's tables."""
    rows = findings(lake, dataset, stage=stage, batch=batch).filter(pc.field("severity") == "quarantine")
    decided: dict[tuple[str, str, str], list[Decision]] = {}
    for one in decisions(lake, dataset):
        decided.setdefault((one.record_id.hex(), one.guard, one.check), []).append(one)
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows.to_pylist():
        if check in (None, row["check"]):
            found.setdefault((row["record_id"].hex(), row["guard"], row["check"]), []).append(row)
    return [_case(dataset, key, each, decided.get(key, ())) for key, each in found.items()]


def _case(dataset: str, key: tuple[str, str, str], rows: Sequence[dict[str, Any]], decided: Sequence[Decision]) -> Case:
    scores = [row["score"] for row in rows if row["score"] is not None]
    kinds = tuple(dict.fromkeys(row["kind"] for row in rows))
    first = rows[0]
    place = (dataset, first["stage"], first["batch"], key[0], first["source"] or "")
    return Case(*place, key[1], key[2], kinds, max(scores) if scores else None, tuple(decided))


def settle(
    lake: Lake, known: Sequence[Case], ids: Sequence[str], action: Action, *, who: str, comment: str
) -> list[Case]:
    """Release records, or hold them again; the cases that were decided. `all` means every case of `known`.

    Raises BadRelease for a missing comment or name, or where there is nothing to decide; UnknownName for an id that no
    case has.
    """
    who, comment = who.strip(), comment.strip()
    if not comment or len(comment) > LONGEST:
        raise BadRelease(f"A decision has a reason: --comment TEXT, at most {LONGEST:,} characters. Nothing was done.")
    if not who:
        raise BadRelease("A decision has a name: --by NAME. Nothing was done.")
    chosen = [case for one in ids for case in _chosen(known, one)]
    open_ = [case for case in dict.fromkeys(chosen) if case.is_held == (action == "released")]
    if not open_:
        state = "released already" if action == "released" else "held already"
        raise BadRelease(f"All that this names is {state}. 'synth quarantine' lists what is held.")
    decide(lake, [_decision(case, action, who, comment) for case in open_])
    return open_


def _chosen(known: Sequence[Case], prefix: str) -> list[Case]:
    if prefix == "all":
        return list(known)
    found = [case for case in known if case.record_id.startswith(prefix.lower())] if len(prefix) >= FEWEST else []
    ids = sorted({case.record_id for case in found})
    if not ids:
        cure = f"An id is written with at least {FEWEST} digits; 'synth quarantine' lists them."
        raise UnknownName("record in quarantine", prefix, {case.record_id for case in known}, cure)
    if len(ids) > 1:
        raise BadRelease(f"'{prefix}' is the beginning of {len(ids)} records in quarantine: {', '.join(ids[:5])}.")
    return found


def _decision(case: Case, action: Action, who: str, comment: str) -> Decision:
    record = bytes.fromhex(case.record_id)
    return Decision(case.dataset, case.stage, case.batch, record, case.guard, case.check, action, who, comment)
