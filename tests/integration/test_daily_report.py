"""The daily report in the local cloud: what was sent yesterday, and what a budget counted then."""

from __future__ import annotations

import json
import time

from aliyun_sms_emulator import SmsEmulator
from shared.clock import platform_date
from tests.integration.cloud import ONE_NUMBER_AGAIN_AND_AGAIN
from tests.integration.conftest import StartCloud
from tests.integration.redis_server import RedisServer

DAY = 86400


def test_yesterday_s_messages_are_counted_by_area_and_by_their_receipts(
    start_cloud: StartCloud, emulator: SmsEmulator, redis_server: RedisServer
) -> None:
    cloud = start_cloud(
        changes={
            "SMS_STATE_URL": redis_server.url,
            "SMS_STATE_SECRET": "h7Gq-Zt4VdXc9sBnMw2K",
            "SMS_LIMITS": ONE_NUMBER_AGAIN_AND_AGAIN,
        }
    )
    emulator.set_fate("13800138009", "unreachable")
    emulator.clock.advance(-DAY)
    for number in ("13800138000", "13800138001", "13800138009"):
        template = {"template_code": "SMS_100002", "template_param": {"name": "Li", "order": "A1"}}
        assert cloud.send({"phone_numbers": number, **template}).status == 200
    answer = cloud.send_abroad({"phone_numbers": "+85251234567", "message": "Your parcel is here"})
    assert answer.status == 200
    emulator.clock.follow_real_time()
    told = json.loads(cloud.functions.invoke("fc-sms-daily-report", b"").payload)
    yesterday = platform_date(time.time() - DAY)
    assert told["mainland"] == {
        "date": yesterday,
        "sent": 3,
        "delivered": 2,
        "failed": 1,
        "unanswered": 0,
        "budget": 0,  # the functions' own clock was not turned back
    }
    assert (told["abroad"]["sent"], told["abroad"]["delivered"]) == (1, 1)
    lines = [line for line in cloud.log() if line["action"] == "yesterday"]
    assert [(line["outcome"], line["sent"]) for line in lines] == [("mainland", 3), ("abroad", 1)]
