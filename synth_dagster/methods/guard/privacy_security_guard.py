"""Finds personal data, secrets, hidden instructions and planted records before anybody reads them

Four checks are over the words of a record, its title, address and attributes. Personal data: e-mail and public IPv4
addresses, payment cards (issuer and Luhn), IBANs (length and modulo 97), US social security numbers, phones by the
rules of their country. Secrets: keys by prefix and entropy. Hidden instructions: features with weights. Planted
records: bursts of near-duplicates from one source, and words that decide how an answer begins. What is found goes
into quarantine, where people look at it: texts *about* such things are found too. A finding says what and where, and
never repeats it.

Two more are over records that models wrote. Verbatim: at least 50 words in one piece of a person's text behind it, or
three tenths of the record; it warns, because an answer may quote its source on purpose. Canaries: strings that were
planted in the sources and nowhere else; one that comes out says that sources are given away word for word.

What a set as a whole gives away is `seed_leakage_guard`'s: distances to the closest record, membership, exposure of
planted codes. A guard asks no model: `probe_instructions`, a step before it, lets one read each text, and the guard
holds what that step has marked.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, ClassVar, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from synth_dagster.method import Guard, Proof
from synth_dagster.parts.privacy.disguises import Looked, Reading, seams
from synth_dagster.parts.privacy.injections import THRESHOLD, as_read, injections, may_be_injections
from synth_dagster.parts.privacy.personal_data import Piece, may_hold_personal_data, personal_data
from synth_dagster.parts.privacy.poison import bursts, triggered
from synth_dagster.parts.privacy.recognisers import Recognisers, recogniser
from synth_dagster.parts.privacy.secrets import MIN_ENTROPY, may_hold_secrets, secrets_in
from synth_dagster.parts.text.copying import longest_copies, seeds_in_parts
from synth_dagster.parts.text.hashed_words import normalise, words
from synth_dagster.services import Ancestors, Found, Severity

Action: TypeAlias = Literal["off", "warning", "quarantine", "critical"]

Prefilter: TypeAlias = Callable[[pa.Array], np.ndarray]

_PROBE = "probe"  # the attribute by which probe_instructions marks a text
_IS_A_LABEL = re.compile(r"[a-z_]{1,40}")

# The columns that are looked through; those of a conversation are all in `text`.
_WORDS = ("text", "title", "url", "attributes", "beside")


_Canary: TypeAlias = Annotated[str, Field(min_length=8, max_length=200)]


def _action(what: str) -> Action:
    told = "off: not looked for; warning: told; quarantine: held until a person releases it; critical: closes the gate"
    return Field("quarantine", description=f"What becomes of a record with {what}. {told}.")


class PrivacySecurityGuard(Guard):
    """Findings by check; every record with one is held back unless a setting says otherwise."""

    version = "3"
    paper = "interpretation"
    topics = ("PII", "privacy", "safety", "prompt injection")
    proof = Proof(
        "planted signal",
        "All of 1,000 planted addresses, cards and numbers are found and no private one; 95 % of 200 injections of "
        "ten families, over 80 % of a family not known before, and under 1 % of 2,000 clean texts.",
    )
    checks: ClassVar[Mapping[str, str]] = {
        "personal_data": "Addresses, numbers and names of people.",
        "secrets": "Keys, tokens and passwords that open something.",
        "injected_instructions": "Instructions to the model that will read the text.",
        "poisoned_seeds": "Records that look planted: bursts of near-duplicates, and trigger words.",
        "verbatim": "Long pieces of a person's text in what a model wrote.",
        "canaries": "Planted strings that came out again.",
        "few_are_held": "So much of the batch is held back that something is wrong with all of it.",
    }

    personal_data: Action = _action("personal data")
    secrets: Action = _action("a secret")
    injected_instructions: Action = _action("hidden instructions")
    poisoned_seeds: Action = _action("signs of being planted")
    verbatim: Action = Field(
        "warning", description="What becomes of a record with long pieces of the texts behind it; the same choices."
    )
    verbatim_words: int = Field(50, ge=5, description="Words in one piece that are long, in any record.")
    verbatim_share: float = Field(
        0.3, gt=0, le=1, description="The share of a record's words that is long in one piece."
    )
    canaries: list[_Canary] = Field(
        [], max_length=1_000, description="Strings planted in the sources; one in what a model wrote closes the gate."
    )
    min_entropy: float = Field(
        MIN_ENTROPY, ge=0, le=6, description="Bits a character that a key has at least; a short one has less."
    )
    injection_threshold: float = Field(
        THRESHOLD, gt=0, le=10, description="The score from which a text counts as an injection."
    )
    burst: int = Field(
        5, ge=2, le=10_000, description="Different texts of a source, nearly the same, that are a burst."
    )
    trigger_support: int = Field(5, ge=2, le=10_000, description="Records that a word must decide to be a trigger.")
    max_held_share: float = Field(
        0.5, gt=0, le=1, description="The largest share of a batch that may be held back before its gate closes."
    )
    recognisers: Recognisers = Field(
        [], description="Recognisers of names that other packages bring, as a second tier; see the docs."
    )

    def inspect(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, ancestors: Ancestors
    ) -> Sequence[Found]:
        looked = list(_looked_through(flat))
        found = [
            *self._pieces("personal_data", self.personal_data, looked, may_hold_personal_data, personal_data),
            *self._named(looked),
            *self._pieces("secrets", self.secrets, looked, may_hold_secrets, self._secrets_in),
            *self._injected(looked),
            *self._followed(flat),
            *self._poisoned(flat),
            *self._copied(flat, ancestors),
            *self._come_out(flat, looked),
        ]
        return [*found, *self._too_many(found, flat.num_rows)]

    def _secrets_in(self, text: str) -> Sequence[Piece]:
        return secrets_in(text, self.min_entropy)

    def _pieces(
        self,
        check: str,
        action: Action,
        looked: Sequence[Looked],
        may_hold: Prefilter,
        search: Callable[[str], Sequence[Piece]],
    ) -> Iterator[Found]:
        """Each piece with its place; of what only another reading of a text shows, each kind once."""
        if action == "off":
            return
        told: set[tuple[bytes, str]] = set()  # of a record, in any of its columns
        for column in looked:
            for row, text in column.that(may_hold):
                for piece in search(text):
                    told.add((column.ids[row], piece.kind))
                    yield _found(check, action, column.ids[row], column.name, piece)
        for column in looked:
            for row, reading in column.readings_that(may_hold):
                for piece in search(reading.text):
                    new = (column.ids[row], piece.kind)
                    if new not in told and reading.shows(piece.start, piece.end):
                        told.add(new)
                        yield _disguised(check, action, column.ids[row], column.name, piece, reading)

    def _named(self, looked: Sequence[Looked]) -> Iterator[Found]:
        if self.personal_data == "off" or not self.recognisers:
            return
        texts = [(column.ids[row], column.name, text) for column in looked for row, text in column.that(None)]
        for name in self.recognisers:
            pieces_of = recogniser(name)([text for _, _, text in texts])
            for (record_id, column, _), pieces in zip(texts, pieces_of, strict=True):
                for piece in pieces:
                    yield _found("personal_data", self.personal_data, record_id, column, Piece(*piece))

    def _injected(self, looked: Sequence[Looked]) -> Iterator[Found]:
        if self.injected_instructions == "off":
            return
        for column in looked:
            may = (*column.that(may_be_injections), *column.readings_that(may_be_injections))
            rows = sorted({row for row, _ in may})
            hits = injections([as_read(column.text(row), column.readings_of(row)) for row in rows])
            for row, hit in zip(rows, hits, strict=True):
                if hit.score >= self.injection_threshold:
                    yield Found(
                        check="injected_instructions",
                        kind="prompt_injection",
                        severity=self.injected_instructions,
                        record_id=column.ids[row],
                        column=column.name,
                        start=hit.start,
                        end=hit.end,
                        score=hit.score,
                        note=", ".join(hit.features),
                    )

    def _followed(self, flat: pa.Table) -> Iterator[Found]:
        """Texts that a reader obeyed, as `probe_instructions` has marked them."""
        if self.injected_instructions == "off" or "attributes" not in flat.column_names:
            return
        marked = pc.fill_null(pc.match_substring(flat["attributes"], f'"{_PROBE}":'), False)  # type: ignore[attr-defined]
        rows = flat.filter(marked)
        for record_id, attributes in zip(rows["record_id"].to_pylist(), rows["attributes"].to_pylist(), strict=True):
            shown = json.loads(attributes).get(_PROBE)
            if isinstance(shown, str):
                yield Found(
                    check="injected_instructions",
                    kind="obeyed_by_a_reader",
                    severity=self.injected_instructions,
                    record_id=record_id,
                    column="text",
                    note=shown if _IS_A_LABEL.fullmatch(shown) else "",
                )

    def _poisoned(self, flat: pa.Table) -> Iterator[Found]:
        severity = self.poisoned_seeds
        if severity == "off" or not flat.num_rows:
            return
        ids = flat["record_id"].to_pylist()
        shared = bursts(flat["text"].to_pylist(), flat["source"].to_pylist(), self.burst)
        yield from _scored("near_duplicate_burst", severity, ids, shared, "share of its pieces that others have")
        if "response" in flat.column_names:
            asked, answered = flat["instruction"].to_pylist(), flat["response"].to_pylist()
            yield from _scored(
                "trigger_word",
                severity,
                ids,
                triggered(asked, answered, self.trigger_support),
                "times as often as by chance",
            )

    def _copied(self, flat: pa.Table, ancestors: Ancestors) -> Iterator[Found]:
        """Records of models with a long piece of what people wrote behind them, the longest of each record."""
        if self.verbatim == "off":
            return
        written = _by_models(flat)
        ids = written["record_id"].to_pylist()
        texts = words(normalise(written["text"]))
        longest = longest_copies(texts, seeds_in_parts(ancestors, ids))
        share = longest / np.maximum(texts.counts, 1)
        for place in np.flatnonzero((longest >= self.verbatim_words) | (share >= self.verbatim_share)):
            yield Found(
                check="verbatim",
                kind="copied_words",
                severity=self.verbatim,
                record_id=ids[place],
                column="text",
                score=float(longest[place]),
                note=f"words in one piece of a source, {share[place]:.0%} of the record",
            )

    def _come_out(self, flat: pa.Table, looked: Sequence[Looked]) -> Iterator[Found]:
        if not self.canaries:
            return
        written = pc.greater(flat["synthetic_depth"], 0).to_pylist()  # type: ignore[attr-defined]
        for number, canary in enumerate(self.canaries, start=1):
            holds = partial(_holds, canary)
            for column in looked:
                hits = {row for row, _ in (*column.that(holds), *column.readings_that(holds)) if written[row]}
                for row in sorted(hits):
                    yield Found(
                        check="canaries",
                        kind="canary",
                        severity="critical",
                        record_id=column.ids[row],
                        column=column.name,
                        note=f"canary {number} of {len(self.canaries)}",
                    )

    def _too_many(self, found: Sequence[Found], records: int) -> Iterator[Found]:
        held = {one.record_id for one in found if one.severity == "quarantine"}
        if records and len(held) > self.max_held_share * records:
            note = f"of the records are held back, and {self.max_held_share:.0%} may be"
            share = len(held) / records
            yield Found(check="few_are_held", kind="held_share", severity="critical", score=share, note=note)


def _by_models(flat: pa.Table) -> pa.Table:
    return flat.filter(pc.greater(flat["synthetic_depth"], 0))  # type: ignore[attr-defined]


def _found(check: str, severity: Severity, record_id: bytes, column: str, piece: Piece) -> Found:
    return Found(
        check=check,
        kind=piece.kind,
        severity=severity,
        record_id=record_id,
        column=column,
        start=piece.start,
        end=piece.end,
    )


def _scored(kind: str, severity: Severity, ids: Sequence[bytes], scores: Iterable[float], note: str) -> Iterator[Found]:
    for record_id, score in zip(ids, scores, strict=True):
        if score > 0:
            yield Found(
                check="poisoned_seeds",
                kind=kind,
                severity=severity,
                record_id=record_id,
                column="text",
                score=float(score),
                note=note,
            )


def _disguised(check: str, severity: Severity, record_id: bytes, column: str, piece: Piece, reading: Reading) -> Found:
    """A piece that stands in the text in other characters, at the same place or nobody knows where."""
    start, end = (piece.start, piece.end) if reading.in_place else (None, None)
    return Found(
        check=check,
        kind=piece.kind,
        severity=severity,
        record_id=record_id,
        column=column,
        start=start,
        end=end,
        note=f"disguised: {reading.how}",
    )


def _holds(canary: str, texts: pa.Array) -> np.ndarray:
    found = pc.match_substring(pc.fill_null(texts, ""), canary, ignore_case=True)  # type: ignore[attr-defined]
    return found.to_numpy(zero_copy_only=False)


def _looked_through(flat: pa.Table) -> Iterator[Looked]:
    """The columns with words; of the text also what stands across the seams of its fields and turns."""
    ids = flat["record_id"].to_pylist()
    for name in (name for name in _WORDS if name in flat.column_names):
        texts = pa.chunked_array(flat[name]).combine_chunks().cast(pa.string())
        if not pc.any(pc.greater(pc.binary_length(texts), 0)).as_py():  # type: ignore[attr-defined]
            continue
        across = []
        if name == "text":
            titles = flat["title"] if "title" in flat.column_names else None
            across = list(seams(texts, titles, turns="instruction" in flat.column_names))
        yield Looked.of(name, ids, texts, across)
