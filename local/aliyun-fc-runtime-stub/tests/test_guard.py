"""Which requests are looked at, and which are refused before anything else is done."""

from __future__ import annotations

import http.client
from pathlib import Path

import pytest
import yaml

from aliyun_fc_runtime_stub import FunctionCompute, RequestRefused
from aliyun_fc_runtime_stub.http_messages import HttpRequest
from aliyun_fc_runtime_stub.pytest_plugin import FcStub
from aliyun_fc_runtime_stub.template.s_yaml import load_application
from aliyun_fc_runtime_stub.web.guard import Guard, OwnNames
from stub_project import Project

DOMAINS = frozenset({"sms.example.com", "*.shop.example"})
REFUSED, TAKEN = 403, 200


def answer(listener: str, *headers: tuple[str, str], bound: str = "127.0.0.1") -> int:
    named = [(name.lower().encode(), value.encode()) for name, value in headers]
    if not any(name == b"host" for name, _ in named):
        named.append((b"host", b"127.0.0.1:9000"))
    request = HttpRequest("POST", b"/", "/", b"", named, b"", "127.0.0.1")
    try:
        Guard(bound).check(listener, request, OwnNames(DOMAINS))
    except RequestRefused as refused:
        return refused.status
    return TAKEN


@pytest.mark.parametrize(
    ("host", "api", "trigger"),
    [
        ("127.0.0.1", TAKEN, TAKEN),
        ("127.0.0.1:1", TAKEN, TAKEN),
        ("LocalHost:9000", TAKEN, TAKEN),
        ("[::1]:9000", TAKEN, TAKEN),
        ("1234567890123456.cn-hangzhou.fc.aliyuncs.com", TAKEN, TAKEN),
        ("fc-stub-temp.oss-cn-hangzhou.aliyuncs.com:9000", TAKEN, TAKEN),
        ("send-sms-abcdefghij.cn-hangzhou.fcapp.run", REFUSED, TAKEN),
        ("sms.example.com", REFUSED, TAKEN),
        ("SMS.example.com:9001", REFUSED, TAKEN),
        ("a.shop.example", REFUSED, TAKEN),
        ("shop.example", REFUSED, REFUSED),
        ("evil.example", REFUSED, REFUSED),
        ("evil.example:9000", REFUSED, REFUSED),
        ("sms.example.com.evil.example", REFUSED, REFUSED),
        ("evilaliyuncs.com", REFUSED, REFUSED),
        ("fc.aliyuncs.com.evil.example", REFUSED, REFUSED),
        ("127.0.0.1.evil.example", REFUSED, REFUSED),
        ("localhost.evil.example", REFUSED, REFUSED),
        ("evil.example@127.0.0.1", REFUSED, REFUSED),
        ("127.0.0.1@evil.example", REFUSED, REFUSED),
        ("127.0.0.1/evil.example", REFUSED, REFUSED),
        ("0.0.0.0:9000", REFUSED, REFUSED),
        ("[::]:9000", REFUSED, REFUSED),
        ("[::1", REFUSED, REFUSED),
        ("192.168.1.5", REFUSED, REFUSED),
        ("", REFUSED, REFUSED),
    ],
)
def test_a_host_is_a_local_name_or_the_platforms_or_a_domain_of_the_s_yaml(
    host: str, api: int, trigger: int
) -> None:
    assert (answer("api", ("Host", host)), answer("trigger", ("Host", host))) == (api, trigger)


def test_two_hosts_are_refused() -> None:
    both = (("Host", "127.0.0.1"), ("Host", "evil.example"))
    assert answer("trigger", *both) == answer("trigger", *both[::-1]) == REFUSED


@pytest.mark.parametrize(
    ("origin", "trigger"),
    [
        ("http://127.0.0.1:9000", TAKEN),
        ("http://localhost:3000", TAKEN),
        ("https://localhost", TAKEN),
        ("http://[::1]:3000", TAKEN),
        ("http://evil.example", REFUSED),
        ("http://localhost.evil.example", REFUSED),
        ("http://192.168.1.5:3000", REFUSED),
        ("http://sms.example.com", REFUSED),
        ("https://oss.aliyuncs.com", REFUSED),
        ("null", REFUSED),
        ("file://", REFUSED),
        ("chrome-extension://localhost", REFUSED),
        ("", REFUSED),
    ],
)
def test_an_origin_is_local_and_for_triggers_only(origin: str, trigger: int) -> None:
    assert answer("api", ("Origin", origin)) == REFUSED
    assert answer("trigger", ("Origin", origin)) == trigger


@pytest.mark.parametrize(
    ("site", "api", "trigger", "from_here"),
    [
        ("none", TAKEN, TAKEN, TAKEN),
        ("same-origin", TAKEN, TAKEN, TAKEN),
        ("same-site", REFUSED, TAKEN, TAKEN),
        ("cross-site", REFUSED, REFUSED, TAKEN),
        ("of-tomorrow", REFUSED, REFUSED, REFUSED),
        ("", REFUSED, REFUSED, REFUSED),
    ],
)
def test_no_other_site_asks(site: str, api: int, trigger: int, from_here: int) -> None:
    header = ("Sec-Fetch-Site", site)
    assert answer("api", header) == api
    assert answer("trigger", header) == trigger
    assert answer("trigger", header, ("Origin", "http://localhost:3000")) == from_here
    assert answer("trigger", header, ("Origin", "http://evil.example")) == REFUSED


def test_who_listens_everywhere_is_reached_by_address_but_not_by_name() -> None:
    for host, taken in (
        ("192.168.1.5:9000", TAKEN),
        ("[fe80::1]:9000", TAKEN),
        ("evil.example", REFUSED),
        ("0.0.0.0:9000", REFUSED),
    ):
        assert answer("api", ("Host", host), bound="0.0.0.0") == taken
    called = ("Host", "192.168.1.5:9001")
    for origin, taken in (
        ("http://192.168.1.5:3000", TAKEN),
        ("http://192.168.1.6:3000", REFUSED),
        ("http://evil.example", REFUSED),
    ):
        assert answer("trigger", called, ("Origin", origin), bound="::") == taken
    assert answer("api", ("Host", "my-machine:9000"), bound="My-Machine") == TAKEN


@pytest.fixture
def serving(fc_stub: FcStub, tmp_path: Path) -> FunctionCompute:
    return fc_stub(state=tmp_path / "state")


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/2023-03-30/functions", {}),
        ("POST", "/2023-03-30/functions/f/invocations", {}),
        ("GET", "/2016-08-15/tempBucketToken", {}),
        ("PUT", "/42/0123456789abcdef", {"x-oss-security-token": "x"}),
        ("GET", "/stub/status", {}),
        ("GET", "/nothing", {}),
    ],
)
@pytest.mark.parametrize(
    "mark",
    [
        {"Host": "evil.example"},
        {"Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_all_that_serve_answers_is_guarded_before_it_looks_who_asks(
    serving: FunctionCompute,
    method: str,
    path: str,
    headers: dict[str, str],
    mark: dict[str, str],
) -> None:
    connection = http.client.HTTPConnection(serving.api_url.removeprefix("http://"))
    connection.request(method, path, headers={**headers, **mark})
    reply = connection.getresponse()
    assert (reply.status, b'"AccessDenied"' in reply.read()) == (403, True)
    assert reply.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert reply.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    connection.close()


def test_a_trigger_is_guarded_before_its_method_and_its_caller(project: Project) -> None:
    project.http("f", "def handler(event, context): return 'in'", methods=["GET"])
    project.document["resources"]["f"]["props"]["customDomain"] = {"domainName": "Sms.example.com"}
    fc = project.start()
    for headers, method, status in (
        ({"Host": "evil.example"}, "POST", "AccessDenied"),
        ({"Origin": "http://evil.example"}, "GET", "AccessDenied"),
        ({"Sec-Fetch-Site": "cross-site"}, "GET", "AccessDenied"),
        ({}, "POST", "FCCommonError"),
        ({"Host": "sms.example.com"}, "GET", "in"),
        ({"Origin": "http://localhost:3000", "Sec-Fetch-Site": "cross-site"}, "GET", "in"),
    ):
        connection = http.client.HTTPConnection(fc.url("f").removeprefix("http://").rstrip("/"))
        connection.request(method, "/", headers=headers)
        assert status in connection.getresponse().read().decode()
        connection.close()
    assert len(fc.invocations()) == 2


def test_the_domains_are_those_of_functions_and_of_fc3_domain(project: Project) -> None:
    project.function("f", customDomain={"domainName": "A.example.com"})
    project.function("g", customDomain={"domainName": "auto"})
    project.document["resources"]["d"] = {
        "component": "fc3-domain",
        "props": {"domainName": "${env('DOMAIN')}"},
    }
    project.document["resources"]["e"] = {
        "component": "fc3-domain",
        "props": {"domainName": "${resources.f.output.domain}"},
    }
    project.path.write_text(yaml.safe_dump(project.document))
    application = load_application(project.path, {"DOMAIN": "*.shop.example"})
    assert application.domains == {"a.example.com", "*.shop.example"}
