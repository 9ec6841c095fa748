"""What of a request a fault rule can look at, whatever parameter or header it stands in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping

from aliyun_sms_emulator.rules.countries import country_named
from aliyun_sms_emulator.rules.phone_numbers import stored_form
from aliyun_sms_emulator.wire.request import WireRequest

_CREDENTIAL = re.compile(r"Credential=([^,\s]+)")


def _parameter(*names: str) -> Callable[[WireRequest], Collection[str]]:
    def read(request: WireRequest) -> Collection[str]:
        return [request.parameters[name] for name in names if name in request.parameters]

    return read


def _access_key(request: WireRequest) -> Collection[str]:
    if not request.signed_by_header:
        return _parameter("AccessKeyId")(request)
    return _CREDENTIAL.findall(request.headers.get("authorization", ""))


def _sign_names(request: WireRequest) -> Collection[str]:
    return [*_parameter("SignName", "From")(request), *_items(request, "SignNameJson")]


def _phone_numbers(request: WireRequest) -> Collection[str]:
    parameters = request.parameters
    numbers = parameters.get("PhoneNumbers", "").split(",")
    if request.action == "SendInterSms":
        country = country_named(parameters.get("CountryCode", ""))
        numbers = [country.dial_code + number for number in numbers] if country else []
    numbers += _parameter("PhoneNumber", "To")(request)
    numbers += [*_items(request, "PhoneNumberJson"), *_items(request, "To")]
    return {form for number in numbers if (form := stored_form(number)) is not None}


def _items(request: WireRequest, name: str) -> list[str]:
    text = request.parameters.get(name)
    try:
        items = json.loads(text) if text else []
    except (ValueError, RecursionError):
        items = []
    return [item for item in items if isinstance(item, str)] if isinstance(items, list) else []


TRAITS: Mapping[str, Callable[[WireRequest], Collection[str]]] = {
    "action": lambda request: [request.action],
    "access_key_id": _access_key,
    "out_id": _parameter("OutId", "TaskId"),
    "template_code": _parameter("TemplateCode"),
    "biz_id": _parameter("BizId", "MessageId"),
    "sign_name": _sign_names,
    "phone_number": _phone_numbers,
}
"""By the names rules use, the cheap ones first."""
