"""The crawlers that we know of: who sends them and what for, a dated table in the package.

Organisations and names follow the agent table of "Consent in Crisis" (2407.14933, section 2).
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Literal, TypeAlias

Aim: TypeAlias = Literal["train", "retrieval", "search", "archive"]


def agents_date() -> str:
    """The day that the table is of."""
    return _table()["date"]


def agents_for(aim: Aim) -> Mapping[str, Sequence[str]]:
    """Organisation -> the crawlers that it sends for this, where it sends any."""
    return {name: agents[aim] for name, agents in _table()["organisations"].items() if aim in agents}


def all_agents() -> Mapping[str, Sequence[str]]:
    """Organisation -> all of its crawlers, each once."""
    found = _table()["organisations"].items()
    return {name: list(dict.fromkeys(one for each in agents.values() for one in each)) for name, agents in found}


@cache
def _table() -> Mapping[str, Any]:
    return json.loads(files("synth_dagster.licences").joinpath("agents.json").read_text("utf-8"))
