"""Approvals of releases: who said yes to exactly these bytes, who took it back, and all that was ever said.

`approval_of` tells how a release stands. An approval is a statement over the release's content, so what an erasure puts
in its place, or a release of the same name in another lake, has none. Each statement names the one before it by its
hash and is signed where a key is configured: nothing in between can be changed or taken out without a trace. The hash
of each stands among the lake's files too, so that the last one is missed as well.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any, Literal

from synth_dagster.errors import SynthError
from synth_dagster.lake.approvals import Approvals, Said
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.records import canonical_json
from synth_dagster.runner.person import Person
from synth_dagster.signing import BadSignature, check

Action = Literal["approve", "revoke"]
State = Literal["approved", "revoked", "not approved", "demo", "withdrawn", "broken"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a named person said of a release, and what the release was when they did."""

    action: Action
    dataset: str
    release: str
    identity: str  # of what it was made from
    data_version: str  # of its rows
    manifest: str  # SHA-256 of its manifest in the lake; empty for a release of an older version
    by: str
    comment: str
    at: str  # a moment in UTC
    entered_by: str  # whose process it was: SYNTH_USER, or the login
    previous: str  # SHA-256 of the statement before it; empty for the first

    def text(self) -> str:
        """The bytes that are kept and signed."""
        return canonical_json(asdict(self))

    @classmethod
    def of_text(cls, text: str) -> "Statement":
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Entry:
    """A statement with the key that signed it, if one did, and what is wrong with it, if anything is."""

    statement: Statement
    signed_by: str | None = None
    fault: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self.statement) | {"signed_by": self.signed_by, "fault": self.fault}

    def line(self) -> str:
        """What happened, as one sentence without the comment."""
        did = {"approve": "approved", "revoke": "approval revoked"}[self.statement.action]
        return f"{did} by {self.statement.by} on {self.statement.at[:10]}"


@dataclass(frozen=True, slots=True)
class Approval:
    """How a release stands: `standing` are the approvals that hold, `history` everything that was said."""

    state: State
    standing: Sequence[Entry] = ()
    history: Sequence[Entry] = ()

    @property
    def is_approved(self) -> bool:
        return self.state == "approved"

    @property
    def approvers(self) -> list[str]:
        """Who stands for it now, in the order in which they said so."""
        return [entry.statement.by for entry in self.standing]

    @property
    def faults(self) -> list[str]:
        """What does not hold in the history."""
        return [
            f"statement {number} of {entry.statement.release or 'the release'}: {entry.fault}"
            for number, entry in enumerate(self.history, start=1)
            if entry.fault
        ]

    def line(self) -> str:
        """The state in a few words, with who and when."""
        if self.state == "approved":
            return "; ".join(entry.line() for entry in self.standing)
        if self.state == "revoked":
            return self.history[-1].line()
        return {
            "demo": "demo: made by the embedded teacher, cannot be approved",
            "withdrawn": "withdrawn: an approval of it holds no more",
            "broken": "not approved: the record of its approvals was changed",
        }.get(self.state, "not approved")

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "state": self.state,
            "approved_by": self.approvers,
            "history": [entry.as_json() for entry in self.history],
        }


# ------------------------------------------------------------------------------------------------------------- reading


def approval_of(lake: Lake, release: Release) -> Approval:
    """How a release stands, and everything that was said about it."""
    marks = marks_of(lake, release)
    return standing(release, Approvals(lake.meta.database).of(release.dataset).get(release.release, ()), marks)


def approvals_of(lake: Lake, dataset: str) -> dict[str, Approval]:
    """The same for every release of a dataset, oldest first."""
    marks = [entry.name for entry in lake.store.entries(f"releases/{dataset}/")]
    said = Approvals(lake.meta.database).of(dataset)
    return {
        one.release: standing(one, said.get(one.release, ()), _hashes(marks, one))
        for one in lake.meta.releases(dataset)
    }


def standing(release: Release, said: Sequence[Said], marks: Collection[str] = ()) -> Approval:
    """How a release stands by what was said; `marks`, read before that, are hashes of statements that must be in it."""
    history = [*_entries(said), *_missing(said, marks)]
    holding: list[Entry] = []
    for entry in history:
        if entry.statement.action == "revoke":
            holding = []  # whoever revokes has found something: it holds against all who approved before
        elif _is_about(entry.statement, release):
            holding.append(entry)
    return Approval(_state(release, history, holding), tuple(holding), tuple(history))


def marks_of(lake: Lake, release: Release) -> list[str]:
    """The hashes of the statements about a release that the lake's files know of."""
    return _hashes((entry.name for entry in lake.store.entries(_marks(release))), release)


def mark(lake: Lake, release: Release) -> None:
    """Write the hash of each statement about a release among the lake's files, also of one from before a kill."""
    known = set(marks_of(lake, release))
    for said in Approvals(lake.meta.database).of(release.dataset).get(release.release, ()):
        if (name := hash_of(said.statement)) not in known:
            lake.store.create(f"{_marks(release)}{name}", said.signature.encode() or b"not signed")


def _marks(release: Release) -> str:
    return f"releases/{release.dataset}/{release.release}.said/"


def _hashes(names: Iterable[str], release: Release) -> list[str]:
    place = _marks(release)
    return [name.removeprefix(place) for name in names if name.startswith(place)]


def _state(release: Release, history: Sequence[Entry], holding: Sequence[Entry]) -> State:
    if release.demo:
        return "demo"
    if release.state == "withdrawn":
        return "withdrawn"
    if any(entry.fault for entry in history):
        return "broken"
    if holding:
        return "approved"
    return "revoked" if history and history[-1].statement.action == "revoke" else "not approved"


def _is_about(statement: Statement, release: Release) -> bool:
    """Whether that was said of what the release holds now."""
    said = (statement.dataset, statement.release, statement.identity, statement.data_version)
    return said == (release.dataset, release.release, release.identity, release.data_version)


def _entries(said: Sequence[Said]) -> list[Entry]:
    found: list[Entry] = []
    previous = ""
    for one in said:
        found.append(_entry(one, previous))
        previous = hash_of(one.statement)
    return found


def _entry(said: Said, previous: str) -> Entry:
    try:
        statement = Statement.of_text(said.statement)
    except (ValueError, TypeError):
        return Entry(_nothing(), None, "it cannot be read: it was changed")
    if statement.previous != previous:
        return Entry(statement, None, "it does not follow the one before it: one was changed or taken out")
    if not said.signature:
        return Entry(statement)
    try:
        return Entry(statement, check(said.statement.encode(), said.signature.encode()))
    except BadSignature as error:
        return Entry(statement, None, f"its signature does not hold. {error}")


def _missing(said: Sequence[Said], marks: Collection[str]) -> list[Entry]:
    there = {hash_of(one.statement) for one in said}
    why = "the metadata does not hold it, and the lake's files know of it: it was changed or taken out"
    return [Entry(_nothing(), None, f"{why} (SHA-256 {name})") for name in sorted(set(marks) - there)]


def _nothing() -> Statement:
    """What stands for a statement that nobody can read."""
    nothing = dict.fromkeys((one for one in Statement.__slots__ if one != "action"), "")
    return Statement(action="revoke", **nothing)


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


# ------------------------------------------------------------------------------------------------------- what it needs


def builder_of(release: Release) -> Person:
    """Who made a release: the login of the process or the name it was given; nobody for one of an older version."""
    known: Mapping[str, str] = release.manifest.get("built_by") or {}
    return Person(known.get("name", ""), known.get("known_by", ""))


def rules_of(release: Release) -> dict[str, Any]:
    """What the recipe asked for when the release was made; the defaults for one of an older version."""
    return {"needed_for": "public", "four_eyes": False, "approvers": []} | dict(release.manifest.get("approval") or {})


def check_approval(lake: Lake, release: Release, *, rows: str, public: bool) -> Approval:
    """How a release that is to go out stands; `rows` is the data version of what would go out.

    Raises SynthError where it may not go out without an approval.
    """
    found = approval_of(lake, release)
    if rows != release.data_version:
        found = replace(found, state="not approved", standing=())  # what was approved is something else
    if found.is_approved or not (public or rules_of(release)["needed_for"] == "export"):
        return found
    what = "in public" if public else "at all, as its recipe says,"
    cure = (
        "Only what a real endpoint wrote, or people, can be."
        if release.demo
        else f"After a look at its report: synth approve {release.release} --by NAME --comment TEXT"
    )
    raise SynthError(
        f"Release '{release.release}' of '{release.dataset}' may not go out {what} before it is approved "
        f"({found.line()}). Nothing was written. {cure}"
    )
