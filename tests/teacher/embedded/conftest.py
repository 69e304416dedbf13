"""A running embedded teacher, asked with the official client."""

import openai
import pytest

from synth_dagster.teacher.embedded.server import EmbeddedTeacher

PASSAGE = """The "break" statement terminates the nearest enclosing loop. If a "for" loop is terminated
by "break", the loop control target keeps its current value. A generator is an object that
produces a series of values one at a time."""


@pytest.fixture(scope="session")
def server():
    with EmbeddedTeacher.serve() as running:
        yield running


@pytest.fixture
def client(server, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as asking:
        yield asking


@pytest.fixture
def passage():
    return PASSAGE


@pytest.fixture
def tell(client):
    """The text of an answer to one user turn."""

    def asked(content, *, model="embedded-extractive", **more):
        answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}], **more)
        return answer.choices[0].message.content

    return asked


@pytest.fixture
def ask(tell):
    """The parsed answer to one user turn under a schema."""
    import json

    def asked(content, schema, **more):
        wanted = {"type": "json_schema", "json_schema": {"name": "wanted", "schema": schema, "strict": True}}
        return json.loads(tell(content, response_format=wanted, **more))

    return asked
