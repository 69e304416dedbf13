"""What is stored of a release, as the questions of the checklist for open datasets need it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from synth_dagster.governance.translated import COLUMNS, Translated, translated
from synth_dagster.governance.versions import pinned_by, upwards
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.licences.registry import Licences
from synth_dagster.recipe.publication import PublicationSettings

COUNTED = ("status", "reasons", "rejects", "steps")  # what the details of a version say of what its steps dropped
KEPT = ["license", "source", "lang", "model_id", "synthetic_depth", "human_share"]


@dataclass
class Seen:
    """What is stored of a release, as the questions need it."""

    lake: Lake
    rows: Candidate
    manifest: Mapping[str, Any]

    @cached_property
    def said(self) -> PublicationSettings:
        return PublicationSettings.model_validate(self.manifest.get("publication", {}))

    @cached_property
    def known(self) -> Licences:
        rules = self.manifest.get("licences", {})
        return Licences(rules.get("own", {}), frozenset(rules.get("ignored", ())))

    @cached_property
    def counts(self) -> dict[str, Counter[Any]]:
        """Column -> its values among the kept records."""
        table = self.lake.candidate_table(self.rows, columns=KEPT)
        return {name: Counter(table[name].to_pylist()) for name in table.column_names}

    @cached_property
    def chains(self) -> list[list[Candidate]]:
        return [list(upwards(self.lake, version)) for version in pinned_by(self.lake, self.manifest)]

    @cached_property
    def versions(self) -> list[Candidate]:
        return list({one.candidate_id: one for chain in self.chains for one in chain}.values())

    @cached_property
    def uncounted(self) -> list[str]:
        """Stages and batches whose steps have no counts of what they dropped, and the mix where it has none."""
        found = [f"{one.stage} {one.batch}" for one in self.versions if not is_counted(one)]
        return found if "dropped" in self.rows.details.get("verdicts", {}) else [*found, self.rows.stage]

    @cached_property
    def makeups(self) -> list[Mapping[str, Any] | None]:
        """What each version's steps were, None where nobody wrote it down."""
        return [self.lake.meta.made_by(code) for code in sorted({one.code_version for one in self.versions})]

    @cached_property
    def steps(self) -> dict[str, Mapping[str, Any]]:
        """Method -> one of its steps."""
        return {step["slug"]: step for one in self.makeups for step in ((one or {}).get("steps") or {}).values()}

    @cached_property
    def privacy_checks(self) -> set[str]:
        """The guards of personal data that looked at a version or at the release."""
        gates = [self.lake.meta.gate(one.candidate_id) for one in (*self.versions, self.rows)]
        names = {str(check["check"]) for gate in gates if gate for check in gate.checks}
        return {name.partition("__")[0] for name in names if name.startswith("privacy_")}

    @cached_property
    def models(self) -> list[str]:
        return sorted(model for model in self.counts["model_id"] if model)

    @cached_property
    def translated(self) -> Translated:
        """How much of what was kept is a translation by a machine."""
        kept = self.lake.candidate_table(self.rows, columns=COLUMNS)
        texts = (self.lake.candidate_table(chain[-1], columns=COLUMNS) for chain in self.chains)
        return translated(kept, texts, self.said.translated)

    @cached_property
    def addresses(self) -> tuple[int, int]:
        """First records that have an address, and those of them whose site somebody looked up."""
        with_address = looked_up = 0
        for chain in self.chains:
            names = self.lake.snapshot(chain[-1].dataset, chain[-1].stage)[1].schema.names
            if "url" in names:
                table = self.lake.candidate_table(chain[-1], columns=["url", "consent"])
                told = [row["consent"] or "" for row in table.to_pylist() if row["url"]]
                with_address += len(told)
                looked_up += sum(" on " in one and "not looked up:" not in one for one in told)
        return with_address, looked_up


def is_counted(version: Candidate) -> bool:
    """Whether a version says what its steps dropped: nothing at all is a count, too."""
    return all(name in version.details for name in COUNTED)
