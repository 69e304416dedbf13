"""What the web sites of a dataset say to those who train: restricted tokens by day, organisations, terms of service.

The tokens are those of the corpus as the lake shows it, the signals those of the recipe's folders.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from synth_dagster.errors import SynthError
from synth_dagster.lake.lake import Lake
from synth_dagster.licences.agents import agents_date, agents_for, all_agents
from synth_dagster.licences.restriction import Share, by_size, estimate, shares, strata, to_look_up
from synth_dagster.licences.signals import Signals
from synth_dagster.licences.snapshots import Snapshot, Status
from synth_dagster.parts.text.tokens import token_count_sql
from synth_dagster.recipe import Recipe

Site: TypeAlias = tuple[str, str]  # the folder of signals that speaks of it, and its host

UNREAD = "no terms of service"


@dataclass(frozen=True, slots=True)
class Day:
    """What was known on a day: shares of all tokens of the corpus.

    `looked_up` is the share of the tokens with an address whose site had been looked up by then. `estimate` is what
    `restricted.full` would be of all tokens with an address, from the largest sites and a draw of the others.
    """

    day: str
    restricted: Share
    by_organisation: Mapping[str, Share]
    looked_up: float
    estimate: float | None


@dataclass(frozen=True, slots=True)
class ConsentReport:
    """The sites of a dataset. `terms` are shares of all tokens by what the newest terms of service come to."""

    dataset: str
    tokens: int
    tokens_with_address: int
    sites: int
    days: Sequence[Day]
    terms: Mapping[str, float]
    unsure: float  # share of tokens whose terms nobody has read
    not_looked_up: Sequence[str]  # hosts, in the order in which looking them up tells most
    agents_of: str  # the day that the table of crawlers is of

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def consent_report(lake: Lake, recipe: Recipe, root: Path) -> ConsentReport:
    """What the sites of a dataset's corpus say. Raises SynthError where there is no corpus, or signals are wrong."""
    whole, tokens = _tokens(lake, recipe)
    signals = {folder: Signals.read(root / folder) for folder in sorted({folder for folder, _ in tokens if folder})}
    newest = {site: snapshot for site in tokens if (snapshot := _snapshot(signals, site, None))}
    by_host = Counter[str]()
    for (_, host), count in tokens.items():
        by_host[host] += count
    seen = {host for _, host in newest}
    terms, unsure = _terms(tokens, newest, whole)
    days = sorted({day for one in signals.values() for day in one.days})
    return ConsentReport(
        dataset=recipe.dataset,
        tokens=whole,
        tokens_with_address=sum(tokens.values()),
        sites=len(by_host),
        days=[_day(signals, tokens, whole, day) for day in days],
        terms=terms,
        unsure=unsure,
        not_looked_up=[host for host in to_look_up(by_host, seed=recipe.seed) if host not in seen],
        agents_of=agents_date(),
    )


def _day(signals: Mapping[str, Signals], tokens: Mapping[Site, int], whole: int, day: str) -> Day:
    known = {site: snapshot for site in tokens if (snapshot := _snapshot(signals, site, day))}
    trained = _told(known, agents_for("train").values())
    strictly = {site: "all" in statuses for site, statuses in trained.items()}
    with_address = sum(tokens.values())
    return Day(
        day=day,
        restricted=shares(tokens, trained, whole),
        by_organisation={name: shares(tokens, _told(known, [agents]), whole) for name, agents in all_agents().items()},
        looked_up=sum(tokens[site] for site in known) / with_address if with_address else 0.0,
        estimate=estimate(*strata(tokens, strictly)),
    )


def _told(known: Mapping[Site, Snapshot], organisations: Collection[Sequence[str]]) -> dict[Site, list[Status]]:
    """What each site tells each organisation, given by its agents."""
    return {site: [one.status(agents) for agents in organisations] for site, one in known.items()}


def _snapshot(signals: Mapping[str, Signals], site: Site, day: str | None) -> Snapshot | None:
    folder, host = site
    return signals[folder].newest(host, day) if folder else None


def _terms(tokens: Mapping[Site, int], newest: Mapping[Site, Snapshot], whole: int) -> tuple[dict[str, float], float]:
    """Share of all tokens by verdict, and of those that only words speak for."""
    found, unsure = Counter[str](), 0
    for site, snapshot in newest.items():
        terms = snapshot.terms
        found[terms.labels.verdict() if terms else UNREAD] += tokens[site]
        unsure += tokens[site] if terms and not terms.sure else 0
    share = {name: found[name] / whole for name in by_size(found)} if whole else {}
    return share, unsure / whole if whole else 0.0


# ---------------------------------------------------------------------------------------------------------- the corpus

_HOSTS = f"""
    select source, lower(regexp_extract(coalesce(url, ''), '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]+)', 1)),
        sum({token_count_sql("text")})
    from part where status = 'current' group by all
"""


def _tokens(lake: Lake, recipe: Recipe) -> tuple[int, dict[Site, int]]:
    """All tokens of the corpus, and those of each site."""
    corpus = next(stage.name for stage in recipe.stages.values() if stage.reads is None)
    if corpus not in lake.stages(recipe.dataset):
        raise SynthError(
            f"'{recipe.dataset}' has no corpus yet, whose addresses would say which sites it is about. "
            f"'synth run {recipe.dataset}' makes it."
        )
    folders = {source.name: source.signals or "" for source in recipe.sources}
    whole, tokens = 0, Counter[Site]()
    for source, host, count in _counted(lake, recipe.dataset, corpus):
        whole += count
        if host:
            tokens[folders.get(source, ""), host] += count
    return whole, dict(tokens)


def _counted(lake: Lake, dataset: str, corpus: str) -> list[tuple[str, str, int]]:
    """(source, host, tokens) of the passages, a part at a time."""
    import duckdb

    found = Counter[tuple[str, str]]()
    with duckdb.connect() as connection:
        for part in lake.stream(dataset, corpus, columns=["source", "status", "url", "text"]):
            connection.register("part", part)
            for source, host, count in connection.execute(_HOSTS).fetchall():
                found[source, host] += count
    return [(source, host, count) for (source, host), count in found.items()]
