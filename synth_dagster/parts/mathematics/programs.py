"""Programs that a model wrote and whose result is an answer: what they leave in `result`, or why there is none."""

import ast
import re

from synth_dagster.services import Limits, Ran, Sandbox

_MARK = "the result is:"
_ASKED = "\n\nprint('\\n{mark}', result)\n"
_FENCE = re.compile(r"```(?:python|py|sql)?[ \t]*\n(.*?)(?:\n```|\Z)", re.DOTALL | re.IGNORECASE)


def bare_program(text: str) -> str:
    """The program of an answer that may stand in a code fence; the last fence where there are several."""
    fenced = _FENCE.findall(text)
    return (fenced[-1] if fenced else text).strip("\n")


def in_fence(program: str) -> str:
    """The program as a trainer sees it."""
    return f"```python\n{program}\n```"


def with_last_value_shown(program: str) -> str:
    """The program, which prints its last line where that is an expression with a value, as in a notebook."""
    try:
        *before, last = ast.parse(program).body or [ast.Pass()]
        if not isinstance(last, ast.Expr) or "print(" in ast.unparse(last):
            return program
        told = f"{ast.unparse(ast.Module(before, []))}\n_last = {ast.unparse(last)}\n"
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return program  # it fails by itself, and its error is shown
    return f"{told}if _last is not None:\n    print(_last)\n"


async def result_of(program: str, sandbox: Sandbox, limits: Limits) -> tuple[str | None, str | None]:
    """What the program assigns to `result`, as text, or the reason why there is nothing: exactly one of the two."""
    ran = await sandbox.run(program + _ASKED.format(mark=_MARK), limits=limits)
    if ran.ending != "finished":
        return None, why_no_result(ran)
    _, marked, said = ran.output.rpartition(f"\n{_MARK} ")
    said = said.strip()
    if not marked:
        return None, "no_result"  # it ended before its last line
    return (said, None) if said not in ("", "None") else (None, "no_result")


def why_no_result(ran: Ran) -> str:
    """The reason in one word: syntax_error, no_result, program_failed, or the limit that was met."""
    if ran.ending != "failed":
        return {"time": "time_out", "memory": "out_of_memory", "output": "endless_output"}.get(ran.ending, "crashed")
    if ran.error in ("SyntaxError", "IndentationError", "TabError"):
        return "syntax_error"
    return "no_result" if "name 'result' is not defined" in ran.errors else "program_failed"
