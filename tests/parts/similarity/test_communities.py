"""Groups around their centres, largest first, each row in one at most, as the published function finds them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.similarity.communities import communities


def at(*degrees):
    """Vectors of the plane at these angles: their cosines are those of the differences."""
    turned = np.radians(np.array(degrees, float))
    return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("degrees", "least", "found"),
    [
        # cos 10 = .985, cos 15 = .966, cos 20 = .940: at .95 only those within 18 degrees are near
        pytest.param((0, 10, 80, 95, 109), 1, [[3, 4, 2], [0, 1]], id="the middle one is the centre of the largest"),
        pytest.param((0, 10, 20), 1, [[1, 0, 2]], id="the ends are not near each other"),
        pytest.param((0, 45, 90), 1, [[0], [1], [2]], id="each alone"),
        pytest.param((0, 45, 90), 2, [], id="what stands alone is lost where two are asked for"),
        pytest.param((0, 10, 20, 30), 1, [[1, 0, 2], [3]], id="who is left over"),
        pytest.param((0, 10, 20, 30), 2, [[1, 0, 2]], id="too few are left over"),
        pytest.param((0, 0, 0), 1, [[0, 1, 2]], id="copies: the first is the centre"),
        pytest.param((), 1, [], id="nothing"),
    ],
)
def test_groups_by_hand(degrees, least, found):
    assert communities(at(*degrees), threshold=0.95, least=least) == found


def test_what_a_taken_centre_leaves_behind_is_no_group():
    # degrees east and north: 16 0 is near to 0 0, whose group is the largest, and to 16 +-17, which are 34 apart
    east, north = np.radians(np.array([[0, 0], [-3, 0], [-6, 0], [16, 0], [16, 17], [16, -17]], float)).T
    rows = np.stack([np.cos(east) * np.cos(north), np.sin(east) * np.cos(north), np.sin(north)], axis=1)
    assert communities(rows.astype(np.float32), threshold=0.95) == [[0, 1, 2, 3], [4], [5]]


def published(vectors, threshold, least):
    """`sentence_transformers.util.community_detection` as it is described, one row after the other."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, np.inf)
    proposals = []
    for row in cosines:
        order = np.argsort(-row, kind="stable")
        near = [int(place) for place in order if row[place] >= threshold]
        if len(near) >= least:
            proposals.append(near)
    proposals.sort(key=len, reverse=True)
    taken, found = set(), []
    for one in proposals:
        rest = [place for place in one if place not in taken]
        if one[0] not in taken and len(rest) >= least:
            found.append(rest)
            taken.update(rest)
    return sorted(found, key=len, reverse=True)


@given(st.lists(st.integers(0, 359), max_size=40), st.sampled_from([0.7, 0.9, 0.99]), st.integers(1, 3))
def test_every_row_is_in_one_group_at_most_and_near_to_its_centre(degrees, threshold, least):
    vectors = at(*degrees) if degrees else np.zeros((0, 2), np.float32)
    found = communities(vectors, threshold=threshold, least=least)
    rows = [row for group in found for row in group]
    assert len(set(rows)) == len(rows) and (least > 1 or len(rows) == len(degrees))
    for group in found:
        assert len(group) >= least and (vectors[group] @ vectors[group[0]]).min() >= threshold - 1e-6
    if len(degrees):
        assert found == published(vectors, threshold, least)
