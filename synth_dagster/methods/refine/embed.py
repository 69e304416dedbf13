"""Asks an embedding model for the vector of each record, which heads, duplicates and measures of the mix then go by.

Paper: interpretation. A filter may ask nobody, so a step asks beforehand: it is planned, capped, resumed and sent in
provider batches like any other, and a vector that was paid for is never asked for again. Vectors are kept with the
answers, by text and model; a record is the same afterwards and names the call that its vector came from, so an erasure
finds it. Put it last in the stage that the mix is of: a text that is changed later has no vector. `vectors: embedder`
of `fineweb_edu`, `opencsg_edu`, `weborganizer`, `semantic_dedup`, `quality_diversity_suite` and `remote_clique` reads
them; `craft` reads those of the stage above its own.
"""

from typing import ClassVar

import numpy as np

from synth_dagster.errors import MethodError
from synth_dagster.method import Family, Proof, Refiner
from synth_dagster.parts.similarity.chosen_vectors import EmbeddedText
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Document, Instruction, Preference, Record
from synth_dagster.services import Drop, Embedder


class Embed(Refiner[Record], EmbeddedText):
    """One vector for each record whose text says anything, of the role `embedder`."""

    paper = "interpretation"
    family: ClassVar[Family] = "measurement"
    topics: ClassVar[tuple[str, ...]] = ("embedding", "vector", "encoder", "semantic")
    shares_calls: ClassVar[int] = 16
    proof = Proof(
        "planted signal",
        "A head over the vectors of a model that knows synonyms reaches a macro-F1 over .95 on texts in other words "
        "than its labels', where one over words stays under .6; a vector is paid once.",
    )

    @classmethod
    def consumes(cls) -> tuple[type[Record], ...]:
        return (Document, Instruction, Preference)

    @classmethod
    def produces(cls) -> type[Record] | None:
        return None

    async def refine(self, record: Record, /, *, embedder: Embedder) -> Record | Drop:
        if not embedder.model:
            raise MethodError(
                "'embed' asks the role 'embedder', which has no endpoint here: vectors of words need no step. Set "
                "SYNTH_MODEL and SYNTH_EMBEDDING_MODEL, or remove 'embed' and write 'vectors: words'."
            )
        if is_blank(record.text()):
            return record
        (vector,) = await embedder.embed([self.shown(record.text())])
        return record if np.any(vector) else Drop("no_vector", "the model gave zeros alone")
