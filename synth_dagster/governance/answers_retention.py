"""Question 10: whose records the rules kept more or less of, and which filter it was that dropped a language."""

from collections import Counter
from collections.abc import Sequence

from synth_dagster.governance.answer import Answer, Cell, Table, listed, plural, share
from synth_dagster.governance.report_facts import ReleaseFacts
from synth_dagster.governance.told_languages import UNKNOWN
from synth_dagster.governance.topic_shifts import Shift, shifts_by_witness

NAMED = {"lang": "language", "source": "source", "license": "licence", "synthetic_depth": "synthetic depth"}
LEAST_POINTS = 1.0  # of a shift that the answer names
MOST_DROPS = 30  # rows of the table of single rules


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
    tables += [_topics(by, shifts) for by, shifts in shifts_by_witness(facts.topics).items()]
    und = sum(one.judged for one in facts.retained["lang"] if one.value in UNKNOWN)
    return Answer(
        said=(_spread(facts) + _deleted(facts) + _shifted(facts)) or "Nothing was judged.",
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
    told = [one.told(facts.of) for one in facts.lost]
    return f" Nearly nothing is left of {listed(told)}." if told else ""


def _topics(by: str, shifts: Sequence[Shift]) -> Table:
    """Each topic's share before and after, and what each step let through of it, what has shifted most first."""
    steps = sorted({step for one in shifts for step in one.topic.dropped})
    rows: list[list[Cell]] = []
    for one in shifts:
        topic, judged = one.topic, one.topic.judged
        through = [share(judged - topic.dropped.get(step, 0), judged) for step in steps]
        rows.append(
            [topic.topic, judged, topic.kept, f"{one.before:.1%}", f"{one.after:.1%}", f"{one.points:+.1f}", *through]
        )
    head = ["topic", "judged", "kept", "share before", "share after", "shift", *(f"through {step}" for step in steps)]
    return Table(f"Topics before and after, by {by}", head, rows, len(head) - 1)


def _shifted(facts: ReleaseFacts) -> str:
    """The topic that has shifted most, by each witness, where it is a point and more."""
    told = [
        f"'{most.topic.topic}' {most.points:+.1f} points by {by}"
        for by, (most, *_) in shifts_by_witness(facts.topics).items()
        if abs(most.points) >= LEAST_POINTS
    ]
    return f" Topics have shifted, most of all {', '.join(told)}." if told else ""


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
