"""The expert of `refinex_pairs`: it is asked the same."""

from tests.gallery.worlds.refinex_pairs import teacher

__all__ = ["teacher"]
