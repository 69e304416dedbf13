"""A machine of its own: no network, no other processes, and a file system of the interpreter and one empty folder.

Linux namespaces, made by the process itself: as any user where the kernel allows user namespaces, as root also where
it does not. Needs Linux 5.12.
"""

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from synth_dagster.sandbox.inside import system

_NEW_MOUNTS, _NEW_NAME, _NEW_IPC, _NEW_USER, _NEW_PIDS, _NEW_NETWORK = (
    0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
_APART = _NEW_MOUNTS | _NEW_NAME | _NEW_IPC | _NEW_PIDS | _NEW_NETWORK
_BIND, _RECURSIVE, _PRIVATE, _NO_SUID, _NO_DEVICES = 4_096, 16_384, 1 << 18, 2, 4
_DETACH = 2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_MOUNT_SETATTR, _HERE, _ALL_BELOW = 442, -100, 0x8000
_READ_ONLY = struct.pack("QQQQ", 1 | 2, 0, 0, 0)  # read-only, no set-user-id programs
INSIDE = 1_000  # who the program is, in its own namespace

WORK = "/synth-sandbox"


def enter() -> None:
    """Namespaces for this process and, for process ids, its next child. Raises NotHere where the kernel refuses."""
    user, group = os.geteuid(), os.getegid()
    try:
        system.call("unshare", _NEW_USER | _APART)
    except system.NotHere:
        if user != 0:
            raise
        system.call("unshare", _APART)
        return
    with contextlib.suppress(FileNotFoundError):  # kernels before 3.19
        Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{INSIDE} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{INSIDE} {group} 1")


def new_root(folder: str, readable: Iterable[str], megabytes: int) -> None:
    """Builds a root of the readable paths in an empty folder and moves into it, to `WORK`. Raises NotHere."""
    _mount("none", "/", None, _RECURSIVE | _PRIVATE)
    _mount("tmpfs", folder, "tmpfs", _NO_SUID | _NO_DEVICES, "size=1m,mode=755")
    for path in readable:
        _shown(folder, path)
    os.mkdir(folder + WORK, 0o700)  # noqa: PTH102  pathlib would drop the folder before an absolute path
    _mount("tmpfs", folder + WORK, "tmpfs", _NO_SUID | _NO_DEVICES, f"size={megabytes}m,nr_inodes=1024,mode=700")
    os.chdir(folder)
    system.system_call("pivot_root", _PIVOT_ROOT[system.MACHINE], b".", b".")
    system.call("umount2", b".", _DETACH)
    _read_only("/", 0)
    os.chdir(WORK)


def _shown(folder: str, path: str) -> None:
    """A file or a folder of the machine, at the same place in the new root, not to be written to."""
    place = Path(folder + path)
    if Path(path).is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    _mount(path, str(place), None, _BIND | _RECURSIVE)
    _read_only(str(place), _ALL_BELOW)


def _mount(what: str, where: str, kind: str | None, flags: int, options: str = "") -> None:
    flag = ctypes.c_ulong(flags)
    system.call("mount", what.encode(), where.encode(), kind and kind.encode(), flag, options.encode() or None)


def _read_only(path: str, flags: int) -> None:
    attributes = ctypes.create_string_buffer(_READ_ONLY, len(_READ_ONLY))
    system.system_call("mount_setattr", _MOUNT_SETATTR, _HERE, path.encode(), flags, attributes, len(_READ_ONLY))
