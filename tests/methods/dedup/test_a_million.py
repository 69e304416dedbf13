"""A million identical documents, one cluster: whoever compares each with each would make 5 * 10^11 pairs of them.

And documents of 100 MB, whose words fit into no cache.
"""

import numpy as np
import pyarrow as pa
import pytest

from synth_dagster.lake.signature_index import SignatureIndex
from synth_dagster.methods.dedup.exact import Exact
from synth_dagster.methods.dedup.line_dedup import LineDedup
from synth_dagster.methods.dedup.linked_dedup import LinkedDedup
from synth_dagster.methods.dedup.minhash import Minhash
from synth_dagster.methods.dedup.paragraph_dedup import ParagraphDedup
from synth_dagster.methods.dedup.semantic_dedup import SemanticDedup
from synth_dagster.methods.dedup.substring_dedup import SubstringDedup
from synth_dagster.runner.duplicates import compared
from synth_dagster.runner.vectors import NoVectors
from synth_dagster.services import Vectors, asked_of
from synth_dagster.storage import open_store
from tests.methods.dedup.pools import duplicates_in, pool_of

MANY = 1_000_000
TEXT = "one two three four five six seven eight nine ten eleven twelve"

pytestmark = pytest.mark.prove


@pytest.fixture(scope="module")
def pool():
    """Ids count up, and priorities count down: the last record is to be kept."""
    ids = np.zeros((MANY, 2), ">u8")
    ids[:, 1] = np.arange(MANY)
    return pa.table(
        {
            "record_id": pa.Array.from_buffers(pa.binary(16), MANY, [None, pa.py_buffer(ids.tobytes())]),
            "text": pa.array([TEXT]).take(pa.array(np.zeros(MANY, np.int64))),
            "priority": pa.array(np.arange(MANY, 0, -1)),
        }
    )


def clusters(method, pool):
    services = {name: NoVectors() for name, of in asked_of(method.cluster).items() if of is Vectors}
    return method.cluster(pool, **services)


def is_one_cluster(found):
    kept = found.filter(found["keep"])["record_id"].to_pylist()
    assert kept == [(MANY - 1).to_bytes(16, "big")]
    assert found["cluster"].unique().to_pylist() == kept
    assert found["size"].unique().to_pylist() == [MANY]


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(Exact(), id="exact"),
        pytest.param(Exact(form="words"), id="exact by words"),
        pytest.param(LineDedup(), id="lines"),
        pytest.param(ParagraphDedup(), id="paragraphs"),
        pytest.param(SubstringDedup(words=10), id="substrings"),
        pytest.param(Minhash(), id="short texts"),
        pytest.param(Minhash(short_below=5, memory_mib=16), id="longer texts, signatures on disk"),
        pytest.param(Minhash(verify=0.8), id="pairs looked at in full"),
        pytest.param(SemanticDedup(), id="meanings"),
        pytest.param(LinkedDedup(), id="linked meanings"),
    ],
)
def test_a_million_identical_documents_are_one_cluster(pool, method):
    is_one_cluster(clusters(method, pool))


def test_a_million_identical_documents_are_one_cluster_of_an_index(pool, tmp_path):
    method = Minhash()

    def index():
        return SignatureIndex(open_store(tmp_path), "million", method.signature_settings())

    compared(index(), pool.slice(0, MANY // 2), method.signatures)
    is_one_cluster(compared(index(), pool, method.signatures))


LONG = 100_000_000  # bytes


@pytest.fixture(scope="module")
def long_pool():
    """A document of 100 MB, the same with ten words less at its end, and another one."""
    rng = np.random.default_rng(1)
    letters = rng.integers(ord("a"), ord("z") + 1, (2, LONG), dtype=np.uint8)
    letters[:, 7::8] = ord(" ")
    one, other = (row.tobytes().decode() for row in letters)
    return pool_of([one, one[:-80], other])


@pytest.mark.parametrize(
    ("method", "kept"),
    [
        pytest.param(Exact(), [0, 1, 2], id="exact"),
        pytest.param(Minhash(), [0, 0, 2], id="near"),
        pytest.param(LineDedup(), [0, 1, 2], id="lines, of which each has one"),
        pytest.param(SubstringDedup(), [0, 0, 2], id="substrings"),
    ],
)
def test_documents_of_a_hundred_megabytes(long_pool, method, kept):
    found = clusters(method, long_pool)
    assert duplicates_in(found) == kept
