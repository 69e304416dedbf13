"""Programs of edits as the code of ProX reads and executes them, slips included: for results like the published ones.

Paper: arXiv:2409.17115. `edit_programs` reads the same calls and counts what this passes over.
"""

from collections.abc import Iterable

from synth_dagster.parts.pages.edit_programs import Executed, Normalise, Operation, Program, RemoveLines, without_lines


def read_as_published(text: str) -> Program:
    """The program as the code of ProX reads it, for the operations of that paper.

    It splits at commas and takes the first closing bracket for the last, so a string with either is cut; three
    arguments are passed over; what is no operation is passed over. Names of arguments are not looked at.
    """
    operations: list[Operation] = []
    errors, clears = 0, False
    for line in text.strip(" ").split("\n"):
        if line.startswith("remove_lines") and "all=True" in line:
            clears = True
        elif line.startswith(("remove_lines", "normalize")):
            found, failed = _published_call(line)
            errors += failed
            operations += found
    return Program(tuple(operations), errors, clears)


def _published_call(line: str) -> tuple[list[Operation], int]:
    if "(" not in line:
        return [], 1
    closing = line.find(")")
    inside = line[line.index("(") + 1 : closing]  # without a bracket, less its last character
    errors = int(closing < 0)
    given = [part.split("=") for part in inside.split(",")]
    try:
        if line.startswith("remove_lines"):
            return [RemoveLines(int(given[0][1]), int(given[1][1]))], errors
        if len(given) > 2:
            return [], errors
        source, target = given[0][1].strip('"'), given[1][1].strip('"') if len(given) == 2 else ""
        blank = len(given) == 2 and source in {"", " "}  # passed over with a target, done without one
        return [] if blank else [Normalise(source, target)], errors
    except (IndexError, ValueError):
        return [], errors + 1


def executed_as_published(text: str, program: Program) -> Executed:
    """The text after its program as the code of ProX executes it: strings that are not there are no error.

    Lines beyond the end are one error for each run of neighbouring intervals.
    """
    for operation in program.of(Normalise):
        if operation.source:
            text = text.replace(operation.source, operation.target)
    lines = text.split("\n")
    removals = program.of(RemoveLines)
    errors = program.errors + sum(max(first, last) >= len(lines) for first, last in _joined(removals))
    return Executed("" if program.clears else "\n".join(without_lines(lines, removals)), errors)


def _joined(intervals: Iterable[RemoveLines]) -> list[tuple[int, int]]:
    """Intervals in their order, those that overlap or touch as one."""
    runs: list[tuple[int, int]] = []
    for one in sorted(intervals, key=lambda interval: interval.first):
        if runs and one.first <= runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], max(runs[-1][1], one.last))
        else:
            runs.append((one.first, one.last))
    return runs
