"""Says yes to a release, or takes it back: as a named person, with a comment, of exactly what the release holds now.

What the recipe asked for when the release was made decides who may. Two people at once each count; the same said again,
after a crash or by mistake, adds nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from synth_dagster.errors import ExitCode, GateClosed, SynthError
from synth_dagster.governance.approvals import (
    Action,
    Approval,
    Statement,
    approval_of,
    builder_of,
    hash_of,
    mark,
    marks_of,
    rules_of,
    standing,
)
from synth_dagster.lake.approvals import Approvals, Said
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.lake.seals import Seal, Seals
from synth_dagster.runner.person import VARIABLE, Person
from synth_dagster.signing import Signer

LONGEST_NAME, LONGEST_COMMENT = 200, 2_000


class BadApproval(SynthError):
    """What was said cannot be an approval: no name, no comment, or nobody who may."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What somebody wants to say about a release."""

    action: Action = "approve"
    by: str
    comment: str
    again: bool = False  # also where an approval was revoked before
    entered_by: Person = field(default_factory=Person)
    signer: Signer | None = None

    def checked(self) -> "Word":
        """The same with plain spaces. Raises BadApproval for what names nobody or says nothing."""
        by, comment = " ".join(self.by.split()), " ".join(self.comment.split())
        if not by or len(by) > LONGEST_NAME or not by.isprintable():
            raise BadApproval(f"--by names the person who answers for it, in at most {LONGEST_NAME} letters.")
        if not comment or len(comment) > LONGEST_COMMENT or not comment.isprintable():
            raise BadApproval(
                f"--comment says what was looked at and why, in at most {LONGEST_COMMENT:,} letters. It is kept for "
                "good and handed out: quote no record."
            )
        return replace(self, by=by, comment=comment)


def say(lake: Lake, dataset: str, name: str, word: Word) -> tuple[Approval, bool]:
    """Approve a release or revoke that; how it stands then, and whether anything was added.

    The same said again adds nothing. Raises BadApproval, and SynthError for what cannot be approved.
    """
    word, release = word.checked(), lake.meta.release(dataset, name)
    if word.action == "approve":
        _refuse_what_nobody_may_approve(lake, release, word)
    sealed = Seals(lake.meta.database).of(dataset, name)
    decide = partial(_decided, release, word, sealed, marks_of(lake, release))
    added = Approvals(lake.meta.database).add(dataset, name, decide)
    mark(lake, release)
    return approval_of(lake, lake.meta.release(dataset, name)), added is not None


def _decided(
    release: Release, word: Word, sealed: Seal | None, marks: Collection[str], stands: bool, said: Sequence[Said]
) -> Said | None:
    """What is added, while nobody else can add anything."""
    before = standing(release, said, marks)
    if before.state == "broken":
        raise SynthError(f"{before.faults[0]}. Restore the lake's metadata from a backup before anything is added.")
    if word.action == "approve" and not stands:
        raise SynthError(_was_withdrawn(release))
    if word.action == "revoke" and not before.standing:
        if before.state == "revoked":
            return None
        raise BadApproval(f"Release '{release.release}' has no approval that could be revoked: {before.line()}.")
    if word.action == "approve" and any(Person(name).is_called(word.by) for name in before.approvers):
        return None
    if word.action == "approve" and before.state == "revoked" and not word.again:
        last = before.history[-1].statement
        raise BadApproval(
            f"The approval of '{release.release}' was revoked by {last.by} on {last.at[:10]}: {last.comment} "
            "To approve it all the same, add --again."
        )
    return _said(release, word, sealed, said[-1] if said else None)


def _said(release: Release, word: Word, sealed: Seal | None, last: Said | None) -> Said:
    text = Statement(
        action=word.action,
        dataset=release.dataset,
        release=release.release,
        identity=release.identity,
        data_version=release.data_version,
        manifest=sealed.manifest if sealed else "",
        by=word.by,
        comment=word.comment,
        at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        entered_by=word.entered_by.name,
        previous=hash_of(last.statement) if last else "",
    ).text()
    signature = word.signer.sign(text.encode()).decode() if word.signer else ""
    return Said(release.release, text, signature)


def _refuse_what_nobody_may_approve(lake: Lake, release: Release, word: Word) -> None:
    if release.demo:
        raise SynthError(
            f"Release '{release.release}' of '{release.dataset}' is a demo: the embedded teacher made it, and it "
            "cannot be approved. Name a real endpoint (docs/own_endpoint.md) and run: the next release can be."
        )
    if release.state == "withdrawn":
        raise SynthError(_was_withdrawn(release))
    shown = lake.accepted(release.dataset, str(release.manifest.get("table")), release.release)
    if shown is None or shown.data_version != release.data_version:
        raise SynthError(
            f"The lake no longer shows the rows that '{release.release}' was published with. 'synth verify "
            f"{release.release}' says what was changed."
        )
    gate = lake.meta.gate(shown.candidate_id)
    if gate is not None and not gate.passed:
        raise GateClosed(f"Release '{release.release}' no longer passes its checks; 'synth status' counts them.")
    _refuse_who_may_not(release, word)


def _was_withdrawn(release: Release) -> str:
    return (
        f"Release '{release.release}' of '{release.dataset}' was withdrawn and cannot be approved; its successor can."
    )


def _refuse_who_may_not(release: Release, word: Word) -> None:
    """By the recipe as it was when the release was made: an edit afterwards changes nobody's rights."""
    rules = rules_of(release)
    names = rules["approvers"]
    if names and not any(Person(name).is_called(word.by) for name in names):
        raise BadApproval(f"'{word.by}' may not approve '{release.release}'; its recipe names {', '.join(names)}.")
    if not rules["four_eyes"]:
        return
    builder = builder_of(release)
    if not builder.name:
        raise BadApproval(
            f"Nobody wrote down who built '{release.release}', and its recipe wants another to approve it. Make it "
            f"anew under the next name: synth run --release NAME."
        )
    if builder.is_called(word.by) or builder.is_called(word.entered_by.name):
        raise BadApproval(
            f"'{release.release}' was built by {builder.name} ({_known(builder)}), and its recipe wants another to "
            f"approve it. Have another person do it, under their own login or with their name in {VARIABLE}."
        )


def _known(person: Person) -> str:
    return "the login of that run" if person.known_by == "login" else f"as {person.known_by} said"
