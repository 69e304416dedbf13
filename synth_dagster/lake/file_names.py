"""What the name of a file in a table's folder says: whose it is, and whether it holds records or was left behind."""

from pathlib import PurePosixPath

from synth_dagster.lake import delta_log


def id_of(file: delta_log.DataFile) -> str:
    return PurePosixPath(file.path).stem


def is_stray(file: str) -> bool:
    """Left by a writer of delta-rs that died: text-bearing strays that no vacuum sees."""
    return ".parquet#" in file or (_is_of_log(file) and file.endswith(".tmp"))


def is_data(file: str) -> bool:
    """Records or rejects: the log's checkpoints are Parquet too, and a table without them cannot be opened."""
    return file.endswith(".parquet") and not _is_of_log(file)


def _is_of_log(file: str) -> bool:
    return delta_log.LOG in PurePosixPath(file).parts
