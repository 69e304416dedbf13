"""The public summary of training content that Article 53(1)(d) of the EU AI Act asks of providers of models.

A dataset's part of it: the sections of the template of 24 July 2025 that its facts answer. What only the provider of a
model knows is left to them and said to be. Not legal advice.
"""

from calendar import monthrange
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date

from synth_dagster.exports.facts import Facts, SourceFacts, counted
from synth_dagster.exports.standards.base import Shown, Standard

PUBLIC = ("huggingface",)  # readers of what anybody can download
MONTHS = 6  # after which a summary of a model that is trained further has to be renewed
FOR_PROVIDER = "For the provider of the model to say."


class EuSummary(Standard):
    file = "eu_training_summary.md"
    title = "EU AI Act, Article 53(1)(d)"

    def write(self, facts: Facts, shown: Shown) -> str:
        parts = tokens_by_section(facts)
        sections = [
            f"# Summary of training content: {facts.dataset}, release {facts.release}",
            f"{_version(facts)} {facts.story()} Of one dataset; not legal advice.",
            _complete(facts),
            "## 1. General information",
            f"1.1 Provider: {facts.creator or FOR_PROVIDER}",
            f"1.2 Model: {FOR_PROVIDER}",
            _size(facts),
            "## 2. Data sources",
            _table(parts),
            "\n".join(_source(one) for one in facts.sources),
            f"2.5 Generated with: {counted(facts.models)} (records of all stages).",
            "## 3. Data processing",
            f"3.1 Reservations of rights: {reservations(facts)}",
            f"3.2 Removal of illegal content: {FOR_PROVIDER} Steps that ran: {_steps(facts)}.",
            f"3.3 Dropped: {counted(facts.dropped)}, of {facts.judged:,} records.",
            "## Not known",
            "\n".join(f"- {one}" for one in facts.unknown),
        ]
        return "\n\n".join(section for section in sections if section) + "\n"


def _version(facts: Facts) -> str:
    made = facts.made_at
    return f"Version: {facts.release}. Last update: {made[:10]}, to be renewed by {renewal(made)}."


def _size(facts: Facts) -> str:
    exactly = f"{facts.tokens:,} as `{facts.token_counter}` counts them"
    content = f"Content: {facts.content}. Latest acquisition: {_month(facts)}"
    return f"1.3 Text: {size_bin(facts.tokens)} tokens; {exactly}. {content}. Languages: {counted(facts.languages)}."


def size_bin(tokens: int) -> str:
    """The template's bin for text; its bounds, which it leaves open, count as inside the middle one."""
    if tokens < 10**9:
        return "less than 1 billion"
    return "1 billion to 10 trillion" if tokens <= 10**13 else "more than 10 trillion"


def tokens_by_section(facts: Facts) -> dict[str, int]:
    """Each token once: what models wrote in 2.5, the rest by how its source was acquired, as far as that is known."""
    found = Counter[str]()
    for one in facts.sources:
        found[section_of(one, facts)] += one.human_tokens
    written = facts.tokens - found.total()
    return {
        "2.1 publicly available datasets": found["2.1"],
        "2.3 crawled from web sites": found["2.3"],
        "2.5 synthetic data": written,
        "2.6 other, or not said how it was acquired": found["2.6"],
    }


def section_of(one: SourceFacts, facts: Facts) -> str:
    """Pages of sites are 2.3; what anybody can download, by its reader or as the recipe states, is 2.1; else 2.6."""
    if is_crawled(one):
        return "2.3"
    stated = facts.publication.get("public_sources") or {}
    assert isinstance(stated, Mapping)
    return "2.1" if one.reader in PUBLIC or one.name in stated else "2.6"


def is_crawled(one: SourceFacts) -> bool:
    """Whether somebody asked the sites of a source, or should have, what they say."""
    return any(", snapshot " in said or "not looked up:" in said for said in one.consents)


def gaps(facts: Facts) -> Iterator[str]:
    """What the template asks of a dataset and nobody has stored: a summary with a gap is not complete."""
    for one in facts.sources:
        if is_crawled(one) and not one.hosts:
            yield f"2.3: the domains of the crawled source {one.name}"
    if tokens_by_section(facts)["2.5 synthetic data"] and not facts.models:
        yield "2.5: which models generated the synthetic data"
    if not facts.sources:
        yield "2: any source of the data"


def renewal(made_at: str) -> str:
    """The day by which a summary of that moment is to be renewed."""
    made = date.fromisoformat(made_at[:10])
    months = made.month - 1 + MONTHS
    year, month = made.year + months // 12, months % 12 + 1
    return date(year, month, min(made.day, monthrange(year, month)[1])).isoformat()


def _complete(facts: Facts) -> str:
    missing = list(gaps(facts))
    return "\n".join(["**Not complete.** It lacks:\n", *(f"- {one}" for one in missing)]) if missing else ""


def shown_domains(hosts: Mapping[str, int], sites: int, *, small_provider: bool) -> list[str]:
    """The domains that the template wants named: the top tenth by content; for an SME the top 5 %, at most 1,000.

    Of `sites` domains `hosts` has those of most records; where the tenth is more than these, these are named.
    """
    most = min(-(-sites * 5 // 100), 1_000) if small_provider else -(-sites // 10)
    return sorted(hosts, key=lambda host: (-hosts[host], host))[:most]


def _table(parts: Mapping[str, int]) -> str:
    rows = [f"| {name} | {tokens:,} |" for name, tokens in parts.items()]
    return "\n".join(["| section | tokens |", "|---|---:|", *rows, f"| all | {sum(parts.values()):,} |"])


def _source(one: SourceFacts) -> str:
    largest = shown_domains(one.hosts, one.sites, small_provider=False)
    named = f"; {one.sites:,} sites, the largest: {', '.join(largest)}" if largest else ""
    period = one.first_read if one.first_read == one.last_read else f"{one.first_read} to {one.last_read}"
    return (
        f"- `{one.name}`: {one.records:,} records read ({one.reader}) {period}; {one.kept:,} of the release come from "
        f"it; licences {counted(one.licenses)}{named}"
    )


def _month(facts: Facts) -> str:
    days = [one.last_read for one in facts.sources]
    return f"{max(days)[5:7]}/{max(days)[:4]}" if days else "not known"


def reservations(facts: Facts) -> str:
    """How many records of the sources have which refusal of their sites; the host and the day stand in the lake."""
    from synth_dagster.licences.consent import refusing_parts

    said = [(consent, count) for one in facts.sources for consent, count in one.consents.items()]
    refused = Counter[str]()
    for consent, count in said:
        refused.update({part.partition(" of ")[0].rstrip(","): count for part in refusing_parts(consent)})
    if refused:
        told = counted(dict(sorted(refused.items())))
    elif any(", snapshot " in consent for consent, _ in said):
        told = "the sites that were looked up refuse nothing"
    else:
        told = "what the sites of the sources say was not recorded"
    return f"{told}. Opt-outs: {facts.use.get('opt_outs', 'not stated in the recipe')}."


def _steps(facts: Facts) -> str:
    return ", ".join(dict.fromkeys(f"{one.method} {one.version}" for one in facts.steps)) or "none"
