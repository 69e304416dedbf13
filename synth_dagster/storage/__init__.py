"""Files in a folder or under `s3://bucket/prefix`, reached in one way.

`base` says what a store can do, `folder` and `bucket` do it, `cache` keeps copies of what was read from buckets.
"""

from pathlib import Path

from synth_dagster.errors import StorageError
from synth_dagster.storage.base import Entry, NotThere, OldVersion, Replaced, S3Options, Store
from synth_dagster.storage.folder import FolderStore, disk_full, write_whole

__all__ = [
    "Entry",
    "FolderStore",
    "NotThere",
    "OldVersion",
    "Replaced",
    "S3Options",
    "Store",
    "disk_full",
    "is_bucket",
    "open_store",
    "write_whole",
]


def is_bucket(url: str | Path) -> bool:
    """Whether this names a place in a bucket and no folder."""
    return isinstance(url, str) and "://" in url


def open_store(url: str | Path, s3: S3Options | None = None) -> Store:
    """The store at a folder or at `s3://bucket/prefix`. Nothing is asked of a bucket yet."""
    if not is_bucket(url):
        return FolderStore(Path(url))
    if not str(url).startswith("s3://"):
        raise StorageError(f"'{url}' is neither a folder nor in an S3 bucket. Give a folder or s3://bucket/prefix.")
    from synth_dagster.storage.bucket import BucketStore

    return BucketStore(str(url), s3 or S3Options())
