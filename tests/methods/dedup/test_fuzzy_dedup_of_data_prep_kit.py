"""`minhash` beside Data Prep Kit's fuzzy deduplication: its twelve stored documents, and what it keeps and removes.

Their words are numbers here, so that the similarities are theirs and the texts are nobody's. Which band finds a pair
hangs on the hash functions, which are others; which documents stay hangs on the similarities, and near .7 on chance.
"""

import json
from itertools import combinations
from pathlib import Path

import pyarrow as pa
import pytest

from synth_dagster.methods.dedup.minhash import Minhash

STORED = json.loads((Path(__file__).parents[2] / "fixtures" / "data_prep_kit_fdedup.json").read_text("utf-8"))
DOCUMENTS = STORED["documents"]
LETTERS = str.maketrans("0123456789", "abcdefghij")  # all digits would be one and the same


def pool(documents):
    """The largest is to be kept, and of equals the one with the smallest id, as in the kit."""
    by_precedence = sorted(DOCUMENTS, key=lambda one: (-one["size"], one["id"]))
    return pa.table(
        {
            "record_id": pa.array([one["id"].to_bytes(16, "big") for one in documents], pa.binary()),
            "text": [" ".join(str(word).translate(LETTERS) for word in one["words"]) for one in documents],
            "priority": [by_precedence.index(one) for one in documents],
        }
    )


def kept_for(documents, **settings):
    found = Minhash(**{"bands": 14, "rows": 8} | settings).cluster(pool(documents))
    ids = (int.from_bytes(one, "big") for one in found["cluster"].to_pylist())
    return dict(zip((one["id"] for one in documents), ids, strict=True))


def shares(one, other):
    one, other = ({tuple(words[at : at + 5]) for at in range(len(words) - 4)} for words in (one, other))
    return len(one & other) / len(one | other)


def removed_for(documents, **settings):
    return [one for one, kept in sorted(kept_for(documents, **settings).items()) if one != kept]


def test_the_same_documents_are_removed_but_for_what_no_band_finds():
    """The pair at .73 is found with probability 1 - (1 - .727^8)^14 = .68, those at .83 with .97 each: .64 together,
    and with 40 families of hash functions .64 +- .08 of them."""
    assert removed_for(DOCUMENTS) == STORED["removed"]
    found = [removed_for(DOCUMENTS, seed=seed) for seed in range(40)]
    assert all(set(removed) <= set(STORED["removed"]) for removed in found), "nothing else goes"
    assert sum(removed == STORED["removed"] for removed in found) >= 16  # three deviations below .64 of 40


@pytest.mark.parametrize("turn", range(0, 12, 3))
def test_with_bands_that_find_pairs_at_seven_tenths_the_same_go_in_whatever_order_they_come(turn):
    documents = DOCUMENTS[turn:] + DOCUMENTS[:turn]
    settings = {"bands": 40, "rows": 4, "verify": 0.7}  # 1 - (1 - .727^4)^40 > .999
    assert removed_for(documents, **settings) == STORED["removed"]


def test_a_duplicate_names_one_that_it_is_like():
    words = {one["id"]: one["words"] for one in DOCUMENTS}
    found = kept_for(DOCUMENTS)
    clusters = {kept: [one for one in found if found[one] == kept] for kept in STORED["kept"]}
    for kept, members in clusters.items():
        for one in members:
            others = [other for other in members if other != one]
            assert one == kept or max(shares(words[one], words[other]) for other in others) > 0.5
    for one, other in combinations(STORED["kept"], 2):
        assert shares(words[one], words[other]) < 0.5
