"""An alarm is told once to everybody whom it concerns, and what a limit held back is told later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.hooks.alarm_recipients import messages_of
from shared.hooks.contract import FIRING, Alarm, Alert
from shared.hooks.left_out import LeftOut
from shared.hooks.products import PRODUCT_OF
from shared.sending.scenes import read_scenes
from shared.state.choice import open_store
from tests.unit.conftest import ApiTo
from tests.unit.hook_requests import (
    ALARM_SCENE,
    NUMBER,
    SAMPLES,
    call,
    forget_instance,
    hooked,
    write_scenes,
)
from tests.unit.scripted_server import hang_up
from tests.unit.sms_platform import Platform, accepted, refused

ALARMS = ("alertmanager", "cloudmonitor", "grafana", "uptime-kuma")
REPEATING = ("alertmanager", "cloudmonitor", "grafana")
OPS, BLUE = "13800138001", "13800138002"


@pytest.fixture(autouse=True)
def _hooked(deployed: pytest.MonkeyPatch, tmp_path: Path, endpoint: str) -> Iterator[None]:
    with hooked(deployed, tmp_path, SMS_INTERNATIONAL_ENDPOINT=endpoint):
        yield


def alert(name: str = "InstanceDown", status: str = "firing", **labels: str) -> dict[str, Any]:
    return {
        "status": status,
        "labels": {"alertname": name, **labels},
        "annotations": {"summary": f"{name} since now"},
        "startsAt": "2026-11-30T10:00:00.000Z",
        "fingerprint": f"{name}-{sorted(labels.items())}",
    }


def alarm(*alerts: dict[str, Any], **members: Any) -> bytes:
    body = {"receiver": "fc-sms", "groupKey": "g", "alerts": list(alerts), **members}
    return json.dumps(body).encode()


def scene(**members: Any) -> dict[str, Any]:
    return {"alarms": {"*": {**ALARM_SCENE, **members}}}


def params(platform: Platform) -> list[Any]:
    return [json.loads(sent["TemplateParam"]) for sent in platform.sends]


def told(platform: Platform) -> list[str]:
    return [sent["PhoneNumbers"] for sent in platform.sends]


def hold_back(deployed: pytest.MonkeyPatch, *storms: range) -> None:
    """Let a limit hold back all alarms but the first, and take the limit away."""
    deployed.setenv("SMS_LIMITS", "number-per-minute=1")
    forget_instance()
    for names in storms:
        storm("alertmanager", names)
    deployed.setenv("SMS_LIMITS", "number-per-minute=0")
    forget_instance()


@pytest.mark.parametrize("product", ALARMS)
def test_the_alarm_of_a_product_is_told(product: str, platform: Platform) -> None:
    answer = call(product)
    assert (answer.status, answer.body["sent"]) == (200, 1)
    (sent,) = platform.sends
    assert (sent["PhoneNumbers"], sent["TemplateCode"]) == (NUMBER, "SMS_200")
    assert json.loads(sent["TemplateParam"])["state"] == "firing"


def test_many_alerts_are_one_message_with_their_number(platform: Platform) -> None:
    alerts = [alert(f"Down{place}") for place in range(5)]
    call("alertmanager", alarm(*alerts, truncatedAlerts=7))
    assert params(platform) == [{"name": "Down0", "state": "firing", "count": "12"}]


def test_what_fires_is_told_before_what_is_resolved(platform: Platform, tmp_path: Path) -> None:
    write_scenes(tmp_path, scene(resolved=True))
    call("alertmanager", alarm(alert("Old", "resolved"), alert("New")))
    assert params(platform) == [{"name": "New", "state": "firing", "count": "2"}]


def test_what_is_resolved_is_told_by_choice(platform: Platform, tmp_path: Path) -> None:
    body = alarm(alert("Old", "resolved"))
    answer = call("alertmanager", body)
    assert (answer.status, answer.body["outcome"]) == (200, "nothing-to-tell")
    write_scenes(tmp_path, scene(resolved=True, words={"resolved": "恢复"}))
    assert call("alertmanager", body).status == 200
    assert [param["state"] for param in params(platform)] == ["恢复"]


def test_who_is_told_follows_from_receiver_and_labels(platform: Platform, tmp_path: Path) -> None:
    tell = [
        {"to": [f"+86{OPS}"], "receiver": "ops"},
        {"to": [f"+86{BLUE}"], "labels": {"team": "blue"}},
        {"to": [f"+86{NUMBER}"]},
    ]
    write_scenes(tmp_path, scene(tell=tell))
    call("alertmanager", alarm(alert("A")))
    assert told(platform) == [NUMBER]
    call("alertmanager", alarm(alert("B", team="blue"), alert("C")))
    assert set(told(platform)[1:]) == {NUMBER, BLUE}
    call("alertmanager", alarm(alert("D"), receiver="ops"))
    assert set(told(platform)[3:]) == {NUMBER, OPS}
    call("uptime-kuma", query={"to": "ops"})
    assert set(told(platform)[5:]) == {NUMBER, OPS}


def test_each_number_is_told_of_what_concerns_it(platform: Platform, tmp_path: Path) -> None:
    tell = [{"to": [f"+86{BLUE}"], "labels": {"team": "blue"}}, {"to": [f"+86{NUMBER}"]}]
    write_scenes(tmp_path, scene(tell=tell))
    call("alertmanager", alarm(alert("A"), alert("B", team="blue")))
    counts = {sent["PhoneNumbers"]: json.loads(sent["TemplateParam"]) for sent in platform.sends}
    assert counts[BLUE] == {"name": "B", "state": "firing", "count": "1"}
    assert counts[NUMBER] == {"name": "A", "state": "firing", "count": "2"}


def test_an_alarm_that_concerns_nobody_is_an_error(
    tmp_path: Path, platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    write_scenes(tmp_path, scene(tell=[{"to": [f"+86{OPS}"], "receiver": "ops"}]))
    answer = call("alertmanager")
    assert (answer.status, answer.body["code"]) == (500, "configuration")
    assert "tells nobody of this alarm" in capsys.readouterr().out
    assert platform.calls == []


def test_the_severity_chooses_the_scene(platform: Platform, tmp_path: Path) -> None:
    critical = {**ALARM_SCENE, "template_code": "SMS_201"}
    scenes = {"alarms": {"*": ALARM_SCENE, "alertmanager:critical": critical}}
    write_scenes(tmp_path, scenes)
    call("alertmanager", alarm(alert("A")))
    call("alertmanager", alarm(alert("B", severity="critical")))
    assert [sent["TemplateCode"] for sent in platform.sends] == ["SMS_200", "SMS_201"]


def test_without_a_scene_an_alarm_is_an_error(tmp_path: Path, platform: Platform) -> None:
    write_scenes(tmp_path, {})
    answer = call("grafana")
    assert (answer.status, answer.body["code"]) == (500, "configuration")
    assert platform.calls == []


def test_an_alert_without_a_scene_does_not_stop_one_that_has(
    platform: Platform, tmp_path: Path
) -> None:
    write_scenes(tmp_path, {"alarms": {"alertmanager:critical": ALARM_SCENE}})
    call("alertmanager", alarm(alert("A", severity="warning"), alert("B", severity="critical")))
    assert params(platform) == [{"name": "B", "state": "firing", "count": "1"}]


def test_everybody_is_told_however_many_there_are() -> None:
    numbers = [f"+86138001{place:05d}" for place in range(250)]
    tell = [{"to": numbers[start : start + 100]} for start in (0, 100, 200)]
    found = read_scenes(scene(tell=tell))
    alarm_of_one = Alarm(alerts=(Alert(FIRING, title="A"),))
    messages = messages_of(alarm_of_one, PRODUCT_OF["alertmanager"], found)
    assert [message.number for message in messages] == numbers


def test_values_are_cleaned_and_cut(platform: Platform, tmp_path: Path) -> None:
    variables = {"name": "title", "detail": "text", "place": "label:instance"}
    write_scenes(tmp_path, scene(variables=variables, longest={"name": 4}))
    entry = alert("Instance🔴Down", instance="db-7.example.com:5432")
    entry["annotations"] = {"summary": "see https://wiki.example.com/runbook"}
    call("alertmanager", alarm(entry))
    assert params(platform) == [{"name": "Inst", "detail": "see", "place": "db-7"}]


def test_one_call_may_tell_numbers_at_home_and_abroad(
    platform: Platform, tmp_path: Path, deployed: pytest.MonkeyPatch
) -> None:
    deployed.setenv("SMS_COUNTRIES", "HK")
    forget_instance()
    platform.on("SendMessageToGlobe", accepted())
    tell = [{"to": [f"+86{NUMBER}", "+85251234567"]}]
    write_scenes(tmp_path, scene(tell=tell, message="{title} is {state}", sender_id="Acme"))
    answer = call("alertmanager", alarm(alert("A")))
    assert (answer.status, answer.body["sent"]) == (200, 2)
    assert told(platform) == [NUMBER]
    (abroad,) = platform.asked("SendMessageToGlobe")
    assert (abroad["To"], abroad["Message"]) == ("85251234567", "A is firing")


# Repeats


@pytest.mark.parametrize("product", ALARMS)
def test_an_alarm_that_is_repeated_is_told_once(product: str, platform: Platform) -> None:
    assert [call(product).status for _ in range(3)] == [200] * 3
    assert len(platform.sends) == 1


def test_the_same_alert_at_another_time_is_told_again(platform: Platform) -> None:
    first = alert()
    call("alertmanager", alarm(first))
    call("alertmanager", alarm({**first, "startsAt": "2026-11-30T11:00:00.000Z"}))
    call("alertmanager", alarm({**first, "status": "resolved"}, first))
    assert len(platform.sends) == 2


def test_alerts_without_a_fingerprint_are_told_apart_by_their_labels(platform: Platform) -> None:
    for name in ("A", "B", "B"):
        entry = alert(name)
        del entry["fingerprint"]
        call("alertmanager", alarm(entry))
    assert [param["name"] for param in params(platform)] == ["A", "B"]


def test_a_repeat_that_says_a_newer_value_is_the_same_alarm(platform: Platform) -> None:
    for value in ("97 percent", "98 percent"):
        entry = {**alert(value), "fingerprint": "f1"}
        assert call("alertmanager", alarm(entry)).body["sent"] == 1
    assert [param["name"] for param in params(platform)] == ["97 percent"]


@pytest.mark.parametrize("product", ALARMS)
def test_an_unknown_outcome_is_an_error_where_a_repeat_may_settle_it(
    product: str, platform: Platform
) -> None:
    platform.on("SendSms", hang_up())
    answers = [call(product) for _ in range(2)]
    expected = 503 if product in REPEATING else 200
    assert [answer.status for answer in answers] == [expected] * 2
    assert expected == 503 or answers[0].body["outcome"] == "unknown"
    assert "Retry-After" not in answers[0].headers
    assert len(platform.sends) == 1


def test_a_refusal_that_a_repeat_would_not_change_is_no_5xx(platform: Platform) -> None:
    platform.on("SendSms", refused("isv.AMOUNT_NOT_ENOUGH"))
    answer = call("alertmanager")
    assert (answer.status, answer.body["code"]) == (422, "isv.AMOUNT_NOT_ENOUGH")


def test_a_scene_that_fails_for_everybody_is_a_mistake_in_the_settings(
    platform: Platform, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A repeat sends nothing until it is mended, and then brings the alarm."""
    write_scenes(tmp_path, scene(tell=[{"to": ["+85251234567"]}]))
    answers = [call(product) for product in ALARMS]
    assert {(answer.status, answer.body["code"]) for answer in answers} == {(500, "configuration")}
    log = capsys.readouterr().out
    assert '"action": "configure"' in log
    assert "has no message and no international_template_code" in log
    write_scenes(tmp_path, scene())
    assert call("alertmanager").body["sent"] == 1
    assert len(platform.sends) == 1


def test_a_product_that_does_not_repeat_hears_that_nobody_was_told(
    platform: Platform, deployed: pytest.MonkeyPatch
) -> None:
    deployed.setenv("SMS_STATE_URL", "redis://127.0.0.1:9/0")
    forget_instance()
    answer = call("uptime-kuma")
    assert (answer.status, answer.body["code"]) == (503, "store-unavailable")
    assert platform.sends == []


def test_one_number_that_is_refused_does_not_stop_the_others(
    platform: Platform, tmp_path: Path
) -> None:
    write_scenes(tmp_path, scene(tell=[{"to": [f"+86{OPS}", f"+86{NUMBER}"]}]))
    platform.decide(
        "SendSms",
        lambda sent: (
            refused("isv.BLACK_KEY_CONTROL_LIMIT") if sent["PhoneNumbers"] == OPS else accepted()
        ),
    )
    answer = call("alertmanager")
    assert answer.status == 200
    assert (answer.body["sent"], answer.body["refused"]) == (1, 1)


# Storms


def storm(product: str, sizes: range) -> list[dict[str, Any]]:
    return [call(product, alarm(alert(f"Down{place}"))).body for place in sizes]


def test_what_a_storm_left_out_is_told_in_the_next_message(
    platform: Platform, deployed: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deployed.setenv("SMS_LIMITS", "number-per-minute=2")
    forget_instance()
    answers = storm("alertmanager", range(6))
    assert [answer["left_out"] for answer in answers] == [0, 0, 1, 1, 1, 1]
    assert [answer["outcome"] for answer in answers] == ["told"] * 2 + ["held-back"] * 4
    assert [param["name"] for param in params(platform)] == ["Down0", "Down1"]
    storm("alertmanager", range(2, 6))  # repeats are counted once
    deployed.setenv("SMS_LIMITS", "number-per-minute=0")
    forget_instance()
    storm("alertmanager", range(6, 8))
    assert [param["name"] for param in params(platform)[2:]] == ["Down6 +4", "Down7"]


def test_what_was_left_out_is_told_by_one_message_while_another_is_in_doubt(
    platform: Platform, deployed: pytest.MonkeyPatch
) -> None:
    """So it is with alarms at once: which of them tells is settled before it is sent."""
    hold_back(deployed, range(4))
    platform.on("SendSms", hang_up(), accepted())
    storm("alertmanager", range(4, 6))
    assert [param["name"] for param in params(platform)] == ["Down0", "Down4 +3", "Down5"]


def test_of_many_at_once_one_takes_the_count(tmp_path: Path, api_to: ApiTo) -> None:
    left_out = LeftOut(api_to("http://127.0.0.1:9"), open_store(f"sqlite://{tmp_path}/state.db"))
    left_out.add(NUMBER, 3)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(left_out.take, [NUMBER] * 16))
    assert sorted(taken)[-2:] == [0, 3]
    left_out.add(NUMBER, 2)
    assert left_out.take(NUMBER) == 2


def test_what_an_unsent_message_was_to_tell_is_told_by_the_next(
    platform: Platform, deployed: pytest.MonkeyPatch
) -> None:
    hold_back(deployed, range(3))
    platform.on("SendSms", refused("isv.BLACK_KEY_CONTROL_LIMIT"), accepted())
    storm("alertmanager", range(3, 6))
    names = [param["name"] for param in params(platform)]
    assert names == ["Down0", "Down3 +2", "Down4 +2", "Down5"]


def test_what_was_held_back_with_a_count_is_counted_with_it(
    platform: Platform, deployed: pytest.MonkeyPatch
) -> None:
    hold_back(deployed, range(4), range(3, 4))
    storm("alertmanager", range(3, 6))
    names = [param["name"] for param in params(platform)]
    assert names == ["Down0", "Down3 +2", "Down4", "Down5"]


@pytest.mark.parametrize(
    ("code", "status"), [("isv.BUSINESS_LIMIT_CONTROL", 503), ("isv.BUSINESS_LIMIT_DAY", 200)]
)
def test_what_a_limit_of_the_platform_held_back_is_told_in_the_next_message(
    code: str, status: int, platform: Platform
) -> None:
    """A repeat may settle the one of a minute, and would not settle that of a day."""
    platform.on("SendSms", refused(code), accepted())
    assert call("alertmanager", alarm(alert("A"))).status == status
    storm("alertmanager", range(2))
    names = [param["name"] for param in params(platform)]
    assert names == ["A", "Down0 +1", "Down1"]


def test_without_state_a_limit_of_the_platform_is_not_asked_again(
    platform: Platform, deployed: pytest.MonkeyPatch
) -> None:
    """The platform has seen the nonce, so that a repeat would end unknown."""
    deployed.delenv("SMS_STATE_URL")
    forget_instance()
    platform.on("SendSms", refused("isv.BUSINESS_LIMIT_CONTROL"))
    answer = call("alertmanager")
    assert (answer.status, answer.body["left_out"]) == (200, 1)


def test_a_variable_stays_as_long_as_it_may_be_when_it_says_what_was_left_out(
    platform: Platform, deployed: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deployed.setenv("SMS_LIMITS", "number-per-minute=1")
    forget_instance()
    variables = {"name": "title", "detail": "text"}
    write_scenes(tmp_path, scene(variables=variables, longest={"name": 2, "detail": 6}))
    storm("alertmanager", range(2))
    deployed.setenv("SMS_LIMITS", "number-per-minute=0")
    forget_instance()
    storm("alertmanager", range(2, 3))
    assert params(platform)[1] == {"name": "Do", "detail": "Dow +1"}


def test_a_template_may_have_a_variable_for_what_was_left_out(
    platform: Platform, deployed: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deployed.setenv("SMS_LIMITS", "number-per-minute=1")
    forget_instance()
    write_scenes(tmp_path, scene(variables={"name": "title", "missed": "left_out"}))
    storm("alertmanager", range(3))
    deployed.setenv("SMS_LIMITS", "number-per-minute=0")
    forget_instance()
    storm("alertmanager", range(3, 4))
    assert params(platform) == [
        {"name": "Down0", "missed": "0"},
        {"name": "Down3", "missed": "2"},
    ]


def test_a_message_that_was_held_back_and_is_sent_after_all_is_not_counted_again(
    platform: Platform, deployed: pytest.MonkeyPatch
) -> None:
    deployed.setenv("SMS_LIMITS", "number-per-minute=1")
    forget_instance()
    storm("alertmanager", range(2))
    deployed.setenv("SMS_LIMITS", "number-per-minute=0")
    forget_instance()
    storm("alertmanager", range(1, 3))
    assert [param["name"] for param in params(platform)] == ["Down0", "Down1", "Down2"]


def test_a_thousand_alerts_are_one_message(platform: Platform) -> None:
    alerts = [alert(f"Down{place}", instance=f"web-{place}") for place in range(1000)]
    assert call("alertmanager", alarm(*alerts)).status == 200
    assert [param["count"] for param in params(platform)] == ["1000"]


# What cannot be read


@pytest.mark.parametrize("product", ALARMS)
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff\xfe", b'{"alerts": 1}', b"[" * 100_000], ids=repr
)
def test_an_alarm_that_cannot_be_read_is_told_by_the_fixed_word(
    product: str, body: bytes, platform: Platform
) -> None:
    assert call(product, body).status == 200
    assert call(product, body).status == 200
    assert params(platform) == [{"name": "alarm", "state": "firing", "count": "1"}]


@pytest.mark.parametrize("product", ["alertmanager", "grafana", "uptime-kuma"])
def test_half_a_character_stops_no_alarm(product: str, platform: Platform) -> None:
    """JSON may hold half of a surrogate pair anywhere."""
    entry = alert("Down\ud800", **{"label\ud800": "\udfff"})
    entry["annotations"] = {"summary": "\ud83d"}
    body = {"alerts": [entry], "groupKey": "\ud800", "receiver": "\ud800", "msg": "x\ud800"}
    assert call(product, json.dumps(body).encode()).status == 200
    assert len(platform.sends) == 1


def test_an_alarm_of_four_megabytes_is_told(platform: Platform) -> None:
    entry = alert("Large")
    entry["annotations"]["description"] = "告" * (4 * 1024 * 1024 // 3 - 1000)
    body = json.dumps({"alerts": [entry]}, ensure_ascii=False).encode()
    assert call("alertmanager", body).status == 200
    assert [param["name"] for param in params(platform)] == ["Large"]
    assert call("alertmanager", b"x" * (4 * 1024 * 1024 + 1)).status == 413


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(title=st.text(), text=st.text(), label=st.text())
def test_whatever_an_alert_says_it_is_told(
    title: str, text: str, label: str, platform: Platform, tmp_path: Path
) -> None:
    variables = {"name": "title", "detail": "text", "place": "label:instance"}
    write_scenes(tmp_path, scene(variables=variables))
    entry = {**alert(title, instance=label), "annotations": {"summary": text}}
    answer = call("alertmanager", alarm(entry))
    assert (answer.status, answer.body.get("refused")) == (200, 0)


def test_no_number_and_no_text_is_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    call("alertmanager", alarm(alert("Secret name 987654")))
    call("alertmanager", b"4711")
    log = capsys.readouterr().out
    for secret in (NUMBER, "987654", "4711"):
        assert secret not in log
    assert '"outcome": "told", "product": "alertmanager"' in log


def test_the_samples_are_of_every_product() -> None:
    assert set(ALARMS) < set(SAMPLES)
