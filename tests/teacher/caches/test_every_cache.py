"""What every place for answers promises, whether a file, a Postgres schema or a bucket."""

import asyncio
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from synth_dagster.errors import StorageError, TeacherError
from synth_dagster.storage import S3Options
from synth_dagster.teacher.cache import AnswerCache, Stored, StoredVector
from tests.faulty_s3 import faulty
from tests.postgres_server import PASSWORD

ROOT = Path(__file__).parents[3]

CLAIMING = """
import asyncio, sys
from synth_dagster.teacher.cache import AnswerCache
with AnswerCache.open(sys.argv[1]) as cache:
    print(asyncio.run(cache.claim(b"k" * 16)), flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["file", "postgres", "bucket"])
def place(request, tmp_path) -> dict[str, Any]:
    """Where a cache is opened; another machine opens it with other copies of its own."""
    if request.param == "file":
        return {"where": tmp_path / "answers.sqlite"}
    if request.param == "postgres":
        return {"where": request.getfixturevalue("schema")}
    bucket = request.getfixturevalue("bucket")
    return {"where": f"{bucket.url}/answers", "s3": bucket.options}


def elsewhere(place, tmp_path):
    """The same place as another machine reaches it."""
    if "s3" not in place:
        return place
    s3 = place["s3"]
    own = {name: getattr(s3, name) for name in ("endpoint_url", "region", "access_key_id", "secret_access_key")}
    return place | {"s3": S3Options(**own, cache=tmp_path / "other machine")}


def key(number):
    return number.to_bytes(16, "big")


def stored(text="an answer", **more):
    return Stored(model="m", text=text, finish_reason="stop", run_id="run", **more)


def test_what_was_put_is_got_by_another_machine(place, tmp_path):
    answer = stored("naïve 猫\0\n", tokens_in=3, tokens_out=4, usd=Decimal("0.0001"), prompt_hash="ab")
    likely = stored("A", top_logprobs={"A": -0.25, " 猫": -3.0})
    vector = StoredVector(model="m", vector=b"\0\1\2\3", tokens_in=2, run_id="run")

    async def put(cache):
        assert await cache.put(key(1), answer) == answer
        assert await cache.put(key(3), likely) == likely
        await cache.put_vectors({key(5): vector})
        return await cache.remember(key(7), key(1))

    async def look(cache):
        assert await cache.get(key(1)) == answer
        assert await cache.get(key(2)) is None
        assert await cache.get(key(3)) == likely
        assert await cache.vectors([key(5), key(6)]) == {key(5): vector}
        assert await cache.replayed(key(8)) is None
        return await cache.replayed(key(7))

    with AnswerCache.open(**place) as cache:
        assert asyncio.run(put(cache)) == key(1)
        assert asyncio.run(look(cache)) == key(1)
    with AnswerCache.open(**elsewhere(place, tmp_path)) as cache:
        assert asyncio.run(look(cache)) == key(1)
        assert asyncio.run(look(cache)) == key(1)  # now from its own copy


def test_the_first_writer_wins_and_all_others_hear_it(place, tmp_path):
    async def both(one, other):
        assert (await one.put(key(1), stored("first"))).text == "first"
        assert (await other.put(key(1), stored("second"))).text == "first"
        assert await one.get(key(1)) == await other.get(key(1)) == stored("first")
        assert await one.remember(key(7), key(1)) == key(1)
        assert await other.remember(key(7), key(2)) == key(1)
        crowd = await asyncio.gather(*(side.put(key(n), stored(str(n))) for n in range(2, 40) for side in (one, other)))
        assert {answer.text for answer in crowd} == {str(n) for n in range(2, 40)}

    with AnswerCache.open(**place) as one, AnswerCache.open(**elsewhere(place, tmp_path)) as other:
        asyncio.run(both(one, other))


def test_what_is_forgotten_is_gone_everywhere(place, tmp_path):
    async def fill(cache):
        await cache.put(key(1), stored("to go"))
        await cache.put(key(3), stored("to stay"))
        await cache.put_vectors({key(2): StoredVector(model="m", vector=b"1234", run_id="run")})
        await cache.remember(key(7), key(1))

    async def copy(cache):
        assert await cache.get(key(1)) is not None

    async def look(cache):
        assert await cache.get(key(1)) is None and await cache.replayed(key(7)) is None
        assert await cache.vectors([key(2)]) == {}
        assert await cache.get(key(3)) == stored("to stay")

    other = elsewhere(place, tmp_path)
    with AnswerCache.open(**place) as cache:
        asyncio.run(fill(cache))
    with AnswerCache.open(**other) as cache:
        asyncio.run(copy(cache))
    with AnswerCache.open(**place) as cache:
        assert asyncio.run(cache.forget([key(1), key(2), key(9)])) == 2
        asyncio.run(look(cache))
    with AnswerCache.open(**other) as cache:
        asyncio.run(look(cache))


def test_of_two_that_ask_for_one_answer_the_second_waits_and_gets_it(place):
    paid = []

    async def asks(cache, name):
        async with cache.asking(key(1)) as kept:
            if kept is not None:
                return kept.text
            paid.append(name)
            await asyncio.sleep(0.1)
            return (await cache.put(key(1), stored(name))).text

    async def both(one, other):
        return await asyncio.gather(asks(one, "one"), asks(other, "other"))

    with AnswerCache.open(**place) as one, AnswerCache.open(**place) as other:
        texts = asyncio.run(both(one, other))
    assert len(paid) == 1 and texts == paid * 2


@pytest.mark.parametrize("place", ["file", "postgres"], indirect=True)
def test_a_claim_ends_with_its_process(place):
    command = [sys.executable, "-c", CLAIMING, str(place["where"])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True) as holder:
        assert holder.stdout and holder.stdout.readline().strip() == "True"
        with AnswerCache.open(**place) as cache:
            assert not asyncio.run(cache.claim(b"k" * 16))
            holder.kill()
            holder.wait()
            until = time.monotonic() + 20
            while not asyncio.run(cache.claim(b"k" * 16)):  # a server has to notice
                assert time.monotonic() < until
            asyncio.run(cache.unclaim(b"k" * 16))


def test_what_an_endpoint_can_do_is_kept_for_a_while_for_all_machines(place, tmp_path):
    async def note(cache):
        assert await cache.ability(key(1), 0.0) is None
        await cache.note_ability(key(1), "json_object")
        await cache.note_ability(key(1), "plain")  # the last word counts

    async def look(cache):
        assert await cache.ability(key(1), time.time() + 60) is None
        assert await cache.ability(key(1), time.time() - 60) == "plain"
        assert await cache.ability(key(1), time.time() + 60) is None
        assert await cache.ability(key(2), 0.0) is None

    with AnswerCache.open(**place) as cache:
        asyncio.run(note(cache))
        asyncio.run(look(cache))
    with AnswerCache.open(**elsewhere(place, tmp_path)) as cache:
        asyncio.run(look(cache))


def test_a_closed_cache_says_so(place):
    cache = AnswerCache.open(**place)
    cache.close()
    with pytest.raises(TeacherError, match=r"is closed"):
        asyncio.run(cache.put(key(1), stored()))


# ---------------------------------------------------------------------------------------------------------- bad input


def test_an_address_of_another_kind_is_refused_with_those_that_are_known():
    with pytest.raises(TeacherError, match=r"mysql:// address.*postgresql://.*s3://"):
        AnswerCache.open("mysql://host/db")


def test_a_newer_schema_of_postgres_is_refused_and_left_alone(schema):
    import psycopg

    AnswerCache.open(schema).close()
    address, _, name = schema.partition("?schema=")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"insert into {name}.answers_version values (99)")
    with pytest.raises(TeacherError, match=r"written by a newer version .*Upgrade synth_dagster"):
        AnswerCache.open(schema)


def test_a_server_that_is_away_is_named_without_the_password(postgres):
    url = postgres.url().replace(str(postgres.port), "9")
    with pytest.raises(TeacherError, match=r"answer cache .*cannot be reached.*SYNTH_ANSWERS") as told:
        AnswerCache.open(url)
    assert PASSWORD not in str(told.value)


def test_a_newer_or_foreign_format_of_a_bucket_is_refused(bucket):
    AnswerCache.open(bucket.url, bucket.options).close()
    bucket.client.put_object(Bucket=bucket.name, Key="prefix/answers.json", Body=b'{"version": 9}')
    with pytest.raises(TeacherError, match=r"written by a newer version .*another prefix"):
        AnswerCache.open(bucket.url, bucket.options)
    bucket.client.put_object(Bucket=bucket.name, Key="prefix/answers.json", Body=b"junk")
    with pytest.raises(TeacherError, match=r"cannot be read .*Nothing was changed"):
        AnswerCache.open(bucket.url, bucket.options)


def test_a_damaged_object_is_named_and_left_alone(bucket):
    with AnswerCache.open(bucket.url, bucket.options) as cache:
        name = f"prefix/cache/00/{key(1).hex()}"
        bucket.client.put_object(Bucket=bucket.name, Key=name, Body=b"junk")
        with pytest.raises(TeacherError, match=rf"'{key(1).hex()}'.*cannot be read"):
            asyncio.run(cache.get(key(1)))
    assert name in bucket.every_key()


def test_a_bucket_without_conditional_writes_is_refused(bucket):
    with faulty(bucket.endpoint) as faults:
        faults.forget_conditions = True
        options = S3Options(**{**_plain(bucket.options), "endpoint_url": faults.address})
        with pytest.raises(StorageError, match=r"ignores If-None-Match"):
            AnswerCache.open(bucket.url, options)


def test_erasing_also_reaches_the_older_versions_that_a_bucket_keeps(bucket):
    bucket.client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})

    async def work(cache):
        await cache.put(key(1), stored("to go"))
        return await cache.forget([key(1)])

    with AnswerCache.open(bucket.url, bucket.options) as cache:
        assert asyncio.run(work(cache)) == 1
    found = bucket.client.list_object_versions(Bucket=bucket.name, Prefix="prefix/cache/")
    assert not found.get("Versions") and not found.get("DeleteMarkers")


def _plain(options: S3Options) -> dict[str, Any]:
    return {name: getattr(options, name) for name in S3Options.__slots__}


def test_who_began_before_an_erasure_puts_nothing_back(place, tmp_path):
    vector = StoredVector(model="m", vector=b"\0\1\2\3", tokens_in=2, run_id="run")
    with AnswerCache.open(**place) as stopped, AnswerCache.open(**elsewhere(place, tmp_path)) as other:
        asyncio.run(stopped.put(key(1), stored()))
        asyncio.run(other.raise_fence("first"))
        for late in (stopped.put(key(2), stored("what is gone")), stopped.put_vectors({key(3): vector})):
            with pytest.raises(TeacherError, match=r"Records were erased while .* Run it again"):
                asyncio.run(late)
        stopped.holds = lambda: False
        with pytest.raises(TeacherError, match="Records were erased"):
            asyncio.run(stopped.put(key(2), stored("what is gone")))
        asyncio.run(stopped.remember(key(7), key(1)))  # holds no text, and nothing is refused beside it
    with AnswerCache.open(**elsewhere(place, tmp_path / "third")) as later:
        assert [call for call, _ in later.answers()] == [key(1)]
        assert later.embedded_by() == {}
        assert asyncio.run(later.put(key(2), stored("new"))) == stored("new")  # of a step that began after it


def test_who_is_waited_for_is_not_kept_out_by_an_erasure(place, tmp_path):
    """Also where one follows another. Afterwards nobody asks again who waits for whom."""
    asked = []
    with AnswerCache.open(**place) as working, AnswerCache.open(**elsewhere(place, tmp_path)) as other:
        working.holds = lambda: not asked.append(1)
        for word in ("first", "second"):
            asyncio.run(other.raise_fence(word))

            async def together(word=word):
                return await asyncio.gather(*(working.put(key(n), stored(word)) for n in range(len(word))))

            assert len(asyncio.run(together())) == len(word)
            before = len(asked)
            asyncio.run(working.put(key(20), stored("again")))
            assert len(asked) == before > 0
        assert asyncio.run(other.get(key(0))) == stored("first")
