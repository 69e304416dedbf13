"""Planted codes: found again by their form, exposed by what a model expects."""

import numpy as np

from synth_dagster.parts.models.byte_model import ByteModel
from synth_dagster.parts.privacy.canaries import BITS, Canary, canaries, exposures, planted_in, secrets_by_bytes
from tests.parts.made_up_prose import prose


def test_codes_are_of_their_seed_and_no_two_have_one_name():
    found = canaries(5, 200)
    assert found == canaries(5, 200) and found[:3] == canaries(5, 3)
    assert len({one.name for one in found}) == 200 and not {one.name for one in found} & {
        one.name for one in canaries(6, 200)
    }


def test_a_code_is_found_by_its_sentence_and_by_nothing_less():
    one, other = canaries(1, 2)
    assert list(planted_in(f"A letter. {one.sentence} {other.sentence} {one.sentence} Yours.")) == [one, other]
    assert list(planted_in(f"{one.code} The access code of {one.name} is {other.code}.")) == []


class Fixed:
    """A model that finds the k-th letter of the alphabet the k-th likeliest, whatever came before."""

    def following(self, contexts):
        likely = np.full((len(contexts), 256), 1e-9)
        for place, letter in enumerate("bcdfghjkmnpqrtvw"):
            likely[:, ord(letter)] = 2.0 ** -(place + 1)
        return likely


def test_exposure_by_hand():
    # the first of 2^16 has 16 bits, the last one has none; of the four that have one c, on average the third and a half
    first, last, fourth = Canary("kmnpqr", "bbbb"), Canary("kmnpqr", "wwww"), Canary("kmnpqr", "bcbb")
    assert exposures(secrets_by_bytes(Fixed()), [first, last]).tolist() == [16.0, 0.0]
    assert exposures(secrets_by_bytes(Fixed()), [fourth])[0] == BITS - np.log2((2 + 3 + 4 + 5) / 4)


def test_exposure_grows_with_how_often_a_code_was_learnt():
    # 300 texts of 50 words, and 24 codes: 8 once, 8 four times, 8 sixteen times; 40 codes that were never there
    known, unknown = canaries(2, 24), canaries(3, 40)
    planted = [one.sentence for place, one in enumerate(known) for _ in range((1, 4, 16)[place // 8])]
    model = ByteModel.learnt([text.encode() for text in (*prose(1, 300), *planted)])
    once, four, sixteen = exposures(secrets_by_bytes(model), known).reshape(3, 8).mean(axis=1)
    never = exposures(
        secrets_by_bytes(model), unknown
    ).mean()  # -log2 of a share between 0 and 1 is 1.44 on average, +- 1.44 / sqrt(40)
    assert never < 1.44 + 4 * 0.23 < once < four < sixteen and sixteen > 12
