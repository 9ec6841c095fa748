"""What the codes of refused calls say: the explanation; the rest is seen in test_sms_api."""

from __future__ import annotations

import pytest

from shared.platform.refusals import explain, named
from tests.unit.secret_watch import new_secrets


def test_an_explanation_is_a_sentence_and_a_status() -> None:
    detail, status = explain("isv.AMOUNT_NOT_ENOUGH")
    assert detail == (
        "Not enough money or package quota left. Top up the account, or buy a package in the SMS "
        "console."
    )
    assert status == 502
    assert explain("isv.BRAND_NEW")[1] == 502


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("isv.SMS_TEMPLATE_ILLEGAL", "The template was SMS_7."),
        ("isv.SMS_CONTENT_CODE_ILLEGAL", "The template was SMS_7."),
        ("isv.SMS_SIGNATURE_ILLEGAL", "The signature was 阿里云."),
        ("SMS_SIGN_NAME_ILLEGAL", "The signature was 阿里云."),
        ("isv.SMS_SIGNATURE_SCENE_ILLEGAL", "The template was SMS_7. The signature was 阿里云."),
        ("isv.SMS_TEST_SIGN_TEMPLATE_LIMIT", "The template was SMS_7. The signature was 阿里云."),
        ("SignatureDoesNotMatch", ""),
        ("isv.AMOUNT_NOT_ENOUGH", ""),
    ],
)
def test_a_refused_template_or_signature_is_named(code: str, told: str) -> None:
    assert named(code, template_code="SMS_7", sign_name="阿里云") == told


@pytest.mark.parametrize("secret", [*new_secrets(1).in_any_form(), "123456", "call 13800138000"])
def test_a_number_a_code_or_a_key_in_place_of_a_signature_is_not_named(secret: str) -> None:
    assert named("isv.SMS_SIGNATURE_ILLEGAL", template_code="", sign_name=secret) == ""


def test_what_looks_like_a_phone_number_is_no_template_to_be_named() -> None:
    template = "SMS_13800138000"
    assert named("isv.SMS_TEMPLATE_ILLEGAL", template_code=template, sign_name="") == ""


def test_where_there_is_no_signature_none_is_named() -> None:
    assert named("isv.SMS_SIGNATURE_ILLEGAL", template_code="", sign_name="") == ""
