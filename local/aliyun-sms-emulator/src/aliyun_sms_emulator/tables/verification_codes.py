"""Codes that SendSmsVerifyCode made and CheckSmsVerifyCode checks."""

from __future__ import annotations

import hmac
import sqlite3

SCHEMA = """
CREATE TABLE IF NOT EXISTS verification_codes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    phone_number TEXT NOT NULL,
    scheme TEXT NOT NULL,
    code TEXT NOT NULL,
    valid_until REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS verification_codes_by_number
    ON verification_codes (phone_number, account);
"""


class VerificationCodes:
    """The codes in a database; one that passed or was overwritten is deleted."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def last_sent_at(self, account: str, phone_number: str) -> float | None:
        """When an account last sent a code to a number, as far as it is remembered."""
        row = self._database.execute(
            "SELECT max(accepted_at) FROM messages WHERE phone_number = ? AND account = ?"
            " AND api = 'SendSmsVerifyCode'",
            (phone_number, account),
        ).fetchone()
        return None if row[0] is None else float(row[0])

    def add(
        self,
        account: str,
        phone_number: str,
        scheme: str,
        code: str,
        *,
        valid_until: float,
        overwrite: bool,
    ) -> None:
        """Remember a code; `overwrite` makes earlier ones of the scheme invalid."""
        if overwrite:
            self._database.execute(
                "DELETE FROM verification_codes"
                " WHERE account = ? AND phone_number = ? AND scheme = ?",
                (account, phone_number, scheme),
            )
        self._database.execute(
            "INSERT INTO verification_codes"
            " (account, phone_number, scheme, code, valid_until) VALUES (?, ?, ?, ?, ?)",
            (account, phone_number, scheme, code, valid_until),
        )

    def use(
        self,
        account: str,
        phone_number: str,
        scheme: str,
        code: str,
        *,
        now: float,
        ignore_case: bool,
    ) -> bool:
        """Tell whether a code is right and valid; a right one is used up."""
        rows = self._database.execute(
            "SELECT id, code FROM verification_codes WHERE account = ? AND phone_number = ?"
            " AND scheme = ? AND valid_until > ?",
            (account, phone_number, scheme, now),
        ).fetchall()
        for row in rows:
            if _same(row["code"], code, ignore_case=ignore_case):
                self._database.execute("DELETE FROM verification_codes WHERE id = ?", (row["id"],))
                return True
        return False

    def clear(self) -> None:
        """Forget all codes."""
        self._database.execute("DELETE FROM verification_codes")


def _same(expected: str, given: str, *, ignore_case: bool) -> bool:
    if ignore_case:
        expected, given = expected.lower(), given.lower()
    return hmac.compare_digest(expected.encode(), given.encode())
