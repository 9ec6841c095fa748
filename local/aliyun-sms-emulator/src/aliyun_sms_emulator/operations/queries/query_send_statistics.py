"""QuerySendStatistics: counts per day.

Source: the operation's page in the SMS API reference (version 2017-05-25) and the models of the
official SDK alibabacloud-dysmsapi20170525.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from datetime import timedelta

from aliyun_sms_emulator.clock import in_china
from aliyun_sms_emulator.operations.call import Call, invalid
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.records import DELIVERED_CODES
from aliyun_sms_emulator.wire.answers import SMS

_TYPES = {"0": "verification", "1": "notification", "2": "promotion", "3": "international"}


def query_send_statistics(call: Call) -> dict[str, object]:
    """Count the account's messages per day (UTC+8) between two days, both included."""
    start, end = call.day("StartDate"), call.day("EndDate")
    if start > end:
        raise invalid("StartDate, EndDate")
    rows = call.platform.store.inbox.statistics_rows(
        call.account, start.timestamp(), (end + timedelta(days=1)).timestamp()
    )
    abroad = call.number("IsGlobe", 1, 2) == 2
    wanted_type = _TYPES.get(call.text("TemplateType"), call.text("TemplateType"))
    wanted_sign = call.text("SignName")
    days: defaultdict[str, list[sqlite3.Row]] = defaultdict(list)
    for row in rows:
        if (
            (row["template_type"] == "international") == abroad
            and wanted_type in {"", row["template_type"]}
            and wanted_sign in {"", row["sign_name"]}
        ):
            days[in_china(row["accepted_at"]).strftime("%Y%m%d")].append(row)
    page = call.page("PageIndex")
    targets = [_target(day, days[day], call.now) for day in sorted(days)]
    return {"Data": {"TotalSize": len(targets), "TargetList": page.of(targets)}}


def _target(day: str, rows: list[sqlite3.Row], now: float) -> dict[str, object]:
    answered = [r for r in rows if r["receipt_at"] is not None and r["receipt_at"] <= now]
    delivered = sum(row["receipt_code"] in DELIVERED_CODES for row in answered)
    return {
        "SendDate": day,
        "TotalCount": len(rows),
        "RespondedSuccessCount": delivered,
        "RespondedFailCount": len(answered) - delivered,
        "NoRespondedCount": len(rows) - len(answered),
    }


OPERATION = Operation(
    version="2017-05-25",
    name="QuerySendStatistics",
    required=("IsGlobe", "StartDate", "EndDate", "PageIndex", "PageSize"),
    run=query_send_statistics,
    dialect=SMS,
)
