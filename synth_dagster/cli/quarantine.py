"""`synth quarantine`: what guards hold back, and a person's decision about it."""

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.markup import escape

from synth_dagster.cli.project import open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.governance.quarantine import BadRelease, Case, cases, settle
from synth_dagster.lake.findings import Action

SHOWN = 50  # lines for a person; --json has all


def show_quarantine(
    given: Path | None,
    dataset: str | None,
    *,
    stage: str | None,
    batch: str | None,
    check: str | None,
    everything: bool,
    as_json: bool,
) -> None:
    """Print what is held and, with `everything`, what people have released."""
    project = open_project(given)
    known = cases(project.lake, project.dataset(dataset), stage=stage, batch=batch, check=check)
    shown = [case for case in known if everything or case.is_held]
    if as_json:
        print_json([case.as_json() for case in shown])
        return
    console = Terminal()
    held = sum(case.is_held for case in known)
    console.print(f"{held:,} held, {len(known) - held:,} released.", highlight=False)
    _print(console, shown)


def settle_quarantine(
    given: Path | None,
    dataset: str | None,
    *,
    release: Sequence[str],
    hold: Sequence[str],
    comment: str | None,
    by: str | None,
    stage: str | None,
    batch: str | None,
    check: str | None,
) -> None:
    """Release records from quarantine, or hold them again. Raises BadRelease where something of it is missing."""
    if release and hold:
        raise BadRelease("One of --release and --hold, not both. Nothing was changed.")
    ids, action = (release, "released") if release else (hold, "held")
    if "all" in ids and (stage, batch, check) == (None, None, None):
        raise BadRelease("'all' needs to be narrowed: --stage, --batch or --check. Nothing was changed.")
    _settled(given, dataset, ids, action, comment or "", by or getpass.getuser(), (stage, batch, check))


def _settled(
    given: Path | None,
    dataset: str | None,
    ids: Sequence[str],
    action: Action,
    comment: str,
    who: str,
    narrowed: tuple[str | None, str | None, str | None],
) -> None:
    project, console = open_project(given), Terminal()
    stage, batch, check = narrowed
    known = cases(project.lake, project.dataset(dataset), stage=stage, batch=batch, check=check)
    done = settle(project.lake, known, ids, action, who=who, comment=comment)
    for case in done:
        line = f"{action}: {case.record_id} ({case.guard}, {case.check}) of {case.stage} {case.batch}"
        console.print(escape(line), highlight=False)
    console.print(escape(f"Noted: {who}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."), highlight=False)
    console.print("'synth run' makes what stands below anew.", highlight=False)


def _print(console: Terminal, shown: Sequence[Case]) -> None:
    if not shown:
        return
    for case in shown[:SHOWN]:
        console.print(escape(_line(case)), highlight=False, soft_wrap=True)
    if len(shown) > SHOWN:
        console.print(f"and {len(shown) - SHOWN:,} more: --stage, --batch, --check, or --json for all", highlight=False)
    console.print(escape("""A record's words: synth show STAGE --where "record_id = unhex('ID')"."""), highlight=False)
    console.print("To let one go: synth quarantine --release ID --comment WHY", highlight=False)


def _line(case: Case) -> str:
    found = ", ".join(case.kinds) + (f" ({case.score:.2g})" if case.score is not None else "")
    return f"{case.record_id}  {case.stage} {case.batch}  {case.check}: {found}  {_state(case)}"


def _state(case: Case) -> str:
    if not case.decisions:
        return "held"
    last = case.decisions[-1]
    return f"{last.action} by {last.who} on {datetime.fromtimestamp(last.at, UTC):%Y-%m-%d}: {last.comment}"
