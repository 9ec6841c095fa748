"""The SQLite file: opening it, bringing it up to date, and why it cannot be used.

The journal is a write-ahead log, so a killed process loses nothing that was committed.
"""

from __future__ import annotations

import contextlib
import glob
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from aliyun_sms_emulator.errors import DatabaseError

_APPLICATION_ID = 0x736D7365  # "smse"; files of the first version have none
_FIRST_TABLES = frozenset({"messages", "requests", "nonces", "numbers", "state"})
_SCHEMA_VERSION = 5
_MARKS = {"application_id": _APPLICATION_ID, "user_version": _SCHEMA_VERSION}
# Version 1 knew only messages of SendSms and SendBatchSms, and no replies; version 2 no faults on
# demand, version 3 not where replies stand among the messages, version 4 no notes.
_STEPS = {
    1: "ALTER TABLE messages ADD COLUMN api TEXT NOT NULL DEFAULT 'SendSms';"
    " CREATE TABLE replies (id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL,"
    " phone_number TEXT NOT NULL, content TEXT NOT NULL, dest_code TEXT NOT NULL,"
    " sent_at REAL NOT NULL)",
    2: "ALTER TABLE messages ADD COLUMN visible_at REAL;"
    " ALTER TABLE requests ADD COLUMN fault TEXT NOT NULL DEFAULT ''",
    3: "ALTER TABLE replies ADD COLUMN after_message_id INTEGER NOT NULL DEFAULT 0",
    4: "ALTER TABLE requests ADD COLUMN notes TEXT NOT NULL DEFAULT '';"
    " ALTER TABLE messages ADD COLUMN version TEXT NOT NULL DEFAULT '2017-05-25';"
    " UPDATE messages SET version = '2018-05-01' WHERE api = 'SendMessageToGlobe';"
    " DROP INDEX IF EXISTS messages_of_globe",
}


def open_database(path: Path | None, schemas: Sequence[str]) -> sqlite3.Connection:
    """Open or create the file at `path` (None: in memory) with these tables.

    It is for its owner only, and so is the journal, whose mode SQLite takes from it. An older
    file's tables are brought up to date. Raises DatabaseError.
    """
    database: sqlite3.Connection | None = None
    try:
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        database = sqlite3.connect(
            ":memory:" if path is None else str(path),
            isolation_level=None,
            timeout=0,
            check_same_thread=False,
        )
        database.row_factory = sqlite3.Row
        # The exclusive lock keeps a second emulator out.
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        version = _check_owner(database)
        if path is not None:
            _keep_private(path)  # before the journal is made
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        _create_tables(database, version, schemas)
    except (sqlite3.Error, OSError, _UnusableError) as error:
        if database is not None:
            database.close()
        raise unusable(path, error) from error
    return database


def _keep_private(path: Path) -> None:
    """Take the rights of others from a file that an earlier version made, and from its journal."""
    for file in (path, *path.parent.glob(f"{glob.escape(path.name)}-*")):
        with contextlib.suppress(OSError):  # of another user, who shares it on purpose
            if file.stat().st_mode & 0o077:
                file.chmod(0o600)


def unusable(path: Path | None, error: Exception) -> DatabaseError:
    """Say why the database at `path` cannot be used, and what to do."""
    return DatabaseError(f"database {path} {_problem(path, error)} with --database")


class _UnusableError(Exception):
    """The file is not for this emulator; the text follows its name."""


def _check_owner(database: sqlite3.Connection) -> int:
    """Read the version of the tables, 0 if there are none; raises _UnusableError."""
    version = int(database.execute("PRAGMA user_version").fetchone()[0])
    owner = int(database.execute("PRAGMA application_id").fetchone()[0])
    tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
    own = tables >= _FIRST_TABLES if version else not tables
    if owner != _APPLICATION_ID and (owner or not own):
        raise _UnusableError("belongs to another program; name another file")
    if version > _SCHEMA_VERSION:
        raise _UnusableError(
            f"was written by a newer sms-emulator (format {version}, this one knows"
            f" {_SCHEMA_VERSION}); update this one, or name another file"
        )
    return version


def _create_tables(database: sqlite3.Connection, version: int, schemas: Sequence[str]) -> None:
    steps = [_STEPS[step] for step in range(version, _SCHEMA_VERSION)] if version else []
    marks = [f"PRAGMA {n} = {v}" for n, v in _MARKS.items()]
    # In one transaction, so that a killed process leaves the old tables or the new ones.
    database.executescript(";".join(("BEGIN", *steps, *schemas, *marks, "COMMIT")))


def _problem(path: Path | None, error: Exception) -> str:
    if isinstance(error, _UnusableError):
        return str(error)
    text = getattr(error, "strerror", None) or str(error)
    if "database is locked" in text:
        return "is in use by another emulator; stop it or name another file"
    if isinstance(error, PermissionError) or (path and not _is_allowed(path)):
        return f"cannot be written ({text}); allow it for file and folder, or name another file"
    if path and path.is_dir():
        return "is a folder; name a file"
    if "is full" in text or "disk I/O" in text:
        return f"cannot be written ({text}); make room on its disk, or name another file"
    if "malformed" in text or "not a database" in text:
        return f"is damaged or no database ({text}); remove it, or name another file"
    return f"cannot be used ({text}); name another file"


def _is_allowed(path: Path) -> bool:
    if os.access(path, os.F_OK):
        return os.access(path, os.R_OK | os.W_OK)
    return os.access(path.parent, os.R_OK | os.W_OK | os.X_OK) or not path.parent.is_dir()
