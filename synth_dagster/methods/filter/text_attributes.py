"""Tells quality, domain, toxicity and type of speech of each text by what labelled texts say, as signals to go by.

Paper: arXiv:2407.06380 (Data, Data Everywhere), where each attribute has a DeBERTa-V3 classifier; here it is a linear
head over vectors of words, which needs no weights from elsewhere. A label is a bucket (quality low, mid, high): mix by
`text_attributes__domain`, draw what is like the good ones by `data_everywhere`, or drop labels. A head that
takes texts for others moves them between buckets, so one that errs too often on texts it has not seen is refused.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.errors import SynthError
from synth_dagster.method import Filter, LabelsPath, Proof, Rules
from synth_dagster.parts.models.linear_head import VERSION, HeadSettings, TextHead, macro_f1
from synth_dagster.parts.sql import literal
from synth_dagster.records import Document, Instruction
from synth_dagster.services import Models

ATTRIBUTES = ("quality", "domain", "toxicity", "type_of_speech")


class TextAttributes(Filter, HeadSettings):
    """A label for each attribute that has a file of labelled texts, and how large a share of the text speaks for it."""

    paper = "arXiv:2407.06380"
    proof = Proof(
        "planted signal",
        "Labels of planted texts that it has not seen are right for over 90 %; a head that errs is refused with the "
        "two labels that it mixes up most.",
    )
    version = VERSION
    judges = (Document, Instruction)
    topics: ClassVar[tuple[str, ...]] = ("attributes", "toxicity", "domain", "buckets")

    quality: LabelsPath = Field(description="Labelled texts (.jsonl with text and label, or a folder for each label).")
    domain: LabelsPath = Field("", description="Labelled texts that tell domains.")
    toxicity: LabelsPath = Field("", description="Labelled texts that tell what is toxic.")
    type_of_speech: LabelsPath = Field("", description="Labelled texts that tell news, dialogue and the like.")
    drop: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Attribute -> labels to drop, as {quality: [low]}; none unless named."
    )
    min_f1: float = Field(
        0.5, ge=0, le=1, description="Refuse a head whose macro-F1 is lower on texts that it has not seen."
    )

    def threshold_settings(self) -> frozenset[str]:
        return frozenset({"drop"})

    def measure(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, models: Models
    ) -> Mapping[str, pa.Array]:
        text = flat["text"].combine_chunks()
        unread = text.is_null().to_numpy(zero_copy_only=False)
        found: dict[str, pa.Array] = {}
        for attribute in self._told():
            head = self._head(getattr(self, attribute), models)
            shares = head.shares(text)
            best = shares.argmax(axis=1)
            names = np.array(head.names, object)[best] if len(text) else np.zeros(0, object)
            found[attribute] = pa.array(names, pa.string(), mask=unread)
            found[f"{attribute}_share"] = pa.array(shares[np.arange(len(text)), best], pa.float64(), mask=unread)
        return found

    def rules(self) -> Rules:
        for attribute in self.drop:
            if attribute not in self._told():
                raise SynthError(
                    f"text_attributes: 'drop' names '{attribute}', which has no labelled texts. "
                    f"Give it a file, or name one of {', '.join(self._told())}."
                )
        return {"no_text": "quality is null"} | {
            f"dropped_{attribute}": f"{attribute} in ({', '.join(map(literal, labels))})"
            for attribute, labels in self.drop.items()
            if labels
        }

    def _told(self) -> tuple[str, ...]:
        return tuple(attribute for attribute in ATTRIBUTES if getattr(self, attribute))

    def _head(self, path: str, models: Models) -> TextHead:
        examples = models.examples(path)
        head = TextHead.unpacked(models.trained("embedding_head", {"target": "class", **self.training()}, examples))
        wanted, said = head.targets.argmax(axis=1), head.left_out.argmax(axis=1)
        if (found := macro_f1(wanted, said)) < self.min_f1:
            raise SynthError(
                f"What was learnt from the {len(wanted)} texts of '{path}' tells their labels with a macro-F1 of "
                f"{found:.2f} on texts that it has not seen; {self.min_f1:g} is asked for. "
                f"{_mixed_up(head.names, wanted, said)} Label more texts, or lower 'min_f1'."
            )
        return head


def _mixed_up(names: tuple[str, ...], wanted: np.ndarray, said: np.ndarray) -> str:
    """The two labels of which one is most often taken for the other."""
    wrong = np.zeros((len(names), len(names)), np.int64)
    np.add.at(wrong, (wanted, said), wanted != said)
    label, other = divmod(int(wrong.argmax()), len(names))
    return f"{wrong[label, other]} texts of '{names[label]}' are taken for '{names[other]}'."
