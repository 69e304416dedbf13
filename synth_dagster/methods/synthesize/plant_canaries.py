"""Plants secret codes in copies of some documents, to see later whether what is made of them gives the codes away

Paper: arXiv:1802.08232, the secret sharer; the repetitions are those of the card of `privacy_security_guard`. Each code
stands in one sentence, and that sentence in 1, 4 or 16 copies of documents of the batch. `seed_leakage_guard` at the
stages below finds the codes again by their form and says how far a model that is trained there exposes them.

It is a step for an audit, in a recipe of its own. No release keeps what it planted, nor anything that was made from it,
whatever the steps in between: such records are dropped with the reason `plant_canaries:planted`.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from synth_dagster.method import Family, PoolSynthesizer, Proof
from synth_dagster.parts.privacy.canaries import Canary, canaries
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Document
from synth_dagster.services import Drop

Times = Annotated[int, Field(ge=1, le=1_000)]


class PlantCanaries(PoolSynthesizer[Document, Document]):
    """A batch with fewer documents than a code has repetitions has some of them more than once."""

    paper: ClassVar[str] = "arXiv:1802.08232"
    family: ClassVar[Family] = "governance"
    topics: ClassVar[tuple[str, ...]] = ("memorisation", "secret sharer", "exposure", "privacy", "audit")
    for_audit: ClassVar[bool] = True
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Each code stands in exactly as many copies as said; what a model learns of it grows with 1, 4, 16; no release "
        "keeps one, nor what was made from it.",
    )

    repetitions: tuple[Times, ...] = Field((1, 4, 16), min_length=1, description="In how many copies a code stands.")
    codes: int = Field(3, ge=1, le=1_000, description="Codes for each of the repetitions.")
    seed: int = Field(0, ge=0, description="Seed of the codes and of where they are planted.")

    async def round(self, pool: Sequence[Document], number: int, /) -> Sequence[Sequence[Document] | Drop]:
        if number:
            return []
        hosts = [document for document in pool if not is_blank(document.body)]
        if not hosts:
            return [Drop("no_host", "There is no document to plant anything in.")] if pool else []
        return [[*self._copies(hosts)]]

    def _copies(self, hosts: Sequence[Document]) -> Iterator[Document]:
        planted = canaries(self.seed, len(self.repetitions) * self.codes)
        for place, canary in enumerate(planted):
            times = self.repetitions[place // self.codes]
            draw = stream(self.seed, b"hosts", place)
            for start in range(0, times, len(hosts)):
                for host in draw.sample(hosts, min(times - start, len(hosts))):
                    yield _with(canary, host, times)


def _with(canary: Canary, host: Document, times: int) -> Document:
    return host.but(body=f"{host.body}\n\n{canary.sentence}", attributes={**host.attributes, "planted": times})
