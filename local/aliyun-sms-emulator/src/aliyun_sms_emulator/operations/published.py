"""The operations that the platform has published, whether they are emulated or not.

`published.csv` was derived from the official Python SDKs alibabacloud-dysmsapi20170525 4.6.0,
alibabacloud-dysmsapi20180501 1.0.10 and alibabacloud-dypnsapi20170525 2.0.0, the legacy ones from
aliyun-python-sdk-dysmsapi 1.0.0 and aliyun-python-sdk-dybaseapi 1.0.8.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def published_operations() -> Mapping[tuple[str, str], str]:
    """Map version and operation to the product that has it."""
    text = files("aliyun_sms_emulator.operations").joinpath("published.csv").read_text("utf-8")
    return {
        (row["version"], row["operation"]): row["product"]
        for row in csv.DictReader(text.splitlines())
    }
