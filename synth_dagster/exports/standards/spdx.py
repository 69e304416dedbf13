"""SPDX 3.0.1, dataset profile: the release as a DatasetPackage, its files with hashes, its licences."""

import re
from collections.abc import Iterable
from typing import Any

from synth_dagster.exports.facts import Facts, counted, licence_of
from synth_dagster.exports.standards.base import Shown, Standard, pretty

CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
NOBODY_SAYS = "https://spdx.org/rdf/3.0.1/terms/Core/NoAssertionElement"
MADE = "_:creation"
EXPRESSION = "simplelicensing_licenseExpression"


class Spdx(Standard):
    file = "spdx.json"
    title = "SPDX 3.0.1"

    def write(self, facts: Facts, shown: Shown) -> str:
        return pretty({"@context": CONTEXT, "@graph": _Graph(facts, shown).elements()})


def references(expression: str) -> list[str]:
    """The terms of an expression that are on no list, each once."""
    return list(dict.fromkeys(re.findall(r"LicenseRef-[A-Za-z0-9.\-]+", expression)))


class _Graph:
    """The elements of one document."""

    def __init__(self, facts: Facts, shown: Shown) -> None:
        self._facts, self._shown = facts, shown
        self._urn = facts.urn

    def elements(self) -> list[dict[str, Any]]:
        sources = [self._source(one.name) for one in self._facts.sources]
        files = [self._file(name) for names in self._shown.data.values() for name in names]
        package, tool = self._package(), self._element("Tool", "tool", name="synth_dagster")
        declared = {one.name: self._licence(one.licenses) for one in self._facts.sources}
        concluded = self._licence(self._facts.licenses)
        licences = {one["spdxId"]: one for one in (*declared.values(), concluded)}
        own = {ref: self._own_terms(ref) for one in licences.values() for ref in references(one[EXPRESSION])}
        agent = self._agent()
        links = [
            self._link("contains", package, files),
            self._link("descendantOf", package, sources),
            self._link("usesTool", package, [tool]),
            self._link("hasConcludedLicense", package, [concluded]),
            *(self._link("hasDeclaredLicense", one, [declared[one["name"]]]) for one in sources),
        ]
        things = [
            package,
            tool,
            *files,
            *sources,
            *licences.values(),
            *own.values(),
            *(one for one in links if one["to"]),
        ]
        return [self._creation(agent), *([agent] if agent else []), self._document(package, things), *things]

    def _creation(self, agent: dict[str, Any] | None) -> dict[str, Any]:
        by = agent["spdxId"] if agent else NOBODY_SAYS
        made = {"specVersion": "3.0.1", "created": self._facts.made_at, "createdBy": [by]}
        return {"type": "CreationInfo", "@id": MADE, **made, "createdUsing": [f"{self._urn}:tool"]}

    def _agent(self) -> dict[str, Any] | None:
        who = self._facts.creator
        return self._element("Organization", "creator", name=who) if who else None

    def _document(self, package: dict[str, Any], things: list[dict[str, Any]]) -> dict[str, Any]:
        listed = [one["spdxId"] for one in things]
        about = {"profileConformance": ["core", "software", "simpleLicensing", "dataset"]}
        return self._element("SpdxDocument", "document", rootElement=[package["spdxId"]], element=listed, **about)

    def _package(self) -> dict[str, Any]:
        facts = self._facts
        chosen = [f"{one.stage}: {one.method} {one.version}" for one in facts.steps]
        return self._element(
            "dataset_DatasetPackage",
            "dataset",
            name=facts.name,
            description=facts.story(),
            comment="Not known: " + "; ".join(facts.unknown) + ".",
            software_packageVersion=facts.release,
            software_primaryPurpose="data",
            software_downloadLocation=facts.url or self._urn,
            originatedBy=[f"{self._urn}:creator" if facts.creator else NOBODY_SAYS],
            builtTime=facts.made_at,
            releaseTime=facts.made_at,
            dataset_datasetType=["text"],
            dataset_datasetSize=self._shown.size(),
            dataset_dataCollectionProcess="; ".join(f"{one.name}: read by {one.reader}" for one in facts.sources),
            dataset_dataPreprocessing=[*chosen, f"dropped: {counted(facts.dropped)}"],
            # names and other kinds that nobody looks for may be there, so it is never "no"
            dataset_hasSensitivePersonalInformation="yes" if facts.personal.kept else "noAssertion",
            **self._known(),
        )

    def _known(self) -> dict[str, Any]:
        facts = self._facts
        said = {
            "dataset_anonymizationMethodUsed": [facts.personal.line()] if facts.personal.replaced else [],
            "dataset_knownBias": [*facts.bias(), *facts.compared()],
            "dataset_intendedUse": f"{facts.use['purpose']} use" if facts.use.get("purpose") else "",
        }
        return {name: value for name, value in said.items() if value}

    def _source(self, name: str) -> dict[str, Any]:
        return self._element("software_Package", f"source:{name}", name=name, software_primaryPurpose="data")

    def _file(self, name: str) -> dict[str, Any]:
        hashed = {"type": "Hash", "algorithm": "sha256", "hashValue": self._shown.sha256(name)}
        return self._element("software_File", f"file:{name}", name=name, verifiedUsing=[hashed])

    def _licence(self, names: Iterable[str]) -> dict[str, Any]:
        """The expression of all that is named, with where the terms stand that are on no list."""
        said = licence_of(names) or "NOASSERTION"
        about: dict[str, Any] = {EXPRESSION: said}
        if own := references(said):
            entries = [{"type": "DictionaryEntry", "key": ref, "value": self._terms_id(ref)} for ref in own]
            about["simplelicensing_customIdToUri"] = entries
        return self._element("simplelicensing_LicenseExpression", f"licence:{said.replace(' ', '_')}", **about)

    def _own_terms(self, ref: str) -> dict[str, Any]:
        """Terms that are on no list: what records and people call them and where they stand, as far as we know."""
        from synth_dagster.licences.registry import names_of, spdx

        every = [name for one in self._facts.sources for name in one.licenses] + list(self._facts.licenses)
        called = [name for name in dict.fromkeys(every) if name != ref and spdx(name) == ref]
        known = "; ".join(dict.fromkeys([*called, *names_of(ref)])) or "no other name is known"
        text = f"{ref}: {known}. The text of these terms is not in this document."
        return self._element("simplelicensing_SimpleLicensingText", f"terms:{ref}", simplelicensing_licenseText=text)

    def _terms_id(self, ref: str) -> str:
        return f"{self._urn}:terms:{ref}"

    def _link(self, kind: str, one: dict[str, Any], others: list[dict[str, Any]]) -> dict[str, Any]:
        place = one["spdxId"].removeprefix(f"{self._urn}:")
        ends = {"from": one["spdxId"], "to": [other["spdxId"] for other in others]}
        return self._element("Relationship", f"{kind}:{place}", relationshipType=kind, **ends)

    def _element(self, kind: str, place: str, **about: Any) -> dict[str, Any]:
        return {"type": kind, "spdxId": f"{self._urn}:{place}", "creationInfo": MADE, **about}
