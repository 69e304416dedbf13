"""The first impression: `synth run` of the default recipe in a fresh project, then the same again.

The environment is made already. The second run must ask nobody and release nothing.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measured import SYNTH, options, parsed, tell, timed

MOST_S = 60.0
LEAST = {"instructions": 300, "pairs": 300, "topics": 60}
TOPICS = """
import json, sys
from synth_dagster.cli.project import open_project
with open_project(None).lake.connect("python_help") as lake:
    sql = '''
        with direct as (select unnest(parents).record_id as id from preference_pairs where status = 'current'),
        asked as (select unnest(parents).record_id as id from generated_instructions
                  where record_id in (select id from direct)),
        asked_before as (select unnest(parents).record_id as id from generated_instructions
                         where record_id in (select id from asked))
        select count(distinct attributes->>'native_key') from seed_corpus
        where record_id in (select id from asked union all select id from asked_before)
    '''
    print(json.dumps(lake.sql(sql).fetchall()[0][0]))
"""


def main() -> int:
    """Measure, print, and fail when a limit is broken."""
    with tempfile.TemporaryDirectory(prefix="default-run-") as folder:
        project = Path(folder) / "p"
        timed((*SYNTH, "new", str(project)))
        first = timed((*SYNTH, "run"), cwd=project)
        after_first = status(project)
        second = timed((*SYNTH, "run"), cwd=project)
        after_second = status(project)
        topics = json.loads(timed(("-c", TOPICS), cwd=project)["out"])
    records = {stage: counts["records"] for stage, counts in after_first["stages"].items()}
    found = {"instructions": records["generated_instructions"], "pairs": records["preference_pairs"], "topics": topics}
    limits = {f"at least {least} {name}": found[name] >= least for name, least in LEAST.items()}
    return tell(
        "default_run",
        limits=limits
        | {
            f"first run within {MOST_S:.0f} s": first["wall_s"] < MOST_S,
            "no check failed": after_first["checks"]["failed"] == 0,
            "the second run asks nobody": after_second["teacher"]["calls"] == 0,
            "the second run releases nothing": after_first["releases"] == after_second["releases"],
        },
        first={"wall_s": first["wall_s"], "cpu_s": first["cpu_s"]},
        second={"wall_s": second["wall_s"], "cpu_s": second["cpu_s"]},
        **found,
        kept=records["filtered_mix"],
        teacher=after_first["teacher"],
        checks=after_first["checks"],
    )


def status(project: Path) -> dict[str, Any]:
    return json.loads(timed((*SYNTH, "status", "--json"), cwd=project)["out"])


if __name__ == "__main__":
    parsed(options(__doc__))
    sys.exit(main())
