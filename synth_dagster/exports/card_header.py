"""The header of a dataset card: YAML that Hugging Face's hub and `datasets` read.

Keys and words are those of the hub's dataset cards (huggingface/hub-docs, datasetcard.md). What nobody knows is left
out: the hub takes a missing key for unknown.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from synth_dagster.exports.facts import Facts
from synth_dagster.exports.manifest import Manifest
from synth_dagster.records import Json

# The hub's own identifiers, those whose lower-case SPDX id is another one
ON_THE_HUB = {
    **dict.fromkeys(("agpl-3.0-only", "agpl-3.0-or-later"), "agpl-3.0"),
    **dict.fromkeys(("gpl-2.0-only", "gpl-2.0-or-later"), "gpl-2.0"),
    **dict.fromkeys(("gpl-3.0-only", "gpl-3.0-or-later"), "gpl-3.0"),
    **dict.fromkeys(("lgpl-2.1-only", "lgpl-2.1-or-later"), "lgpl-2.1"),
    **dict.fromkeys(("lgpl-3.0-only", "lgpl-3.0-or-later"), "lgpl-3.0"),
    **dict.fromkeys(("gfdl-1.2-only", "gfdl-1.2-or-later", "gfdl-1.3-only", "gfdl-1.3-or-later"), "gfdl"),
    "odc-by-1.0": "odc-by",
    "odbl-1.0": "odbl",
    "pddl-1.0": "pddl",
    "c-uda-1.0": "c-uda",
}
# and those that are the same
AS_SPDX = frozenset(
    (
        *("afl-3.0", "apache-2.0", "artistic-2.0", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "bsl-1.0"),
        *("cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0"),
        *("cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"),
        *("cc-by-nd-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0"),
        *("cdla-sharing-1.0", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1", "eupl-1.2", "isc"),
        *("lppl-1.3c", "mit", "mpl-2.0", "ms-pl", "ncsa", "ofl-1.1", "osl-3.0", "postgresql", "unlicense", "wtfpl"),
        "zlib",
    )
)
TASKS: Mapping[str, Sequence[str]] = {
    "document": ["text-generation"],
    "instruction": ["text-generation", "question-answering"],
    "preference": ["text-generation"],
}
TAGS: Mapping[str, Sequence[str]] = {"document": ["pretraining"], "instruction": ["sft"], "preference": ["preference"]}
SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B", "1B<n<10B", "10B<n<100B")
LARGEST = ("100B<n<1T", "n>1T")


def header(manifest: Manifest, data: Mapping[str, Sequence[str]], features: Sequence[Json], about: Facts | None) -> str:
    """The block between the two rules; `data` are the files of each split."""
    import yaml

    said: dict[str, Json] = {
        "pretty_name": f"{manifest.dataset} {manifest.release}",
        **_languages(about),
        **licence(about),
        "size_categories": [size_category(manifest.rows)],
        "task_categories": list(TASKS[manifest.kind]),
        **_creators(manifest, about),
        "tags": [*_synthetic(about), *TAGS[manifest.kind], *(["demo"] if manifest.demo else [])],
        "configs": [{"config_name": "default", "data_files": _files(data)}],
        "dataset_info": _info(manifest, data, features),
    }
    dumped = yaml.dump(said, sort_keys=False, allow_unicode=True, Dumper=plain_dumper())
    return f"---\n{dumped}---"


def plain_dumper() -> Any:
    """Writes what occurs twice twice, not as a reference to the first."""
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    return Plain


def size_category(rows: int) -> str:
    """The hub's size: 999 rows are `n<1K`, 1,000 are `1K<n<10K`."""
    found, most = 0, 1_000
    sizes = (*SIZES, *LARGEST)
    while rows >= most and found < len(sizes) - 1:
        found, most = found + 1, most * 10
    return sizes[found]


def licence(about: Facts | None) -> dict[str, Json]:
    """What binds, in the hub's identifiers; what these cannot say is `other`, with the expression in full."""
    from synth_dagster.licences.expression import leaves, parse
    from synth_dagster.licences.registry import NOTHING_SAID

    if about is None or about.licence in ("", *NOTHING_SAID) or "" in about.licenses:
        return {"license": "unknown"}
    names = [hub_licence(one.name) for one in leaves(parse(about.licence))]
    if None not in names and " OR " not in about.licence and " WITH " not in about.licence:
        known = list(dict.fromkeys(name for name in names if name is not None))
        details = {} if len(known) == 1 else {"license_details": about.licence}
        return {"license": known[0] if len(known) == 1 else list(known), **details}
    slug = re.sub(r"[^a-z0-9.]+", "-", about.licence.lower()).strip("-")
    return {"license": "other", "license_name": slug, "license_details": about.licence}


def hub_licence(spdx: str) -> str | None:
    """The hub's identifier of a licence; None where it has none."""
    name = spdx.lower()
    return ON_THE_HUB.get(name) or (name if name in AS_SPDX else None)


def _languages(about: Facts | None) -> dict[str, Json]:
    """ISO 639 codes, without regions."""
    known = list(dict.fromkeys(name.partition("-")[0] for name in (about.languages if about else ())))
    known = [name for name in known if name not in ("", "und")]
    if not known:
        return {}
    return {"language": list(known), "multilinguality": ["monolingual" if len(known) == 1 else "multilingual"]}


def _creators(manifest: Manifest, about: Facts | None) -> dict[str, Json]:
    """Who wrote the texts, who ranked them, and what they go back to."""
    if about is None:
        return {}
    written = ["machine-generated"] if any(int(depth) for depth in about.depths) else []
    read = ["found"] if "0" in about.depths else []
    ranked = manifest.kind == "preference" and bool(about.models)
    extended = [f"extended|{one.name}" for one in about.sources if one.reader == "huggingface" and one.kept]
    return {
        "language_creators": [*read, *written],
        "annotations_creators": ["machine-generated" if ranked else "no-annotation"],
        "source_datasets": extended or ["original"],
    }


def _synthetic(about: Facts | None) -> list[str]:
    return ["synthetic"] if about is not None and any(int(depth) for depth in about.depths) else []


def _files(data: Mapping[str, Sequence[str]]) -> list[Json]:
    return [{"split": split, "path": _path(names)} for split, names in data.items()]


def _path(files: Sequence[str]) -> str:
    """A file, or a pattern for all shards of a split."""
    folder, _, name = files[0].rpartition("/")
    return f"{folder}/*.{name.rpartition('.')[2]}" if folder else name


def _info(manifest: Manifest, data: Mapping[str, Sequence[str]], features: Sequence[Json]) -> Json:
    """Columns, where a reader could not guess them from the first lines, and sizes, which it holds what it reads to."""
    sizes = {split: sum(_bytes(manifest, name) for name in files) for split, files in data.items()}
    splits: list[Json] = [
        {"name": split, "num_bytes": size, "num_examples": manifest.splits[split]["rows"]}
        for split, size in sizes.items()
    ]
    whole = sum(sizes.values())
    known: dict[str, Json] = {"features": list(features)} if features else {}
    return {**known, "splits": splits, "download_size": whole, "dataset_size": whole}


def _bytes(manifest: Manifest, name: str) -> int:
    found = manifest.files[name]["bytes"]
    assert isinstance(found, int)
    return found
