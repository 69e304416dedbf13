"""Parts of a graph by hand; equal texts are joined without being compared."""

import numpy as np

from synth_dagster.methods.dedup.linked_dedup import LinkedDedup, linked
from synth_dagster.parts.similarity.clusters import joined_by
from tests.methods.dedup.pools import pool_of

# cosines of four texts in a row: .72, .71, .69 between neighbours, less between others
COSINES = np.array(
    [
        [1.0, 0.72, 0.5, 0.35],
        [0.72, 1.0, 0.71, 0.5],
        [0.5, 0.71, 1.0, 0.69],
        [0.35, 0.5, 0.69, 1.0],
    ]
)


def test_edges_above_the_cut_join_and_the_first_of_a_part_stands_for_it():
    vectors = np.linalg.cholesky(COSINES) * 7  # of any length
    assert joined_by(4, linked(vectors, 0.7)).tolist() == [0, 0, 0, 3]
    assert joined_by(4, linked(vectors, 0.715)).tolist() == [0, 0, 2, 3]
    assert joined_by(4, linked(vectors, 0.68)).tolist() == [0, 0, 0, 0]


def test_retold_questions_are_one_and_other_questions_others():
    found = LinkedDedup().cluster(
        pool_of(
            [
                "How is green tea made from fresh leaves?",
                "How is the green tea made from the fresh leaves?",
                "How is green tea made from leaves that are fresh?",
                "When was the stone bridge over the river built?",
            ]
        )
    )
    assert found["keep"].to_pylist() == [True, False, False, True]
    assert found["size"].to_pylist() == [3, 3, 3, 1]


def test_twenty_thousand_equal_texts_are_one_cluster():
    found = LinkedDedup().cluster(pool_of(["茶叶是怎样做出来的？"] * 20_000 + ["石桥"]))
    assert found["size"].to_pylist()[::20_000] == [20_000, 1]
