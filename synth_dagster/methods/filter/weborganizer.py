"""WebOrganizer: tells each page's topic and format by heads learnt from what a judge said of a sample, as domains.

Paper: arXiv:2502.10341. `weborganizer_labels` has the judge label a sample; its labels are a file of the project. The
signals topic, format and domain (both together) are what `weborganizer_mix` and other mixtures go by, and what is
dropped where you name labels. The paper distils into an encoder of 140M that reads the address before the text; here
the vectors are those of the text's words, or, with `vectors: embedder`, of the model of a step `embed`. Both
know the text alone: what a judge was told by the address is learnt only where the text says it too.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.errors import SynthError
from synth_dagster.method import Filter, LabelsPath, Proof, Rules
from synth_dagster.parts.models.linear_head import VERSION, HeadSettings
from synth_dagster.parts.pages.domain_heads import agreement, heads, told
from synth_dagster.parts.similarity.chosen_vectors import VectorChoice
from synth_dagster.parts.sql import literal
from synth_dagster.records import Document
from synth_dagster.services import Models, Vectors


class Weborganizer(Filter, HeadSettings, VectorChoice):
    """Topic and format of each page, how sure that is, and both as one domain."""

    paper = "arXiv:2502.10341"
    proof = Proof(
        "planted signal",
        "Topic and format of planted pages that it has not seen are right for over 90 %; a head that errs is refused.",
    )
    version = VERSION
    judges = (Document,)
    topics: ClassVar[tuple[str, ...]] = ("topic", "format", "domains", "taxonomy")

    judged: LabelsPath = Field(
        description="Judged pages (.jsonl, .json): text, topic and format, or records as 'synth show --json' has them."
    )
    drop: tuple[str, ...] = Field((), description="Topics and formats to drop, such as [spam_ads, adult].")
    min_agreement: float = Field(
        0.5, ge=0, le=1, description="Refuse a head that calls fewer pages, unseen, what the judge called them."
    )

    def threshold_settings(self) -> frozenset[str]:
        return frozenset({"drop"})

    def measure(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, models: Models, vectors: Vectors
    ) -> Mapping[str, pa.Array]:
        text = flat["text"].combine_chunks()
        found: dict[str, pa.Array] = {}
        for side, head in heads(models, self.judged, self, self.chosen(vectors)).items():
            if (right := agreement(head)) < self.min_agreement:
                raise SynthError(
                    f"What was learnt from the {len(head.targets)} pages of '{self.judged}' tells the {side} of "
                    f"{right:.0%} of those that it has not seen; {self.min_agreement:.0%} is asked for. Label more "
                    "pages, or lower 'min_agreement'."
                )
            names, shares = told(head, text)
            unread = text.is_null().to_numpy(zero_copy_only=False) | np.isnan(shares)
            found[side] = pa.array(names, pa.string(), mask=unread)
            found[f"{side}_share"] = pa.array(shares, pa.float64(), mask=unread)
        both = zip(found["topic"].to_pylist(), found["format"].to_pylist(), strict=True)
        found["domain"] = pa.array([f"{topic} x {form}" if topic else None for topic, form in both], pa.string())
        return found

    def rules(self) -> Rules:
        dropped = ", ".join(map(literal, self.drop))
        named = {"unwanted": f"topic in ({dropped}) or format in ({dropped})"} if self.drop else {}
        return {"no_vector" if self.vectors == "embedder" else "no_text": "topic is null", **named}
