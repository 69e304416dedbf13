"""What the sections of a recipe may say: every setting once, with its default, its bounds and its meaning.

`settings` checks a section against its model here, and `reference` writes docs/recipes.md of them.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from synth_dagster.errors import SynthError
from synth_dagster.licences.consent import OptOuts
from synth_dagster.licences.fit import Purpose

NAME = r"^[a-z][a-z0-9_]*$"


class Settings(BaseModel):
    """A part of a recipe: each setting has its bounds and its meaning."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Chunk(Settings):
    """How documents are cut into passages."""

    max_words: int = Field(220, ge=20, le=100_000, description="The longest passage; a block of code stays whole.")
    min_words: int = Field(20, ge=0, le=100_000, description="A shorter passage joins its neighbour.")

    @model_validator(mode="after")
    def _in_order(self) -> "Chunk":
        if self.min_words > self.max_words:
            raise ValueError(f"min_words ({self.min_words}) is above max_words ({self.max_words}). Lower it.")
        return self


class SourceSettings(Settings):
    """What every source says, whichever reader it has."""

    name: str = Field(
        pattern=NAME,
        max_length=60,
        description="The source's name, part of the names of its batches.",
        json_schema_extra={"form": "small letters a-z, digits and _, beginning with a letter, at most 60"},
    )
    reader: str = Field(description="How it is read: the name of a reader.")
    license: str = Field(
        pattern=r"^[A-Za-z0-9(][A-Za-z0-9.+:() -]*$",
        max_length=300,
        description="Its licence as SPDX writes it, such as CC-BY-4.0; LicenseRef-Name for terms of your own.",
        json_schema_extra={"form": "an SPDX expression"},
    )
    consent: str = Field(
        "", max_length=300, description="On what ground the text may be used, if that is not the licence."
    )
    signals: str | None = Field(
        None,
        description="A folder of the project with what its web sites say to those who would train on them: robots.txt, "
        "ai.txt, tdmrep.json and terms of service by day and host, such as 2026-03-01/example.org/robots.txt.",
        json_schema_extra={"form": "a folder of the project, or null"},
    )
    lang: str | None = Field(
        None,
        pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        description="Its language, where it has one for all of its documents.",
        json_schema_extra={"form": "a BCP 47 tag such as en or pt-BR, or null"},
    )
    optional: bool = Field(False, description="Whether the recipe also runs where the source is not there.")
    human_share: float = Field(
        1.0, ge=0, le=1, description="Share of its words that people wrote; 0 where a model wrote them."
    )
    joins: str | None = Field(
        None, description="The stage that its conversations join as they are; the corpus if left out."
    )
    chunk: Chunk | None = Field(None, description="How documents are cut into passages; not cut if left out.")
    shard: int = Field(500, ge=1, le=1_000_000, description="About how many documents make a batch.")


def _usd(over: str) -> Any:
    return Field(
        None, ge=0, allow_inf_nan=False, description=f"Money in US dollars {over}; null is no such cap on money."
    )


def _tokens(over: str) -> Any:
    return Field(None, ge=0, description=f"Tokens in and out {over}; null is no such cap on tokens.")


class BudgetSettings(Settings):
    """Hard caps on what teachers may use; answers from the cache are free. Months are those of UTC."""

    usd_per_run: float | None = _usd("in one run")
    tokens_per_run: int | None = Field(
        5_000_000, ge=0, description="Tokens in and out in one run; null is no cap on tokens."
    )
    calls_per_run: int | None = Field(None, ge=0, description="Requests in one run; null is no cap on requests.")
    usd_per_recipe: float | None = _usd("of this recipe over all its runs")
    tokens_per_recipe: int | None = _tokens("of this recipe over all its runs")
    usd_per_month: float | None = _usd("of this recipe in a calendar month")
    tokens_per_month: int | None = _tokens("of this recipe in a calendar month")

    def lowered(
        self, *, usd: float | None = None, tokens: int | None = None, calls: int | None = None
    ) -> "BudgetSettings":
        """These caps, some of them lower for one run. Raises SynthError for one that is higher or below 0."""
        asked = {"usd_per_run": usd, "tokens_per_run": tokens, "calls_per_run": calls}
        for name, value in asked.items():
            cap = getattr(self, name)
            if value is not None and not (value >= 0 and (cap is None or value <= cap)):
                most = "" if cap is None else f" and at most {cap:,}, the cap of the recipe"
                raise SynthError(
                    f"A run was launched with {name} {value:,}, which must be at least 0{most}. "
                    "Launch it with less, or raise the cap under 'budget:' in the recipe."
                )
        return self.model_copy(update={name: value for name, value in asked.items() if value is not None})


class Expectations(Settings):
    """What must hold of a stage's records for its gate to open."""

    min_keep_rate: float = Field(
        0.05,
        ge=0,
        le=1,
        description="The least share of a stage's records that its steps, or the mix's rules, may keep.",
    )
    max_reject_rate: float = Field(
        0.2,
        ge=0,
        le=1,
        description="The largest share of a source's lines or a teacher's answers that may be unusable.",
    )


class Freshness(Settings):
    """How old the corpus and the mix may become."""

    warn_after_days: float | None = Field(
        8, ge=0.001, le=36_500, description="Days without a new version until Dagster warns; null for no warning."
    )  # a week and a day, so that a release that is made on Mondays is never late on a Monday
    fail_after_days: float | None = Field(
        15,
        ge=0.001,
        le=36_500,
        description="Days until it counts as failed; null for neither, where nothing new is expected.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> "Freshness":
        warn, fail = self.warn_after_days, self.fail_after_days
        if warn is not None and fail is not None and warn >= fail:
            raise ValueError(f"warn_after_days ({warn}) is not below fail_after_days ({fail}). Lower it.")
        return self


class UseSettings(Settings):
    """What the dataset is meant for. Records whose licences do not fit are dropped from releases."""

    purpose: Purpose | None = Field(
        None,
        description="What releases are used for; null drops nothing. commercial keeps what allows every use, "
        "unspecified also what says nothing, non_commercial also what forbids sale, research all.",
    )
    published: bool = Field(
        False, description="Whether releases leave your house: then no-derivatives and share-alike bind them too."
    )
    opt_outs: OptOuts = Field(
        "record",
        description="Whether records are dropped whose sites opt out of training, or whose terms of service forbid "
        "this use; see a source's signals.",
    )
    provider_terms: Literal["count", "ignore"] = Field(
        "count", description="Whether what a provider says about its models' answers counts as a licence of theirs."
    )

    @property
    def is_stated(self) -> bool:
        """Whether anything can be dropped for its licence."""
        return self.purpose is not None or self.published or self.opt_outs == "obey"


class ApprovalSettings(Settings):
    """Who has to say yes before a release goes out. A release is judged by what stood here when it was made."""

    needed_for: Literal["public", "export"] = Field(
        "public", description="What needs an approval: exports marked public (--public), or every export."
    )
    four_eyes: bool = Field(
        False, description="Whether the one who approves must be another than the one who built the release."
    )
    approvers: tuple[str, ...] = Field(
        (), description="The names of those who may approve; anybody may if there are none."
    )
