"""The commands that send a first message, as the empty inbox shows them."""

from __future__ import annotations

import json
import re

from aliyun_sms_emulator.config.config import Config
from aliyun_sms_emulator.config.reading import default_config
from aliyun_sms_emulator.rules.templates import AnyTemplate, Template

_DEFAULT_HOST = "127.0.0.1:8100"
_PUBLIC_KEY = ("testid", "testsecret")
_CHINESE = re.compile("[\u3400-\u9fff]")


def short_command(config: Config, host: str, language: str) -> str:
    """Write the emulator's own command that sends a first message.

    Empty where that would need the configuration file: keys, template or signature are others.
    """
    common = default_config()
    if (config.access_keys, config.templates, config.signatures) != (
        common.access_keys,
        common.templates,
        common.signatures,
    ):
        return ""
    template = _template(config, language)
    usual = template == next(iter(config.templates.values()), None)
    chosen = "" if usual else f" --template {template.code}"
    params = "".join(f" --param {name}=1234" for name in template.variables)
    where = "" if host == _DEFAULT_HOST else f" --url http://{host}"
    return f"sms-emulator send 13800138000{chosen}{params}{where}"


def send_command(config: Config, host: str, language: str) -> str:
    """Write a shell command that sends a first message with the official SDK."""
    key = next(iter(config.access_keys.values()))
    public = (key.id, key.secret) == _PUBLIC_KEY
    secret = '"testsecret"' if public else 'os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]'
    template = _template(config, language)
    sign_names = [
        s.name for s in config.signatures.values() if s.status == "approved" and not s.gift
    ] or (["fc-sms"] if config.any_signature else [])
    number = "85251234567" if template.type == "international" else "13800138000"
    values = json.dumps(dict.fromkeys(template.variables, "1234"))

    def literal(text: str) -> str:
        return json.dumps(text, ensure_ascii=False)

    lines = (
        "pip install alibabacloud_dysmsapi20170525",
        "python - <<'END'",
        "import os",
        "from alibabacloud_dysmsapi20170525.client import Client",
        "from alibabacloud_dysmsapi20170525.models import SendSmsRequest",
        "from alibabacloud_tea_openapi.models import Config",
        "",
        f"client = Client(Config(access_key_id={literal(key.id)},",
        f"    access_key_secret={secret},",
        f'    endpoint={literal(host)}, protocol="http"))',
        f'print(client.send_sms(SendSmsRequest(phone_numbers="{number}",',
        f"    sign_name={literal(sign_names[0] if sign_names else '')},",
        f"    template_code={literal(template.code)},",
        f"    template_param={literal(values)})).body)",
        "END",
    )
    return "\n".join(lines)


def _template(config: Config, language: str) -> Template:
    """The first template that can be used, in the reader's language if there is one."""
    templates = list(config.templates.values())
    usable = [t for t in templates if t.status == "approved" and t.type != "gift"] or templates
    own = [t for t in usable if bool(_CHINESE.search(t.content)) == (language == "zh")]
    mainland = [t for t in own if t.type != "international"]
    return (mainland or usable or [AnyTemplate("SMS_1", "notification", "")])[0]
