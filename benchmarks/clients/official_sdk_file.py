"""A file of recipients, sent to by the official SDK's SendBatchSms from threads of one client."""

from __future__ import annotations

import csv
import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from alibabacloud_dysmsapi20170525.models import SendBatchSmsRequest

from benchmarks.clients.official_sdk import CLIENT

_ROWS = 100
_turn = threading.Lock()


def run(key: str, _etag: str, connections: str) -> tuple[int]:
    """Send to the recipients in a file; return how many were accepted."""
    path = Path(os.environ["SMS_LOCAL_BUCKETS"], "recipients", key)
    with (
        path.open(encoding="utf-8", newline="") as file,
        ThreadPoolExecutor(int(connections)) as pool,
    ):
        rows = csv.DictReader(file)
        done = [pool.submit(_send_all, rows) for _ in range(int(connections))]
        return (sum(each.result() for each in done),)


def _send_all(rows: Iterator[dict[str, str]]) -> int:
    sent = 0
    while True:
        with _turn:
            batch = list(islice(rows, _ROWS))
        if not batch:
            return sent
        numbers = [row.pop("phone_number") for row in batch]
        answer = CLIENT.send_batch_sms(
            SendBatchSmsRequest(
                phone_number_json=json.dumps(numbers),
                sign_name_json=json.dumps(["fc-sms"] * len(batch)),
                template_code="SMS_100002",
                template_param_json=json.dumps(batch),
            )
        )
        if answer.body.code != "OK":
            raise RuntimeError(answer.body.code)
        sent += len(batch)
