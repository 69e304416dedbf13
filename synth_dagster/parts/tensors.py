"""Arrays as bytes in the form of safetensors: a header of JSON and plain numbers. Data only: reading it runs nothing.

The form: https://github.com/huggingface/safetensors. The same arrays give the same bytes.
"""

import json
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from synth_dagster.errors import MethodError

_TYPES = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8"), "I64": np.dtype("<i8"), "U32": np.dtype("<u4")}
_ABOUT = "__metadata__"
_LONGEST_HEADER = 100_000_000  # as the format has it


def packed(arrays: Mapping[str, np.ndarray], about: Mapping[str, str]) -> bytes:
    """The arrays, of one of the types F32, F64, I64 and U32, and some words about them."""
    header: dict[str, Any] = {_ABOUT: dict(sorted(about.items()))}
    pieces, end = [], 0
    for name, array in sorted(arrays.items()):
        kind = next(kind for kind, dtype in _TYPES.items() if dtype == array.dtype)
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [begin, end]}
        pieces.append(np.ascontiguousarray(array).tobytes())
    head = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
    head += b" " * (-len(head) % 8)
    return len(head).to_bytes(8, "little") + head + b"".join(pieces)


def unpacked(data: bytes) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays and what is said about them. Raises MethodError for bytes that are cut, or no safetensors."""
    try:
        size = int.from_bytes(data[:8], "little")
        if len(data) < 8 or size > min(len(data) - 8, _LONGEST_HEADER):
            raise ValueError
        header = json.loads(data[8 : 8 + size])
        body = memoryview(data)[8 + size :]
        about = header.pop(_ABOUT, {})
        return {name: _array(entry, body) for name, entry in header.items()}, about
    except (ValueError, KeyError, TypeError, AttributeError, UnicodeDecodeError):
        raise MethodError("A model cannot be read: its bytes are cut, or no safetensors. Train it again.") from None


def _array(entry: Mapping[str, Any], body: memoryview) -> np.ndarray:
    begin, end = entry["data_offsets"]
    dtype, shape = _TYPES[entry["dtype"]], tuple(map(int, entry["shape"]))
    if not 0 <= begin <= end <= len(body) or min(shape, default=0) < 0 or end - begin != prod(shape) * dtype.itemsize:
        raise ValueError
    return np.frombuffer(body[begin:end], dtype).reshape(shape)
