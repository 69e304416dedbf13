"""What an export says about itself, in `manifest.json`."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

from synth_dagster.parts.text.tokens import NAME
from synth_dagster.records import Json, RecordKind

MAKER = "synth_dagster"
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an export holds and where it comes from. `rows` counts lines, `records` what they were made from."""

    format: str
    dataset: str
    release: str
    kind: RecordKind
    demo: bool
    records: int
    rows: int
    tokens: int
    token_counter: str = NAME
    splits: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)  # split -> rows, records, its data files
    left_out: Mapping[str, int] = field(default_factory=dict)
    licenses: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    options: Mapping[str, Json] = field(default_factory=dict)
    facts: Mapping[str, Json] = field(default_factory=dict)
    approval: Mapping[str, Json] = field(default_factory=dict)  # how the release stood, and who had approved it
    identity: str = ""  # equal for two exports of the same release in the same form
    created_by: str = ""
    signed_by: str = ""  # the key; empty where nobody signed

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def manifest_from(text: bytes) -> Manifest | None:
    """The manifest of an export of ours; None for what is another file."""
    try:
        found = json.loads(text)
        known = {one.name for one in fields(Manifest)}
        if not str(found["created_by"]).startswith(f"{MAKER} ") or not isinstance(found["files"], dict):
            return None
        return Manifest(**{name: value for name, value in found.items() if name in known})
    except (ValueError, KeyError, TypeError):
        return None
