"""The engine of one machine: one SQLite file, one connection for each thread.

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
from typing import IO

import sqlite_utils

from bridge.domain.errors import ActivationRunning, StartupError, StorageFailed
from bridge.store import Store
from bridge.store.database import Database
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
    row = _peek(path, "select value from meta where key = ?", key)
    return str(row[0]) if row else None


def is_made(path: Path) -> bool:
    """Whether there is a database of ours: a file with our tables, whatever they hold.

    Raises StartupError when the file is there but is no database.
    """
    return _peek(path, "select 1") is not None


def _peek(path: Path, sql: str, *values: str) -> tuple[object, ...] | None:
    """The first row of a query, None without one, without a file and without our tables."""
    if not path.exists():
        return None
    try:
        # Read-only: the last connection that may write folds the log of a crash into the main file.
        # Without a log nobody has it open, and reading need not begin one.
        has_log = path.with_name(f"{path.name}-wal").exists()
        uri = f"{path.absolute().as_uri()}?{'mode=ro' if has_log else 'immutable=1'}"
        with contextlib.closing(sqlite3.connect(uri, timeout=BUSY_S, uri=True)) as connection:
            if not connection.execute("select 1 from sqlite_schema where name = 'meta'").fetchone():
                return None
            row: tuple[object, ...] | None = connection.execute(sql, values).fetchone()
    except sqlite3.Error as error:
        raise StartupError(reason=f"cannot use the database {path}: {error}") from None
    return row


def use(folder: Path, *, alone: bool = False) -> IO[bytes]:
    """Marks the instance folder as in use until the returned file is closed or the process ends.

    `alone`: by nobody else at the same time, as a restore and a key rotation need it. Raises
    StartupError.
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


class _ThreadFiles:
    """What one thread has open; closed with the thread, or with the store before that."""

    def __init__(self) -> None:
        self.db: Database | None = None
        self.queue: int | None = None

    def close(self) -> None:
        if self.db is not None:
            self.db.conn.close()
            self.db = None
        if self.queue is not None:
            os.close(self.queue)
            self.queue = None

    __del__ = close


class SqliteStore(Store):
    """What `bridge.store.Store` promises. Not to be kept open over a fork."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._threads: weakref.WeakSet[_ThreadFiles] = weakref.WeakSet()
        self._using: IO[bytes] | None = None
        self._changes: mmap.mmap | None = None

    @classmethod
    def open(cls, path: Path, *, alone: bool = False) -> "SqliteStore":
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
        db = sqlite_utils.Database(self.db.conn)
        known = {step.name for step in migrations._migrations}
        unknown = {step.name for step in migrations.applied(db)} - known
        if unknown:
            raise StartupError(
                reason=f"the database {self.path} was written by a newer version of this program "
                f"({min(unknown)}); install that version, or restore a backup"
            )
        if migrations.pending(db):
            db.conn.execute("begin immediate")
            try:
                migrations.apply(db)
            except BaseException:
                db.conn.rollback()
                raise
            db.conn.commit()
            os.chmod(self.path, 0o600)

    @property
    def db(self) -> Database:
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
    def _mine(self) -> _ThreadFiles:
        files: _ThreadFiles | None = getattr(self._local, "files", None)
        if files is None:
            # Referred to by the thread alone, so that both end together.
            files = self._local.files = _ThreadFiles()
            self._threads.add(files)
        return files

    @property
    def edition(self) -> bytes:
        return self._changes[:_EDITION_BYTES] if self._changes else os.urandom(_EDITION_BYTES)

    @property
    def version(self) -> bytes:
        return self._changes[_EDITION_BYTES:] if self._changes else os.urandom(_EDITION_BYTES)

    @contextlib.contextmanager
    def write(self, *, messages: bool = False) -> Iterator[Database]:
        db = self.db
        try:
            with self._writing():
                db.execute("begin immediate")
                try:
                    yield db
                    db.conn.commit()
                    if self._changes:
                        self._changes[_EDITION_BYTES:] = os.urandom(_EDITION_BYTES)
                        if not messages:
                            self._changes[:_EDITION_BYTES] = os.urandom(_EDITION_BYTES)
                except BaseException:
                    with contextlib.suppress(sqlite3.Error):
                        db.conn.rollback()
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
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(self._flock(name, timeout_s=timeout_s))
            except OSError as error:
                raise StorageFailed(cause=error.strerror or str(error)) from None
            yield

    def beat(self, name: str) -> None:
        with contextlib.suppress(OSError):
            (self.path.parent / "locks" / f"{name}.beat").touch(mode=0o600)

    def beat_at(self, name: str) -> float:
        try:
            return (self.path.parent / "locks" / f"{name}.beat").stat().st_mtime
        except OSError:
            return 0.0

    def move_beat(self, name: str, seconds: float) -> None:
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
        for files in list(self._threads):
            files.close()
        if self._using is not None:
            self._using.close()
        if self._changes is not None:
            self._changes.close()
            self._changes = None
        self._local = threading.local()
