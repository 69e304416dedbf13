"""Generative Data Refinement: what may not stay in a text is exchanged, so that the text need not be dropped.

Paper: arXiv:2509.08653. One output for each input: a model names the pieces that are private, or hurtful, with fitting
stand-ins; detectors check the result, a failure is tried again, and what fails still is dropped. The paper has the
whole text written anew. Here only the pieces are asked for and a program exchanges them, so that nothing else can
change and a name has one stand-in in the whole document. Prompts and detectors are ours.
"""

import ast
import warnings
from collections.abc import Mapping
from typing import ClassVar, Literal, TypeAlias

from pydantic import BaseModel, Field

from synth_dagster.method import Proof, Refiner
from synth_dagster.parts.asking.calls import prompt, tagged, together, written_by
from synth_dagster.parts.privacy.personal_data import personal_data
from synth_dagster.parts.privacy.secrets import secrets_in
from synth_dagster.parts.text.rewriting import pieces
from synth_dagster.parts.text.stand_ins import Exchanged, exchanged, may_be_exchanged, stands_in
from synth_dagster.parts.text.words import is_blank
from synth_dagster.prompt import Prompt
from synth_dagster.records import Document, Json
from synth_dagster.services import Call, Drop, Reply, Sampling, Teacher

Mode: TypeAlias = Literal["anonymize", "code_anonymize", "detoxify"]

_FORM = """
Give each piece letter by letter as it stands in the text, and a stand-in that fits in its place: the text must read as
before. The same piece has the same stand-in everywhere. List nothing that may stay. What stands between the tags "left"
was overlooked before.
"""

_PRIVATE = """
Private are: names of people who are not known to the public, e-mail and postal addresses, telephone numbers, numbers of
cards, accounts, passports and insurances, dates of birth, user names, IP addresses, passwords and keys. Public is what
anybody may know and stays: names of public people, places, companies and works, dates of history, prices, versions.
"""

PROMPTS: Mapping[Mode, Prompt] = {
    "anonymize": prompt(
        system="You find private things in texts, so that they can be exchanged for made-up ones.",
        user="{text}{left}List what is private in the text.\n"
        + _PRIVATE
        + "A made-up person has a name of the same kind; made-up addresses end in example.com, numbers are 555-0100 to "
        "555-0199.\n" + _FORM,
        variables="text left",
    ),
    "code_anonymize": prompt(
        system="You find private things in program code, so that they can be exchanged for made-up ones.",
        user="{text}{left}List what is private in this code, its comments and its strings.\n"
        + _PRIVATE
        + "The code must run as before: never list names of functions, variables and modules, and keep the form of "
        "strings and numbers.\n" + _FORM,
        variables="text left",
    ),
    "detoxify": prompt(
        system="You find hurtful words in texts, so that the texts can be kept without them.",
        user="{text}{left}List the pieces of the text that insult, threaten, demean or are obscene, each as short as "
        "it can be, with words in its place that say the same without hurting anybody.\n" + _FORM,
        variables="text left",
    ),
}

HURTFUL = prompt(
    system="You judge how hurtful texts are.",
    user="{text}How hurtful is the text to people? 0: not at all; 1: rough in tone; 2: impolite; 3: insulting; 4: "
    "demeaning or threatening; 5: hateful. Judge the text itself, not what it reports.",
    variables="text",
)

FINDING = Sampling(temperature=0.0, max_tokens=2_048)
SCORING = Sampling(temperature=0.0, max_tokens=64)


class Piece(BaseModel):
    """A piece of the text and what is to stand in its place."""

    original: str = Field(description="The piece, letter by letter as it stands in the text.")
    replacement: str = Field(description="What is to stand there instead.")


class Pieces(Reply):
    """What is to be exchanged; empty if nothing is."""

    replacements: list[Piece] = Field(default_factory=list, description="The pieces to exchange.")


class Hurt(Reply):
    """How hurtful a text is."""

    score: int = Field(ge=0, le=5, description="0 to 5: how hurtful the text is.")


class Gdr(Refiner[Document]):
    """Exchanges in text, title and url; `attributes["gdr"]` says where and how much, never what was there."""

    paper = "arXiv:2509.08653"
    topics: ClassVar[tuple[str, ...]] = (
        "personal data",
        "PII",
        "privacy",
        "anonymise",
        "anonymize",
        "toxic text",
        "detoxify",
        "safety",
    )
    proof = Proof(
        "planted signal",
        "Of private data planted in 500 texts .99 or more is found at precision .80 or more; texts without any stay. "
        "After refined texts small students answer no private question, where raw ones teach .51 of them, and .68 of "
        "the public ones, where raw ones teach .71; of the very same .83, and .92 after the raw ones in another order "
        "(`python -m benchmarks.students gdr`; in six seeds .60 to .89, .80 on average). Stand-ins must be made up: "
        "with names of people whom students know otherwise they kept .58.",
    )
    redacts: ClassVar[bool] = True

    mode: Mode = Field("anonymize", description="What is exchanged: private data, the same in code, or hurtful words.")
    ask: Literal["all", "found"] = Field(
        "all", description="Ask about every document, as the paper does, or only where a detector finds something."
    )
    tries: int = Field(3, ge=1, le=10, description="How often a document is asked about until detectors find nothing.")
    most_changed: float = Field(
        0.3, gt=0, le=1, description="Drop a document of which a larger share of characters would be exchanged."
    )
    most_hurtful: int = Field(1, ge=0, le=4, description="Highest score from 0 to 5 with which a document may stay.")
    keep: tuple[str, ...] = Field((), description="Names that are public and are never exchanged.")
    piece_tokens: int = Field(1_500, ge=50, description="Longest piece of a document that is asked about at once.")

    async def refine(self, document: Document, /, *, refiner: Teacher, judge: Teacher) -> Document | Drop:
        only_found = self.ask == "found" or self.mode == "detoxify"
        if is_blank(document.body) or (only_found and not await self._left(document, judge)):
            return document
        stand_ins: dict[str, str] = {}
        left: tuple[str, ...] = ()
        call: Call | None = None
        for attempt in range(self.tries):
            call = await self._add(stand_ins, document, left, attempt, refiner)
            refined = self._with(document, stand_ins)
            left = await self._left(refined, judge)
            if not left:
                return self._outcome(document, stand_ins, attempt + 1, call)
        return Drop("still_there", f"after {self.tries} tries: {', '.join(left)}", call=call)

    # ------------------------------------------------------------------------------------------------------- asking

    async def _add(
        self, stand_ins: dict[str, str], document: Document, left: tuple[str, ...], attempt: int, refiner: Teacher
    ) -> Call | None:
        """Asks about the document as it is by now. A piece keeps its stand-in, unless that is named itself."""
        now = self._with(document, stand_ins)
        heading = "\n".join(text for text in (now.title, now.url) if text)
        shown = [*pieces(now.body, self.piece_tokens), *([heading] if heading else [])]
        replies = await together(
            *(
                refiner.ask(
                    PROMPTS[self.mode],
                    into=Pieces,
                    sampling=FINDING,
                    sample=attempt,
                    text=tagged("text", piece),
                    left=tagged("left", ", ".join(left)),
                )
                for piece in shown
                if not is_blank(piece)
            )
        )
        whole = _all_text(document)
        for item in (item for reply in replies for item in reply.replacements):
            if item.original in self.keep or not may_be_exchanged(item.original, item.replacement):
                continue
            stand_ins |= {piece: item.replacement for piece, old in stand_ins.items() if old == item.original}
            if stands_in(item.original, whole):
                stand_ins.setdefault(item.original, item.replacement)
        return replies[0].call if replies else None

    async def _left(self, document: Document, judge: Teacher) -> tuple[str, ...]:
        """The kinds of what detectors find, without the pieces themselves."""
        if self.mode == "detoxify":
            shown = pieces(document.body, self.piece_tokens)
            scores = await together(
                *(judge.ask(HURTFUL, into=Hurt, sampling=SCORING, text=tagged("text", one)) for one in shown)
            )
            return ("hurtful",) if max(one.score for one in scores) > self.most_hurtful else ()
        text = _all_text(document)
        found = [one for one in (*personal_data(text), *secrets_in(text)) if text[one.start : one.end] not in self.keep]
        return tuple(sorted({one.kind for one in found}))

    # ------------------------------------------------------------------------------------------------------ outcome

    def _with(self, document: Document, stand_ins: Mapping[str, str]) -> Document:
        fields = {"body": document.body, "title": document.title, "url": document.url}
        return document.but(**{name: text and exchanged(text, stand_ins).text for name, text in fields.items()})

    def _outcome(
        self, document: Document, stand_ins: Mapping[str, str], attempts: int, call: Call | None
    ) -> Document | Drop:
        body = exchanged(document.body, stand_ins)
        refined = self._with(document, stand_ins)
        if (refined.body, refined.title, refined.url) == (document.body, document.title, document.url):
            return document
        changed = body.characters / len(document.body)
        if changed > self.most_changed:
            return Drop("changed_too_much", f"{changed:.2f} of its characters", call=call)
        if self.mode == "code_anonymize" and parses(document.body) and not parses(refined.body):
            return Drop("broken_code", call=call)
        # stand-ins for private data are made up, the text around them is the author's; softer words are a model's text
        wrote = written_by(call) if self.mode == "detoxify" else {}
        return refined.but(
            parents=(document,), attributes={**document.attributes, "gdr": _told(body, changed, attempts)}, **wrote
        )


def _told(body: Exchanged, changed: float, attempts: int) -> dict[str, Json]:
    return {
        "attempts": attempts,
        "delta": round(changed, 6),
        "spans_before": [list(span) for span in body.before],
        "spans_after": [list(span) for span in body.after],
    }


def _all_text(document: Document) -> str:
    return "\n".join(text for text in (document.title, document.url, document.body) if text)


def parses(code: str) -> bool:
    """Whether a text is a program in Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True
