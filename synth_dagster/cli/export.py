"""`synth export`: a release as files for a trainer."""

import os
from pathlib import Path

from rich.markup import escape

from synth_dagster.cli.project import open_project
from synth_dagster.cli.terminal import Terminal
from synth_dagster.errors import UnknownName
from synth_dagster.exports.files import shard_size
from synth_dagster.exports.manifest import Manifest
from synth_dagster.exports.place import place_of
from synth_dagster.exports.standards import chosen
from synth_dagster.governance.handover import HandedOver, Wishes, hand_over
from synth_dagster.governance.licences import Wanted
from synth_dagster.licences.fit import PURPOSES, Purpose
from synth_dagster.signing import VARIABLE, Signer


def export_release(
    given: Path | None,
    dataset: str | None,
    release: str,
    *,
    format_: str,
    to: str,
    validation: float | None = None,
    seed: int = 1,
    shard: str | None = None,
    only_chosen: bool = False,
    purpose: str | None = None,
    public: bool = False,
    obey: bool = False,
    standards: str | None = None,
    creator: str | None = None,
    url: str | None = None,
) -> None:
    """Write a release. Raises UnknownName for another release or format, SynthError for a taken folder."""
    wishes = Wishes(
        validation=validation,
        seed=seed,
        shard=shard_size(shard) if shard else None,
        only_chosen=only_chosen,
        use=wanted(purpose, public=public, obey=obey),
        signer=Signer.of(os.environ),
        standards=chosen(standards),
        creator=creator,
        url=url,
    )
    project = open_project(given)
    place = place_of(to, project.environment.open_bucket)
    done = hand_over(project.lake, project.dataset(dataset), release, format_=format_, to=place, wishes=wishes)
    _tell(done, to)


def wanted(purpose: str | None, *, public: bool, obey: bool) -> Wanted:
    """What a release is asked for. Raises UnknownName for another purpose."""
    known: dict[str, Purpose] = {name: name for name in PURPOSES}
    if purpose is not None and purpose not in known:
        raise UnknownName("purpose", purpose, known)
    return Wanted(None if purpose is None else known[purpose], public, "obey" if obey else "record")


def _tell(done: HandedOver, to: str) -> None:
    console, manifest = Terminal(), done.manifest
    what = f"{manifest.records} records of {manifest.dataset} {manifest.release} to {to} as {manifest.format}"
    said = f"Wrote {what}." if done.made else f"Already there, with its checksums: {what}. Nothing was written."
    console.print(escape(said), highlight=False)
    for line in (*_parts(manifest), *_left_out(manifest)):
        console.print(escape(line), highlight=False)
    signed = f"Signed by {manifest.signed_by}." if manifest.signed_by else f"Unsigned: {VARIABLE} names no key."
    console.print(escape(signed), highlight=False)
    if manifest.demo:
        console.print("[yellow]Demo: the embedded teacher made it. It is not for training.[/yellow]")


def _parts(manifest: Manifest) -> list[str]:
    facts = manifest.options["validation"]
    if not isinstance(facts, dict) or not facts:
        return []
    sizes = ", ".join(f"{name} {one['rows']}" for name, one in manifest.splits.items())
    line = f"Rows: {sizes}; {facts['reached']:.2%} held out in whole groups of {facts['groups']}."
    if facts["reached"] < 0.8 * facts["asked"]:
        line += (
            f" {facts['asked']:.2%} was asked: the groups left are too large, the largest has "
            f"{facts['largest_group_rows']} rows."
        )
    return [line]


def _left_out(manifest: Manifest) -> list[str]:
    reasons = ", ".join(f"{reason} {count}" for reason, count in manifest.left_out.items())
    return [f"Left out: {reasons}."] if reasons else []
