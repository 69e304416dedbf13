"""The embedded teacher speaks OpenAI's protocol: to the official client, to many at once, and to those who err."""

import asyncio
import base64
import json
import logging
import socket
import struct
import subprocess
import sys
import urllib.error
import urllib.request

import openai
import pytest

from synth_dagster.errors import TeacherError
from synth_dagster.teacher.embedded.protocol import MAX_BYTES
from synth_dagster.teacher.embedded.server import EmbeddedTeacher
from synth_dagster.teacher.embedded.writing import MODELS

QUESTION = "<instruction>What happens if a for loop is terminated by break?</instruction>"


def with_reference(passage):
    return f"<reference>\n{passage}\n</reference>\n{QUESTION}"


def post(base_url, path, body):
    """Status and parsed body of a raw request."""
    request = urllib.request.Request(f"{base_url}{path}", body, {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def test_the_official_client_is_answered(client, passage):
    answer = client.chat.completions.create(
        model="embedded-extractive",
        messages=[{"role": "system", "content": "Be exact."}, {"role": "user", "content": with_reference(passage)}],
        temperature=0.7,
        top_p=0.9,
        presence_penalty=0.1,
    )
    assert "keeps its current value" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "embedded-extractive"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


def test_every_model_is_listed_and_says_who_it_is(client, passage):
    listed = {model.id for model in client.models.list()}
    assert listed == {*MODELS, "embedded-lexical"}
    for name in MODELS:
        answer = client.chat.completions.create(
            model=name, messages=[{"role": "user", "content": with_reference(passage)}]
        )
        assert answer.model == name
    assert client.models.retrieve("embedded-brief").id == "embedded-brief"


def test_the_four_models_write_four_different_answers(tell, passage):
    answers = {model: tell(with_reference(passage), model=model) for model in MODELS}
    assert len(set(answers.values())) == 4
    assert "current value" in answers["embedded-brief"]
    assert len(answers["embedded-brief"]) < len(answers["embedded-extractive"])
    assert "current value" not in answers["embedded-vague"] + answers["embedded-offtopic"]


def test_n_gives_numbered_answers_that_vary_and_repeat(client, passage):
    def asked():
        answer = client.chat.completions.create(
            model="embedded-extractive", messages=[{"role": "user", "content": with_reference(passage)}], n=8, seed=3
        )
        return [(choice.index, choice.message.content) for choice in answer.choices]

    assert [index for index, _ in asked()] == list(range(8))
    assert len({text for _, text in asked()}) > 1
    assert asked() == asked()


def test_the_seed_varies_the_wording(tell, passage):
    assert len({tell(with_reference(passage), seed=seed) for seed in range(12)}) > 1


def test_the_same_request_gives_the_same_bytes_in_another_process(server, passage):
    body = {"model": "embedded-extractive", "messages": [{"role": "user", "content": with_reference(passage)}], "n": 5}
    body |= {"seed": 7}
    program = (
        "import json, sys; from synth_dagster.teacher.embedded import protocol;"
        "words = {'model': 'embedded-lexical', 'input': 'a b'};"
        "print(json.dumps([protocol.chat(json.load(sys.stdin)), protocol.embeddings(words)]))"
    )
    here = post(server.base_url, "/chat/completions", json.dumps(body).encode())[1]
    for seed in ("0", "4711"):
        there = subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps(body),
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        chat, vectors = json.loads(there.stdout)
        assert chat == here
        assert vectors == post(server.base_url, "/embeddings", b'{"model": "embedded-lexical", "input": "a b"}')[1]


def test_embeddings_have_unit_length_and_know_what_is_alike(client):
    texts = ["The loop ends early.", "A loop that ended early", "Bytes are immutable."]
    answer = client.embeddings.create(model="embedded-lexical", input=texts, encoding_format="float")
    one, near, far = (entry.embedding for entry in answer.data)

    def cosine(left, right):
        return sum(a * b for a, b in zip(left, right, strict=True))

    assert len(one) == 256
    assert cosine(one, one) == pytest.approx(1)
    assert cosine(one, near) > 0.5 > cosine(one, far)


def test_embeddings_in_base64_are_the_same_numbers(server, client):
    body = {"model": "embedded-lexical", "input": "x", "encoding_format": "base64"}
    packed = post(server.base_url, "/embeddings", json.dumps(body).encode())[1]["data"][0]["embedding"]
    plain = client.embeddings.create(model="embedded-lexical", input="x", encoding_format="float").data[0].embedding
    assert struct.unpack("<256f", base64.b64decode(packed)) == pytest.approx(plain, abs=1e-6)
    # without a format the official client asks for base64 and unpacks it
    assert client.embeddings.create(model="embedded-lexical", input="x").data[0].embedding == pytest.approx(
        plain, abs=1e-6
    )


@pytest.mark.parametrize("text", ["", " ", "\n", "!?", "\U0001f600", "x" * 50_000])
def test_any_text_has_an_embedding(client, text):
    vector = client.embeddings.create(model="embedded-lexical", input=text).data[0].embedding
    assert sum(value * value for value in vector) == pytest.approx(1, abs=1e-4)


def test_max_tokens_cuts_and_says_so(client, passage):
    answer = client.chat.completions.create(
        model="embedded-extractive", messages=[{"role": "user", "content": with_reference(passage)}], max_tokens=3
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 3


def test_stop_ends_the_answer_before_it(tell, passage):
    assert "current" not in tell(with_reference(passage), stop=["current"])


def test_sixty_four_at_once_are_answered_as_one_by_one(server, passage):
    async def asked(in_flight):
        gate = asyncio.Semaphore(in_flight)

        async def one(client, seed):
            async with gate:
                answer = await client.chat.completions.create(
                    model="embedded-extractive",
                    messages=[{"role": "user", "content": with_reference(passage)}],
                    seed=seed,
                )
                return answer.choices[0].message.content

        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
            return await asyncio.gather(*(one(client, seed) for seed in range(128)))

    assert asyncio.run(asked(64)) == asyncio.run(asked(1))


USER = {"role": "user", "content": "Hello?"}


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        pytest.param(b"{", 400, "not JSON", id="broken JSON"),
        pytest.param(b"", 400, "not JSON", id="empty"),
        pytest.param(b"[1]", 400, "JSON object", id="a list"),
        pytest.param(b'{"model": "\xff"}', 400, "UTF-8", id="invalid UTF-8"),
        pytest.param(b'{"seed": NaN}', 400, "NaN", id="not a number"),
        pytest.param(b"[" * 100_000, 400, "not JSON", id="deeply nested"),
        pytest.param({"model": "embedded-brief"}, 400, "'messages'", id="no messages"),
        pytest.param({"model": "embedded-brief", "messages": []}, 400, "'messages'", id="empty messages"),
        pytest.param({"model": "embedded-brief", "messages": ["hi"]}, 400, "messages[0]", id="message is text"),
        pytest.param(
            {"model": "embedded-brief", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            400,
            "messages[0].content",
            id="an image",
        ),
        pytest.param({"messages": [USER]}, 400, "'model'", id="no model"),
        pytest.param({"model": "gpt-x", "messages": [USER]}, 404, "embedded-extractive", id="unknown model"),
        pytest.param({"model": "embedded-brief", "messages": [USER], "n": 0}, 400, "'n'", id="n is 0"),
        pytest.param({"model": "embedded-brief", "messages": [USER], "n": True}, 400, "'n'", id="n is true"),
        pytest.param({"model": "embedded-brief", "messages": [USER], "n": 10**9}, 400, "128", id="n is huge"),
        pytest.param(
            {"model": "embedded-brief", "messages": [USER], "max_tokens": -1}, 400, "'max_tokens'", id="tokens"
        ),
        pytest.param({"model": "embedded-brief", "messages": [USER], "stop": 3}, 400, "'stop'", id="stop"),
        pytest.param({"model": "embedded-brief", "messages": [USER], "stream": True}, 400, "'stream'", id="stream"),
        pytest.param(
            {"model": "embedded-brief", "messages": [USER], "response_format": {"type": "xml"}},
            400,
            "json_schema",
            id="unknown format",
        ),
    ],
)
def test_a_malformed_request_is_refused_in_openais_shape(server, body, status, says):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    got, answer = post(server.base_url, "/chat/completions", raw)
    assert got == status
    assert says in answer["error"]["message"]
    assert answer["error"].keys() == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param({"model": "embedded-lexical"}, "'input'", id="no input"),
        pytest.param({"model": "embedded-lexical", "input": []}, "'input'", id="empty input"),
        pytest.param({"model": "embedded-lexical", "input": [[1, 2]]}, "'input'", id="token ids"),
        pytest.param({"model": "embedded-lexical", "input": ["a"] * 2049}, "2048", id="too many"),
        pytest.param({"model": "embedded-lexical", "input": "a", "dimensions": 3}, "256", id="dimensions"),
        pytest.param({"model": "embedded-lexical", "input": "a", "encoding_format": "hex"}, "base64", id="encoding"),
    ],
)
def test_a_malformed_embedding_request_is_refused(server, body, says):
    status, answer = post(server.base_url, "/embeddings", json.dumps(body).encode())
    assert status == 400
    assert says in answer["error"]["message"]


def test_a_body_over_the_limit_is_refused(server):
    status, answer = post(server.base_url, "/chat/completions", b'{"a": "' + b"x" * MAX_BYTES + b'"}')
    assert status == 413
    assert "4 MiB" in answer["error"]["message"]


def test_unknown_paths_and_verbs_say_what_is_served(server):
    assert "/v1/embeddings" in post(server.base_url, "/nothing", b"{}")[1]["error"]["message"]
    status, answer = post(server.base_url, "/models", b"{}")
    assert (status, "GET" in answer["error"]["message"]) == (405, True)


def test_lone_surrogates_and_odd_characters_are_answered(server):
    text = json.dumps({"model": "embedded-extractive", "messages": [{"role": "user", "content": "XX \x00 \u202e é?"}]})
    status, answer = post(server.base_url, "/chat/completions", text.replace("XX", "\\ud800").encode())
    assert status == 200
    assert answer["choices"][0]["message"]["content"].encode()


def test_stop_frees_the_port_and_may_be_called_twice():
    server = EmbeddedTeacher.serve()
    port = server.port
    server.stop()
    server.stop()
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))


def test_a_port_in_use_is_an_error_that_names_it(server):
    with pytest.raises(TeacherError, match=rf"{server.port}.*another port"):
        EmbeddedTeacher.serve(port=server.port)


def test_no_text_of_a_request_reaches_a_log(tell, caplog):
    with caplog.at_level(logging.DEBUG, logger="aiohttp"), caplog.at_level(logging.DEBUG, "synth_dagster"):
        tell("<instruction>What is zanzibarium?</instruction>")
    written = [r.getMessage() for r in caplog.records if r.name.startswith(("aiohttp", "synth_dagster"))]
    assert not any("zanzibarium" in line for line in written)
