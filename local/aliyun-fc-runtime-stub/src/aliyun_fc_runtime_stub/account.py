"""The account that everything here belongs to, and the region where none is named."""

from __future__ import annotations

ACCOUNT_ID = "1234567890123456"
REGION = "cn-hangzhou"
