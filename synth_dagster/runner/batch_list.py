"""The provider batches of a lake as a person asks for them: which there are, what they may cost, which one is meant."""

from dataclasses import dataclass
from decimal import Decimal

from synth_dagster.errors import SynthError, UnknownName
from synth_dagster.lake.lake import Lake
from synth_dagster.runner.provider_batches import DatasetLedger, batch_of
from synth_dagster.teacher.batches.ledger import ANSWERED, ProviderBatch, parked_name

OPEN = ("intended", "submitted", "giving_up")
WINDOW_S = 24 * 3_600.0  # in which a provider answers, or the batch expires
LEAST = 6  # characters of a name, so that it is meant


@dataclass(frozen=True, slots=True)
class Listed:
    """A provider batch; what it holds of the caps while it is open, and how many answers it gave when it ended."""

    batch: ProviderBatch
    tokens: int = 0
    usd: Decimal | None = None
    answered: int = 0

    @property
    def is_open(self) -> bool:
        return self.batch.state in OPEN

    @property
    def expires_at(self) -> float:
        return self.batch.created_at + WINDOW_S

    @property
    def name(self) -> str:
        """As the provider calls it, or as we do where that is not known."""
        return self.batch.provider_id or self.batch.key


def listed(lake: Lake, dataset: str | None = None, *, ended: bool = False) -> list[Listed]:
    """The open batches of a dataset or of all, oldest first; with `ended` also those that are over."""
    wanted = [] if ended else [f"state in ({', '.join('?' for _ in OPEN)})"]
    wanted += [] if dataset is None else ["dataset = ?"]
    values = [*([] if ended else OPEN), *([] if dataset is None else [dataset])]
    where = f"where {' and '.join(wanted)}" if wanted else ""
    rows = lake.meta.database.rows(f"select * from provider_batches {where} order by number", values)
    return [_listed(lake, batch_of(row)) for row in rows]


def meant(lake: Lake, name: str) -> Listed:
    """The batch of that name, the provider's or ours, or the beginning of it. Raises UnknownName and SynthError."""
    known = listed(lake, ended=True)
    found = [one for one in known if name in (one.batch.provider_id, one.batch.key)]
    if not found and len(name) >= LEAST:
        found = [one for one in known if one.name.startswith(name) or one.batch.key.startswith(name)]
    if not found:
        names = [one.name for one in known if one.is_open]
        raise UnknownName("provider batch", name, names, "'synth batches' lists them.")
    if len(found) > 1:
        raise SynthError(f"{len(found)} provider batches begin with '{name}'. Write more of the name.")
    return found[0]


def ledger_of(lake: Lake, batch: ProviderBatch) -> DatasetLedger:
    """The books that the batch stands in."""
    return DatasetLedger(lake, batch.dataset)


def _listed(lake: Lake, batch: ProviderBatch) -> Listed:
    database = lake.meta.database
    if batch.state not in OPEN:
        row = database.row(
            "select count(*) as n from provider_lines where key = ? and outcome = ?", (batch.key, ANSWERED)
        )
        return Listed(batch, answered=row["n"] if row else 0)
    held = database.row("select usd, tokens from allowances where token = ?", (parked_name(batch.key),))
    return Listed(batch, held["tokens"], Decimal(held["usd"])) if held else Listed(batch)
