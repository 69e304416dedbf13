"""W3C PROV-JSON (Member Submission of 24 April 2013): versions of batches as entities, what made them as activities.

Agents are the models that wrote, the software, who publishes it and who approved it. Who of the house ran it is told to
nobody outside, as in the manifest of an export.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from synth_dagster.exports.facts import Facts, VersionFacts, licence_of
from synth_dagster.exports.manifest import MAKER
from synth_dagster.exports.standards.base import Shown, Standard, pretty

OURS = "synth"
PUBLISHER = f"{OURS}:publisher"


class Prov(Standard):
    file = "prov.json"
    title = "W3C PROV-JSON"

    def write(self, facts: Facts, shown: Shown) -> str:
        story = _Story(facts)
        for version in facts.versions:
            story.version(version)
        story.release()
        story.approved(shown.approvals)
        for split, files in shown.data.items():
            for name in files:
                story.file(split, name, shown.sha256(name), shown.manifest.created_by)
        return pretty({"prefix": {OURS: f"{facts.urn}:"}, **story.said})


def name(kind: str, what: str) -> str:
    """A qualified name: PROV-JSON allows only the prefix before its colon."""
    return f"{OURS}:{kind}/{what.replace(':', '.')}"


class _Story:
    """The document while it is told. Each relation is said once, under a blank id."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.said: dict[str, dict[str, Any]] = {"entity": {}, "activity": {}, "agent": {}}
        self._number = 0
        self._plan = name("recipe", facts.recipe)
        self._thing(self._plan, {"prov:type": _typed("prov:Plan"), f"{OURS}:rules": facts.rules})
        for prompt in facts.prompts:
            self._thing(name("prompt", prompt), {"prov:type": _typed("prov:Plan")})
        for source in facts.sources:
            about = {f"{OURS}:license": licence_of(source.licenses) or "not stated"}
            self._thing(name("source", source.name), {"prov:type": _typed("prov:PrimarySource"), **about})
        for model in facts.models:
            about = {"prov:type": _typed("prov:SoftwareAgent"), "prov:label": model}
            self.said["agent"][name("model", model)] = about
        self._program(MAKER, {})  # which version of it made a batch is not known; that of the release is
        if facts.creator:
            self.said["agent"][PUBLISHER] = {"prov:type": _typed("prov:Organization"), "prov:label": facts.creator}

    def version(self, one: VersionFacts) -> None:
        """A batch of a stage: made by an activity from the batch above, or from its source."""
        facts, entity, activity = self._facts, name("version", one.id), name("made", one.id)
        above = [name("version", parent) for parent in one.made_from] or [name("source", one.batch.split(":")[0])]
        about = {"prov:type": _typed("prov:Collection"), f"{OURS}:records": _typed_int(one.records)}
        self._thing(entity, about)
        self._did(activity, one.made_at, {f"{OURS}:code_version": one.code_version, f"{OURS}:run": one.run})
        self._made(entity, activity, above, one.made_at)
        self._relate("wasAssociatedWith", {"prov:activity": activity, "prov:agent": name("software", MAKER)})
        makers = [maker for maker in facts.makers if maker.stage == one.stage]
        for prompt in sorted({maker.prompt for maker in makers if maker.prompt}):
            self._relate("used", {"prov:activity": activity, "prov:entity": name("prompt", prompt)})
        for model in sorted({maker.model for maker in makers if maker.model}):
            plan = {"prov:activity": activity, "prov:agent": name("model", model), "prov:plan": self._plan}
            self._relate("wasAssociatedWith", plan)
            self._relate("wasAttributedTo", {"prov:entity": entity, "prov:agent": name("model", model)})
        if one.rejected:
            self._gone(name("rejected", one.id), activity, one.rejected, "rejected by the stage")

    def release(self) -> None:
        """The release, of the versions that nothing else here was made from, and what it dropped."""
        facts, entity, activity = self._facts, name("release", self._facts.release), name("run", self._facts.run)
        used = {parent for one in facts.versions for parent in one.made_from}
        read = [name("version", one.id) for one in facts.versions if one.id not in used]
        self._thing(entity, {"prov:type": _typed("prov:Collection"), f"{OURS}:data_version": facts.data_version})
        self._did(activity, facts.made_at, {f"{OURS}:{key}": str(value) for key, value in facts.code.items() if value})
        self._made(entity, activity, read, facts.made_at)
        self._relate("used", {"prov:activity": activity, "prov:entity": self._plan})
        version = facts.code.get("synth_dagster")
        about = {f"{OURS}:{key}": str(value) for key, value in facts.code.items() if value}
        program = self._program(f"{MAKER} {version}", about) if version else name("software", MAKER)
        run = {"prov:activity": activity, "prov:agent": program, "prov:plan": self._plan}
        self._relate("wasAssociatedWith", run)
        for reason, count in facts.dropped.items():
            self._gone(name("dropped", reason), activity, count, reason)

    def approved(self, approvals: Sequence[Mapping[str, Any]]) -> None:
        """Who has read the release and answers for it: an act of its own, by a person."""
        release = name("release", self._facts.release)
        people = {by: f"{OURS}:approver/{number}" for number, by in enumerate(_names(approvals), start=1)}
        for by, agent in people.items():
            self.said["agent"][agent] = {"prov:type": _typed("prov:Person"), "prov:label": by}
        for number, one in enumerate(approvals, start=1):
            activity = f"{OURS}:approval/{number}"
            self._did(activity, one["at"], {f"{OURS}:comment": one["comment"], f"{OURS}:signed_by": one["signed_by"]})
            self._relate("used", {"prov:activity": activity, "prov:entity": release})
            self._relate("wasAssociatedWith", {"prov:activity": activity, "prov:agent": people[one["by"]]})

    def file(self, split: str, file: str, sha256: str, written_by: str) -> None:
        """A file of the export is the release in another form."""
        release = name("release", self._facts.release)
        self._thing(name("file", file), {f"{OURS}:sha256": sha256, f"{OURS}:split": split})
        self._relate("specializationOf", {"prov:specificEntity": name("file", file), "prov:generalEntity": release})
        publisher = [PUBLISHER] if self._facts.creator else []
        for agent in (self._program(written_by, {}), *publisher):
            self._relate("wasAttributedTo", {"prov:entity": name("file", file), "prov:agent": agent})

    def _program(self, program: str, about: Mapping[str, str]) -> str:
        """A program as an agent: `synth_dagster 0.1.0`, or only its name."""
        agent = name("software", program.replace(" ", "/"))
        known = {"prov:type": _typed("prov:SoftwareAgent"), "prov:label": program}
        self.said["agent"].setdefault(agent, {**known, **about})
        return agent

    def _thing(self, entity: str, about: Mapping[str, Any]) -> None:
        self.said["entity"][entity] = dict(about)

    def _did(self, activity: str, at: str, about: Mapping[str, Any]) -> None:
        self.said["activity"][activity] = {"prov:endTime": at, **about}

    def _made(self, entity: str, activity: str, above: list[str], at: str) -> None:
        self._relate("wasGeneratedBy", {"prov:entity": entity, "prov:activity": activity, "prov:time": at})
        for parent in above:
            self._relate("used", {"prov:activity": activity, "prov:entity": parent})
            derived = {"prov:generatedEntity": entity, "prov:usedEntity": parent, "prov:activity": activity}
            self._relate("wasDerivedFrom", derived)

    def _gone(self, entity: str, activity: str, count: int, reason: str) -> None:
        self._thing(entity, {f"{OURS}:records": _typed_int(count), f"{OURS}:reason": reason})
        self._relate("wasInvalidatedBy", {"prov:entity": entity, "prov:activity": activity})

    def _relate(self, relation: str, about: Mapping[str, str]) -> None:
        self._number += 1
        self.said.setdefault(relation, {})[f"_:r{self._number}"] = dict(about)


def _names(approvals: Sequence[Mapping[str, Any]]) -> list[str]:
    """Who approved, each once."""
    return list(dict.fromkeys(one["by"] for one in approvals))


def _typed(value: str) -> dict[str, str]:
    return {"$": value, "type": "prov:QUALIFIED_NAME"}


def _typed_int(value: int) -> dict[str, str]:
    return {"$": str(value), "type": "xsd:long"}
