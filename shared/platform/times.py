"""Times in receipts and answers, which the platform writes in three forms, brought into one."""

from email.utils import mktime_tz, parsedate_tz

from shared.clock import parse_platform_time, platform_timestamp


def platform_time(text: str) -> str:
    """Return a time in any form of the platform as ``2026-01-31 16:00:00`` in UTC+8, or "".

    The forms are that one, ``20260131160000``, and dates as e-mail writes them, which QueryMessage
    and the receipts of SendMessageToGlobe have: ``Sat, 31 Jan 2026 16:00:00 +0800``.
    """
    if len(text) == 14 and text.isdigit():
        text = f"{text[:4]}-{text[4:6]}-{text[6:8]} {text[8:10]}:{text[10:12]}:{text[12:]}"
    epoch = parse_platform_time(text)
    if epoch is None:
        epoch = _parse_mail_date(text)
    if epoch is None:
        return ""
    try:
        return platform_timestamp(epoch)
    except (OSError, OverflowError, ValueError):  # a year that no calendar has
        return ""


def _parse_mail_date(text: str) -> float | None:
    """Return the epoch seconds of a date as e-mail writes it, None when it is none."""
    try:
        parsed = parsedate_tz(text)
        return mktime_tz(parsed) if parsed else None
    except (IndexError, OverflowError, ValueError):  # parsedate_tz raises for some texts
        return None
