"""The card beside exported data: what it is, how it was made, and what it may be used for."""

from collections.abc import Mapping, Sequence
from typing import Any

from synth_dagster.exports.manifest import Manifest
from synth_dagster.parts.words import one_line
from synth_dagster.records import Json

HOW = {
    "document": "Texts of the sources below, cut into passages and cleaned.",
    "instruction": "A teacher model wrote instructions and answers from texts of the sources below.",
    "preference": "Teacher models answered instructions written from the sources below; a judge model ranked them.",
}
DEMO = (
    "> **Demonstration only, not for training.** The embedded teacher made this release: a program that rearranges the "
    "text it is given, not a language model. It shows the form of the data, not its worth."
)


def card(
    manifest: Manifest, title: str, shape: str, data: Mapping[str, Sequence[str]], features: Sequence[Json] = ()
) -> str:
    """A data card in markdown, with the header that Hugging Face reads; `data` are the files of each split."""
    parts = [
        _header(manifest, data, features),
        f"# {manifest.dataset}, release {manifest.release}",
        DEMO if manifest.demo else "",
    ]
    parts += ["## How it was made", f"{HOW[manifest.kind]} Made by {manifest.created_by}.", _facts(manifest.facts)]
    parts += _approved(manifest.approval)
    parts += ["## What is in it", _contents(manifest, title, shape), _splits(manifest)]
    parts += ["## Licences", _table("licence", manifest.licenses), "## Sources", _table("source", manifest.sources)]
    parts += ["## Left out", _table("reason", manifest.left_out)] if manifest.left_out else []
    return "\n\n".join(part for part in parts if part) + "\n"


def _approved(approval: Mapping[str, Any]) -> list[str]:
    """Who said that this release may go out, and why."""
    said = approval.get("approvals") or ()
    if not said:
        return ["## Approval", f"Not approved for publication ({approval['state']})."] if approval else []
    lines = (f"- {one_line(one['by'])}, {one['at'][:10]}: {one_line(one['comment'])}" for one in said)
    return ["## Approval", "\n".join(lines)]


def _header(manifest: Manifest, data: Mapping[str, Sequence[str]], features: Sequence[Json]) -> str:
    import yaml

    files = [{"split": split, "path": _path(names)} for split, names in data.items()]
    header: dict[str, Json] = {"configs": [{"config_name": "default", "data_files": files}]}
    header |= {"dataset_info": {"features": features}} if features else {}
    header |= {"tags": ["demo"]} if manifest.demo else {}
    return f"---\n{yaml.dump(header, sort_keys=False, Dumper=plain_dumper())}---"


def plain_dumper() -> Any:
    """Writes what occurs twice twice, not as a reference to the first."""
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    return Plain


def _path(files: Sequence[str]) -> str:
    """A file, or a pattern for all shards of a split."""
    folder, _, name = files[0].rpartition("/")
    return f"{folder}/*.{name.rpartition('.')[2]}" if folder else name


def _contents(manifest: Manifest, title: str, shape: str) -> str:
    parquet = manifest.format == "parquet"
    what = (
        f"Format: {title}. Columns: {shape}."
        if parquet
        else f"Format: {title}, one JSON object a line:\n\n```\n{shape}\n```"
    )
    ids = "" if parquet else "`record_ids/` names the record behind each line, "
    return (
        f"{manifest.rows:,} rows from {manifest.records:,} {manifest.kind} records, {manifest.tokens:,} tokens as "
        f"`{manifest.token_counter}` counts them. Copies of a record stand one after the other: shuffle before "
        f"training.\n\n{what}\n\n{ids}`manifest.json` has checksums and counts."
    )


def _splits(manifest: Manifest) -> str:
    lines = ["| split | records | rows | files |", "|---|---|---|---|"]
    for name, one in manifest.splits.items():
        files = one["files"]
        assert isinstance(files, list)
        named = f"`{files[0]}`" if len(files) == 1 else f"`{files[0]}` to `{files[-1]}`"
        lines.append(f"| {name} | {one['records']:,} | {one['rows']:,} | {named} |")
    return "\n".join(lines) + _apart(manifest.options.get("validation"))


def _apart(facts: Json) -> str:
    if not isinstance(facts, Mapping) or not facts:
        return ""
    return (
        f"\n\nNo document has records on both sides, nor have two that the lake knows to say the same. "
        f"{facts['reached']:.2%} of the rows are held out ({facts['asked']:.2%} asked), seed {facts['seed']}, "
        f"{facts['groups']:,} groups."
    )


def _facts(facts: Mapping[str, Json]) -> str:
    """The facts that are one number or word; the others are in the manifest."""
    plain = {name: value for name, value in facts.items() if isinstance(value, str | int | float) and value != ""}
    return "\n".join(f"- {name.replace('_', ' ')}: {one_line(str(value))}" for name, value in sorted(plain.items()))


def _table(what: str, counts: Mapping[str, int]) -> str:
    rows = [f"| {one_line(name).replace('|', '&#124;')} | {count:,} |" for name, count in counts.items()]
    return "\n".join([f"| {what} | records |", "|---|---|", *rows])
