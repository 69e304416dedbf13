"""Constraints on a text that a program can check, as data: length, keyword, case, form, language and pattern.

The kinds are those of verifiable instructions (IFEval, arXiv:2311.07911); names and wording are ours. A constraint is
plain data in a recipe or a file, such as `{kind: words, at_most: 40}`, and says of each text of a batch whether it
holds. A blank text meets none: nothing was answered.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator, model_validator

from synth_dagster.parts.text.words import is_blank, words

Unit: TypeAlias = Literal["characters", "words", "sentences", "lines", "paragraphs"]
Case: TypeAlias = Literal["upper", "lower", "capitals"]
Form: TypeAlias = Literal["json", "bullets", "numbered", "one_line", "title", "quoted"]

# One mark, or several as in `?!`, before white space or the end; full-width marks need no space.
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s|$)|[。！？]+")
_BULLET = re.compile(r"\s*[-*•]\s+\S")
_NUMBERED = re.compile(r"\s*(\d{1,4})[.)]\s+\S")
_TITLE = re.compile(r"(?:#+ *\S|<<[^<>\n]+>>)")


class _Constraint(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def meets(self, text: str) -> bool:
        """Whether a text that is not blank meets it."""
        raise NotImplementedError

    def holds(self, texts: Sequence[str]) -> list[bool]:
        """For each text whether it meets the constraint; a blank one never does."""
        return [not is_blank(text) and self.meets(text) for text in texts]


class _Counted(_Constraint):
    at_least: int = Field(0, ge=0, description="Fewest that are allowed.")
    at_most: int | None = Field(None, ge=0, description="Most that are allowed; no limit if it is not given.")

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        if self.at_least == 0 and self.at_most is None:
            raise ValueError("a constraint that counts needs 'at_least', 'at_most' or both")
        if self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"'at_least' is {self.at_least} and 'at_most' {self.at_most}: no text meets both")
        return self

    def allows(self, number: int) -> bool:
        return self.at_least <= number and (self.at_most is None or number <= self.at_most)


class Length(_Counted):
    """How long a text is, in one unit."""

    kind: Literal["length"] = "length"
    unit: Unit = Field("words", description="What is counted.")

    def meets(self, text: str) -> bool:
        return self.allows(COUNTS[self.unit](text))


class Keyword(_Counted):
    """How often a word or a run of words stands in a text, whole and in any case."""

    kind: Literal["keyword"] = "keyword"
    word: str = Field(description="The word; several are one run.")

    @field_validator("word")
    @classmethod
    def _is_a_word(cls, word: str) -> str:
        if is_blank(word):
            raise ValueError("a keyword needs a letter or a digit")
        return word

    def meets(self, text: str) -> bool:
        run = r"\s+".join(map(re.escape, self.word.casefold().split()))
        return self.allows(len(re.findall(rf"(?<!\w){run}(?!\w)", text.casefold())))


class LetterCase(_Constraint):
    """Which case the letters of a text have; one without letters that have case meets none."""

    kind: Literal["case"] = "case"
    case: Case = Field(description="upper: all letters; lower: all letters; capitals: the first one of each word.")

    def meets(self, text: str) -> bool:
        if self.case == "capitals":
            starts = [match[0] for match in re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", text)]
            return any(map(_has_case, starts)) and not any(start.islower() for start in starts)
        return text.isupper() if self.case == "upper" else text.islower()


class Format(_Constraint):
    """The form of a whole text."""

    kind: Literal["format"] = "format"
    form: Form = Field(
        description=(
            "json: one value, a fence around it is allowed; bullets: each line is a point; numbered: each line has its "
            "number, from 1; one_line; title: it begins with a heading or <<title>>; quoted: in double quotes."
        )
    )

    def meets(self, text: str) -> bool:
        return FORMS[self.form](text.strip())


class Language(_Constraint):
    """The language of a text, as `synth_dagster.parts.text.languages` tells it; short texts are told badly."""

    kind: Literal["language"] = "language"
    language: str = Field(description="ISO 639-1 code, or 639-3 where there is none, such as fr.")

    @field_validator("language")
    @classmethod
    def _is_known(cls, language: str) -> str:
        if not re.fullmatch(r"[a-z]{2,3}", language):
            raise ValueError(f"'{language}' is no language code; give one of two or three letters, such as fr")
        return language

    def holds(self, texts: Sequence[str]) -> list[bool]:
        import pyarrow as pa

        from synth_dagster.parts.text.languages import languages_of

        sound = [text.encode("utf-8", "replace").decode() for text in texts]
        names = languages_of(pa.array(sound, pa.string())).names
        return [not is_blank(text) and bool(name == self.language) for text, name in zip(texts, names, strict=True)]


class Pattern(_Constraint):
    """A regular expression that a text has, or has not; RE2's, so that no pattern takes for ever."""

    kind: Literal["regex"] = "regex"
    pattern: str = Field(description="What is looked for anywhere in the text; ^ and $ are its ends.")
    absent: bool = Field(False, description="The text must not have it.")

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        import pyarrow as pa

        try:
            _found(pattern, ["a"])
        except pa.ArrowInvalid as error:
            raise ValueError(f"RE2 cannot read the pattern '{pattern}': correct it ({error})") from None
        return pattern

    def holds(self, texts: Sequence[str]) -> list[bool]:
        found = _found(self.pattern, texts)
        return [not is_blank(text) and has != self.absent for text, has in zip(texts, found, strict=True)]


Constraint: TypeAlias = Annotated[
    Length | Keyword | LetterCase | Format | Language | Pattern, Field(discriminator="kind")
]
_ONE: TypeAdapter[Constraint] = TypeAdapter(Constraint)


def constraint(data: Mapping[str, object]) -> Constraint:
    """A constraint from its data. Raises pydantic's ValidationError, which says what is wrong."""
    return _ONE.validate_python(data)


# --------------------------------------------------------------------------------------------------- counts and forms


def sentences(text: str) -> int:
    """How many sentences a text has; what stands after the last mark is one too."""
    pieces = _SENTENCE_END.split(text)
    return sum(not is_blank(piece) for piece in pieces)


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


COUNTS: Mapping[Unit, Callable[[str], int]] = {
    "characters": lambda text: len(text.strip()),
    "words": lambda text: len(words(text)),
    "sentences": sentences,
    "lines": lambda text: len(_lines(text)),
    "paragraphs": lambda text: sum(bool(one.strip()) for one in re.split(r"\n[ \t]*\n", text)),
}


def _is_json(text: str) -> bool:
    fenced = re.fullmatch(r"```(?:json)?\s*\n(.*)\n\s*```", text, re.DOTALL)
    try:
        json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_numbered(text: str) -> bool:
    found = [_NUMBERED.match(line) for line in _lines(text)]
    return [int(one[1]) if one else 0 for one in found] == list(range(1, len(found) + 1))


FORMS: Mapping[Form, Callable[[str], bool]] = {
    "json": _is_json,
    "bullets": lambda text: all(map(_BULLET.match, _lines(text))),
    "numbered": _is_numbered,
    "one_line": lambda text: len(_lines(text)) == 1,
    "title": lambda text: bool(_TITLE.match(text)),
    "quoted": lambda text: len(text) > 2 and text[0] + text[-1] in ('""', "“”"),
}


def _has_case(letter: str) -> bool:
    return letter.upper() != letter.lower()


def _found(pattern: str, texts: Sequence[str]) -> list[bool]:
    import pyarrow as pa
    import pyarrow.compute as pc

    sound = pa.array([text.encode("utf-8", "replace").decode() for text in texts], pa.string())
    return pc.match_substring_regex(sound, pattern).to_pylist()  # pyright: ignore[reportAttributeAccessIssue]
