"""The card beside exported data: what it is, how it was made, and what it may be used for."""

from collections.abc import Mapping

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


def card(manifest: Manifest, title: str, shape: str, data: str) -> str:
    """A data card in markdown, with the header that Hugging Face reads."""
    parts = [_header(data), f"# {manifest.dataset}, release {manifest.release}", DEMO if manifest.demo else ""]
    parts += ["## How it was made", f"{HOW[manifest.kind]} Made by {manifest.created_by}.", _facts(manifest.facts)]
    parts += ["## What is in it", _contents(manifest, title, shape, data)]
    parts += ["## Licences", _table("licence", manifest.licenses), "## Sources", _table("source", manifest.sources)]
    parts += ["## Left out", _table("reason", manifest.left_out)] if manifest.left_out else []
    return "\n\n".join(part for part in parts if part) + "\n"


def _header(data: str) -> str:
    return f"---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: {data}\n---"


def _contents(manifest: Manifest, title: str, shape: str, data: str) -> str:
    return (
        f"`{data}` has {manifest.rows:,} rows from {manifest.records:,} {manifest.kind} records, "
        f"{manifest.tokens:,} tokens as `{manifest.token_counter}` counts them. Copies of a record stand one after the "
        f"other: shuffle before training.\n\nFormat: {title}, one JSON object a line:\n\n```\n{shape}\n```\n\n"
        "`record_ids.txt` names the record behind each line, `manifest.json` has checksums and counts."
    )


def _facts(facts: Mapping[str, Json]) -> str:
    """The facts that are one number or word; the others are in the manifest."""
    plain = {name: value for name, value in facts.items() if isinstance(value, str | int | float) and value != ""}
    return "\n".join(f"- {name.replace('_', ' ')}: {one_line(str(value))}" for name, value in sorted(plain.items()))


def _table(what: str, counts: Mapping[str, int]) -> str:
    rows = [f"| {one_line(name).replace('|', '&#124;')} | {count:,} |" for name, count in counts.items()]
    return "\n".join([f"| {what} | records |", "|---|---|", *rows])
