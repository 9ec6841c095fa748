"""The command `sms-emulator env`: variables and options that point programs here."""

from __future__ import annotations

import argparse
from pathlib import Path
from urllib.parse import urlsplit

from aliyun_sms_emulator.commands.running import OK, parser_of
from aliyun_sms_emulator.commands.state_folder import default_tls_folder
from aliyun_sms_emulator.commands.variables import add_format, lines
from aliyun_sms_emulator.config.reading import default_config
from aliyun_sms_emulator.errors import TlsError
from aliyun_sms_emulator.tls.environment import variables_for
from aliyun_sms_emulator.tls.trust import Variable, write_trust

SDK_OPTIONS = {
    "Python alibabacloud_*": 'endpoint="{host}", protocol="http"',
    "Python aliyun-python-sdk-core": 'request.set_endpoint("{host}")',
    "Node @alicloud/dysmsapi20170525": "endpoint: '{host}', protocol: 'http'",
    "Node @alicloud/pop-core": "endpoint: 'http://{host}'",
    "Node @alicloud/sms-sdk": "smsApiEndpoint: 'http://{host}', baseApiEndpoint: 'http://{host}'",
    "Java com.aliyun:dysmsapi20170525": 'config.setEndpoint("{host}").setProtocol("http")',
    "Go dysmsapi-20170525": 'Endpoint: tea.String("{host}"), Protocol: tea.String("http")',
    "PHP alibabacloud/dysmsapi-20170525": "'endpoint' => '{host}', 'protocol' => 'http'",
    "fc-sms": "SMS_ENDPOINT=http://{host}",
}
"""SDK -> the option that names the emulator; `{host}` is its host and port."""

_KEYS = "SDKs: the key pair of the built-in configuration"
_EPILOG = """examples:
  sms-emulator env                                   read it, and take what fits
  (eval "$(sms-emulator env)"; python app.py)        one process with all of it
  sms-emulator env --format env-file > sms.env       for docker run --env-file sms.env

What the process calls beside the emulated names must stand in NO_PROXY."""


def main(arguments: list[str]) -> int:
    """Print the variables and options."""
    options = _parser().parse_args(arguments)
    trust, untrusted = None, []
    try:
        trust = write_trust(options.tls_folder)
    except TlsError as error:
        untrusted = [f"# https: {error}"]
    host, key = urlsplit(options.url).netloc, next(iter(default_config().access_keys.values()))
    variables = [
        Variable("ALIBABA_CLOUD_ACCESS_KEY_ID", key.id, _KEYS),
        Variable("ALIBABA_CLOUD_ACCESS_KEY_SECRET", key.secret, _KEYS),
        *variables_for(options.url, trust),
    ]
    shown = [f"#   {name:36}{option.format(host=host)}" for name, option in SDK_OPTIONS.items()]
    print(  # noqa: T201
        "\n".join(
            (
                "# SDKs that take an endpoint need this option alone:",
                *shown,
                *lines(variables, options.format),
                *untrusted,
            )
        )
    )
    return OK


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
