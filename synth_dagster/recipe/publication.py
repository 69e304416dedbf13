"""What only a person knows of a dataset that is published: whom to ask for removal, why its sources, whose terms."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


def _said(what: str) -> str | None:
    return Field(None, min_length=1, max_length=1_000, description=what)  # type: ignore[return-value]


class PublicationSettings(BaseModel):
    """Statements for a published dataset. A release that is published needs contact and removal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    contact: str | None = _said("Whom to write to about the data: an address or a page.")
    removal: str | None = _said("How to have data removed, and what becomes of releases that held it.")
    license: str | None = _said("The licence of the arrangement, as SPDX writes it; that of its parts stays theirs.")
    terms_of_use: str | None = _said("Where terms of use stand that are no licence.")
    identifier: str | None = _said("A persistent identifier, such as a DOI.")
    code: str | None = _said("Where the code and this recipe can be read.")
    inspected: str | None = _said("Who looked at how many records, when, and what was found.")
    communities: str | None = _said("Who of those that the data is about took part, and how.")
    reasons: Mapping[str, str] = Field({}, description="Source -> why it is in the dataset.")
    public_sources: Mapping[str, str] = Field({}, description="Source -> where anybody can get it.")
    translated: Mapping[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        {}, description="Source -> share of its texts that a machine has translated, from 0 to 1."
    )
    open_models: tuple[str, ...] = Field((), description="Models that wrote parts of it and that anybody can get.")

    def as_said(self) -> dict[str, Any]:
        """As JSON, for a fingerprint: what came later is left out while nothing is said, so that releases stay."""
        return self.model_dump(mode="json", exclude=set() if self.translated else {"translated"})

    def removal_unsaid(self) -> str | None:
        """What is missing for somebody to have data removed, in words; None where nothing is."""
        missing = [name for name in ("contact", "removal") if not getattr(self, name)]
        if not missing:
            return None
        return (
            f"Nobody says how to have data removed: state {' and '.join(missing)} under 'publication:' in the recipe."
        )

    @property
    def is_stated(self) -> bool:
        """Whether anything is said."""
        return self != NOTHING_SAID


NOTHING_SAID = PublicationSettings.model_validate({})
