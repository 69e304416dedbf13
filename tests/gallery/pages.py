"""The pages of the gallery: what stands between the marks is written by a run of the recipe, the rest by people.

`python -m tests.gallery.pages` writes them anew, as `make docs` does; `... pages metamath glan` those two and the
index; `... pages --index` the index alone.
"""

import sys
from collections.abc import Sequence

from synth_dagster.runner.tryout import Row
from tests.gallery.example import PAGES, RECIPES, Example, example, slugs
from tests.gallery.index import CALLS, index
from tests.gallery.quoting import beginning, quoted, shown

BEGIN = "<!-- gallery: generated, do not edit -->"
END = "<!-- end of gallery -->"

INDEX = f"""# The gallery

One small recipe for each method that makes records, and for chains of methods, over texts that come with the project:
`synth run metamath` works at once. Each page says what the method is for, shows what went in and what came out, what a
kept record cost, why records were dropped, and when the method is the wrong one. Numbers and examples were written by a
run of the recipe, with a program in place of a model: they show how the method works, not how good a model is.
`synth methods --for "math reasoning"` searches all methods, also those without a page, in words of yours.

{BEGIN}
{END}
"""


def refreshed(slug: str, page: str) -> str:
    """A page with what its run says written anew."""
    return _between(page, "\n\n".join([_recipe(slug), *_sections(example(slug))]))


def refreshed_index(page: str) -> str:
    return _between(page, index())


def _between(page: str, text: str) -> str:
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin and end, f"The page lacks {BEGIN} or {END}."
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def _recipe(slug: str) -> str:
    text = (RECIPES / f"{slug}.yaml").read_text(encoding="utf-8")
    return f"## The recipe\n\n`synth run recipes/gallery/{slug}.yaml`\n\n```yaml\n{text}```"


def _sections(run: Example) -> list[str]:
    examples = [_shown(run, number, row) for number, row in enumerate(run.shown(), 1)]
    return ["## Three examples", *examples, "## What it cost", _cost(run), "## Why records were dropped", _drops(run)]


def _cost(run: Example) -> str:
    rows = [
        ["records that were decided about", f"{run.judged:,}"],
        ["kept", f"{len(run.kept):,}"],
        [CALLS, per_kept(run.calls, run)],
        ["tokens for each of them, prompts and answers", per_kept(run.tokens, run, digits=0)],
    ]
    return _table(["in this run", "number"], rows)


def per_kept(total: int, run: Example, digits: int = 2) -> str:
    return f"{total / run.written:,.{digits}f}" if total else "none"


def _drops(run: Example) -> str:
    if not run.drops:
        return "None was dropped in this run."
    rows = [
        [f"`{reason}`", f"{count:,}", beginning(run.dropped.get(reason, ""))] for reason, count in run.drops.items()
    ]
    return _table(["reason", "how many", "such as"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


# ---------------------------------------------------------------------------------------------------------- examples


def _shown(run: Example, number: int, row: Row) -> str:
    before = run.before(row)
    if not before or [one.get("text") for one in before] == [row.get("text", 0)]:
        return f"**{number}.** Kept as it was delivered\n\n{quoted(shown(row))}"
    given = "\n\n".join(quoted(shown(one)) for one in before[:SOURCES])
    more = f"\n\nand {len(before) - SOURCES} more" if len(before) > SOURCES else ""
    whence = EMPTIED if any(one.get("text") == "" for one in run.origins(row)) else ""
    return f"**{number}.** From{whence}\n\n{given}{more}\n\ncame\n\n{quoted(shown(row, before))}"


EMPTIED = " (a text that the lake no longer holds, for the sake of what stood in it)"
SOURCES = 2  # of what a record was made from


def main(*chosen: str) -> None:
    for slug in [] if chosen == ("--index",) else chosen or slugs():
        page = PAGES / f"{slug}.md"
        assert page.exists(), f"docs/gallery/{slug}.md is missing: write what it is for, and when it is the wrong one."
        page.write_text(refreshed(slug, page.read_text(encoding="utf-8")), encoding="utf-8")
    (PAGES / "README.md").write_text(refreshed_index(INDEX), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
