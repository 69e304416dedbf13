"""Question 10: whose records the rules kept more or less of, and which filter it was that dropped a language."""

from collections import Counter
from collections.abc import Mapping

from synth_dagster.governance.answer import Answer, Cell, Table, listed, plural, share
from synth_dagster.governance.report_facts import ReleaseFacts

NAMED = {"lang": "language", "source": "source", "license": "licence", "synthetic_depth": "synthetic depth"}
MOST_DROPS = 30  # rows of the table of single rules
FEW = 10  # records of a language that say something about a filter
MOST_OF_IT = 0.9  # dropped by one filter: as good as deleted
UNKNOWN = ("und", "none")
CHOSEN = ("other_language", "other_script", "no_settings")  # rules that say which languages are wanted


def retention(facts: ReleaseFacts) -> Answer:
    """Q10: whose records the rules kept more or less of."""
    tables = [
        Table(
            f"Kept, by {name}",
            [name, "judged", "kept", "share"],
            [[one.value, one.judged, one.kept, share(one.kept, one.judged)] for one in facts.retained[column]],
            3,
        )
        for column, name in NAMED.items()
    ]
    rows = facts.dropped_by_language[:MOST_DROPS]
    dropped: list[list[Cell]] = [[str(one["lang"]), str(one["reason"]), int(str(one["records"]))] for one in rows]
    tables += [by_step(facts), Table("Dropped, by language and rule", ["language", "rule", "records"], dropped)]
    tables += [_named(facts)] if facts.named else []
    und = sum(one.judged for one in facts.retained["lang"] if one.value in UNKNOWN)
    return Answer(
        said=(_spread(facts) + _deleted(facts)) or "Nothing was judged.",
        tables=tables,
        unknown=[f"the language of {plural(und, 'judged record')}"] if und else [],
    )


def _named(facts: ReleaseFacts) -> Table:
    """Where a source declares languages: how well each is told from the texts, the worst first."""
    head = ["language", "told by", "mostly called otherwise", "declared", "right", "share"]
    worst = sorted(facts.named, key=lambda one: (one.right / one.declared, one.lang, one.filter))
    rows: list[list[Cell]] = []
    for one in worst:
        mostly = f"{one.mostly} {one.others:,}" if one.others else "-"
        rows.append([one.lang, one.filter, mostly, one.declared, one.right, share(one.right, one.declared)])
    return Table("Told rightly, by declared language", head, rows, 3)


def by_step(facts: ReleaseFacts) -> Table:
    """For each language what each step let through, of all that was judged of the language."""
    dropped = _dropped(facts)
    steps = sorted({step for _, step in dropped})
    rows: list[list[Cell]] = [
        [one.value, one.judged, *(share(one.judged - dropped[one.value, step], one.judged) for step in steps)]
        for one in facts.retained["lang"]
    ]
    return Table(
        "Let through, by language and step", ["language", "judged", *steps], rows if steps else [], 1 + len(steps)
    )


def _dropped(facts: ReleaseFacts) -> Counter[tuple[str, str]]:
    """(language, step) -> how many records it dropped."""
    found: Counter[tuple[str, str]] = Counter()
    for one in facts.dropped_by_language:
        found[str(one["lang"]), str(one["reason"]).partition(":")[0]] += int(str(one["records"]))
    return found


def _deleted(facts: ReleaseFacts) -> str:
    """The languages of which one step dropped nine records of ten and more, and let another language through."""
    dropped = {(str(one["lang"]), str(one["reason"])): int(str(one["records"])) for one in facts.dropped_by_language}
    judged = {one.value: one.judged for one in facts.retained["lang"]}
    told = [f"{lang} by {step}" for lang, step in emptied(judged, dropped)]
    return f" Nearly nothing is left of {listed(told)}." if told else ""


def emptied(judged: Mapping[str, int], dropped: Mapping[tuple[str, str], int]) -> list[tuple[str, str]]:
    """(language, step) of the languages that a step all but deletes, while it lets most of another one through.

    What was dropped counts by (language, reason). What a step says it drops for being in another language is meant.
    """
    found = Counter[tuple[str, str]]()
    for (lang, reason), records in dropped.items():
        step, _, why = reason.partition(":")
        found[lang, step] += 0 if why in CHOSEN else records
    enough = {lang for lang, records in judged.items() if records >= FEW}
    spared = {step for _, step in found if any(found[lang, step] <= judged[lang] / 2 for lang in enough)}
    return sorted(
        (lang, step)
        for (lang, step), records in found.items()
        if lang in enough - {*UNKNOWN} and step in spared and records >= MOST_OF_IT * judged[lang]
    )


def _spread(facts: ReleaseFacts) -> str:
    judged = sum(one.judged for one in facts.retained["lang"])
    kept = sum(one.kept for one in facts.retained["lang"])
    if not judged:
        return ""
    told = [_between(facts, column, name) for column, name in NAMED.items()]
    return f"Of {plural(judged, 'record')} {share(kept, judged)} were kept" + "".join(filter(None, told)) + "."


def _between(facts: ReleaseFacts, column: str, name: str) -> str:
    rows = facts.retained[column]
    if len(rows) < 2:
        return ""
    low, high = (pick(rows, key=lambda one: one.kept / one.judged) for pick in (min, max))
    least, most = (f"{share(one.kept, one.judged)} ({one.value})" for one in (low, high))
    return f"; by {name} from {least} to {most}"
