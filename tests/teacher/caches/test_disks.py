"""A cache on a network file system is noticed, and its owner warned once."""

import logging

import pytest

from synth_dagster.teacher.cache import AnswerCache
from synth_dagster.teacher.caches import file as file_module
from synth_dagster.teacher.caches.disks import network_disk

MOUNTS = r"""
/dev/vda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/vdb1 /home/me/disk ext4 rw 0 0
me@host:/ /mnt/my\040files fuse.sshfs rw 0 0
//host/share /mnt/share cifs rw 0 0
tmpfs /mnt/share tmpfs rw 0 0
bad line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        pytest.param("/var/answers.sqlite", None, id="the root's disk"),
        pytest.param("/home/me/answers.sqlite", "nfs4", id="under a network mount"),
        pytest.param("/home/me/disk/answers.sqlite", None, id="a disk mounted below it"),
        pytest.param("/homes/answers.sqlite", None, id="a folder whose name begins alike"),
        pytest.param("/mnt/my files/answers.sqlite", "fuse.sshfs", id="a blank in the mount's name"),
        pytest.param("/mnt/share/answers.sqlite", None, id="hidden by a later mount"),
    ],
)
def test_the_mount_that_holds_a_path_decides(tmp_path, path, kind):
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    assert network_disk(path, mounts) == kind


def test_where_nobody_lists_the_mounts_nothing_is_said(tmp_path):
    assert network_disk(tmp_path, tmp_path / "missing") is None


def test_a_cache_on_a_network_disk_is_opened_with_one_warning(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(file_module, "network_disk", lambda path: "nfs4")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            AnswerCache.open(tmp_path / "answers.sqlite").close()
    (said,) = [record.getMessage() for record in caplog.records]
    assert "network file system (nfs4)" in said and "SYNTH_ANSWERS" in said
