"""Phone numbers as SendSms takes them.

Mainland: 11 digits, bare or after `+`, `+86`, `0086` or `86`. Elsewhere: country code and number
without `00` or `+`, of which `00` is let pass. Source: https://help.aliyun.com/document_detail/55284.html
"""

from __future__ import annotations

import re

from aliyun_sms_emulator.rules.countries import Country, country_of
from aliyun_sms_emulator.wire.errors import BusinessError
from aliyun_sms_emulator.wire.leniency import Leniency

_MAINLAND = re.compile(r"(?:\+86|0086|86|\+)?(1[3-9][0-9]{9})")
_INTERNATIONAL = re.compile(r"[1-9][0-9]{6,14}")
_NATIONAL = re.compile(r"[0-9]{3,14}")
_NORTH_AMERICAN = re.compile(r"1[2-9][0-9]{2}[2-9][0-9]{6}")


def mainland_form(number: str) -> str | None:
    """The bare 11 digits of a mainland number, None if it is none."""
    match = _MAINLAND.fullmatch(number)
    return match.group(1) if match else None


def stored_form(number: str) -> str | None:
    """The form a number is stored and looked up in, None if it can be no number at all."""
    mainland = mainland_form(number)
    if mainland:
        return mainland
    digits = number.removeprefix("+").removeprefix("00")
    return digits if _INTERNATIONAL.fullmatch(digits) else None


def recipient(number: str, leniency: Leniency, *, international: bool) -> str:
    """Check one number against the kind of its template and return its stored form.

    Eleven digits that are a well-formed North American number (country code 1) as well as a
    mainland one are taken for what the template is meant for. Raises BusinessError.
    """
    mainland = mainland_form(number)
    if not international:
        if mainland is None:
            raise _illegal(number)
        return mainland
    if mainland is not None and not _NORTH_AMERICAN.fullmatch(number):
        raise BusinessError(
            "isv.DOMESTIC_NUMBER_NOT_SUPPORTED", "国际/港澳台消息模板不支持发送境内号码"
        )
    digits = number.removeprefix("00")
    if not _INTERNATIONAL.fullmatch(digits):
        raise _illegal(number)
    if digits != number and not leniency.allows("number-with-00", number):
        raise _illegal(number)
    return digits


def globe_recipient(number: str) -> tuple[str, Country]:
    """Check the number of SendMessageToGlobe; returns it and its country.

    It is country code and number without `00` or `+`, never a mainland one; eleven digits that
    are also a well-formed North American number count as one. Raises BusinessError.

    Source: https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2018-05-01-sendmessagetoglobe
    """
    mainland = mainland_form(number) is not None and not _NORTH_AMERICAN.fullmatch(number)
    if mainland or (number.startswith("86") and _INTERNATIONAL.fullmatch(number)):
        raise BusinessError("isv.COUNTRY_RESTRICTED", "The country is restricted")
    if not _INTERNATIONAL.fullmatch(number):
        raise BusinessError("MOBILE_NUMBER_ILLEGAL", f"{number[:32]} is an invalid mobile number")
    country = country_of(number)
    if country is None:
        raise BusinessError("NOT_SUPPORTED_COUNTRY", "The country is not supported")
    if not country.fits(number.removeprefix(country.dial_code)):
        raise BusinessError("MOBILE_NUMBER_ILLEGAL", f"{number[:32]} is an invalid mobile number")
    return number, country


def national_recipient(number: str, country: Country) -> str:
    """Check a number written without country code and return its stored form.

    Raises BusinessError.
    """
    if not _NATIONAL.fullmatch(number) or number.startswith("00") or not country.fits(number):
        raise _illegal(number)
    stored = country.dial_code + number
    if not _INTERNATIONAL.fullmatch(stored):
        raise _illegal(number)
    return stored


def _illegal(number: str) -> BusinessError:
    return BusinessError("isv.MOBILE_NUMBER_ILLEGAL", f"{number[:32]}invalid mobile number")
