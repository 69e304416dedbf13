"""A release handed over: found, checked for what forbids it, split and exported."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from synth_dagster.errors import SynthError, UnknownName
from synth_dagster.exports import exporter
from synth_dagster.exports.base import Form, Origin
from synth_dagster.exports.files import ShardSize
from synth_dagster.exports.manifest import Manifest
from synth_dagster.exports.place import Place
from synth_dagster.exports.split import Split, check_share, grouped_split, keys_of
from synth_dagster.exports.standards import DEFAULT
from synth_dagster.governance.approvals import Approval, check_approval
from synth_dagster.governance.checklist import checklist, refuse_unpublishable
from synth_dagster.governance.facts import facts_of
from synth_dagster.governance.groups import links_of
from synth_dagster.governance.licences import Wanted, check_use, rules_of
from synth_dagster.governance.versions import kind_of
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.records import Json
from synth_dagster.signing import Signer

LATEST = "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the one who exports has asked for."""

    validation: float | None = None
    seed: int = 1
    shard: ShardSize | None = None
    only_chosen: bool = False
    use: Wanted = field(default_factory=Wanted)  # more than what the release was made for
    signer: Signer | None = None
    standards: Sequence[str] = DEFAULT  # written beside the data for other people's tools
    creator: str | None = None  # who publishes it, and where: nobody else can know
    url: str | None = None


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What an export came to: its manifest, and whether it had to be written."""

    manifest: Manifest
    made: bool


def hand_over(lake: Lake, dataset: str, name: str, *, format_: str, to: Place, wishes: Wishes) -> HandedOver:
    """Export a release, or find it exported already. Raises UnknownName, and SynthError for what cannot go out.

    An erasure waits for it, since an export that is under way cannot be found yet.
    """
    with lake.telling(dataset):
        return _handed_over(lake, dataset, name, format_=format_, to=to, wishes=wishes)


def _handed_over(lake: Lake, dataset: str, name: str, *, format_: str, to: Place, wishes: Wishes) -> HandedOver:
    writer = exporter(format_)
    if wishes.validation is not None:
        check_share(wishes.validation)
    release = the_release(lake, dataset, name)
    version = _rows_of(lake, release)
    kind = kind_of(lake, release)
    use = _use(release, wishes.use)
    check_use(lake, release, use)
    open_ = checklist(lake, release)
    if use.published:
        refuse_unpublishable(open_)
    approval = check_approval(lake, release, rows=version.data_version, public=wishes.use.published)
    about = facts_of(lake, release, kind, creator=wishes.creator, url=wishes.url)
    origin = Origin(
        dataset=dataset,
        release=release.release,
        demo=release.demo,
        data_version=release.data_version,
        about=about,
        facts={"manifest": _for_others(release), "data_version": release.data_version, "use": asdict(use)}
        | {"about": about.as_json(), "openness": open_.summary()},
        approval=_shown(approval),
        signer=wishes.signer,
    )
    writer.kind_shown(kind, Form(only_chosen=wishes.only_chosen))  # before the work of a split
    form = Form(split=_split(lake, release, version, wishes), shard=wishes.shard, only_chosen=wishes.only_chosen)
    form = replace(form, standards=tuple(wishes.standards))
    there = writer.there(kind, to=to, origin=origin, form=form)
    if there is not None:
        return HandedOver(there, made=False)
    rows = lake.stream(dataset, version.stage, batches=[release.release])
    return HandedOver(writer.export(rows, kind, to=to, origin=origin, form=form), made=True)


def _for_others(release: Release) -> dict[str, Json]:
    """What a release was made from, without who of the house made it and who of it may approve."""
    return {name: value for name, value in release.manifest.items() if name not in ("built_by", "approval")}


def _shown(approval: Approval) -> dict[str, Json]:
    """The approvals that stand, as whoever gets the data may know them."""
    told = ("by", "comment", "at", "data_version")
    return {
        "state": approval.state,
        "approvals": [
            {name: getattr(entry.statement, name) for name in told} | {"signed_by": entry.signed_by or ""}
            for entry in approval.standing
        ],
    }


def _use(release: Release, asked: Wanted) -> Wanted:
    """What a release is handed over for: what was asked, else what it was made for."""
    _, made_for = rules_of(release)
    return made_for.and_also(asked)


def the_release(lake: Lake, dataset: str, name: str) -> Release:
    """The accepted release of that name, or the latest. A withdrawn one is refused with its successor."""
    known = {found.release: found for found in lake.meta.releases(dataset)}
    accepted = [found for found in known.values() if found.state == "accepted"]
    if name in known and known[name].state == "withdrawn":
        raise SynthError(_withdrawn(dataset, known[name], accepted))
    if not accepted:
        raise SynthError(f"'{dataset}' has no release yet. 'synth run' makes one.")
    if name == LATEST:
        return accepted[-1]
    if name not in known:
        names = [found.release for found in accepted]
        raise UnknownName(f"release of {dataset}", name, names, "'synth status' lists them.")
    return known[name]


def _withdrawn(dataset: str, release: Release, accepted: Sequence[Release]) -> str:
    later = next((one.release for one in accepted if one.created_at > release.created_at), None)
    cure = f"Name '{later}', which came after it." if later else "'synth run' makes the next one."
    return f"Release '{release.release}' of '{dataset}' was withdrawn, since records of it were erased. {cure}"


def _rows_of(lake: Lake, release: Release) -> Candidate:
    version = lake.accepted(release.dataset, release.manifest["table"], release.release)
    if version is None:
        raise SynthError(f"Release '{release.release}' of '{release.dataset}' is no longer in the lake.")
    return version


def _split(lake: Lake, release: Release, version: Candidate, wishes: Wishes) -> Split:
    """The held-out part, of the records as they stand in the release."""
    if wishes.validation is None or not version.rows:
        return Split()
    columns = ["record_id", "copies"]
    rows = list(lake.stream(release.dataset, version.stage, batches=[release.release], columns=columns))
    records = np.concatenate([keys_of(one.column(0).to_pylist()) for one in rows])
    copies = np.concatenate([one.column(1).fill_null(1).to_numpy(zero_copy_only=False) for one in rows])
    return grouped_split(records, copies, links_of(lake, release, records), wishes.validation, wishes.seed)
