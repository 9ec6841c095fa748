"""QueryInterSmsIsoInfo: the countries that SendInterSms knows.

Source: https://help.aliyun.com/document_detail/56765.html
"""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.rules.countries import all_countries
from aliyun_sms_emulator.wire.answers import SMS


def query_inter_sms_iso_info(call: Call) -> dict[str, object]:
    """List countries: all, or those with the Chinese or English name asked for."""
    wanted = call.text("CountryName")
    found = [
        {
            "CountryName": country.chinese_name,
            "CountryCode": country.country_code,
            "IsoCode": country.dial_code,
        }
        for country in all_countries()
        if wanted in {"", country.chinese_name, country.name}
    ]
    return {"TotalCount": len(found), "IsoSupportDTOs": {"IsoSupportDTO": found}}


OPERATION = Operation(
    version="2017-05-25",
    name="QueryInterSmsIsoInfo",
    required=(),
    run=query_inter_sms_iso_info,
    dialect=SMS,
)
