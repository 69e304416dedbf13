"""What tokens cost: a dated file in the package, and a file of the user's own that wins over it.

A model that neither file names has an unknown price. Unknown is never zero: every total that it enters is unknown too.
"""

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

from synth_dagster.errors import TeacherError, no_such

MILLION = Decimal(1_000_000)
OLD_DAYS = 180
HIGHEST = 1_000_000  # dollars for a million tokens: more is a slip
AMOUNTS = ("in", "out", "cached_in", "batch_in", "batch_out", "batch_discount")
FIELDS = ("date", "note", "models")
EXAMPLE = '{"date": "2025-08-15", "models": {"name": {"in": 2.5, "out": 10}}}, dollars for a million tokens'


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens read and written; for those that a provider's cache had, and in a batch."""

    read: Decimal
    written: Decimal
    cached: Decimal | None = None  # as `read` where no price of its own is named
    batch_read: Decimal | None = None  # as those above where none is named: batches are then no cheaper
    batch_written: Decimal | None = None
    as_of: str = ""

    def of(self, tokens_in: int, tokens_out: int, *, cached_in: int = 0, batch: bool = False) -> Decimal:
        """What that many tokens cost; `cached_in` of `tokens_in` came from the provider's own cache."""
        if batch and self.batch_read is not None and self.batch_written is not None:
            return (self.batch_read * tokens_in + self.batch_written * tokens_out) / MILLION
        cached = self.read if self.cached is None else self.cached
        cached_in = min(cached_in, tokens_in)
        return (self.read * (tokens_in - cached_in) + cached * cached_in + self.written * tokens_out) / MILLION

    def most(self, tokens_in: int, tokens_out: int, *, batch: bool = False) -> Decimal:
        """What that many tokens may cost at most."""
        return max(self.of(tokens_in, tokens_out, cached_in=cached, batch=batch) for cached in (0, tokens_in))


FREE = Price(Decimal(0), Decimal(0))


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices by model name, and the date they were written down."""

    date: str
    models: Mapping[str, Price]

    @classmethod
    def load(cls, own: Path | None = None) -> "Prices":
        """The prices of the package, under those of the user's own file. Raises TeacherError for a bad file."""
        shipped = _read(files("synth_dagster.teacher").joinpath("prices.json").read_text("utf-8"), "prices.json")
        if own is None:
            return shipped
        try:
            text = own.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TeacherError(
                f"The price file {own} cannot be read: {error}. Correct its path or remove it."
            ) from error
        mine = _read(text, str(own))
        return cls(mine.date, {**shipped.models, **mine.models})

    def of(self, model: str) -> Price | None:
        """A model's price, or None. A dated name such as gpt-4o-2024-08-06 has the price of its family."""
        if model.startswith("embedded-"):
            return FREE
        return self.models.get(model) or self.models.get(re.sub(r"-\d{4}-\d{2}-\d{2}$", "", model))

    def unknown(self, models: Iterable[str]) -> list[str]:
        """Those of the models whose price nobody has named."""
        return sorted({model for model in models if self.of(model) is None})

    def aged(self, models: Iterable[str], today: dt.date) -> str:
        """A sentence on the prices of these models when they are old, else nothing."""
        dates = {price.as_of for model in models if (price := self.of(model)) and price.as_of}
        oldest = min(dates, default="")
        if not oldest or (today - dt.date.fromisoformat(oldest)).days <= OLD_DAYS:
            return ""
        return (
            f"The prices are those of {oldest}, {(today - dt.date.fromisoformat(oldest)).days} days old. "
            "Where they have changed, name today's in a price file (docs/budget.md)."
        )


def _read(text: str, name: str) -> Prices:
    try:
        found = json.loads(text, parse_float=Decimal, parse_int=Decimal, object_pairs_hook=_each_once)
        if not isinstance(found, dict):
            raise ValueError('its fields are "date", "note" and "models"')
        for field in found:
            if field not in FIELDS:
                raise ValueError(no_such("field of it", field, FIELDS).rstrip("."))
        if not isinstance(found.get("models"), dict):
            raise ValueError('it needs "models", the prices by the name of the model')
        dated = _date(found.get("date"))
        models = {model: _price(model, entry, dated) for model, entry in found["models"].items()}
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise TeacherError(
            f"The price file {name} cannot be used: it is no JSON ({where}). It reads {EXAMPLE}."
        ) from error
    except (ValueError, RecursionError) as error:
        raise TeacherError(f"The price file {name} cannot be used: {error}. It reads {EXAMPLE}.") from error
    return Prices(dated, models)


def _date(value: Any) -> str:
    try:
        return dt.date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise ValueError('it needs a "date", the day of its prices as in 2025-08-15') from None


def _price(model: str, entry: Any, dated: str) -> Price:
    if not isinstance(entry, dict):
        raise ValueError(f"'{model}' must have 'in' and 'out'")
    for name in entry:
        if name not in AMOUNTS:
            raise ValueError(no_such(f"price of '{model}'", name, AMOUNTS).rstrip("."))
    if not {"in", "out"} <= set(entry):
        raise ValueError(f"'{model}' must have 'in' and 'out'")
    amounts = {name: _amount(model, value) for name, value in entry.items()}
    batch = _batch(model, amounts)
    return Price(amounts["in"], amounts["out"], amounts.get("cached_in"), *batch, as_of=dated)


def _batch(model: str, amounts: Mapping[str, Decimal]) -> tuple[Decimal, Decimal] | tuple[None, None]:
    """What a provider batch reads and writes for: named, or the discount off the usual price."""
    named = {"batch_in", "batch_out"} & set(amounts)
    discount = amounts.get("batch_discount")
    if discount is None:
        if len(named) == 1:
            raise ValueError(f"'{model}' must have both 'batch_in' and 'batch_out', or neither")
        return (amounts["batch_in"], amounts["batch_out"]) if named else (None, None)
    if named or discount > 1:
        said = "is a share from 0 to 1, 0.5 for half price, and stands without batch_in and batch_out"
        raise ValueError(f"'batch_discount' of '{model}' {said}")
    return amounts["in"] * (1 - discount), amounts["out"] * (1 - discount)


def _amount(model: str, value: Any) -> Decimal:
    if isinstance(value, Decimal) and value.is_finite() and 0 <= value <= HIGHEST:
        return value
    raise ValueError(f"'{model}' has a price that is not a number from 0 to {HIGHEST:,}")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"it names '{twice[0]}' twice")
    return dict(pairs)
