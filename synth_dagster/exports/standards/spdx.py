"""SPDX 3.0.1, dataset profile: the release as a DatasetPackage, its files with hashes, its licences."""

from typing import Any

from synth_dagster.exports.facts import Facts, counted
from synth_dagster.exports.standards.base import Shown, Standard, pretty
from synth_dagster.licences.expression import NotAnExpression, canonical

CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
NOBODY_SAYS = "https://spdx.org/rdf/3.0.1/terms/Core/NoAssertionElement"
MADE = "_:creation"


class Spdx(Standard):
    file = "spdx.json"
    title = "SPDX 3.0.1"

    def write(self, facts: Facts, shown: Shown) -> str:
        return pretty({"@context": CONTEXT, "@graph": _Graph(facts, shown).elements()})


class _Graph:
    """The elements of one document."""

    def __init__(self, facts: Facts, shown: Shown) -> None:
        self._facts, self._shown = facts, shown
        self._urn = facts.urn

    def elements(self) -> list[dict[str, Any]]:
        sources = [self._source(one.name) for one in self._facts.sources]
        files = [self._file(name) for names in self._shown.data.values() for name in names]
        package, tool = self._package(), self._element("Tool", "tool", name="synth_dagster")
        declared = {one.name: self._licence(" AND ".join(filter(None, one.licenses))) for one in self._facts.sources}
        concluded = self._licence(self._facts.licence)
        licences = {one["spdxId"]: one for one in (*declared.values(), concluded)}
        agent = self._agent()
        links = [
            self._link("contains", package, files),
            self._link("descendantOf", package, sources),
            self._link("usesTool", package, [tool]),
            self._link("hasConcludedLicense", package, [concluded]),
            *(self._link("hasDeclaredLicense", one, [declared[one["name"]]]) for one in sources),
        ]
        things = [package, tool, *files, *sources, *licences.values(), *(one for one in links if one["to"])]
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
            dataset_hasSensitivePersonalInformation="noAssertion",
        )

    def _source(self, name: str) -> dict[str, Any]:
        return self._element("software_Package", f"source:{name}", name=name, software_primaryPurpose="data")

    def _file(self, name: str) -> dict[str, Any]:
        hashed = {"type": "Hash", "algorithm": "sha256", "hashValue": self._shown.sha256(name)}
        return self._element("software_File", f"file:{name}", name=name, verifiedUsing=[hashed])

    def _licence(self, text: str) -> dict[str, Any]:
        """An expression; a text that is none becomes the name of terms that are on no list."""
        try:
            said = canonical(text) if text else "NOASSERTION"
        except NotAnExpression:
            said = "LicenseRef-unknown"
        about = {"simplelicensing_licenseExpression": said}
        return self._element("simplelicensing_LicenseExpression", f"licence:{said.replace(' ', '_')}", **about)

    def _link(self, kind: str, one: dict[str, Any], others: list[dict[str, Any]]) -> dict[str, Any]:
        place = one["spdxId"].removeprefix(f"{self._urn}:")
        ends = {"from": one["spdxId"], "to": [other["spdxId"] for other in others]}
        return self._element("Relationship", f"{kind}:{place}", relationshipType=kind, **ends)

    def _element(self, kind: str, place: str, **about: Any) -> dict[str, Any]:
        return {"type": kind, "spdxId": f"{self._urn}:{place}", "creationInfo": MADE, **about}
