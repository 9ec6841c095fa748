"""What the codes of refused calls say: the explanation; the rest is seen in test_sms_api."""

from __future__ import annotations

from shared.platform.refusals import explain


def test_an_explanation_is_a_sentence_and_a_status() -> None:
    detail, status = explain("isv.AMOUNT_NOT_ENOUGH")
    assert detail == (
        "Not enough money or package quota left. Top up the account, or buy a package in the SMS "
        "console."
    )
    assert status == 502
    assert explain("isv.BRAND_NEW")[1] == 502
