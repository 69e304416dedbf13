"""Landlock: a process gives up, for good, all files but those that it names. Needs no privilege, only Linux 5.13."""

import ctypes
import os
import struct
from collections.abc import Iterable

from synth_dagster.sandbox.inside import system

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_READ = 0b1101  # execute (which loading a shared library is), read a file, list a folder
_READ_FILE = 0b0101
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}  # version -> how many rights it knows; 16 from the fifth on


def restrict(readable: Iterable[str], writable: str) -> None:
    """Only these paths from here on. Raises NotHere where the kernel has no Landlock or keeps it off."""
    version = system.system_call("landlock", _CREATE, None, 0, 1)
    everything = (1 << _RIGHTS.get(version, 16)) - 1
    attributes = ctypes.create_string_buffer(struct.pack("Q", everything), 8)
    rules = system.system_call("landlock", _CREATE, attributes, 8, 0)
    for path in readable:
        _allow(rules, path, _READ if os.path.isdir(path) else _READ_FILE)  # noqa: PTH112  pathlib is slow to load
    _allow(rules, writable, everything)
    system.control(system.PR_SET_NO_NEW_PRIVS, 1)
    system.system_call("landlock", _RESTRICT, rules, 0)
    os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, place), 12)
        system.system_call("landlock", _ADD, rules, 1, rule, 0)
    finally:
        os.close(place)
