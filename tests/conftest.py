"""Servers that tests of several folders use; each is started by the first test that asks for it."""

from tests.moto_server import bucket, moto
from tests.postgres_server import postgres, schema

__all__ = ["bucket", "moto", "postgres", "schema"]
