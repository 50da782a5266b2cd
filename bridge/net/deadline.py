"""One time limit over many calls."""

import time


class Deadline:
    """`seconds` from now; every call under it gets what is left, never a fresh allowance."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.end - time.monotonic())

    def within(self, seconds: float) -> "Deadline":
        """A limit for one part of the work: `seconds`, or what is left if that is less."""
        return Deadline(min(seconds, self.remaining()))

    def pause(self, seconds: float) -> bool:
        """Waits, or returns False at once when that would leave no time for another call."""
        if seconds >= self.remaining():
            return False
        time.sleep(seconds)
        return True
