"""A process of its own that asks many requests in provider batches: `many.py FOLDER URL REQUESTS MOST MOST_BYTES`.

It prints how it ended, how many different answers it got, and the most memory it held.
"""

import json
import sys
from pathlib import Path

from synth_dagster.errors import Pending
from synth_dagster.lake.lake import Lake
from synth_dagster.runner.provider_batches import StageLedger
from synth_dagster.teacher.budget import Budget
from synth_dagster.teacher.cache import AnswerCache
from synth_dagster.teacher.client import Teachers
from synth_dagster.teacher.roles import Endpoint
from tests.peak_memory import peak_bytes
from tests.teacher.faulty import words

PASSAGE = "A passage of the length that passages have. " * 45  # 2,000 characters


def main(folder: str, url: str, requests: int, most: int, most_bytes: int) -> None:
    lake = Lake.open(Path(folder) / "lake")
    endpoint = Endpoint(
        "writer", "endpoint", ("gpt-4o-mini",), base_url=url, batch=True, batch_requests=most, batch_bytes=most_bytes
    )

    async def work(teachers: Teachers) -> int:
        found = await words([f"{number}: {PASSAGE}" for number in range(requests)])(teachers)
        teachers.check_whole()
        return len({answer.text for answer in found})

    budget = Budget(ledger=lake.spending, session="s", dataset="d", tokens_per_run=10**9)
    with AnswerCache.open(Path(folder) / "cache.sqlite") as cache, budget:
        options = {"cache": cache, "budget": budget, "run_id": "run"}
        try:
            books = StageLedger(lake, "d", "s", "b", "s", "run")
            found = {"answers": Teachers.run(work, {"writer": endpoint}, batches=books, **options)}
        except Pending as pending:
            found = {"pending": str(pending)}
    print(json.dumps(found | {"peak": peak_bytes()}))  # read by the test


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
