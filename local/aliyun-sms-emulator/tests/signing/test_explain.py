"""Every known mistake is made for real, refused, and named for what it is."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

import pytest

import aliyun_sms_emulator
from aliyun_sms_emulator import EmulatorClient, SmsEmulator
from aliyun_sms_emulator.commands.cli import main
from aliyun_sms_emulator.explain.causes import is_known_refusal
from signing_client import Client, Reply, join, raw, utc_text
from wrong_clients import AWKWARD, WrongV1, WrongV3, form_pairs, java, javascript, unsorted

EMPTY_HASH = hashlib.sha256(b"").hexdigest()
FORM = {"PhoneNumberJson": '["13800138000"]', "SignNameJson": '["fc-sms"]'}
UTC8 = 8 * 3600


def explained(emulator: EmulatorClient, reply: Reply, language: str = "en") -> dict[str, Any]:
    record = emulator.requests()[-1]
    assert record.request_id == reply.headers["x-acs-request-id"]
    return emulator.call("GET", f"/api/requests/{record.id}/explanation?lang={language}")


class Result(NamedTuple):
    code: int
    stdout: str
    stderr: str


Command = Callable[..., Result]


def caseless(names: list[str]) -> list[str]:
    return sorted(names, key=str.lower)


def causes(explanation: dict[str, Any]) -> list[tuple[str, bool]]:
    return [(finding["cause"], finding["proven"]) for finding in explanation["findings"]]


# No signature is made with these again, so none can match because of them.
NOT_PROVEN = {"unknown", "signature-length", "payload-header"}

V1_MISTAKES: dict[str, tuple[str, dict[str, Any]]] = {
    "space": ("space-as-plus", {"inner": lambda t: quote_plus(t, safe="~")}),
    "tilde": ("tilde-encoded", {"inner": lambda t: quote(t, safe="").replace("~", "%7E")}),
    "star": ("star-kept", {"inner": lambda t: quote(t, safe="~*")}),
    "slash": ("slash-kept", {"inner": lambda t: quote(t, safe="~/")}),
    "java": ("form-encoding", {"inner": java, "outer": java}),
    "php": ("php-urlencode", {"inner": lambda t: quote_plus(t).replace("~", "%7E")}),
    "javascript": ("encode-uri-component", {"inner": javascript, "outer": javascript}),
    "encodeURI": ("encode-uri", {"inner": lambda t: quote(t, safe="~!*'();,/?:@&=+$#")}),
    "gbk": ("gbk", {"inner": lambda t: quote(t.encode("gbk"), safe="~")}),
    "once": ("not-encoded-twice", {"outer": str}),
    "values": ("values-not-encoded", {"inner": str}),
    "nothing": ("not-encoded", {"inner": str, "outer": str}),
    "thrice": ("values-encoded-twice", {"inner": lambda t: quote(quote(t, safe="~"), safe="~")}),
    "order": ("parameter-order", {"order": list, "write_query": unsorted}),
    "caseless": (
        "parameter-order-caseless",
        {"order": caseless, "parameters": {**AWKWARD, "b": ""}},
    ),
    "suffix": ("key-suffix", {"suffix": ""}),
    "line break": ("secret-blank", {"secret": "testsecret\n"}),
    "other key": ("other-key", {"secret": "second-secret"}),
    "secret": ("unknown", {"secret": "Testsecret"}),
    "method": ("other-method", {"signed_method": "GET"}),
    "method of GET": ("other-method", {"method": "GET", "signed_method": "POST"}),
    "lower method": ("method-lower-case", {"signed_method": "post"}),
    "path": ("path-not-encoded", {"prefix": "&/&"}),
    "sha256": ("digest-sha256", {"digest": "sha256"}),
    "one": ("parameter-unsigned", {"unsigned": ("OutId",)}),
    "empty": (
        "empty-unsigned",
        {"parameters": {**AWKWARD, "SmsUpExtendCode": ""}, "unsigned": ("SmsUpExtendCode",)},
    ),
    "late clock": ("time-changed", {"signed_time": -1}),
    "hex": ("signature-hex", {"write": bytes.hex}),
    "hex in base64": (
        "signature-base64-of-hex",
        {"write": lambda digest: base64.b64encode(digest.hex().encode()).decode()},
    ),
    "urlsafe": (
        "signature-urlsafe",
        {"write": lambda digest: base64.urlsafe_b64encode(digest).decode().rstrip("=")},
    ),
    "cut off": (
        "signature-length",
        {"write": lambda digest: base64.b64encode(digest).decode()[:10]},
    ),
    "sent twice": (
        "parameter-repeated",
        {"write_query": lambda values: f"{join(values)}&OutId=another"},
    ),
    "encoded twice": (
        "signature-encoded-twice",
        {"write": lambda digest: quote(base64.b64encode(digest).decode(), safe="")},
    ),
}


@pytest.mark.parametrize("mistake", V1_MISTAKES)
def test_v1_mistake_is_named(emulator: SmsEmulator, mistake: str) -> None:
    cause, fields = V1_MISTAKES[mistake]
    reply = WrongV1(emulator, **fields).send()
    assert reply.code == "SignatureDoesNotMatch"
    explanation = explained(emulator, reply)
    assert causes(explanation)[0] == (cause, cause not in NOT_PROVEN)
    assert len(explanation["findings"]) == 1
    expected, client = explanation["expected"], explanation["client"]
    assert expected in reply.json["Message"]
    at = explanation["first_difference"]
    assert (at is None) == (expected == client)
    assert explanation["same_texts"] == (at is None and cause != "signature-length")
    if at is not None:
        assert expected[:at] == client[:at]
        assert expected[at : at + 1] != client[at : at + 1]
    assert "testsecret" not in str(explanation)


def test_v1_signature_with_a_plus_that_was_not_encoded_is_named(emulator: SmsEmulator) -> None:
    for _ in range(40):  # until a signature has a plus
        reply = WrongV1(emulator, method="GET", write_query=form_pairs).send()
        if reply.code == "SignatureDoesNotMatch":
            break
    assert causes(explained(emulator, reply)) == [("signature-not-encoded", True)]


def test_v1_body_that_was_not_signed_is_named(emulator: SmsEmulator) -> None:
    names = tuple(AWKWARD)

    def half(values: Any) -> str:
        return join({n: v for n, v in values.items() if n in names})

    class Split(WrongV1):
        """Common parameters in the query, the others in the body, which is not signed."""

    client = Split(emulator, unsigned=names)
    captured: dict[str, str] = {}

    def keep(values: Any) -> str:
        captured.update(values)
        return half(values)

    client.write_query = keep
    client.send()
    query = join({n: v for n, v in captured.items() if n not in names})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = raw(emulator, "POST", f"/?{query}", half(captured).encode(), headers)
    assert causes(explained(emulator, reply)) == [("body-unsigned", True)]


def test_two_mistakes_at_once_are_both_named(emulator: SmsEmulator) -> None:
    reply = WrongV1(emulator, inner=java, outer=java, suffix="", write=bytes.hex).send()
    found = causes(explained(emulator, reply))
    assert found == [("form-encoding", True), ("key-suffix", True), ("signature-hex", True)]


V3_MISTAKES: dict[str, tuple[str, dict[str, Any]]] = {
    "cut off": ("signature-length", {"write": lambda digest: digest.hex()[:30]}),
    "space": ("space-as-plus", {"encode": lambda t: quote_plus(t, safe="~")}),
    "javascript": ("encode-uri-component", {"encode": javascript}),
    "values": ("values-not-encoded", {"encode": str}),
    "order": ("parameter-order", {"order": list, "write_query": unsorted}),
    "query": ("query-unsigned", {"signs_query": False}),
    "suffix": ("key-suffix-added", {"secret": "testsecret&"}),
    "other key": ("other-key", {"secret": "second-secret"}),
    "secret": ("unknown", {"secret": "nonsense"}),
    "method": ("other-method", {"method": "GET", "signed_method": "POST"}),
    "body": ("body-unsigned-v3", {"form": FORM, "payload": EMPTY_HASH}),
    "hash": ("payload-hash", {"form": FORM, "payload": "0" * 64, "payload_header": "0" * 64}),
    "hash header": ("payload-header", {"form": FORM, "payload_header": "0" * 64}),
    "no hash": ("payload-missing", {"payload": ""}),
    "host": ("host-header", {"signed_headers": {"host": "dysmsapi.aliyuncs.com"}}),
    "content type": (
        "content-type-header",
        {
            "form": FORM,
            "signed_headers": {"content-type": "application/x-www-form-urlencoded; charset=utf-8"},
        },
    ),
    "header order": ("header-order", {"line_order": list}),
    "one header": (
        "header-unsigned",
        {"line_order": lambda names: sorted(set(names) - {"x-acs-date"})},
    ),
    "blank line": ("header-blank-line", {"blank_line": ""}),
    "raw": ("canonical-not-hashed", {"hashes_canonical": False}),
    "algorithm": ("algorithm-line", {"algorithm_line": ""}),
    "path": ("path-missing", {"path": ""}),
    "base64": ("signature-base64", {"write": lambda digest: base64.b64encode(digest).decode()}),
    "upper case": ("signature-upper-case", {"upper": True}),
}


@pytest.mark.parametrize("mistake", V3_MISTAKES)
def test_v3_mistake_is_named(emulator: SmsEmulator, mistake: str) -> None:
    cause, fields = V3_MISTAKES[mistake]
    reply = WrongV3(emulator, **fields).send()
    assert reply.code == "SignatureDoesNotMatch"
    explanation = explained(emulator, reply)
    assert causes(explanation) == [(cause, cause not in NOT_PROVEN)]
    assert explanation["expected"] in reply.json["Message"]
    assert (explanation["first_difference"] is None) == (
        explanation["expected"] == explanation["client"]
    )


def old(hours: float) -> dict[str, Any]:
    return {"common": {"Timestamp": utc_text(time.time() + hours * 3600)}}


CHECKS: dict[str, tuple[str, dict[str, Any]]] = {
    "local time": ("time-zone", old(8)),
    "old": ("time-behind", old(-1)),
    "ahead": ("time-ahead", old(1)),
    "space": ("time-format", {"common": {"Timestamp": "2026-01-31 23:59:00"}}),
    "epoch": ("time-format", {"common": {"Timestamp": "1769875200000"}}),
    "method": ("signature-method", {"common": {"SignatureMethod": "HMACSHA1"}}),
    "version": ("signature-version", {"common": {"SignatureVersion": "2.0"}}),
    "key": ("unknown-key", {"common": {"AccessKeyId": "nobody"}}),
    "no nonce": ("missing", {"common": {"SignatureNonce": ""}}),
}


@pytest.mark.parametrize("mistake", CHECKS)
def test_what_is_wrong_besides_the_signature_is_named(emulator: SmsEmulator, mistake: str) -> None:
    cause, fields = CHECKS[mistake]
    reply = WrongV1(emulator, **fields).send()
    assert reply.status in {400, 404}
    assert (cause, False) in causes(explained(emulator, reply))


@pytest.mark.parametrize(
    ("headers", "cause"),
    [
        ({"authorization": "ACS3-HMAC-SHA256 nonsense"}, "authorization-header"),
        ({}, "unsigned"),
    ],
)
def test_a_request_without_any_signature_is_named_so(
    emulator: SmsEmulator, headers: dict[str, str], cause: str
) -> None:
    reply = raw(emulator, "GET", "/?PhoneNumbers=1", b"", headers)
    assert causes(explained(emulator, reply)) == [("MissingAction", False), (cause, False)]


def test_a_signature_that_was_left_out_is_no_fault_of_the_secret(
    emulator: SmsEmulator, command: Command
) -> None:
    """No secret is to blame, and the texts, which are the same, tell nothing."""
    explanation = explained(emulator, WrongV1(emulator, write=lambda _: "").send())
    assert causes(explanation)[0] == ("missing", False)
    assert "unknown" not in dict(causes(explanation))
    assert (explanation["first_difference"], explanation["same_texts"]) == (None, False)
    result = command(f"http://x/?{signed_query(write=lambda _: '')}")
    assert "1. Signature is missing (seen)" in result.stdout
    assert "secret" not in result.stdout
    assert "the same" not in result.stdout


def test_a_parameter_that_came_twice_is_suspected_where_nothing_is_proven(
    emulator: SmsEmulator,
) -> None:
    reply = WrongV3(
        emulator, secret="other", write_query=lambda values: f"{join(values)}&a=1&a=2"
    ).send()
    assert causes(explained(emulator, reply)) == [("parameter-repeated", False), ("unknown", False)]


def test_an_unsigned_header_is_named(client: Client) -> None:
    reply = client.v3("SendSms", AWKWARD, unsigned={"x-acs-extra": "1"})
    assert reply.code == "IncompleteSignature"
    (finding,) = explained_of(client, reply)["findings"]
    assert "x-acs-extra" in finding["what"]


def explained_of(client: Client, reply: Reply) -> dict[str, Any]:
    return explained(client.emulator, reply)


def test_a_used_nonce_is_named(client: Client) -> None:
    for _ in range(2):
        reply = client.v3("QuerySmsSignList", {}, x_acs_signature_nonce="same")
    explanation = explained_of(client, reply)
    assert causes(explanation) == [("SignatureNonceUsed", False)]
    assert explanation["right"]
    assert explanation["findings"][0]["about"] == "nonce"


REFUSED: dict[str, tuple[str, str, dict[str, str]]] = {
    "SignName": ("MissingSignName", "parameter", {"SignName": ""}),
    "number": ("isv.MOBILE_NUMBER_ILLEGAL", "number", {"PhoneNumbers": "138"}),
    "template": ("isv.SMS_TEMPLATE_ILLEGAL", "template", {"TemplateCode": "SMS_1"}),
    "value": ("isv.PARAM_LENGTH_LIMIT", "template values", {"TemplateParam": '{"code":"1"}'}),
    "out_id": ("isv.INVALID_PARAMETERS", "parameter", {"OutId": "x" * 300}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_that_is_not_about_the_signature_says_what_it_is_about(
    client: Client, name: str
) -> None:
    code, about, changes = REFUSED[name]
    reply = client.send(**changes)
    assert reply.code == code
    explanation = explained_of(client, reply)
    assert explanation["right"]
    (finding,) = explanation["findings"]
    assert (finding["cause"], finding["about"], finding["proven"]) == (code, about, False)
    assert explained(client.emulator, reply, "zh")["findings"][0]["what"] != finding["what"]


def test_a_name_that_is_missing_is_named(client: Client) -> None:
    (finding,) = explained_of(client, client.send(TemplateCode=""))["findings"]
    assert finding["what"] == "TemplateCode is missing or empty"


def test_a_body_of_json_is_suspected_where_a_parameter_is_missing(client: Client) -> None:
    body = b'{"PhoneNumbers":"13800138000"}'
    headers = {**client.headers("SendSms", body), "content-type": "application/json"}
    headers = {name: value for name, value in headers.items() if value}
    headers["authorization"] = client.authorization("POST", "", headers, body)
    reply = raw(client.emulator, "POST", "/", body, headers)
    assert reply.code == "MissingPhoneNumbers"
    explanation = explained_of(client, reply)
    assert causes(explanation) == [("MissingPhoneNumbers", False), ("json-body", False)]


def test_what_the_emulator_lacks_is_about_the_emulator(client: Client) -> None:
    explanation = explained_of(client, client.v1("SendCardSms", {}))
    (finding,) = explanation["findings"]
    assert (finding["about"], explanation["right"]) == ("emulator", True)
    assert "Nothing is wrong with the request" in finding["remedy"]


def test_each_code_the_emulator_refuses_with_is_explained() -> None:
    """Read from the sources: a code that was forgotten has no text."""
    package = Path(aliyun_sms_emulator.__file__).parent
    form = re.compile(r'(?:GatewayError|BusinessError|super\(\).__init__)\(\s*"([\w.]+)"')
    texts = (path.read_text("utf-8") for path in package.rglob("*.py"))
    codes = {code for text in texts for code in form.findall(text)}
    assert len(codes) > 30
    assert [code for code in codes if not is_known_refusal(code)] == []


def test_security_token_is_not_shown(emulator: SmsEmulator) -> None:
    client = Client(emulator, "STS.one", "wrong", "token-one+/==")
    for sign in (client.v1, client.v3):
        explanation = explained(emulator, sign("SendSms", AWKWARD))
        assert causes(explanation) == [("unknown", False)]
        assert "token-one" not in str(explanation)
        assert "***" in explanation["expected"]


def test_a_token_that_was_not_signed_is_named(emulator: SmsEmulator) -> None:
    common = {"AccessKeyId": "STS.one", "SecurityToken": "token-one+/=="}
    wrong = WrongV1(emulator, "sts-secret", common=common, unsigned=("SecurityToken",))
    assert causes(explained(emulator, wrong.send())) == [("token-unsigned", True)]


def test_an_explanation_is_given_in_both_languages(emulator: SmsEmulator) -> None:
    reply = WrongV1(emulator, suffix="").send()
    english, chinese = (explained(emulator, reply, language) for language in ("en", "zh"))
    assert "&" in english["findings"][0]["what"]
    assert "密钥" in chinese["findings"][0]["what"]
    record = emulator.requests()[-1]
    with pytest.raises(ValueError, match="must be en or zh"):
        emulator.call("GET", f"/api/requests/{record.id}/explanation?lang=fr")


def test_only_refused_requests_are_explained(client: Client) -> None:
    client.send()
    emulator = client.emulator
    (record,) = emulator.requests()
    with pytest.raises(ValueError, match="no request with this id was refused"):
        emulator.call("GET", f"/api/requests/{record.id}/explanation")
    with pytest.raises(ValueError, match="no request with this id was refused"):
        emulator.call("GET", f"/api/requests/{10**30}/explanation")


def test_only_the_newest_refusals_are_kept(emulator: SmsEmulator) -> None:
    first = raw(emulator, "GET", "/?Action=SendSms&Version=2017-05-25")
    assert causes(explained(emulator, first)) == [("unsigned", False)]
    number = emulator.requests()[-1].id
    for _ in range(200):
        raw(emulator, "GET", "/?Action=SendSms")
    explanation = emulator.call("GET", f"/api/requests/{number}/explanation")
    assert causes(explanation) == [("MissingAccessKeyId", False), ("not-kept", False)]


def test_large_request_is_explained_without_search_for_pairs(emulator: SmsEmulator) -> None:
    many = {**AWKWARD, "PhoneNumbers": ",".join(["13800138000"] * 1000)}
    started = time.perf_counter()
    reply = WrongV1(emulator, parameters=many, secret="x").send()
    assert causes(explained(emulator, reply)) == [("unknown", False)]
    reply = WrongV1(emulator, parameters=many, suffix="").send()
    assert causes(explained(emulator, reply)) == [("key-suffix", True)]
    print(f"two explanations of 12,000 characters: {time.perf_counter() - started:.2f} s")


def test_thousands_of_parameters_cost_no_minute(emulator: SmsEmulator) -> None:
    """Only the first ones are tried as unsigned; what is tried after them still is."""
    many = {f"a{number}": str(number) for number in range(2000)}
    started = time.perf_counter()
    for wrong, cause in (
        (WrongV1(emulator, parameters=many, signed_method="post"), "method-lower-case"),
        (WrongV3(emulator, query=many, signed_method="GET"), "other-method"),
        (WrongV1(emulator, parameters=many, unsigned=("Format",)), "parameter-unsigned"),
    ):
        assert causes(explained(emulator, wrong.send())) == [(cause, True)]
    print(f"three explanations of 2,000 parameters: {time.perf_counter() - started:.2f} s")


def test_encoding_is_suspected_where_nothing_is_proven(emulator: SmsEmulator) -> None:
    """Wrong secret and a query that was encoded like a form."""

    def as_form(values: Any) -> str:
        return "&".join(f"{java(n)}={java(values[n])}" for n in sorted(values))

    reply = WrongV1(emulator, secret="x", inner=java, write_query=as_form).send()
    assert causes(explained(emulator, reply)) == [("unknown", False), ("form-encoding", False)]


URL = "http://127.0.0.1:8100/?Action=SendSms&Signature=x"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `sms-emulator explain` with a text on standard input."""

    def run(text: str, *arguments: str, secret: str = "testsecret") -> Result:
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret)
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        code = main(["explain", *arguments])
        return Result(code, *capsys.readouterr())

    return run


def signed_query(**fields: Any) -> str:
    """The query of a V1 request, as a client that points nowhere would send it."""
    taken: list[str] = []

    def take(values: Any) -> str:
        taken.append(join(values))
        return taken[0]

    with SmsEmulator() as nobody:
        WrongV1(nobody, method="GET", write_query=take, **fields).send()
    return taken[0]


def test_command_says_that_a_signature_is_right(command: Command) -> None:
    result = command(f"https://dysmsapi.aliyuncs.com/?{signed_query()}")
    assert (result.code, result.stdout) == (0, "The V1 signature is right.\n")


def test_command_names_what_else_is_refused(command: Command) -> None:
    parameters = {n: v for n, v in AWKWARD.items() if n != "SignName"}
    result = command(f"https://dysmsapi.aliyuncs.com/?{signed_query(parameters=parameters)}")
    assert result.code == 0
    assert "The V1 signature is right.\n1. SignName is missing or empty" in result.stdout
    assert "(about the parameter)" in result.stdout
    unknown = command(f"http://x/?{signed_query(common={'Action': 'SendSmss'})}")
    assert "about the operation" in unknown.stdout
    elsewhere = command(f"http://x/?{signed_query(common={'Action': 'SendCardSms'})}")
    assert (elsewhere.code, elsewhere.stdout) == (0, "The V1 signature is right.\n")


def test_command_notes_what_the_documentation_asks_for(command: Command) -> None:
    moment = utc_text(time.time()).replace("Z", ".123Z")
    result = command(f"http://x/?{signed_query(common={'Timestamp': moment})}")
    assert result.code == 0
    assert f"Note: Timestamp {moment} has a fraction of a second." in result.stdout
    assert "1." not in result.stdout.splitlines()[1]


def test_command_names_the_mistake_and_marks_the_difference(
    command: Command, tmp_path: Path
) -> None:
    file = tmp_path / "request.txt"
    file.write_text(f"GET /?{signed_query(inner=java, outer=java)} HTTP/1.1\nHost: x\n")
    result = command("", str(file))
    assert result.code == 1
    assert "form-encoded before signing" in result.stdout
    assert "(proven)" in result.stdout
    lines = result.stdout.splitlines()
    mark = lines[-1].index("^")
    assert lines[-3][mark] != lines[-2][mark]
    assert lines[-3][:mark].split()[-1] == lines[-2][:mark].split()[-1]
    assert "testsecret" not in result.stdout + result.stderr


def test_command_answers_in_json_with_the_secret_of_a_file(
    command: Command, tmp_path: Path
) -> None:
    config = tmp_path / "sms.yaml"
    config.write_text("access_keys: [{id: testid, secret: testsecret}]")
    address = f"http://127.0.0.1:8100/?{signed_query(suffix='')}"
    result = command("", "--json", "--config", str(config), address, secret="")
    document = json.loads(result.stdout)
    assert result.code == 1
    assert (document["right"], document["access_key_id"]) == (False, "testid")
    assert causes(document) == [("key-suffix", True)]


def test_command_reads_an_old_request(command: Command) -> None:
    """Its age is no mistake but worth a note, and a time in the future is one."""
    old_query = signed_query(common={"Timestamp": utc_text(time.time() - 5 * 3600)})
    result = command(f"http://x/?{old_query}")
    assert result.code == 0
    assert "If it was made just now: The time is 300 minutes old; 15 are allowed." in result.stdout
    (note,) = json.loads(command(f"http://x/?{old_query}", "--json").stdout)["notes"]
    assert note["cause"] == "time-behind"
    assert "just now" not in command(f"http://x/?{signed_query()}").stdout
    ahead = signed_query(common={"Timestamp": utc_text(time.time() + UTC8)})
    assert "local time of China" in command(f"http://x/?{ahead}").stdout


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "nothing was pasted"),
        ("hello", "neither an address"),
        ("curl -X POST", "has no address"),
        ("curl 'http://x", "is cut off"),
        ("curl -d @body.json http://x", "the body is in the file body.json"),
        ("curl --data-urlencode a@f.txt http://x", "the body is in the file f.txt"),
        ("curl --form 'Action=\"SendSms\"' http://x", "x-www-form-urlencoded, not form-data"),
        ("GET / HTTP/1.1\nnonsense", "has no colon"),
        ("http://[x", "malformed"),
        ("http://x/?Action=%ff", "not percent-encoded UTF-8"),
    ],
)
def test_command_says_what_it_cannot_read(command: Command, text: str, problem: str) -> None:
    result = command(text)
    assert (result.code, result.stdout) == (2, "")
    assert problem in result.stderr


def test_command_runs_in_a_process_of_its_own() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "aliyun_sms_emulator", "explain", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "exit codes: 0 the signature is right, 1 it is wrong" in process.stdout


def test_command_without_a_secret_says_what_to_set(command: Command) -> None:
    result = command(URL, secret="")
    assert result.code == 2
    assert "set ALIBABA_CLOUD_ACCESS_KEY_SECRET" in result.stderr


def test_command_takes_the_request_itself(command: Command) -> None:
    address = f"http://127.0.0.1:8100/?{signed_query()}"
    assert command("", address).code == 0
    assert command("", f"curl -s '{address}' | jq .").code == 0
    assert command("", f"$ curl -s '{address}'").code == 0
    absent = command("", "absent-file")
    assert absent.code == 2
    assert "absent-file cannot be read" in absent.stderr
