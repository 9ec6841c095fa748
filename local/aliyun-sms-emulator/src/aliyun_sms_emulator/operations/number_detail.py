"""Where a number is, as the operations of version 2018-05-01 show it."""

from __future__ import annotations

from aliyun_sms_emulator.rules.countries import Country

_PARTS_OF_CHINA = {"HK": "HongKong", "MO": "Macao", "TW": "Taiwan"}


def number_detail(country: Country) -> dict[str, object]:
    """Country, region and carrier of a number."""
    region = _PARTS_OF_CHINA.get(country.country_code)
    name = "China" if region else country.name
    return {"Country": name, "Region": region or name, "Carrier": "Emulator"}
