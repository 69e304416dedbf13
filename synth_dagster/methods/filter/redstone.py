"""RedStone's domains: keeps pages of mathematics, of choice questions, of open questions, or with code.

Paper: arXiv:2412.03398. Rules find candidates and a linear classifier, learnt from your labelled texts, confirms them;
without labelled texts the rules decide alone. Read `redstone_extract` first, or formulas and code are gone. The code
takes a choice question from a probability of .175 on (that of the other label is below .825), where the paper says
.825: `min_probability` is the paper's.
"""

import re
from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Filter, LabelsPath, Proof, Rules, Signals
from synth_dagster.parts.models.linear_text import VERSION, LinearText, TrainingSettings
from synth_dagster.records import Document
from synth_dagster.services import Models

# Commands of TeX that stand in mathematics and hardly elsewhere, as the official list names them.
_MATHEMATICS = re.findall(
    r"\w+",
    """
displaystyle alpha beta gamma delta zeta eta iota kappa mu nu xi rho tau phi chi psi omicron epsilon pi lambda omega
sigma theta vartheta times cdot dot div frac dfrac log exp poly eq neq leq geq approx infty int sum lim begin subset
supset top star sim simeq ne ll gg pm mp triangleleft triangleright ast circ bullet oplus odot otimes ominus oslash
bigcirc wr dagger bigtriangleup bigtriangledown setminus sqcup wedge dotplus centerdot ltimes rtimes prod coprod iint
iiint iiiint idotsint bigoplus big oint rightarrow to leftarrow gets uparrow downarrow forall exists pmod cup cap hat
acute check grave vec ddot tilde breve mathring land lor lnot in smile frown mid sin cos tan equiv prec preccurlyeq sqrt
""",
)
_OPERATOR = r"[-+*/%=<>^_()\[\]{}$]|\|\||&&|sqrt|sum|int"
_NUMERALS = ("abcd", "1234", ("i", "ii", "iii", "iv"))
_QUADRUPLES = tuple(
    tuple(f"{before}{numeral}{after}" for numeral in row)
    for row in _NUMERALS
    for before, after in (("", "."), ("", ")"), ("\n", " "), (">", "<"))
)
_QUESTION = (
    r"q&a|q & a|(?:q|que|question|quiz|exam|examination|probe|request|challenge|test|query|survey):"
    r"|what|where|why|when|whoes|who|how"
)
_ANSWER = (
    r"q&a|q & a|(?:a|ans|answer|solution|reply|response|result|outcome|explanation|conclusion|finding|assertion"
    r"|statement|clarification):"
)


class Redstone(Filter, TrainingSettings):
    """Commands and signs of mathematics, options, words of questions and answers, blocks of code, and a probability."""

    paper = "arXiv:2412.03398"
    proof = Proof(
        "planted signal",
        "Of planted 5 % pages of mathematics among news recall above .95 at precision above .9; rules take of 170 "
        "pages those that the released layers take, and decide as a plain loop over 400 pages does.",
    )
    version = VERSION
    judges = (Document,)
    topics: ClassVar[tuple[str, ...]] = ("mathematics", "multiple choice", "question answering", "LaTeX", "source code")

    domain: Literal["math", "mcq", "open_qa", "code"] = Field("math", description="Which pages are kept.")
    examples: LabelsPath = Field("", description="Labelled texts (.jsonl: text, label) for the classifier.")
    label: str = Field("good", min_length=1, description="The label of the texts that are wanted.")
    min_probability: float = Field(
        0.825, ge=0, le=1, description="A page must be this probable; .825 for choice questions, .5 for others there."
    )
    sure_commands: int = Field(5, ge=1, description="Different commands from which mathematics needs no classifier.")

    def threshold_settings(self) -> frozenset[str]:
        return frozenset({"domain", "min_probability", "sure_commands"})

    def measure(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, models: Models
    ) -> Mapping[str, pa.Array]:
        text = flat["text"].combine_chunks()
        if not self.examples:
            return {"probability": pa.nulls(len(text), pa.float64())}
        examples = models.examples(self.examples, label=self.label)
        model = LinearText.unpacked(models.trained("ngram_classifier", self.training(), examples))
        found = model.probabilities(text)[:, model.labels.index(self.label)] if len(text) else np.zeros(0)
        return {"probability": pa.array(found, pa.float64(), mask=text.is_null().to_numpy(zero_copy_only=False))}

    def signals(self) -> Signals:
        known = "|".join(sorted(_MATHEMATICS, key=len, reverse=True))
        options = " or ".join(
            "(" + " and ".join(f"contains(_low, {_quoted(one)})" for one in row) + ")" for row in _QUADRUPLES
        )
        return {
            "_low": "lower(text)",
            "any_command": r"regexp_matches(text, '\\[A-Z]{0,9}[a-z]{2,9}')",
            "commands": rf"len(list_distinct(regexp_extract_all(_low, '\\({known})[^a-z]', 1)))",
            "operators": f"regexp_matches(_low, '{_OPERATOR}')",
            "says_choice": "contains(_low, 'choice question')",
            "options": options,
            "question_words": f"len(regexp_extract_all(_low, '[^a-z](?:{_QUESTION})[^a-z]'))",
            "answer_words": f"len(regexp_extract_all(_low, '[^a-z](?:{_ANSWER})[^a-z]'))",
            "code_blocks": "matches(text, '```') // 2",
        }

    def rules(self) -> Rules:
        sure = f"coalesce(probability >= {self.min_probability}, {'false' if self.examples else 'true'})"
        return {
            "math": {
                "no_formula": "not any_command or commands = 0",
                "one_command": "commands = 1 and not operators",
                "improbable": f"commands < {self.sure_commands} and not {sure}",
            },
            "mcq": {"no_choice_question": "not says_choice", "no_options": "not options", "improbable": f"not {sure}"},
            "open_qa": {
                "few_questions": "question_words < 2",
                "few_answers": "answer_words < 2",
                "improbable": f"not {sure}",
            },
            "code": {"no_code": "code_blocks < 1", "improbable": f"not {sure}"},
        }[self.domain]


def _quoted(piece: str) -> str:
    return "'" + piece.replace("\n", "' || chr(10) || '") + "'"
