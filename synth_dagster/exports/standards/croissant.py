"""Croissant 1.1 with the RAI vocabulary: what search engines, hubs and data loaders read.

Specification: docs.mlcommons.org/croissant. We write https://schema.org/, since the official validator refuses the http
of the specification's text.
"""

import re
from collections.abc import Sequence
from typing import Any

from synth_dagster.exports.facts import Facts, counted
from synth_dagster.exports.standards.base import Shown, Standard, pretty
from synth_dagster.licences.expression import leaves, parse
from synth_dagster.licences.registry import NOTHING_SAID, Licences
from synth_dagster.licences.terms import Use

CORE = "http://mlcommons.org/croissant/1.1"
RAI = "http://mlcommons.org/croissant/RAI/1.0"
TERMS = (
    *(
        "annotation",
        "citeAs",
        "column",
        "equivalentProperty",
        "extract",
        "field",
        "fileObject",
        "fileProperty",
        "fileSet",
        "format",
    ),
    *("includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex"),
    *("repeated", "replace", "samplingRate", "separator", "source", "subField", "transform"),
)
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in TERMS},
}

PROV = "http://www.w3.org/ns/prov#"
ABOUT = {  # what a column says of its record's lineage and rights, as the vocabularies call it
    "record_id": "https://schema.org/identifier",
    "license": "https://schema.org/license",
    "consent": "http://purl.org/dc/terms/rights",
    "lang": "https://schema.org/inLanguage",
    "source": f"{PROV}hadPrimarySource",
    "parents": f"{PROV}wasDerivedFrom",
    "method": f"{PROV}wasGeneratedBy",
    "prompt_hash": f"{PROV}hadPlan",
    "model_id": f"{PROV}wasAttributedTo",
}


class Croissant(Standard):
    file = "croissant.json"
    title = "Croissant 1.1"

    def write(self, facts: Facts, shown: Shown) -> str:
        sets = {split: _files(split, files) for split, files in shown.data.items()}
        return pretty(
            {
                "@context": CONTEXT,
                "@type": "sc:Dataset",
                "conformsTo": [CORE, RAI],
                "name": facts.name,
                "description": facts.story(),
                **_known(facts),
                "datePublished": facts.made_at[:10],
                "dateCreated": facts.made_at[:10],
                "inLanguage": [name for name in facts.languages if name != "und"],
                "keywords": ["synthetic", *(["demo"] if facts.demo else []), facts.kind],
                "isLiveDataset": False,
                "distribution": [*_objects(shown), *(one for one in sets.values() if one["@type"] == "cr:FileSet")],
                "recordSet": [_records(split, sets[split], shown) for split in shown.data],
                "prov:wasDerivedFrom": [_source(facts, name) for name in (one.name for one in facts.sources)],
                "prov:wasGeneratedBy": _activity(facts),
                "prov:wasAttributedTo": [{"@type": "prov:SoftwareAgent", "name": name} for name in facts.models],
                **_use_conditions(facts),
                **_responsible(facts),
            }
        )


def _known(facts: Facts) -> dict[str, Any]:
    """What the standard asks for and only a person can say is left out where nobody has said it."""
    licences = _licences(facts)
    number = re.fullmatch(r"r(\d+)", facts.release)
    return {
        "url": facts.url or facts.urn,
        **({"license": licences} if licences else {}),
        **({"creator": {"@type": "sc:Organization", "name": facts.creator}} if facts.creator else {}),
        **({"version": f"{int(number[1])}.0.0"} if number else {}),  # other data is a new major version
    }


def _licences(facts: Facts) -> list[str]:
    """The pages of the licences that all bind; one expression where there is a choice or an exception."""
    said = facts.licence
    if " OR " in said or " WITH " in said:
        return [said]
    found = leaves(parse(said)) if said and said not in NOTHING_SAID else []
    return [f"https://spdx.org/licenses/{one.name}" if one.listed else one.name for one in found]


def _use_conditions(facts: Facts) -> dict[str, Any]:
    """What all licences together allow and ask for, in W3C's ODRL; nothing where some record's is not known."""
    terms = Licences().join(facts.licenses)
    if not facts.licenses or terms.unknown or terms.use is Use.UNSPECIFIED:
        return {}
    duties = {"odrl:attribute": terms.attribution, "odrl:shareAlike": bool(terms.share_alike)}
    use: dict[str, Any] = {"@type": "odrl:Permission", "odrl:action": {"@id": "odrl:use"}}
    if any(duties.values()):
        use["odrl:duty"] = [{"odrl:action": {"@id": action}} for action, asked in duties.items() if asked]
    if terms.use is not Use.COMMERCIAL:
        only = {Use.NON_COMMERCIAL: "non-commercial", Use.RESEARCH: "academic research"}[terms.use]
        purpose = {"odrl:leftOperand": {"@id": "odrl:purpose"}, "odrl:operator": {"@id": "odrl:eq"}}
        use["odrl:constraint"] = {"@type": "odrl:Constraint", **purpose, "odrl:rightOperand": only}
    offer: dict[str, Any] = {"@type": "odrl:Offer", "odrl:permission": use}
    if terms.no_derivatives:
        offer["odrl:prohibition"] = {"@type": "odrl:Prohibition", "odrl:action": {"@id": "odrl:derive"}}
    return {"usageInfo": offer}


def _source(facts: Facts, name: str) -> dict[str, Any]:
    return {"@id": f"{facts.urn}:source:{name}", "@type": "prov:Entity", "name": name}


def _activity(facts: Facts) -> dict[str, Any]:
    steps = [f"{one.stage}: {one.method} {one.version}" for one in facts.steps]
    return {
        "@id": f"{facts.urn}:run:{facts.run}",
        "@type": "prov:Activity",
        "name": f"recipe {facts.recipe}",
        "description": "; ".join(steps) or "no step",
        "prov:endedAtTime": facts.made_at,
    }


# ----------------------------------------------------------------------------------------------------------- the files


def _objects(shown: Shown) -> list[dict[str, Any]]:
    return [
        {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": name,
            "contentSize": f"{shown.bytes(name)} B",
            "encodingFormat": shown.encoding,
            "sha256": shown.sha256(name),
        }
        for files in shown.data.values()
        for name in files
    ]


def _files(split: str, files: Sequence[str]) -> dict[str, Any]:
    """Where the rows of a split stand: one file, or all shards of a folder."""
    if "/" not in files[0]:
        return {"@type": "cr:FileObject", "@id": files[0]}
    suffix = files[0].rpartition(".")[2]
    kind = "application/x-parquet" if suffix == "parquet" else "application/jsonlines"
    included = {"encodingFormat": kind, "includes": f"{split}/*.{suffix}"}
    return {"@type": "cr:FileSet", "@id": f"{split}-files", "name": f"{split}-files", **included}


def _records(split: str, files: dict[str, Any], shown: Shown) -> dict[str, Any]:
    key = "fileSet" if files["@type"] == "cr:FileSet" else "fileObject"
    where = {key: {"@id": files["@id"]}}
    fields = [_field(f"{split}/{name}", name, shape, where) for name, shape in shown.columns.items()]
    # they stand among the fields too: the official loader reads no annotation
    about = [
        _field(f"{split}/about/{name}", name, shown.columns[name], where) | {"equivalentProperty": meaning}
        for name, meaning in ABOUT.items()
        if name in shown.columns
    ]
    annotated = {"annotation": about} if about else {}
    return {"@type": "cr:RecordSet", "@id": split, "name": split, "field": fields, **annotated}


def _field(id_: str, name: str, shape: str | Sequence[str], where: dict[str, Any]) -> dict[str, Any]:
    about = {"@type": "cr:Field", "@id": id_, "name": name}
    source = {**where, "extract": {"column": name}}
    if isinstance(shape, str):
        return {**about, "dataType": f"sc:{shape}", "source": source}
    inner = [
        {
            "@type": "cr:Field",
            "@id": f"{id_}/{one}",
            "name": one,
            "dataType": "sc:Text",
            "source": {**source, "transform": {"jsonPath": one}},
        }
        for one in shape
    ]
    return {**about, "repeated": True, "subField": inner}


# ------------------------------------------------------------------------------------------------------ responsible AI


def _responsible(facts: Facts) -> dict[str, Any]:
    """The RAI properties that the facts answer; the others are not written."""
    sources = "; ".join(f"{one.name} (read by {one.reader}, {one.records:,} records)" for one in facts.sources)
    checks = [f"{one['stage']}: {one['name']} passed {one['passed']}, failed {one['failed']}" for one in facts.checks]
    tools = [f"{one.method} {one.version}" + (f" with {one.model}" if one.model else "") for one in facts.makers]
    return {
        "rai:dataCollection": sources or "none",
        "rai:dataCollectionTimeframe": facts.collected.split("/") if facts.sources else [],
        "rai:dataPreprocessingProtocol": [f"dropped {counted(facts.dropped)} of {facts.judged:,} records", *checks],
        "rai:machineAnnotationTools": list(dict.fromkeys(tools)),
        "rai:personalSensitiveInformation": [facts.personal.line()],
        **({"rai:dataBiases": facts.bias()} if facts.bias() else {}),
        "rai:dataLimitations": [*facts.compared(), *(f"Not known: {one}." for one in facts.unknown)],
        **({"rai:dataUseCases": [f"Made for {facts.use['purpose']} use."]} if facts.use.get("purpose") else {}),
        **({"rai:dataReleaseMaintenancePlan": _maintenance(facts)} if facts.contact or facts.removal else {}),
    }


def _maintenance(facts: Facts) -> str:
    return " ".join(filter(None, [facts.removal, f"Contact: {facts.contact}." if facts.contact else ""]))
