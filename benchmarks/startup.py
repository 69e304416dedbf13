"""What it costs to begin: loading definitions.py beside importing dagster alone, and `synth --help`.

Pairs of fresh processes, one after the other, so that both see the same machine; the median of the
differences counts.
"""

import json
import statistics
import sys

from benchmarks.measured import ROOT, SYNTH, options, parsed, tell, timed

PAIRS = 7
HEAVY = ("great_expectations", "torch", "boto3", "matplotlib", "transformers", "dagster_aws", "ray", "openai")
MOST_MORE_S, MOST_HELP_S = 1.0, 0.5
DAGSTER = "import dagster"
DEFINITIONS = f"""
import json, sys
import definitions
assert definitions.defs.get_repository_def().get_all_jobs()
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""


def main() -> int:
    """Measure, print, and fail when a limit is broken."""
    timed(("-c", DEFINITIONS))  # writes the bytecode, warms the disk
    pairs = [(timed(("-c", DAGSTER)), timed(("-c", DEFINITIONS))) for _ in range(PAIRS)]
    help_s = [timed((*SYNTH, "--help"))["wall_s"] for _ in range(PAIRS)]
    alone, loaded = ([one["wall_s"] for one in side] for side in zip(*pairs, strict=True))
    more = round(statistics.median(b - a for a, b in zip(alone, loaded, strict=True)), 3)
    more_cpu = round(statistics.median(b["cpu_s"] - a["cpu_s"] for a, b in pairs), 3)
    heavy = json.loads(pairs[0][1]["out"])
    return tell(
        "startup",
        limits={
            f"definitions cost at most {MOST_MORE_S} s more": more <= MOST_MORE_S,
            f"help within {MOST_HELP_S} s": statistics.median(help_s) < MOST_HELP_S,
            "nothing heavy is loaded": not heavy,
        },
        dagster_s=statistics.median(alone),
        definitions_s=statistics.median(loaded),
        more_s=more,
        more_cpu_s=more_cpu,
        help_s=statistics.median(help_s),
        heavy=heavy,
        pairs=PAIRS,
        project=ROOT.name,
    )


if __name__ == "__main__":
    parsed(options(__doc__))
    sys.exit(main())
