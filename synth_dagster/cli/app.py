"""The program `synth`: its commands in the order of `synth --help`, and how it ends.

The arguments of a command and their help stand in `commands`; what it does stands in the module of its name beside this
one, which is imported when the command is called.
"""

import sys

import typer

from synth_dagster.cli.commands import groups, handover, making, projects, records, releases
from synth_dagster.errors import ExitCode, SynthError

app = typer.Typer(
    name="synth",
    help="Make, look at and hand over training data, as Dagster assets with lineage and gates.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    making.run,
    making.plan,
    making.status,
    making.batches,
    records.show,
    records.query,
    records.trace,
    records.erase,
    records.quarantine,
    releases.diff,
    releases.audit,
    releases.backlog,
    projects.methods,
    handover.export,
    handover.approve,
    handover.approvals,
    handover.verify,
    releases.licences,
    releases.checklist,
    making.consent,
    projects.new,
    projects.explore,
    projects.ui,
):
    app.command()(command)
app.add_typer(groups.teacher_app, name="teacher")
app.add_typer(groups.method_app, name="method")
app.add_typer(groups.keys_app, name="keys")

STOPPED = 130  # what a shell says of a command that Ctrl-C ended


def main() -> None:
    """Run `synth`. A user's mistake ends in a sentence and an exit code, never in a traceback."""
    code = _exit_code()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        from synth_dagster.cli.terminal import forget_stdout

        forget_stdout()
    raise SystemExit(code)


def _exit_code() -> int:
    try:
        app()
    except SynthError as error:
        print(f"synth: {error}", file=sys.stderr)  # noqa: T201  # this is the terminal
        return int(error.exit_code)
    except SystemExit as end:  # how the parser ends every command
        if end.code == STOPPED:
            print("synth: stopped. What was paid for is kept; the same command goes on.", file=sys.stderr)  # noqa: T201  # terminal
        return end.code if isinstance(end.code, int) else int(ExitCode.DONE)
    return int(ExitCode.DONE)
