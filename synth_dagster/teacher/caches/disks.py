"""Which disk a file stands on. SQLite's log of writes works only where all its users share one kernel."""

import os
import re
from pathlib import Path

MOUNTS = Path("/proc/mounts")
OVER_A_NETWORK = re.compile(
    r"nfs4?|cifs|smb\d?|smbfs|ncpfs|afs|9p|ceph|glusterfs|lustre|gpfs|beegfs|davfs2?|pvfs2|orangefs"
    r"|fuse\.(sshfs|s3fs|gcsfuse|goofys|geesefs|mount-s3|rclone|glusterfs|ceph|davfs2?|curlftpfs|juicefs|blobfuse2?)"
)


def network_disk(path: Path, mounts: Path = MOUNTS) -> str | None:
    """The type of the network file system that holds a path; None for a disk of this machine, or where nobody says."""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:  # no Linux
        return None
    where = os.path.realpath(path)
    kind, longest = "", -1
    for line in lines:
        _, point, found, *_ = [*line.split(" "), "", "", ""]
        point = _plain(point)
        if len(point) >= longest and point and _is_under(where, point):  # a later mount hides an earlier one
            kind, longest = found, len(point)
    return kind if OVER_A_NETWORK.fullmatch(kind) else None


def _is_under(where: str, point: str) -> bool:
    return where == point or where.startswith(point.rstrip("/") + "/")


def _plain(point: str) -> str:
    """Blanks and backslashes stand there as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), point)
