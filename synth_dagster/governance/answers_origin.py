"""Questions 1 to 6: where a release comes from, how it was made and by whom, its licences, what rests on what."""

from synth_dagster.exports.facts import SourceFacts
from synth_dagster.governance.answer import Answer, Cell, Code, Table, counted, listed, plural, settings, share
from synth_dagster.governance.report_facts import ReleaseFacts
from synth_dagster.licences.wording import USES, allows, asks

EMBEDDED = "embedded-"


def origin(facts: ReleaseFacts) -> Answer:
    """Q1: the sources that kept records rest on, over any number of parents."""
    about = facts.about
    reach = {one.source: one for one in facts.reach}
    used, from_ = sum(one.used for one in facts.reach), sum(one.used > 0 for one in facts.reach)
    rows: list[list[Cell]] = []
    for one in about.sources:
        own = reach.get(one.name)
        days = one.first_read if one.first_read == one.last_read else f"{one.first_read} to {one.last_read}"
        numbers = [one.records, own.used if own else None, own.kept if own else None]
        rows.append([one.name, one.reader, _sites(one) if one.hosts else "no address", days, *numbers])
    unnamed = [one.name for one in about.sources if not one.hosts]
    gone = next(one.records for one in facts.defects if one.name == "parent_missing")
    unknown = ["when the texts of the sources were written, and by whom"]
    unknown += [f"the web addresses of the source {listed(unnamed)}"] if unnamed else []
    unknown += [f"all parents of {plural(gone, 'record')}: some are in the lake no longer"] if gone else []
    return Answer(
        said=f"{plural(about.kept, 'kept record')} {_rest(about.kept)} on {plural(used, 'record')} that "
        f"{'was' if used == 1 else 'were'} read from {plural(from_, 'source')}"
        f"{_of_sources(len(about.sources), from_)}.",
        tables=[
            Table(
                "Sources",
                ["source", "reader", "sites", "read on", "records read", "of these used", "kept records on it"],
                rows,
                3,
            )
        ],
        unknown=unknown,
    )


def _of_sources(read: int, used: int) -> str:
    more = read - used
    return f"; nothing that was kept rests on {plural(more, 'other source')}" if more > 0 else ""


def _rest(count: int) -> str:
    return "rests" if count == 1 else "rest"


def steps(facts: ReleaseFacts) -> Answer:
    """Q2: the steps in their order, with settings and prompts; who made how many records."""
    about = facts.about
    told: dict[tuple[str, ...], list[Cell]] = {}
    for one in (*about.steps, *facts.mix_steps):
        prompts = Code(", ".join(sorted(set(one.prompts.values()))) or "-")
        row: list[Cell] = [one.stage, one.key, f"{one.method} {one.version}", settings(one.settings), prompts]
        told.setdefault((one.stage, one.key, one.method, one.version, settings(one.settings).text, prompts.text), row)
    makers: list[list[Cell]] = [
        [one.stage, f"{one.method} {one.version}", one.model or "-", Code(one.prompt or "-"), one.records]
        for one in about.makers
    ]
    unknown = [] if about.code else ["which code made it: the release is older than that note"]
    unknown += ["the pins of the project that made it"] if about.code and not about.code.get("lock") else []
    if len(facts.mix_steps) < len([key for key in facts.deciding if key != "licence"]):
        unknown.append("the settings of the steps of the mix: its recipe cannot be read any more")
    return Answer(
        said=f"{plural(len(told), 'step')}, by the recipe {about.recipe} with the rules {about.rules}"
        f"{_code(facts)}; {plural(len(about.prompts), 'prompt')}.",
        tables=[
            Table("Steps, in their order", ["stage", "step", "method", "settings", "prompts"], list(told.values()), 0),
            _did(facts),
            Table(
                "Who made the current records", ["stage", "method and version", "model", "prompt", "records"], makers
            ),
        ],
        unknown=unknown,
    )


def _did(facts: ReleaseFacts) -> Table:
    head = ["stage", "step", "dropped for", "there before", "dropped", "replaced", "made", "there after"]
    rows: list[list[Cell]] = []
    for one in facts.step_counts:
        dropped = sum(one.dropped.values())
        numbers = [one.records_in, dropped, one.replaced, one.made, one.records_out]
        rows.append([one.stage, one.step, counted(one.dropped) or "-", *numbers])
    return Table("What each step did to the records of its stage", head, rows, 5)


def _code(facts: ReleaseFacts) -> str:
    code = facts.about.code
    return (
        f", synth-dagster {code.get('synth_dagster') or 'of a checkout'}, Python {code.get('python')}" if code else ""
    )


def models(facts: ReleaseFacts) -> Answer:
    """Q3: which models wrote and judged, how they were asked, and under which terms."""
    makers = [one for one in facts.about.makers if one.model]
    if not makers and not facts.answerers:
        return Answer(said="No model wrote any of it.")
    written: list[list[Cell]] = [
        [one.model, one.method, one.stage, Code(one.prompt or "-"), one.records] for one in makers
    ]
    asked: list[list[Cell]] = [[role, settings(how)] for role, how in sorted(facts.answerers.items())]
    hosted = sorted(model for model in facts.about.models if not model.startswith(EMBEDDED))
    of_pairs = " or an answer of a pair" if facts.about.kind == "preference" else ""
    unknown = [f"whether the weights behind the name {listed(hosted)} are still the same"] if hosted else []
    unknown += [] if facts.answerers else ["how the models were asked: the code version does not say"]
    return Answer(
        said=f"{plural(len(facts.about.models), 'model')} wrote records{of_pairs}; "
        f"of those kept: {counted(facts.models) if facts.models else 'none'}.",
        tables=[
            Table("What models wrote", ["model", "method", "stage", "prompt", "records"], written),
            Table("Who answers for which role, and how it is asked", ["role", "as it was written down"], asked, 0),
        ],
        unknown=unknown,
    )


def licences(facts: ReleaseFacts) -> Answer:
    """Q4: licence and consent of every source, of what was kept, and of all of it together."""
    found = facts.licences
    lines: list[list[Cell]] = [
        [one.license or "none", allows(one.terms), asks(one.terms) or "-", one.kept, one.dropped] for one in found.lines
    ]
    sources: list[list[Cell]] = [
        [one.name, counted(one.licenses), counted(one.consents)] for one in facts.about.sources
    ]
    fits: list[list[Cell]] = [
        [
            USES[one.wanted.purpose] if one.wanted.purpose else None,
            "yes" if one.wanted.published else "no",
            counted(one.misfits) if one.misfits else "nothing",
        ]
        for one in found.fits
    ]
    unknown = [
        f"the licence of {plural(one.licenses[''], 'record')} of the source {one.name}"
        for one in facts.about.sources
        if "" in one.licenses
    ]
    unknown += [f"what '{name}' allows: nobody has classed it, so it counts as the strictest" for name in found.unknown]
    silent = [one.name for one in facts.about.sources if set(one.consents) <= {""}]
    unknown += [f"on what ground, besides its licence, the source {listed(silent)} may be used"] if silent else []
    stated = found.wanted.words() or "no stated use"
    together = f"{allows(found.whole)}; {asks(found.whole) or 'nothing asked for'}"
    return Answer(
        said=f"Made for {stated}. All that was kept together allows {together}."
        if facts.about.kept
        else f"Made for {stated}; nothing was kept.",
        tables=[
            Table("Licences of the records", ["licence", "allows", "asks for", "kept", "dropped for it"], lines, 2),
            Table("What it could be used for as it stands", ["use", "published", "what stands against it"], fits, 0),
            Table("What the sources declare", ["source", "licences", "consent"], sources, 0),
            Table("Dropped, and the chain that forbids it", ["chain"], [[one.line()] for one in found.chains], 0),
        ],
        unknown=unknown,
    )


def withdrawal(facts: ReleaseFacts) -> Answer:
    """Q5: what rests on each source, and so would go with it."""
    rows: list[list[Cell]] = [
        [
            one.source,
            counted(one.by_stage, most=6),
            counted(one.other_releases) if one.other_releases else "-",
            sum(one.by_stage.values()),
            one.kept,
            one.only,
        ]
        for one in facts.reach
    ]
    most = max(facts.reach, key=lambda one: one.kept, default=None)
    largest = (
        f"Without '{most.source}', which most rests on, {plural(most.kept, 'kept record')} would go "
        f"({share(most.kept, facts.about.kept)}), {most.only:,} of them resting on nothing else."
        if most and most.kept
        else "No kept record rests on a source that is known."
    )
    head = ["source", "records on it, by stage", "kept in other releases", "records", "kept", "kept on it alone"]
    return Answer(
        said=f"{largest} 'synth erase --source NAME' says what would go now, and what it costs to remake.",
        tables=[Table("If a source were withdrawn", head, rows, 3)],
        unknown=["which models were trained on this release", "which copies of it have left this lake"],
    )


def synthetic(facts: ReleaseFacts) -> Answer:
    """Q6: how many models stand between the records and people, and how much of the words are people's."""
    about = facts.about
    depths: list[list[Cell]] = [[depth, count, share(count, about.kept)] for depth, count in about.depths.items()]
    if not about.kept:
        return Answer(said="Nothing was kept.", unknown=[])
    deepest = max(map(int, about.depths), default=0)
    per_record, per_token = about.human_share or 0, facts.human_token_share or 0
    return Answer(
        said=f"At most {plural(deepest, 'model')} {'stands' if deepest == 1 else 'stand'} between a record and a "
        f"person. People wrote {per_record:.1%} of an average record, and {per_token:.1%} of all tokens.",
        tables=[Table("Synthetic depth; 0 is human", ["models in between", "kept records", "share"], depths, 2)],
        unknown=["whether the texts that count as human were really written by people"],
    )


def _sites(one: SourceFacts) -> str:
    """The hosts of a source, the most frequent first, and how many there are besides."""
    rest = one.sites - min(len(one.hosts), 3)
    named = ", ".join(f"{host} {records:,}" for host, records in list(one.hosts.items())[:3])
    return f"{named} and {rest:,} more" if rest else named
