"""The command `sms-emulator env`: variables and options that point programs here."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from aliyun_sms_emulator.commands.running import OK, parser_of
from aliyun_sms_emulator.commands.state_folder import default_tls_folder
from aliyun_sms_emulator.commands.variables import add_format, java_variable, lines
from aliyun_sms_emulator.config.reading import default_config
from aliyun_sms_emulator.errors import TlsError
from aliyun_sms_emulator.tls.trust import Trust, Variable, write_trust

SDK_OPTIONS = {
    "Python alibabacloud_*": 'endpoint="{host}", protocol="http"',
    "Python aliyun-python-sdk-core": 'request.set_endpoint("{host}")',
    "Node @alicloud/dysmsapi20170525": "endpoint: '{host}', protocol: 'http'",
    "Node @alicloud/pop-core": "endpoint: 'http://{host}'",
    "Node @alicloud/sms-sdk": "smsApiEndpoint, baseApiEndpoint: 'http://{host}'",
    "Java com.aliyun:dysmsapi20170525": 'config.setEndpoint("{host}").setProtocol("http")',
    "Go dysmsapi-20170525": 'Endpoint: tea.String("{host}"), Protocol: tea.String("http")',
    "PHP alibabacloud/dysmsapi-20170525": "'endpoint' => '{host}', 'protocol' => 'http'",
    "fc-sms": "SMS_ENDPOINT=http://{host}",
}
"""SDK -> the option that names the emulator; `{host}` is its host and port."""

_KEYS = "SDKs: the key pair of the built-in configuration"
_FIXED = "programs with a fixed host name: a proxy for the emulated names alone"
_PAST = "the same: what goes past the proxy"
_LOCAL = ("localhost", "127.0.0.1", "::1")
_EPILOG = """examples:
  sms-emulator env                                   read it, and take what fits
  (eval "$(sms-emulator env)"; python app.py)        one process with all of it
  sms-emulator env --format env-file > sms.env       for docker run --env-file sms.env

What the process calls beside the emulated names must stand in NO_PROXY."""


def main(arguments: list[str]) -> int:
    """Print the variables and options."""
    options = _parser().parse_args(arguments)
    try:
        trust = write_trust(options.tls_folder)
    except TlsError:
        trust = None
    host = urlsplit(options.url).netloc
    shown = [f"#   {name:36}{option.format(host=host)}" for name, option in SDK_OPTIONS.items()]
    print(  # noqa: T201
        "\n".join(
            (
                "# SDKs that take an endpoint need this option alone:",
                *shown,
                *lines(_variables(options.url, trust), options.format),
                *([] if trust else ["# https: start sms-emulator --tls, then ask again"]),
            )
        )
    )
    return OK


def _variables(
    url: str, trust: Trust | None, environment: Mapping[str, str] = os.environ
) -> list[Variable]:
    key = next(iter(default_config().access_keys.values()))
    address = urlsplit(url)
    earlier = environment.get("NO_PROXY", environment.get("no_proxy", "")).split(",")
    reached = ",".join(dict.fromkeys((*filter(None, earlier), *_LOCAL)))
    proxies = [
        f"-D{scheme}.{name}={value}"
        for scheme in ("http", "https")
        for name, value in (("proxyHost", address.hostname), ("proxyPort", address.port or 80))
    ]
    return [
        Variable("ALIBABA_CLOUD_ACCESS_KEY_ID", key.id, _KEYS),
        Variable("ALIBABA_CLOUD_ACCESS_KEY_SECRET", key.secret, _KEYS),
        *(Variable(name, url, _FIXED) for name in ("http_proxy", "https_proxy")),
        *(Variable(name, url, _FIXED) for name in ("HTTP_PROXY", "HTTPS_PROXY")),
        *(Variable(name, reached, _PAST) for name in ("no_proxy", "NO_PROXY")),
        Variable("NODE_USE_ENV_PROXY", "1", "Node.js 22.21, 24.5 and newer: to read these"),
        *(trust.variables if trust else ()),
        java_variable([*proxies, *(trust.java_options if trust else ())], environment),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("env", "Print variables and options that point programs to the emulator.")
    parser.epilog = _EPILOG
    parser.add_argument(
        "--tls-folder",
        type=Path,
        metavar="DIR",
        default=default_tls_folder(),
        help="of an emulator started with --tls (default %(default)s)",
    )
    add_format(parser)
    return parser
