"""Runs the text of a Python program as `__main__`, the same each time: hashes and `random` have a fixed seed."""

import os
import sys
from importlib.machinery import SourceFileLoader
from types import ModuleType, TracebackType

NAME = "program.py"
OUT_OF_MEMORY = 77  # the exit code that says so


def run(text: str) -> int:
    """The exit code; what the program prints goes where it says, and an exception is printed as Python prints it."""
    try:
        return _run(text)
    except MemoryError:
        return OUT_OF_MEMORY


def _run(text: str) -> int:
    show = sys.excepthook
    sys.dont_write_bytecode = True
    with open(NAME, "w", encoding="utf-8", errors="replace") as file:  # noqa: PTH123  pathlib is slow to load
        file.write(text)
    if "random" in text:
        _fix_random()
    code = 0
    try:
        _as_main()
    except SystemExit as ended:
        code = _exit_code(ended)
    except MemoryError:
        code = OUT_OF_MEMORY
    except BaseException as error:  # noqa: BLE001  whatever a program raises ends it
        code = 1
        error.__traceback__ = _own_frames(error)
        show(type(error), error, error.__traceback__)
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _as_main() -> None:
    loader = SourceFileLoader("__main__", NAME)
    main = ModuleType("__main__")
    main.__dict__.update(__file__=NAME, exit=sys.exit, quit=sys.exit)
    sys.modules["__main__"], sys.argv = main, [NAME]
    loader.exec_module(main)


def _fix_random() -> None:
    import random

    random.seed(0)


def _exit_code(ended: SystemExit) -> int:
    if ended.code is None:
        return 0
    if isinstance(ended.code, int):
        return ended.code & 0xFF
    sys.stderr.write(f"{ended.code}\n")
    return 1


def _own_frames(error: BaseException) -> TracebackType | None:
    """The traceback from the program's first frame on; ours say nothing to whoever wrote it."""
    trace = error.__traceback__
    while trace is not None and os.path.basename(trace.tb_frame.f_code.co_filename) != NAME:  # noqa: PTH119
        trace = trace.tb_next
    return trace
