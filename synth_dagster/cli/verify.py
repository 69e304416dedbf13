"""`synth verify`: whether what was handed over is still that, and who signed it."""

import os
from pathlib import Path

from rich.markup import escape

from synth_dagster.cli.project import NoProject, open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.errors import ExitCode, SynthError, no_such
from synth_dagster.exports.verify import Verified, verify
from synth_dagster.governance.answer import plural
from synth_dagster.governance.erase_receipt import verify_file
from synth_dagster.governance.handover import LATEST
from synth_dagster.signing import Signer, named_key
from synth_dagster.storage import Store, is_bucket, open_store

IN_LAKE = "the lake "


def verify_what(given: Path | None, what: str, *, dataset: str | None, key: str | None, as_json: bool) -> ExitCode:
    """Check an export, a release in the lake or the receipt of an erasure, and say what was found.

    A folder of that name goes before a release, unless a dataset is named. Raises SynthError where there is neither,
    BadKey for what is no key.
    """
    expected = _expected(key)
    if is_bucket(what) or (dataset is None and Path(what).is_dir()):
        found = verify(_place(given, what), expected)
    elif Path(what).is_file():
        found = verify_file(Path(what), expected)
    else:
        found = _in_lake(given, what, dataset, expected)
    if as_json:
        print_json(found.as_json())
    else:
        _tell(found)
    return ExitCode.DONE if found.is_whole else ExitCode.FAILED


def _place(given: Path | None, what: str) -> Store:
    """A folder needs no project; a bucket is reached as the project's environment says."""
    return open_project(given).environment.open_bucket(what) if is_bucket(what) else open_store(what)


def _in_lake(given: Path | None, what: str, dataset: str | None, expected: str | None) -> Verified:
    from synth_dagster.governance.release_verify import verify_release

    nothing = f"There is no folder {what}."
    cure = " 'synth export RELEASE --to DIR' writes a folder that can be checked."
    try:
        project = open_project(given)
    except NoProject as error:
        raise SynthError(f"{nothing} There is no project here either, whose release it could be.{cure}") from error
    of = project.dataset(dataset)
    known = {one.release: one for one in project.lake.meta.releases(of)}
    name = next(reversed(known), what) if what == LATEST else what
    if name not in known:
        raise SynthError(f"{nothing} {no_such(f'release of {of}', what, known)}{cure}")
    return verify_release(project.lake, known[name], expected)


def _expected(key: str | None) -> str | None:
    """The key that was named, else one's own."""
    if key is not None:
        return named_key(key)
    own = Signer.of(os.environ)
    return own.key if own else None


def _tell(found: Verified) -> None:
    console = Terminal()
    for fault in found.faults:
        console.print(escape(fault.line()), highlight=False)
    for note in found.notes:
        console.print(escape(f"Note: {note}"), highlight=False)
    out = "published" if found.place.startswith(IN_LAKE) else "handed over"
    whole = f"{found.place} holds {found.what} as it was {out}: {plural(found.files, 'file')}."
    broken = f"{found.place} does not hold {found.what} as it was {out}: {plural(len(found.faults), 'fault')}."
    console.print(escape(whole if found.is_whole else broken), highlight=False)
    if found.is_whole or found.signed_by:
        console.print(escape(found.signature()), highlight=False)
    if found.is_whole and found.approval:
        console.print(escape(f"Release: {found.approval}."), highlight=False)
