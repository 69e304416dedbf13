"""Domain statistics: how the records are spread over topics and formats, and how much one says of the other.

Paper: arXiv:2502.10341 (WebOrganizer), where the normalised mutual information of topic and format is about .10: they
are two sides of a page, and worth mixing both. The histogram is the share of each topic and format.
"""

from collections import Counter
from typing import ClassVar

import pyarrow as pa
from pydantic import Field

from synth_dagster.method import LabelsPath, Measure, Measurement, Proof
from synth_dagster.parts.models.linear_head import HeadSettings
from synth_dagster.parts.pages.domain_heads import heads, told
from synth_dagster.parts.pages.long_tail import effective_number
from synth_dagster.parts.similarity.contingency import Table
from synth_dagster.records import Document
from synth_dagster.services import Models


class DomainStatistics(Measure, HeadSettings):
    """Numbers of topics, formats and pairs of both; what binds them together."""

    paper = "arXiv:2502.10341"
    proof = Proof("equation by hand", "NMI and NPMI of a table of two by two; of independent sides 0, of equal ones 1.")
    judges = (Document,)
    topics: ClassVar[tuple[str, ...]] = ("topic", "format", "domains", "NPMI")

    judged: LabelsPath = Field(description="Judged pages, as `weborganizer` reads them.")

    def measure(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, models: Models
    ) -> Measurement:
        text = flat["text"].combine_chunks().drop_null()
        if not len(text):
            return Measurement({"records": 0.0})
        sides = {side: told(head, text)[0].tolist() for side, head in heads(models, self.judged, self).items()}
        table = Table.of(sides["topic"], sides["format"])
        numbers = {"records": float(len(text)), "nmi": table.nmi(), "domains": float(len(table.counts))}
        spread: dict[str, float] = {}
        for side, labels in sides.items():
            counts = Counter(labels)
            numbers |= {f"{side}s": float(len(counts)), f"effective_{side}s": effective_number(counts.values()) or 0.0}
            spread |= {f"{side} {label}": count / len(text) for label, count in counts.most_common()}
        bonds = sorted(table.npmi().items(), key=lambda item: (-item[1], item[0]))
        numbers |= {"strongest_npmi": bonds[0][1], "weakest_npmi": bonds[-1][1]}
        known = {name: round(number, 6) for name, number in numbers.items()}
        return Measurement(known, {name: round(share, 6) for name, share in spread.items()})
