"""The numbers of the kinds of templates; operations that list number them differently.

Source: the models of the official SDK alibabacloud-dysmsapi20170525.
"""

from __future__ import annotations

TYPES = ("verification", "notification", "promotion", "international")
TYPE_NUMBERS = {name: number for number, name in enumerate(TYPES)}
LIST_TYPE_NUMBERS = {"notification": 0, "promotion": 1, "verification": 2, "international": 6}
