"""The cache is the checkpoint: durable, shared, and never emptied by us."""

import asyncio
import random
import sqlite3
import zlib
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.errors import TeacherError
from synth_dagster.records import digest
from synth_dagster.services import Sampling
from synth_dagster.teacher.cache import AnswerCache, Request, Stored, StoredVector
from synth_dagster.teacher.caches.file import FileCache


def stored(text="an answer", **more):
    return Stored(model="m", text=text, finish_reason="stop", run_id="run", **more)


def key(number):
    return number.to_bytes(16, "big")


def put(cache, answers):
    async def work():
        return await asyncio.gather(*(cache.put(key, answer) for key, answer in answers.items()))

    return asyncio.run(work())


def get(cache, call_id):
    return asyncio.run(cache.get(call_id))


def count(path):
    connection = sqlite3.connect(path)
    try:
        return connection.execute("select count(*) from calls").fetchone()[0]
    finally:
        connection.close()


def test_what_was_put_is_got_after_reopening(cache_path):
    answer = stored("naïve 猫\n", tokens_in=3, tokens_out=4, usd=Decimal("0.0001"), prompt_hash="ab")
    with AnswerCache.open(cache_path) as cache:
        assert put(cache, {key(1): answer}) == [answer]
    with AnswerCache.open(cache_path) as cache:
        assert get(cache, key(1)) == answer
        assert get(cache, key(2)) is None


def test_an_unknown_price_stays_unknown(cache_path):
    with AnswerCache.open(cache_path) as cache:
        put(cache, {key(1): stored(usd=None), key(2): stored(usd=Decimal(0))})
        assert [get(cache, key(number)).usd for number in (1, 2)] == [None, Decimal(0)]


def test_a_put_is_durable_before_it_returns(cache_path):
    with AnswerCache.open(cache_path) as cache:
        put(cache, {key(1): stored()})
        assert count(cache_path) == 1  # another connection sees it while this one is open
        synchronous = cache._reader.execute("pragma synchronous").fetchone()
        journal = cache._reader.execute("pragma journal_mode").fetchone()
    assert (synchronous, journal) == ((2,), ("wal",))  # 2 is FULL


def test_a_thousand_answers_at_once_need_few_commits(cache_path, monkeypatch):
    commits = []
    commit = FileCache._commit
    monkeypatch.setattr(FileCache, "_commit", lambda self, items: (commits.append(1), commit(self, items))[1])
    with AnswerCache.open(cache_path) as cache:
        put(cache, {key(number): stored(str(number)) for number in range(1_000)})
        assert get(cache, key(999)).text == "999"
    assert len(commits) <= 100


def test_the_first_writer_wins_and_the_second_hears_it(cache_path):
    with AnswerCache.open(cache_path) as one, AnswerCache.open(cache_path) as other:
        put(one, {key(1): stored("first")})
        assert put(other, {key(1): stored("second")})[0].text == "first"
        assert get(one, key(1)) == get(other, key(1))


def test_several_may_create_the_file_at_once(cache_path):
    with ThreadPoolExecutor(8) as pool:
        caches = list(pool.map(lambda _: AnswerCache.open(cache_path), range(8)))
    for number, cache in enumerate(caches):
        put(cache, {key(number): stored()})
        cache.close()
    assert count(cache_path) == 8


def test_the_first_answer_that_was_used_stays_the_one(cache_path):
    async def work(cache):
        return await cache.remember(key(7), key(1)), await cache.remember(key(7), key(2))

    with AnswerCache.open(cache_path) as cache:
        assert asyncio.run(cache.replayed(key(7))) is None
        assert asyncio.run(work(cache)) == (key(1), key(1))
    with AnswerCache.open(cache_path) as cache:
        assert asyncio.run(cache.replayed(key(7))) == key(1)


def test_forgetting_leaves_no_byte_of_the_text(cache_path):
    """Kept text is compressed, so the compressed bytes are searched: found before, and not after."""
    secret = stored("The planted words of Alice, long enough to stand out among the other pages of this file.")
    vector = StoredVector(model="m", vector=b"planted vector bytes" * 8, run_id="run")
    packed = zlib.compress(f'["{secret.text}", "stop"]'.encode(), 1)

    def holds(needle):
        return any(needle in path.read_bytes() for path in cache_path.parent.glob("cache.sqlite*"))

    async def work(cache):
        await cache.put(key(1), secret)
        await cache.put_vectors({key(2): vector})
        await cache.remember(key(3), key(1))
        assert holds(packed) and holds(vector.vector)
        return await cache.forget([key(1), key(2), key(9)])

    with AnswerCache.open(cache_path) as cache:
        assert asyncio.run(work(cache)) == 2
        assert get(cache, key(1)) is None and asyncio.run(cache.replayed(key(3))) is None
        assert asyncio.run(cache.vectors([key(2)])) == {}
        assert not holds(packed) and not holds(vector.vector)


def _newer(path):
    AnswerCache.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("pragma user_version = 99")
    connection.close()


def _foreign(path):
    with sqlite3.connect(path) as connection:
        connection.execute("create table theirs (a)")
    connection.close()


def _junk(path):
    path.write_bytes(b"this is no database, " * 500)


def _damaged(path):
    with AnswerCache.open(path) as cache:
        put(cache, {key(number): stored("x" * 3_000) for number in range(50)})
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 6] = b"\xff" * 4096 * 4
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(_newer, "written by a newer version .*Upgrade synth_dagster", id="newer"),
        pytest.param(_foreign, "database of another program.*Name another", id="another program's"),
        pytest.param(_junk, "cannot be read .*Move it away", id="no database"),
        pytest.param(_damaged, "cannot be read .*Move it away", id="damaged"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_way_out_and_left_alone(cache_path, spoil, said):
    spoil(cache_path)
    before = cache_path.read_bytes()
    with pytest.raises(TeacherError, match=said) as refused:
        AnswerCache.open(cache_path)
    assert cache_path.read_bytes() == before and "\n" not in str(refused.value)


def test_an_empty_file_becomes_a_cache(cache_path):
    cache_path.touch()
    with AnswerCache.open(cache_path) as cache:
        put(cache, {key(1): stored()})
    assert count(cache_path) == 1


def test_a_folder_in_its_place_is_an_error_that_names_it(cache_path):
    cache_path.mkdir()
    with pytest.raises(TeacherError, match=r"cache\.sqlite cannot be opened"):
        AnswerCache.open(cache_path)


def test_an_answer_that_cannot_be_written_stops_the_work_and_keeps_what_was_there(cache_path):
    """A full disk, made by a limit on the file's pages."""
    with AnswerCache.open(cache_path) as cache:
        put(cache, {key(1): stored()})

        def fill(connection):
            connection.execute("pragma max_page_count = 1")

        asyncio.run(cache._written(fill))
        with pytest.raises(TeacherError, match=r"could not be written .*full.*Free disk space"):
            put(cache, {key(2): stored(random.Random(0).randbytes(100_000).hex())})
        assert get(cache, key(1)) == stored()


def test_a_closed_cache_says_so(cache_path):
    cache = AnswerCache.open(cache_path)
    cache.close()
    cache.close()
    with pytest.raises(TeacherError, match="is closed"):
        get(cache, key(1))
    with pytest.raises(TeacherError, match="is closed"):
        put(cache, {key(1): stored()})


@given(st.text(), st.text(min_size=1), st.none() | st.text(min_size=1), st.integers(0, 99), st.booleans())
def test_the_names_of_a_call_are_those_of_its_fields(content, model, served, attempt, has_schema):
    """They are put together from one text and stay what they were: else all that was paid is asked anew."""
    messages = [{"role": "user", "content": content}]
    request = Request(messages=messages, model=model, schema={"title": "T"} if has_schema else None, sample=attempt)
    sampling = {
        "temperature": 0.0,
        "top_p": 1.0,
        "max_tokens": 2_048,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "stop": [],
    }
    fields = {
        "messages": messages,
        "model": model,
        "revision": None,
        "sampling": sampling,
        "schema": {"title": "T"} if has_schema else None,
        "sample": attempt,
    }
    assert request.sampling == Sampling()
    assert request.logical_id() == digest("logical", fields)
    for _ in range(2):
        asked = fields | {"model": served or model, "attempt": attempt}
        assert request.call_id(attempt, served=served) == digest("call", asked)
