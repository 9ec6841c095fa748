from __future__ import annotations

import re
from pathlib import Path

import pytest

from aliyun_sms_emulator import ConfigError
from aliyun_sms_emulator.config.reading import default_config, load_config

GOOD = """
access_keys:
  - {id: a, secret: b, account: c}
  - {id: sts, secret: b, security_token: t, expires: 2030-01-01T00:00:00Z}
templates:
  - {code: SMS_1, type: verification, content: "码${code}", name: Code}
  - {code: SMS_2, type: notification, content: "${a} ${b} ${a}", status: reviewing}
signatures:
  - name: 某店
settings:
  nonce_scope: off
  limits: off
  timestamp_skew_seconds: 60
numbers:
  13800000001: blacklist
  "+8613800000002": IS_CLOSE
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "sms.yaml"
    path.write_text(text, "utf-8")
    return path


def test_a_configuration_is_read(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD))
    assert config.access_keys["a"].account == "c"
    assert config.access_keys["sts"].expires_at == 1893456000
    assert config.templates["SMS_2"].variables == ["a", "b"]
    assert config.templates["SMS_1"].fill({"code": "7"}) == "码7"
    assert list(config.signatures) == ["某店"]
    assert (config.settings.nonce_scope, config.settings.limits.enabled) == ("off", False)
    assert config.numbers == {"13800000001": "blacklist", "13800000002": "IS_CLOSE"}
    assert "secret" not in repr(config.access_keys["a"]).replace("secret='", "")


def test_absent_sections_keep_what_is_built_in(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "signatures: [{name: x}]"))
    assert config.templates == default_config().templates
    assert config.access_keys["testid"].secret == "testsecret"
    assert load_config(write(tmp_path, "")) == default_config()


def test_built_in_templates_cover_every_type() -> None:
    types = {template.type for template in default_config().templates.values()}
    assert types == {"verification", "notification", "promotion", "international", "gift"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "must be a mapping"),
        ("a: [", "is not valid YAML: expected the node"),
        ("template: []", "template: unknown key; known are access_keys"),
        ("templates: []", "templates: must be a list with at least one"),
        ("templates: {}", "templates: must be a list"),
        ("templates: [x]", "templates[0]: must be a mapping"),
        ("templates: [{code: a, type: otp, content: x}]", "templates[0].type: must be one of"),
        ("templates: [{type: promotion, content: x}]", "templates[0].code: is missing"),
        ("templates: [{code: 5, type: promotion, content: x}]", "templates[0].code: must be a str"),
        ("templates: [{code: '', type: promotion, content: x}]", "[0].code: must not be empty"),
        ("templates: [{code: a, type: promotion, content: x, y: z}]", "[0].y: unknown key"),
        ("templates: [{code: a, type: verification, content: x}]", "exactly one ${variable}"),
        ("templates: [{code: a, type: promotion, content: 【x】}]", "must not contain 【"),
        ("templates: [{code: a, type: promotion, content: x, status: ok}]", "[0].status: must be"),
        ("signatures: [{name: a}, {name: a}]", "signatures[1]: a stands there twice"),
        ("access_keys: [{id: a, secret: 5}]", "access_keys[0].secret: must be a string"),
        ("access_keys: [{id: a, secret: b, expires: 2030-01-01}]", "is for keys with a security"),
        (
            "access_keys: [{id: a, secret: b, security_token: t, expires: soon}]",
            "access_keys[0].expires: must be a time",
        ),
        ("settings: {speed: 1}", "settings.speed: unknown setting; known are strict, nonce_scope"),
        ("settings: {limits: {x: 1}}", "settings.limits.x: unknown limit"),
        ("settings: 5", "settings: must be a mapping"),
        ("numbers: {12: deliver}", "numbers.12: is no phone number"),
        ("numbers: {13800000001: lost}", "numbers.13800000001: must be deliver, unreachable"),
        ("a: !!python/object:os.system x", "is not valid YAML"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=re.escape(problem)) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}:1: ")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "absent.yaml")
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"a: \xe9")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load_config(path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: [\n", "3: is not valid YAML: expected the node content"),
        (
            "settings: {}\nsettings: {}\n",
            "2: is not valid YAML: the key settings stands there twice",
        ),
        ("access_keys:\n  - id: a\n    expires: 2030-13-45\n", "3: is not valid YAML: 2030-13-45"),
        ("templates:\n  - code: a\n    type: x\n", "3: templates[0].type: must be one of"),
        ("templates:\n  - code: a\n", "2: templates[0].type: must be one of"),
        ("signatures:\n  - name: a\n  - name: a\n", "3: signatures[1]: a stands there twice"),
        ("settings:\n  nodes: 2\n  limits:\n    x: 1\n", "4: settings.limits.x: unknown limit"),
        ("faults:\n  - kind: reset\n  - kind: x\n", "3: faults[1].kind: must be one of"),
        ("numbers:\n  13800138000: silent\n  12: silent\n", "3: numbers.12: is no phone number"),
        ("templates: &a [*a]\n", "1: templates[0]: must be a mapping"),
    ],
)
def test_errors_name_the_line(tmp_path: Path, text: str, problem: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=re.escape(f"{path}:{problem}")):
        load_config(path)


def test_files_that_yaml_chokes_on_are_refused(tmp_path: Path) -> None:
    for text, problem in (("[" * 500, "is nested too deeply"), ("\0", "a character that YAML")):
        with pytest.raises(ConfigError, match=problem):
            load_config(write(tmp_path, text))
