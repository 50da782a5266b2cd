"""The clocks of the Chatwoots, as their answers show them.

A Chatwoot's times are never held against ours: either clock may be wrong by hours, and may be set
while we run. What every answer tells (`Date`) shows how far the Chatwoot's clock is ahead of the
steady one of this machine, which nobody sets. The disk has it for the other processes and for the
next start (docs/routing.md, Clocks).
"""

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bridge.domain.models import UNTOLD, ChatwootTime, Integration
from bridge.store import Store

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


class _Kept(NamedTuple):
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
    kept: _Kept | None = None
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
        kept = self._kept(base_url)
        return ChatwootTime(time.time() + (kept.ahead_s if kept else 0.0))

    def is_known(self, base_url: str) -> bool:
        """Whether that clock was measured, by this process or another one, now or earlier."""
        return self._steady_ahead_s(base_url) is not None or self._kept(base_url) is not None

    def age_s(self, base_url: str, moment: ChatwootTime) -> float:
        """How long ago that was, in seconds; 0 for what was not told, or is yet to come."""
        return 0.0 if moment == UNTOLD else max(self.now(base_url).since(moment), 0.0)

    def begin_of(self, one: Integration) -> ChatwootTime:
        """What is older in Chatwoot is none of the integration's matter.

        The earlier of what Chatwoot's clock showed then and what it would have shown had it gone
        as it does now: after it was set back, new messages are older than the former.
        """
        as_now = self.now(one.base_url).plus(one.created_at - time.time())
        return as_now if one.began_at == UNTOLD else min(one.began_at, as_now)

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
            self._keep(base_url, known)
        except Exception as error:
            log.debug("the clock of %s could not be kept: %s", base_url, error)

    # -- underneath --------------------------------------------------------------------------------

    def _steady_ahead_s(self, base_url: str) -> float | None:
        """How far ahead of the steady clock, where that is known: as we measured it, unless another
        process has found another one since."""
        kept, mine = self._kept(base_url), self._measured.get(base_url)
        if mine is not None and mine.kept == kept:
            return mine.steady_ahead_s
        if kept is not None and kept.boot == self._boot != "":
            return kept.steady_ahead_s
        return None

    def _kept(self, base_url: str) -> _Kept | None:
        row = self._store.db.execute(
            "select boot, steady_ahead_s, ahead_s from chatwoot_clock where base_url = ?",
            [base_url],
        ).fetchone()
        return _Kept(*row) if row else None

    def _keep(self, base_url: str, known: _Measured) -> None:
        """Writes it down where it is worth it. Raises what the disk raises."""
        steady, now = known.steady_ahead_s, time.monotonic()
        kept = self._kept(base_url)
        is_right = (
            kept is not None
            and kept.boot == self._boot
            and abs(kept.steady_ahead_s - steady) <= _WORTH_S
        )
        known.kept = kept
        if is_right or now - known.written_at < _GAP_S or not self._is_joined(base_url):
            return
        known.written_at = now
        fresh = _Kept(self._boot, steady, now + steady - time.time())
        with self._store.write() as db:
            db.execute(
                "delete from chatwoot_clock "
                "where base_url not in (select base_url from integration)"
            )
            db.execute(
                "insert or replace into chatwoot_clock values (?, ?, ?, ?)", [base_url, *fresh]
            )
            # Marks by our clock, from before theirs was known.
            db.execute(
                "update integration set unproven_until = restored_at + ?, restored_at = 0 "
                "where base_url = ? and restored_at > 0",
                [fresh.ahead_s, base_url],
            )
        known.kept = fresh
        log.info("the clock of %s is ahead of ours by %+.0f s", base_url, fresh.ahead_s)

    def _is_joined(self, base_url: str) -> bool:
        found = self._store.db.execute(
            "select 1 from integration where base_url = ? limit 1", [base_url]
        )
        return found.fetchone() is not None
