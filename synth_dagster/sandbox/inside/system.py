"""Calls of the Linux kernel that Python has no function for. Numbers are those of x86_64 and of arm64."""

import ctypes
import os
import platform

LIBC = ctypes.CDLL(None, use_errno=True)
MACHINE = platform.machine()

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38


class NotHere(Exception):
    """This machine does not offer it; the message says what and why."""


def call(name: str, *arguments: object) -> int:
    """A function of the C library. Raises NotHere with the kernel's reason."""
    try:
        function = getattr(LIBC, name)
    except AttributeError:
        raise NotHere(f"{name}: not in this system's library") from None
    return _checked(name, function(*arguments))


def system_call(name: str, number: int, *arguments: object) -> int:
    """A call by its number. Raises NotHere with the kernel's reason."""
    whole = [ctypes.c_long(one) if isinstance(one, int) else one for one in (number, *arguments)]
    return _checked(name, LIBC.syscall(*whole))


def control(option: int, value: object, extra: object = 0) -> None:
    """prctl(2)."""
    call("prctl", option, ctypes.c_ulong(value) if isinstance(value, int) else value, extra, 0, 0)


def drop_capabilities() -> None:
    """What root may do beyond other users is given up for good."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    call("capset", ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))


def _checked(name: str, found: int) -> int:
    if found < 0:
        raise NotHere(f"{name}: {os.strerror(ctypes.get_errno())}")
    return found
