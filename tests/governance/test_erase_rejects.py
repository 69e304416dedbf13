"""What a model said of an input that gave nothing goes with that input, every answer of it."""

import asyncio

import pyarrow as pa

from synth_dagster.governance.erase import Asked, erase
from synth_dagster.record_tables import REJECT, to_table
from synth_dagster.records import digest
from synth_dagster.teacher.cache import AnswerCache, Stored
from tests.governance.erase_world import plant
from tests.lake.conftest import documents, write_to


def test_answers_behind_a_reject_go_with_its_input_and_those_of_others_stay(tmp_path):
    """Three answers that do not quote the source; the last of two calls was the one that could not be used."""
    world = plant(tmp_path, {"fa": []}, stages={"fa": "corpus"}, batches={"fa": "notes:1"})
    stays = documents("notes:3", 1)
    behind = {digest("fa"): [digest("first"), digest("last")], stays["record_id"][0].as_py(): [digest("of another")]}
    world.lake.accept(write_to(world.lake, "notes:3", stays))
    rows = [
        {"reject_id": digest(record), "record_id": record, "reason": "refused", "calls": calls, "call_id": calls[-1]}
        for record, calls in behind.items()
    ]
    nothing = to_table([], "document")
    told = pa.Table.from_pylist(rows, schema=REJECT)
    world.lake.accept(write_to(world.lake, "notes:3", nothing, stage="questions", rejects=told))
    _remember(world, [call for calls in behind.values() for call in calls])
    receipt = erase(world.lake, Asked("demo", record=digest("fa").hex()), world.around, None)
    assert world.answers() == {digest("of another")}
    assert receipt["counts"]["calls"] == 2


def _remember(world, calls):
    async def put(cache):
        for call in calls:
            await cache.put(call, Stored(model="m", text="It is about boats.", finish_reason="stop"))

    with AnswerCache.open(world.around.answers, world.around.s3) as cache:
        asyncio.run(put(cache))
