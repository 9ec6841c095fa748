"""The official SDKs' operations on templates and signatures, unmodified, against the emulator."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from alibabacloud_dysmsapi20170525 import models
from alibabacloud_dysmsapi20170525.client import Client
from alibabacloud_dysmsapi20180501 import models as globe_models
from alibabacloud_dysmsapi20180501.client import Client as GlobeClient
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.utils_models import Config

from aliyun_sms_emulator import SmsEmulator
from tests.conformance.sdk_clients import Target

# alibabacloud_tea_openapi asks for the time in a way that Python 3.12 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")


def config(target: Target) -> Config:
    return Config(
        access_key_id=target.access_key_id,
        access_key_secret=target.access_key_secret,
        endpoint=urlsplit(target.url).netloc,
        protocol="http",
    )


def test_a_template_is_created_reviewed_sent_and_deleted(
    emulator: SmsEmulator, permanent: Target
) -> None:
    client = Client(config(permanent))
    created = client.create_sms_template(
        models.CreateSmsTemplateRequest(
            template_name="Shop",
            template_type=1,
            template_content="您好${name}",
            related_sign_name="fc-sms",
            template_rule='{"name":"name"}',
            more_data=["https://example.com/a.png"],
        )
    ).body
    asked = models.GetSmsTemplateRequest(template_code=created.template_code)
    assert client.get_sms_template(asked).body.template_status == "0"
    emulator.clock.advance(2)
    template = client.get_sms_template(asked).body
    assert (template.template_status, template.related_sign_name) == ("1", "fc-sms")
    listed = client.get_sms_template_list(
        models.GetSmsTemplateListRequest(usable_state_list=["AVAILABLE"], template_name="Shop")
    ).body
    assert [t.template_code for t in listed.data.list] == [created.template_code]
    sent = client.send_sms(
        models.SendSmsRequest(
            phone_numbers="13800138000",
            sign_name="fc-sms",
            template_code=created.template_code,
            template_param='{"name":"Ann"}',
        )
    ).body
    assert (sent.code, emulator.messages()[-1].text) == ("OK", "【fc-sms】您好Ann")
    delete = models.DeleteSmsTemplateRequest(template_code=created.template_code)
    assert client.delete_sms_template(delete).body.code == "OK"


def test_the_registration_of_a_signature_is_read(emulator: SmsEmulator, permanent: Target) -> None:
    emulator.call("PUT", "/api/signatures/fc-sms", {"registration": {"telecom": "failed"}})
    answer = Client(config(permanent)).get_sms_sign(models.GetSmsSignRequest(sign_name="fc-sms"))
    details = answer.body.sign_isp_register_detail_list
    assert {d.operator_code: d.register_status for d in details} == {
        "mobile": 3,
        "unicom": 3,
        "telecom": 0,
    }
    assert details[2].register_status_reasons[0].reason_code == "QUALIFICATION_ERROR"
    emulator.call("PUT", "/api/signatures/fc-sms", {})


def test_a_batch_and_a_template_are_sent_by_the_international_api(
    emulator: SmsEmulator, permanent: Target
) -> None:
    client = GlobeClient(config(permanent))
    batch = client.batch_send_message_to_globe(
        globe_models.BatchSendMessageToGlobeRequest(
            to='["85251234567","12125550123"]', message='["one","two"]', type="NOTIFY"
        )
    ).body
    assert (batch.response_code, batch.success_count) == ("OK", "2")
    one = client.send_message_with_template(
        globe_models.SendMessageWithTemplateRequest(
            to="8613800138000",
            from_="fc-sms",
            template_code="SMS_100001",
            template_param='{"code":"1234"}',
        )
    ).body
    assert (one.response_code, one.to) == ("OK", "8613800138000")
    assert [m.text[:3] for m in emulator.messages()] == ["one", "two", "【fc"]
    reported = client.sms_conversion(
        globe_models.SmsConversionRequest(message_id=one.message_id, delivered=True)
    ).body
    assert reported.response_code == "OK"


def test_an_operation_the_emulator_lacks_says_so(emulator: SmsEmulator, permanent: Target) -> None:
    request = models.AddShortUrlRequest(
        short_url_name="a", source_url="https://example.com", effective_days="1"
    )
    with pytest.raises(AlibabaCloudException) as caught:
        Client(config(permanent)).add_short_url(request)
    assert (caught.value.status_code, caught.value.code) == (501, "NotEmulated")
    assert "This emulator does not have AddShortUrl" in str(caught.value)
    assert emulator.requests()[-1].verdict == "failed"
