"""The retry budget of one run: what fails must not be asked so often that it fails the more."""

SHARE = 0.2  # of a retry that each answer pays for
MOST = 64.0
A_SECOND = 10.0  # and so many come with time: what fails must not stand still where much fails


class RetryBudget:
    """Retries that may be made. An empty budget makes retries wait, so that nothing is lost to it."""

    def __init__(self) -> None:
        self._left = MOST
        self._at = 0.0

    def earn(self) -> None:
        """An answer came."""
        self._left = min(MOST, self._left + SHARE)

    def spend(self, now: float) -> float:
        """Takes a retry and returns 0, or returns the seconds after which to ask again."""
        self._left = min(MOST, self._left + A_SECOND * max(0.0, now - self._at))
        self._at = now
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / A_SECOND
