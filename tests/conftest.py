"""Servers that tests of several folders use, started by the first that asks for them; and which files come first."""

import pytest
from hypothesis import settings

from tests.moto_server import bucket, moto
from tests.postgres_server import postgres, schema

__all__ = ["bucket", "moto", "postgres", "schema"]

settings.register_profile("no times", deadline=None)  # tests assert no times: a busy machine fails none
settings.load_profile("no times")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that say how many minutes they take are begun first: what is begun last, the other processes wait for."""
    items.sort(key=_minutes, reverse=True)  # stable, also in reverse: all others keep their order


def _minutes(item: pytest.Item) -> float:
    proof = item.get_closest_marker("prove")
    return proof.kwargs.get("minutes", 0.0) if proof else 0.0
