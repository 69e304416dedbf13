"""The queries of `ultraif`, and who answers and judges them there."""

from tests.gallery.worlds.ultraif import teacher

__all__ = ["teacher"]
