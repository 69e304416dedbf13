"""The versions that a release was made from: pinned where the mix read them, and known by their inputs above that.

Where an erasure has rewritten one of which the release held nothing that went, the copy stands for it: the rows that
the release read are the same.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from synth_dagster.lake.erasing import standing
from synth_dagster.lake.findings import QUARANTINE
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.lake.remaking import TO_REMAKE
from synth_dagster.record_tables import CONTENT
from synth_dagster.records import RecordKind


def pinned(lake: Lake, release: Release) -> list[Candidate]:
    """The version of each batch that the mix read, in the order of their names."""
    return pinned_by(lake, release.manifest)


def pinned_by(lake: Lake, manifest: Mapping[str, Any], what: str = "records") -> list[Candidate]:
    """The same by a manifest alone; or the `signals` of each batch, where it names any."""
    pins = manifest["batches"]
    named = (pins[batch].get(what) for batch in sorted(pins))
    return [standing(lake, one) for one in named if one]


def upwards(lake: Lake, candidate: Candidate) -> Iterator[Candidate]:
    """A batch's version, the version above that it was made from, and so on, as far as they are there."""
    above: Candidate | None = candidate
    while above is not None:
        yield above
        above = _made_from(lake, above)


def _made_from(lake: Lake, candidate: Candidate) -> Candidate | None:
    for stage, version in candidate.inputs.items():
        if stage not in ("delivery", QUARANTINE, TO_REMAKE):
            known = lake.meta.candidates(candidate.dataset, stage, candidate.batch)
            return next((one for one in known if one.data_version == version and one.state == "accepted"), None)
    return None


def kind_of(lake: Lake, release: Release) -> RecordKind:
    """What the records of a release are, by the columns of its table."""
    return kind_with(lake.snapshot(release.dataset, release.manifest["table"])[1].schema.names)


def kind_with(names: Collection[str]) -> RecordKind:
    """The kind of records whose table has these columns."""
    return next(kind for kind, columns in CONTENT.items() if all(name in names for name, _, _ in columns))
