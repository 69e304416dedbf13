"""The pages of the gallery's FineWeb2: which stay, and how often each is seen."""

from tests.gallery.example import example


def test_pages_with_copies_are_seen_three_times_and_the_others_once():
    # of pages without copies the filters drop six of eight, of those with two and three none: passes 1, 3, 3
    seen = {row["url"].rpartition("/")[2]: row["copies"] for row in example("fineweb2").kept}
    assert seen == {
        "fr_moulin": 3,
        "es_faro": 3,
        "it_ponte": 3,
        "zh_cha": 3,
        "en_mill": 3,
        "fr_pain": 1,
        "es_huerto": 1,
    }
