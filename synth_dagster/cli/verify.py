"""`synth verify`: whether what was handed over is still that, and who signed it."""

import os
from pathlib import Path

from rich.markup import escape

from synth_dagster.cli.project import open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.errors import ExitCode, SynthError
from synth_dagster.exports.verify import Verified, verify
from synth_dagster.signing import Signer, named_key
from synth_dagster.storage import Store, is_bucket, open_store


def verify_export(given: Path | None, what: str, *, key: str | None, as_json: bool) -> ExitCode:
    """Check an export and say what was found. Raises SynthError where there is none, BadKey for what is no key."""
    found = verify(_place(given, what), _expected(key))
    if as_json:
        print_json(found.as_json())
    else:
        _tell(found)
    return ExitCode.DONE if found.is_whole else ExitCode.FAILED


def _place(given: Path | None, what: str) -> Store:
    """A folder needs no project; a bucket is reached as the project's environment says."""
    if is_bucket(what):
        return open_project(given).environment.open_bucket(what)
    if not Path(what).is_dir():
        raise SynthError(f"There is no folder {what}. 'synth export RELEASE --to DIR' writes one that can be checked.")
    return open_store(what)


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
    whole = f"{found.place} holds {found.what} as it was handed over: {found.files} files."
    broken = f"{found.place} is not what was handed over: {len(found.faults)} faults."
    console.print(escape(whole if found.is_whole else broken), highlight=False)
    if found.is_whole or found.signed_by:
        console.print(escape(found.signature()), highlight=False)
