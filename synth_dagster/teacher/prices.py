"""What tokens cost: a dated file in the package, and a file of the user's own that wins over it.

A model that neither file names has an unknown price. Unknown is never zero: every total that it enters is unknown too.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from pathlib import Path
from typing import Any

from synth_dagster.errors import TeacherError

MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens, read and written."""

    read: Decimal
    written: Decimal

    def of(self, tokens_in: int, tokens_out: int) -> Decimal:
        return (self.read * tokens_in + self.written * tokens_out) / MILLION


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


def _read(text: str, name: str) -> Prices:
    try:
        found = json.loads(text, parse_float=Decimal, parse_int=Decimal, object_pairs_hook=_each_once)
        if not isinstance(found, dict) or set(found) - {"date", "note", "models"} or "models" not in found:
            raise ValueError('its fields are "date", "note" and "models"')
        models = {model: _price(model, entry) for model, entry in found["models"].items()}
    except (ValueError, AttributeError, RecursionError) as error:
        raise TeacherError(
            f"The price file {name} cannot be used: {error}. "
            'It reads {"date": "2025-08-15", "models": {"name": {"in": 2.5, "out": 10}}}, dollars for a million tokens.'
        ) from error
    return Prices(str(found.get("date", "")), models)


def _price(model: str, entry: Any) -> Price:
    if not isinstance(entry, dict) or set(entry) != {"in", "out"}:
        raise ValueError(f"'{model}' must have exactly 'in' and 'out'")
    return Price(_amount(model, entry["in"]), _amount(model, entry["out"]))


def _amount(model: str, value: Any) -> Decimal:
    try:
        if isinstance(value, Decimal) and value.is_finite() and value >= 0:
            return value
    except InvalidOperation:
        pass
    raise ValueError(f"'{model}' has a price that is not a number of at least 0")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"it names '{twice[0]}' twice")
    return dict(pairs)
