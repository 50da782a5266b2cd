"""What a router is delivering, in a file that tells the next one when it was killed.

A request goes on in Chatwoot when whoever made it is gone, so that a look may find nothing and
what was looked for be stored after that (docs/contracts/chatwoot.md, Answers). The file is for a
process that dies, not for a machine: it is written and not waited for, which costs next to nothing.
"""

import contextlib
import logging
import os
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger(__name__)

#: Id of the entry, 0 for none, and when its try began in UTC seconds.
_SLOT = struct.Struct("<qd")


@dataclass(slots=True)
class InProgress:
    """One slot of the file for each delivery that is under way; nothing of this ever raises."""

    path: Path
    _file: int = -1
    _free: list[int] = field(default_factory=list)
    _slots: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self, *, since: float) -> dict[int, float]:
        """What an earlier router was at when it died, as long as that is no older than `since`:
        when the try of each entry began, both in UTC seconds."""
        began: dict[int, float] = {}
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            written = os.read(self._file, 1 << 20)
        except OSError as error:
            log.warning("what was under way is not known: %s", error.strerror)
            return {}
        self._slots = len(written) // _SLOT.size
        for slot in range(self._slots):
            entry_id, began_at = _SLOT.unpack_from(written, slot * _SLOT.size)
            if entry_id and began_at >= since:
                # Stays where it is: this router may be killed before that time has passed.
                began[entry_id] = max(began_at, began.get(entry_id, 0.0))
            else:
                self._free.append(slot)
        return began

    @contextlib.contextmanager
    def delivering(self, entry_id: int, *, began_at: float) -> Iterator[None]:
        """For the length of a block, a try of an entry is under way."""
        with self._lock:
            if not self._free:
                self._free.append(self._slots)
                self._slots += 1
            slot = self._free.pop()
        self._write(slot, entry_id, began_at)
        try:
            yield
        finally:
            self._write(slot, 0, 0.0)
            with self._lock:
                self._free.append(slot)

    def _write(self, slot: int, entry_id: int, began_at: float) -> None:
        with contextlib.suppress(OSError):  # a full disk says so elsewhere
            os.pwrite(self._file, _SLOT.pack(entry_id, began_at), slot * _SLOT.size)
