"""The pages of the gallery: what stands between the marks is written by a run of the recipe, the rest by people.

`python -m tests.gallery.pages` writes them anew, as `make docs` does; `... pages metamath glan` those two and the
index; `... pages --index` the index alone.
"""

import re
import sys
from collections.abc import Mapping, Sequence

from synth_dagster.catalog import method
from synth_dagster.method import Method
from synth_dagster.recipe import load_recipe, method_roles
from synth_dagster.runner.tryout import Row
from tests.gallery.example import PAGES, RECIPES, ROOT, Example, example, is_chain, slugs

BEGIN = "<!-- gallery: generated, do not edit -->"
END = "<!-- end of gallery -->"
CALLS = "calls for each kept record that a model wrote"
MOST = 600  # characters of a text that an example shows

INDEX = f"""# The gallery

One small recipe for each method that makes records, and for chains of methods, over texts that come with the project:
`synth run metamath` works at once. Each page says what the method is for, shows what went in and what came out, what a
kept record cost, why records were dropped, and when the method is the wrong one. Numbers and examples were written by a
run of the recipe, with a program in place of a model: they show how the method works, not how good a model is.

{BEGIN}
{END}
"""


def refreshed(slug: str, page: str) -> str:
    """A page with what its run says written anew."""
    return _between(page, "\n\n".join([_recipe(slug), *_sections(example(slug))]))


def refreshed_index(page: str) -> str:
    rows = [_line(slug) for slug in slugs()]
    head = ["method", "what it does", "needs", "calls for each kept record"]
    return _between(page, _table(head, rows))


def _between(page: str, text: str) -> str:
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin and end, f"The page lacks {BEGIN} or {END}."
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def _line(slug: str) -> list[str]:
    """What the index says of a page; the cost is read from it, so that an index costs no run."""
    page = (PAGES / f"{slug}.md").read_text(encoding="utf-8")
    cost = re.search(rf"^\| {CALLS} \| (.+) \|$", page, re.MULTILINE)
    assert cost, f"docs/gallery/{slug}.md says nothing of its cost: run 'make docs'."
    return [f"[{slug}]({slug}.md)", *(_chain(slug) if is_chain(slug) else _of(method(slug))), cost[1]]


def _of(one: type[Method]) -> list[str]:
    return [one.summary(), ", ".join(method_roles(one)) or "nothing"]


def _chain(slug: str) -> list[str]:
    """What the first line of the recipe says, and whom it asks."""
    recipe = load_recipe(RECIPES / f"{slug}.yaml", root=ROOT)
    return [
        recipe.text.splitlines()[0].removeprefix("# ").removesuffix("."),
        ", ".join(recipe.roles()) or "nothing",
    ]


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
        [CALLS, _per_kept(run.calls, run)],
        ["tokens for each of them, prompts and answers", _per_kept(run.tokens, run, digits=0)],
    ]
    return _table(["in this run", "number"], rows)


def _per_kept(total: int, run: Example, digits: int = 2) -> str:
    return f"{total / run.written:.{digits}f}" if total else "none"


def _drops(run: Example) -> str:
    if not run.drops:
        return "None was dropped in this run."
    return _table(["reason", "how many"], [[f"`{reason}`", f"{count:,}"] for reason, count in run.drops.items()])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


# ---------------------------------------------------------------------------------------------------------- examples


def _shown(run: Example, number: int, row: Row) -> str:
    origins = {one["record_id"]: one for one in run.origins(row)}
    inputs = [_quoted(_said(one)) or EMPTIED for one in list(origins.values())[:SOURCES]]
    more = f"\n\nand {len(origins) - SOURCES} more" if len(origins) > SOURCES else ""
    given = "\n\n".join(inputs) + more
    if not inputs:
        return f"**{number}.** Kept as it was delivered\n\n{_quoted(_said(row))}"
    return f"**{number}.** From\n\n{given}\n\ncame\n\n{_quoted(_said(row))}"


EMPTIED = "> *(a text that is no longer kept, for personal data stood in it)*"
SOURCES = 2  # of what a record was made from


def _said(row: Mapping[str, object]) -> str:
    """A record as its reader would want it, in plain Markdown."""
    if "messages" in row:
        return _turns(row["messages"])
    if "chosen" in row:
        sides = ("prompt", "chosen", "rejected")
        return "\n\n".join(f"*{side}*: {_turns(row[side])}" for side in sides)
    return _plain(str(row["text"]))


def _turns(messages: object) -> str:
    assert isinstance(messages, list)
    if len(messages) == 1:
        return _plain(str(messages[0]["content"]))
    return "\n\n".join(f"*{turn['role']}*: {_plain(turn['content'] or turn['tool_calls'] or '')}" for turn in messages)


def _plain(text: str) -> str:
    """The text in Markdown in which nothing of it is taken for a mark, cut where it is long."""
    cut = text if len(text) <= MOST else f"{text[:MOST].rsplit(' ', 1)[0]} ..."
    return re.sub(r"[<`#\[\]_|\\*]", lambda mark: f"\\{mark[0]}", cut.strip())


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def main(*chosen: str) -> None:
    for slug in [] if chosen == ("--index",) else chosen or slugs():
        page = PAGES / f"{slug}.md"
        assert page.exists(), f"docs/gallery/{slug}.md is missing: write what it is for, and when it is the wrong one."
        page.write_text(refreshed(slug, page.read_text(encoding="utf-8")), encoding="utf-8")
    (PAGES / "README.md").write_text(refreshed_index(INDEX), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
