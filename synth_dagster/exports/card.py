"""The card beside exported data: what it is, how it was made, and what it may be used for.

Its sections are those of the template of Hugging Face's hub.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from synth_dagster.exports.card_header import header
from synth_dagster.exports.facts import Facts, SourceFacts, counted
from synth_dagster.exports.manifest import Manifest
from synth_dagster.parts.text.words import one_line
from synth_dagster.records import Json

HOW = {
    "document": "Texts of the sources below, cut into passages and cleaned.",
    "instruction": "A teacher model wrote instructions and answers from texts of the sources below.",
    "preference": "Teacher models answered instructions written from the sources below; a judge model ranked them.",
}
FOR = {
    "document": "Training and evaluating language models on its texts.",
    "instruction": "Supervised fine-tuning and evaluation of language models.",
    "preference": "Preference tuning (DPO and its likes), reward models, evaluation.",
}
DEMO = (
    "> **Demonstration only, not for training.** The embedded teacher made this release: a program that rearranges the "
    "text it is given, not a language model. It shows the form of the data, not its worth."
)
NOBODY = "Nobody has said."
UNSAFE = (
    "Facts about people, products or law that have to be right: a model may have invented what it wrote, and checks "
    "find form, not truth."
)
UNCOMPARED = "it was compared with none, so scores on them may be too good."
ADVICE = (
    "Look at a sample before training; check licences against what you mean to do; hold out what shares no source with "
    "the rest (`synth export --validation`). To have a record taken out, with all that was made from it, name its id."
)
GLOSSARY = (
    "*Record*: one document, instruction or preference pair. *Synthetic depth*: how many models stand between a record "
    "and what a person wrote; 0 is human. *Teacher*, *judge*: models that wrote, and that scored."
)


def card(
    manifest: Manifest,
    title: str,
    shape: str,
    data: Mapping[str, Sequence[str]],
    features: Sequence[Json] = (),
    about: Facts | None = None,
) -> str:
    """A dataset card in the sections of Hugging Face's template, from `about` as far as it is known.

    `data` are the files of each split. No section is left open: what nobody has said is said to be so.
    """
    parts = [
        header(manifest, data, features, about),
        f"# {manifest.dataset}, release {manifest.release}",
        DEMO if manifest.demo else "",
        *_approved(manifest.approval),
        *_details(manifest, about),
        *_uses(manifest, about),
        *["## Dataset Structure", _contents(manifest, title, shape), _splits(manifest)],
        *(["### Left out of this format", _table("reason", manifest.left_out)] if manifest.left_out else []),
        *_creation(manifest, about),
        *_limits(about),
        *["## Citation", _citation(manifest, about)],
        *["## Glossary", GLOSSARY],
        *["## More Information", f"`manifest.json` has all of this as data.\n{_facts(manifest.facts)}".strip()],
        *["## Dataset Card Authors", f"Written by {manifest.created_by} from what its lake knows."],
        *["## Dataset Card Contact", (about.contact or about.creator if about else None) or NOBODY],
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _approved(approval: Mapping[str, Any]) -> list[str]:
    """Who said that this release may go out, and why."""
    said = approval.get("approvals") or ()
    if not said:
        return ["## Approval", f"Not approved for publication ({approval['state']})."] if approval else []
    lines = (f"- {one_line(one['by'])}, {one['at'][:10]}: {one_line(one['comment'])}" for one in said)
    return ["## Approval", "\n".join(lines)]


def _details(manifest: Manifest, about: Facts | None) -> list[str]:
    lines = [
        f"- **Curated by:** {(about.creator if about else None) or NOBODY}",
        f"- **Language(s):** {counted(about.languages) if about else 'see the sources'}",
        f"- **License:** {(about.licence if about else '') or 'see the table'}",
        *([f"- **Repository:** {about.url}"] if about and about.url else []),
    ]
    return [
        *["## Dataset Details", "### Dataset Description"],
        *[f"{HOW[manifest.kind]} Made by {manifest.created_by}.", "\n".join(lines)],
        *["### Licences", _table("licence", manifest.licenses)],
        *["### Dataset Sources", _table("source", manifest.sources)],
    ]


def _uses(manifest: Manifest, about: Facts | None) -> list[str]:
    purpose = about.use.get("purpose") if about else None
    stated = f" Its recipe states {purpose} use." if purpose else ""
    direct = "None: see above." if manifest.demo else f"{FOR[manifest.kind]}{stated}"
    compared = about.compared() if about else []
    unsure = " ".join([*compared, "Items of other benchmarks may be in it."] if compared else [UNCOMPARED])
    return ["## Uses", "### Direct Use", direct, "### Out-of-Scope Use", UNSAFE, f"Benchmarks: {unsure}"]


def _creation(manifest: Manifest, about: Facts | None) -> list[str]:
    head = ["## Dataset Creation", "### Curation Rationale"]
    if about is None:
        return [*head, NOBODY]
    steps = [f"- {one.stage}: `{one.method}` {one.version}" for one in about.steps]
    dropped = f"Of {about.judged:,} records {about.kept:,} were kept; dropped: {counted(about.dropped)}."
    read = [_source(one) for one in about.sources]
    annotated = f"A model ranked the answers: {counted(about.models)} (records of all stages)."
    return [
        *head,
        f"Made by the recipe `{about.recipe}` with the rules `{about.rules}`. {dropped}",
        *["### Source Data", "#### Data Collection and Processing", "\n".join(read), "\n".join(steps) or "No steps."],
        *["#### Who are the source data producers?", _producers(about)],
        *["### Annotations", "#### Annotation process"],
        annotated if manifest.kind == "preference" else "None beyond what the steps above compute.",
        *["#### Who are the annotators?", counted(about.models, "none") if about.models else "Nobody."],
        *["#### Personal and Sensitive Information", about.personal.line()],
    ]


def _source(one: SourceFacts) -> str:
    return (
        f"- `{one.name}`: {one.records:,} records, read by `{one.reader}` from {one.first_read} to {one.last_read}; "
        f"{one.kept:,} of this release come from it; licences {counted(one.licenses)}"
    )


def _producers(about: Facts) -> str:
    depths = ", ".join(f"{depth}: {count:,}" for depth, count in about.depths.items())
    share = "unknown" if about.human_share is None else f"{about.human_share:.3f}"
    return (
        f"Whoever wrote the sources; models wrote the rest: {counted(about.models)}. Records by synthetic depth: "
        f"{depths}. Share of characters that people wrote: {share}."
    )


def _limits(about: Facts | None) -> list[str]:
    failed = [one for one in about.checks if one["failed"]] if about else []
    checks = "\n".join(f"- failed in {one['failed']}: {one['stage']}, {one['name']}" for one in failed)
    unknown = "\n".join(f"- {one}" for one in about.unknown) if about else ""
    found = [f"Checks that did not hold:\n\n{checks}"] if checks else []
    known = [f"Not known:\n\n{unknown}"] if unknown else [NOBODY]
    removal = f"\n\n{about.removal}" if about and about.removal else ""
    bias = about.bias() if about else []
    return ["## Bias, Risks, and Limitations", *bias, *found, *known, "### Recommendations", f"{ADVICE}{removal}"]


def _citation(manifest: Manifest, about: Facts | None) -> str:
    if about is None or not about.creator:
        return NOBODY
    lines = {
        "title": f"{manifest.dataset}, release {manifest.release}",
        "author": "{" + about.creator + "}",
        "year": about.made_at[:4],
        **({"url": about.url} if about.url else {}),
    }
    fields = "".join(f"  {name} = {{{one_line(value)}}},\n" for name, value in lines.items())
    return f"```\n@misc{{{manifest.dataset}_{manifest.release},\n{fields}}}\n```"


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
