"""The one SQLite file. Everything that speaks SQL lives in this folder.

Writes begin with BEGIN IMMEDIATE: SQLite does not wait when a read must become a write later.
"""

import contextlib
import fcntl
import mmap
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from sqlite_utils import Database

from bridge.domain.errors import ActivationRunning, StartupError, StorageFailed
from bridge.store.migrations import migrations

#: How long a write waits for another one, in seconds.
BUSY_S = 10.0
_LOCK_POLL_S = 0.02
_EDITION_BYTES = 8
#: The edition, then the version.
_SHARED_BYTES = 2 * _EDITION_BYTES


def peek_meta(path: Path, key: str) -> str | None:
    """One fact about an installation, read without making or changing the database.

    Raises StartupError when the file is there but is no database.
    """
    found = _peek(path, "select value from meta where key = ?", key)
    return str(found[0]) if found else None


def is_made(path: Path) -> bool:
    """Whether there is a database of ours: a file with our tables, whatever is in them.

    Raises StartupError when the file is there but is no database.
    """
    return _peek(path, "select 1") is not None


def _peek(path: Path, sql: str, *values: str) -> tuple[object, ...] | None:
    """The first row of a query, None without one, without a file and without our tables."""
    if not path.exists():
        return None
    try:
        # Read-only: any other last connection would fold what a crash left into the main file.
        # Without such a rest nobody has it open, and a look need not leave one itself.
        has_rest = path.with_name(f"{path.name}-wal").exists()
        uri = f"{path.absolute().as_uri()}?{'mode=ro' if has_rest else 'immutable=1'}"
        with contextlib.closing(sqlite3.connect(uri, timeout=BUSY_S, uri=True)) as connection:
            if not connection.execute("select 1 from sqlite_schema where name = 'meta'").fetchone():
                return None
            row: tuple[object, ...] | None = connection.execute(sql, values).fetchone()
    except sqlite3.Error as error:
        raise StartupError(reason=f"cannot use the database {path}: {error}") from None
    return row


def use(folder: Path, *, alone: bool = False) -> IO[bytes]:
    """Marks the instance folder as in use until what is given back is closed, or the process ends.

    `alone`: by nobody else at the same time, as it must be for whoever replaces what is in it.
    Raises StartupError.
    """
    try:
        (folder / "locks").mkdir(parents=True, exist_ok=True, mode=0o700)
        file = open(folder / "locks" / "in-use", "ab")  # noqa: SIM115 - held open as long as needed
    except OSError as error:
        raise StartupError(
            reason=f"cannot use the instance folder {folder}: {error.strerror}"
        ) from None
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        wrong = (
            "a service or another command is using it: stop that first"
            if alone
            else "a restore or a key rotation is under way: wait until it is done"
        )
        raise StartupError(reason=f"cannot use the instance folder {folder}: {wrong}") from None
    return file


def _shared(path: Path) -> mmap.mmap:
    """A few bytes of memory that all processes of an installation share."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(file).st_size < _SHARED_BYTES:
            os.pwrite(file, bytes(_SHARED_BYTES), 0)  # on the disk, so that it can be written to
        return mmap.mmap(file, _SHARED_BYTES)
    finally:
        os.close(file)


class _Thread:
    """What one thread holds open; closed with the thread, or with the store before that."""

    def __init__(self) -> None:
        self.db: Database | None = None
        self.queue: int | None = None

    def close(self) -> None:
        if self.db is not None:
            self.db.close()
            self.db = None
        if self.queue is not None:
            os.close(self.queue)
            self.queue = None

    __del__ = close


class Store:
    """Connections to the database, one per thread, and the locks that processes share.

    Not to be kept open over a fork.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._threads: weakref.WeakSet[_Thread] = weakref.WeakSet()
        self._using: IO[bytes] | None = None
        self._changes: mmap.mmap | None = None

    @classmethod
    def open(cls, path: Path, *, alone: bool = False) -> "Store":
        """The store at `path`, made or brought up to date first, under a lock.

        Raises StartupError when the folder or file cannot be used, or a newer program wrote it;
        with `alone` also when anybody else has it open, and nobody else may until it is closed.
        """
        store = cls(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            store._using = use(path.parent, alone=alone)
            store._changes = _shared(path.parent / "locks" / "changes")
            with store._flock("start", timeout_s=60):
                store._migrate()
        except sqlite3.Error as error:
            raise StartupError(reason=f"cannot use the database {path}: {error}") from None
        except OSError as error:
            raise StartupError(
                reason=f"cannot use the instance folder {path.parent}: {error.strerror}"
            ) from None
        return store

    def _migrate(self) -> None:
        known = {step.name for step in migrations._migrations}
        unknown = {step.name for step in migrations.applied(self.db)} - known
        if unknown:
            raise StartupError(
                reason=f"the database {self.path} was written by a newer version of this program "
                f"({min(unknown)}); install that version, or restore a backup"
            )
        if migrations.pending(self.db):
            self.db.execute("begin immediate")
            try:
                migrations.apply(self.db)
            except BaseException:
                self.db.rollback()
                raise
            self.db.commit()
            os.chmod(self.path, 0o600)

    @property
    def db(self) -> Database:
        """This thread's connection; for reading. Writes go through `write()`."""
        mine = self._mine
        if mine.db is None:
            # Closed by close(), which may run in another thread; used by this thread alone.
            connection = sqlite3.connect(
                self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
            )
            connection.execute("pragma journal_mode = wal")
            # What we acknowledged must survive a power cut; NORMAL may lose the last commits.
            connection.execute("pragma synchronous = full")
            connection.execute("pragma foreign_keys = on")
            mine.db = Database(connection)
        return mine.db

    @property
    def _mine(self) -> _Thread:
        found: _Thread | None = getattr(self._local, "mine", None)
        if found is None:
            # Held by the thread alone, so that both end together.
            found = self._local.mine = _Thread()
            self._threads.add(found)
        return found

    def rows(self, sql: str, *params: object) -> list[dict[str, Any]]:
        """The rows of a query."""
        # Not `query`: that one wraps each read in a savepoint.
        found = self.db.execute(sql, params)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found]

    def row(self, sql: str, *params: object) -> dict[str, Any] | None:
        """The first row of a query, None without one."""
        return next(iter(self.rows(sql, *params)), None)

    def set_meta_once(self, key: str, value: str) -> None:
        """Keeps one fact about the installation, unless it is there already."""
        with self.write() as db:
            db.execute("insert into meta values (?, ?) on conflict do nothing", [key, value])

    def set_meta(self, key: str, value: str) -> None:
        """Keeps one fact about the installation in place of the one before."""
        with self.write() as db:
            db.execute("insert or replace into meta values (?, ?)", [key, value])

    @property
    def edition(self) -> bytes:
        """Another value after each change of any process, messages apart: what was read before is
        still true while it stays."""
        return self._changes[:_EDITION_BYTES] if self._changes else os.urandom(_EDITION_BYTES)

    @property
    def version(self) -> bytes:
        """Another value after each change of any process, messages included."""
        return self._changes[_EDITION_BYTES:] if self._changes else os.urandom(_EDITION_BYTES)

    @contextlib.contextmanager
    def write(self, *, messages: bool = False) -> Iterator[Database]:
        """One transaction: all of it is on the disk when the block ends, or nothing. `messages`:
        it is only about messages, which nobody keeps in memory.

        Raises StorageFailed when the file cannot be written: read-only, full, locked, broken.
        """
        db = self.db
        try:
            with self._writing():
                db.execute("begin immediate")
                try:
                    yield db
                    db.commit()
                    if self._changes:
                        self._changes[_EDITION_BYTES:] = os.urandom(_EDITION_BYTES)
                        if not messages:
                            self._changes[:_EDITION_BYTES] = os.urandom(_EDITION_BYTES)
                except BaseException:
                    with contextlib.suppress(sqlite3.Error):
                        db.rollback()
                    raise
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise StorageFailed(cause=str(error)) from None

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """The writers' queue. SQLite's own way to wait is to sleep and look again, which costs a
        busy bridge many milliseconds; the kernel wakes the next writer at once."""
        mine = self._mine
        if mine.queue is None:
            path = self.path.parent / "locks" / "write"
            try:
                mine.queue = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise StorageFailed(cause=error.strerror or str(error)) from None
        file = mine.queue
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    @contextlib.contextmanager
    def exclusive(self, name: str, *, timeout_s: float) -> Iterator[None]:
        """One holder of `name` at a time, across threads and processes; a killed holder lets go.

        Raises ActivationRunning when another holds it for longer than `timeout_s`.
        """
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(self._flock(name, timeout_s=timeout_s))
            except OSError as error:
                raise StorageFailed(cause=error.strerror or str(error)) from None
            yield

    def beat(self, name: str) -> None:
        """A sign of life of a process of the service; never fails."""
        with contextlib.suppress(OSError):
            (self.path.parent / "locks" / f"{name}.beat").touch(mode=0o600)

    def beat_at(self, name: str) -> float:
        """When the last sign of life was given, in UTC seconds; 0 for never."""
        try:
            return (self.path.parent / "locks" / f"{name}.beat").stat().st_mtime
        except OSError:
            return 0.0

    def move_beat(self, name: str, seconds: float) -> None:
        """This machine's clock was set by so many seconds since the last sign of life."""
        with contextlib.suppress(OSError):
            at = self.beat_at(name) + seconds
            os.utime(self.path.parent / "locks" / f"{name}.beat", (at, at))

    @contextlib.contextmanager
    def _flock(self, name: str, *, timeout_s: float) -> Iterator[None]:
        folder = self.path.parent / "locks"
        folder.mkdir(exist_ok=True, mode=0o700)
        with open(folder / name, "ab") as file:
            patience = time.monotonic() + timeout_s
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= patience:
                        raise ActivationRunning from None
                    time.sleep(_LOCK_POLL_S)
            yield

    def close(self) -> None:
        """Closes every connection; the store may not be used afterwards."""
        for one in list(self._threads):
            one.close()
        if self._using is not None:
            self._using.close()
        if self._changes is not None:
            self._changes.close()
            self._changes = None
        self._local = threading.local()
