"""EntiGraph beside its released code: how often it asks for a list of entities, and about which sets of them."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from synth_dagster.methods.synthesize.entigraph import Entigraph, Entities, Entity
from synth_dagster.records import Document, digest
from synth_dagster.services import Answer, Call, Unusable

RELEASED = json.loads((Path(__file__).parents[2] / "fixtures" / "entigraph_released.json").read_text(encoding="utf-8"))
CALL = Call(digest("call"), "given")


class Writer:
    """Twice no list of entities, then one; what it is asked about is remembered."""

    def __init__(self, names):
        self.names, self.lists, self.sets = names, 0, []

    async def ask(self, made, **_):
        self.lists += 1
        if self.lists == 1:
            raise Unusable("unparsable", "no JSON", CALL)
        names = self.names if self.lists == 3 else []
        return Entities(summary="s", entities=[Entity(name=name) for name in names])

    async def tell(self, made, *, entities, **_):
        named = re.findall(r"<entity>\n(.*)\n</entity>", entities)
        self.sets.append([self.names.index(name) for name in named])
        return Answer(f"## {' '.join(named)}", "stop", CALL)


@pytest.mark.parametrize("case", RELEASED["cases"], ids=lambda case: " ".join(case["names"]))
def test_the_same_sets_are_asked_about(case):
    writer = Writer(case["names"])
    document = Document(body=f"{' and '.join(case['names'])} met.", record_id=digest("document"), lang="en")
    made = asyncio.run(Entigraph().synthesize(document, writer=writer))
    assert writer.lists == case["lists_asked"] == 3
    assert len(made) == 1 + len(writer.sets)  # the summary, and a text for each set
    if len(set(case["names"])) < len(case["names"]):
        # a name that the model gives twice is combined with itself there, and is one entity here
        assert [2, 2] in case["sets"] and writer.sets == [[0, 1]]
        return
    pairs, triples = ([one for one in case["sets"] if len(one) == size] for size in (2, 3))
    assert writer.sets[: len(pairs)] == pairs and case["sets"] == [*pairs, *triples]
    # all of them in random order, which is another one: ours is drawn one by one, so that more can follow
    assert sorted(writer.sets[len(pairs) :]) == sorted(triples)
    assert case["kept"] == len(made)
