"""The clocks of the Chatwoots, as their answers show them.

A Chatwoot's times are never held against ours: either clock may be wrong by hours, and may be set
while we run. What every answer tells (`Date`) shows how far the Chatwoot's clock is ahead of the
steady one of this machine, which nobody sets. The disk has it for other processes and the next
start (docs/routing.md, Clocks).
"""

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from bridge.domain.models import UNTOLD, ChatwootTime, Integration
from bridge.store import Store
from bridge.store.columns import names, write

log = logging.getLogger(__name__)

#: How far what is told here may be wrong, in seconds, as long as no clock was set just now.
DOUBT_S = 10.0
#: What is on the disk is replaced when it is wrong by more, and not more often, in seconds.
_WORTH_S = 5.0
_GAP_S = 5.0
#: What is told is a whole second, at its begin.
_SECOND = 1.0


def _this_boot() -> str:
    """Names the time since this machine was started; empty where that cannot be told."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the disk has: how far ahead the clock is, in seconds, of the steady clock of a boot and
    of this machine's own, which goes on from one boot to the next."""

    boot: str
    steady_ahead_s: float
    ahead_s: float


@dataclass(slots=True)
class _Measured:
    """Between which bounds a clock is ahead of the steady one, in seconds, and what the disk had
    when that was measured last; when it was to be written, on the steady clock."""

    low: float
    high: float
    stored: _Stored | None = None
    written_at: float = -_GAP_S

    @property
    def steady_ahead_s(self) -> float:
        return (self.low + self.high) / 2


class ChatwootClocks:
    """The clock of each Chatwoot, by its base URL."""

    def __init__(self, store: Store) -> None:
        self._store, self._boot = store, _this_boot()
        self._measured: dict[str, _Measured] = {}
        self._lock = threading.Lock()

    def now(self, base_url: str) -> ChatwootTime:
        """What that clock shows, to about DOUBT_S. Until it is known, ours stands in for it."""
        steady = self._steady_ahead_s(base_url)
        if steady is not None:
            return ChatwootTime(time.monotonic() + steady)
        stored = self._stored(base_url)
        return ChatwootTime(time.time() + (stored.ahead_s if stored else 0.0))

    def is_known(self, base_url: str) -> bool:
        """Whether that clock was measured, by this process or another one, now or earlier."""
        return self._steady_ahead_s(base_url) is not None or self._stored(base_url) is not None

    def age_s(self, base_url: str, moment: ChatwootTime) -> float:
        """How long ago that was, in seconds; 0 for what was not told, or is yet to come."""
        return 0.0 if moment == UNTOLD else max(self.now(base_url).since(moment), 0.0)

    def begin_of(self, integration: Integration) -> ChatwootTime:
        """What is older in Chatwoot is none of the integration's matter.

        The earlier of what Chatwoot's clock showed then and what it would have shown had it gone
        as it does now: after it was set back, new messages are older than the former.
        """
        as_now = self.now(integration.base_url).plus(integration.created_at - time.time())
        return as_now if integration.began_at == UNTOLD else min(integration.began_at, as_now)

    def ahead_s(self, base_url: str) -> float:
        """How far that clock is ahead of this machine's, in seconds; 0 until it is known."""
        return self.now(base_url).seconds - time.time()

    def note(self, base_url: str, told: float, *, began: float, ended: float) -> None:
        """`told` is the second (UTC) that its clock showed at some moment of a call, which lasted
        from `began` to `ended` on the monotonic clock. Raises nothing.

        Calls that agree narrow it down, the quick ones most; one that cannot agree with those
        before shows that a clock was set.
        """
        low, high = told - ended, told + _SECOND - began
        with self._lock:
            known = self._measured.setdefault(base_url, _Measured(low, high))
            if low <= known.high and known.low <= high:
                low, high = max(low, known.low), min(high, known.high)
            known.low, known.high = low, high
        try:
            self._save(base_url, known)
        except Exception as error:
            log.debug("the clock of %s could not be stored: %s", base_url, error)

    # -- underneath --------------------------------------------------------------------------------

    def _steady_ahead_s(self, base_url: str) -> float | None:
        """How far ahead of the steady clock, where that is known: as we measured it, unless another
        process has found another one since."""
        stored, mine = self._stored(base_url), self._measured.get(base_url)
        if mine is not None and mine.stored == stored:
            return mine.steady_ahead_s
        if stored is not None and stored.boot == self._boot != "":
            return stored.steady_ahead_s
        return None

    def _stored(self, base_url: str) -> _Stored | None:
        sql = f"select {names(_Stored)} from chatwoot_clock where base_url = ?"
        return self._store.db.first(_Stored, sql, base_url)

    def _save(self, base_url: str, known: _Measured) -> None:
        """Stores it where the disk is too far off. Raises what the disk raises."""
        steady, now = known.steady_ahead_s, time.monotonic()
        stored = self._stored(base_url)
        is_right = (
            stored is not None
            and stored.boot == self._boot
            and abs(stored.steady_ahead_s - steady) <= _WORTH_S
        )
        known.stored = stored
        is_joined = "select 1 from integration where base_url = ?"
        if (
            is_right
            or now - known.written_at < _GAP_S
            or not self._store.db.has(is_joined, base_url)
        ):
            return
        known.written_at = now
        fresh = _Stored(self._boot, steady, now + steady - time.time())
        with self._store.write() as db:
            db.execute(
                "delete from chatwoot_clock "
                "where base_url not in (select base_url from integration)"
            )
            db.put("chatwoot_clock", {"base_url": base_url, **write(fresh)}, key="base_url")
            # Marks by our clock, from before theirs was known.
            db.execute(
                "update integration set unproven_until = restored_at + ?, restored_at = 0 "
                "where base_url = ? and restored_at > 0",
                [fresh.ahead_s, base_url],
            )
        known.stored = fresh
        if abs(fresh.ahead_s) > _WORTH_S:
            side = "ahead of" if fresh.ahead_s > 0 else "behind"
            log.info("the clock of %s is %.0f s %s ours", base_url, abs(fresh.ahead_s), side)
