"""The Data Provenance Initiative's entry of a dataset (arXiv:2310.16787), in the keys and the order of its template.

What the template has no key for stands under its "Inferred Metadata": tables, days of collection, what is not known.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from synth_dagster.exports.facts import Facts
from synth_dagster.exports.standards.base import Shown, Standard, pretty
from synth_dagster.records import RecordKind

FORMATS: Mapping[RecordKind, Sequence[str]] = {
    "document": [],
    "instruction": ["Zero-shot"],
    "preference": ["Response Ranking"],
}
TASKS: Mapping[RecordKind, str] = {
    "document": "Language Modeling",
    "instruction": "Instruction Following",
    "preference": "Response Ranking",
}
UNSTATED, OWN = "Unspecified", "Custom"  # its words for no licence, and for one that is not among its classes
# of Creative Commons it has classes for these
_VERSIONS = {
    "CC BY": ("2.0", "2.5", "3.0", "4.0"),
    "CC BY-NC": ("2.0", "3.0", "4.0"),
    "CC BY-NC-ND": ("3.0", "4.0"),
    "CC BY-NC-SA": ("3.0", "4.0"),
    "CC BY-ND": ("4.0",),
    "CC BY-SA": ("2.0", "3.0", "4.0"),
}
# It calls languages by their names; those that stand here by none are told by their code.
_LANGUAGES = """
    af:Afrikaans am:Amharic ar:Arabic az:Azerbaijani be:Belarusian bg:Bulgarian bn:Bengali bs:Bosnian ca:Catalan
    cs:Czech cy:Welsh da:Danish de:German el:Greek en:English eo:Esperanto es:Spanish et:Estonian eu:Basque fa:Persian
    fi:Finnish fr:French ga:Irish gl:Galician gu:Gujarati ha:Hausa he:Hebrew hi:Hindi hr:Croatian hu:Hungarian
    hy:Armenian id:Indonesian ig:Igbo is:Icelandic it:Italian ja:Japanese jv:Javanese ka:Georgian kk:Kazakh km:Khmer
    kn:Kannada ko:Korean la:Latin lt:Lithuanian lv:Latvian mk:Macedonian ml:Malayalam mn:Mongolian mr:Marathi ms:Malay
    mt:Maltese my:Burmese ne:Nepali nl:Dutch no:Norwegian pa:Punjabi pl:Polish ps:Pashto pt:Portuguese ro:Romanian
    ru:Russian sk:Slovak sl:Slovenian so:Somali sq:Albanian sr:Serbian sv:Swedish sw:Swahili ta:Tamil te:Telugu tg:Tajik
    th:Thai tl:Tagalog tr:Turkish uk:Ukrainian ur:Urdu uz:Uzbek vi:Vietnamese xh:Xhosa yo:Yoruba zh:Chinese zu:Zulu
    """
LANGUAGES: Mapping[str, str] = {code: name for code, _, name in (one.partition(":") for one in _LANGUAGES.split())}


class DataProvenance(Standard):
    file = "data_provenance.json"
    title = "Data Provenance card"

    def write(self, facts: Facts, shown: Shown) -> str:
        return pretty({facts.name: _entry(facts)})


def _entry(facts: Facts) -> dict[str, Any]:
    place, kind = facts.url or facts.urn, _kind(facts)
    return {
        "Unique Dataset Identifier": facts.name,
        "Dataset Name": facts.dataset,
        "Collection": facts.dataset,
        "Collection URL": place,
        "Dataset URL": place,
        "GitHub URL": _only("https://github.com/", facts.url),
        "Hugging Face URL": _only("https://huggingface.co/", facts.url),
        "Paper Title": "",
        "Papers with Code URL": "",
        "ArXiv URL": "",
        "Semantic Scholar Corpus ID": "",
        "Bibtex": "",
        "Languages": [LANGUAGES.get(name.partition("-")[0], name) for name in facts.languages if name != "und"],
        "Task Categories": [TASKS[kind]],
        "Format": FORMATS[kind],
        "Text Metrics": {"Num Dialogs": facts.kept, "Tokens": facts.tokens, "Token Counter": facts.token_counter},
        "Text Sources": sorted({host for one in facts.sources for host in one.hosts}),
        "Model Generated": list(facts.models),
        "Human Annotation": "No",  # no step asks people
        "Derived from Datasets": [one.name for one in facts.sources],
        "Creators": [facts.creator] if facts.creator else [],
        "Licenses": [one for name in facts.licenses for one in _licences(name)],
        "License Notes": f"All together, as SPDX writes it: {facts.licence}" if facts.licence else "",
        "License Verified By": "",
        "Dataset Filter IDs": [facts.name],
        "Inferred Metadata": {
            "Time of Collection": facts.collected if facts.sources else "",
            "Tables": _tables(facts),
            "Not Known": list(facts.unknown),
        },
    }


def _kind(facts: Facts) -> RecordKind:
    return facts.kind  # type: ignore[return-value]  # one of the three


def _only(beginning: str, url: str | None) -> str:
    return url if url and url.startswith(beginning) else ""


def _licences(said: str) -> list[dict[str, str]]:
    """What a record's licence comes to in the classes of the audit, each part that binds by itself."""
    from synth_dagster.licences.expression import leaves, parse
    from synth_dagster.licences.registry import NOTHING_SAID, spdx
    from synth_dagster.licences.registry import UNSTATED as NO_LICENCE

    written, page = spdx(said), "https://spdx.org/licenses/"
    if written in (NO_LICENCE, *NOTHING_SAID):
        return [{"License": UNSTATED, "License URL": ""}]
    if " OR " in written or " WITH " in written:
        return [{"License": OWN, "License URL": ""}]
    return [
        {"License": class_of(one.name), "License URL": f"{page}{one.name}" if one.listed else ""}
        for one in leaves(parse(written))
    ]


def class_of(licence: str) -> str:
    """The audit's name of a licence; `Custom` where it has none."""
    from synth_dagster.licences.registry import names_of

    names = [name for name in names_of(licence) if "://" not in name]
    known = [name for name in names if not name.startswith("CC BY") or _has_version(name)]
    return known[-1] if known else OWN


def _has_version(name: str) -> bool:
    kind, _, version = name.rpartition(" ")
    return version in _VERSIONS.get(kind, ())


def _tables(facts: Facts) -> dict[str, Any]:
    kept = {one.name: one.kept for one in facts.sources}
    return {
        "Licenses": shares({name or UNSTATED: count for name, count in facts.licenses.items()}),
        "Languages": shares(facts.languages),
        "Sources": shares(kept),
        "Synthetic Depth": shares(facts.depths),
    }


def shares(counts: Mapping[str, int]) -> dict[str, dict[str, float]]:
    """Counts with percentages that sum to 100: what rounding leaves goes to the largest remainders."""
    total = sum(counts.values())
    if not total:
        return {}
    units = {name: count * 10_000 / total for name, count in counts.items()}
    floors = {name: int(value) for name, value in units.items()}
    left = 10_000 - sum(floors.values())
    for name in sorted(units, key=lambda one: (floors[one] - units[one], one))[:left]:
        floors[name] += 1
    return {name: {"examples": counts[name], "percent": floors[name] / 100} for name in counts}
