"""`sms-emulator env` and `sms-emulator trust`: what points programs here, as shells read it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aliyun_sms_emulator import SmsEmulator
from aliyun_sms_emulator.commands.env import SDK_OPTIONS
from aliyun_sms_emulator.tls.environment import variables_for
from aliyun_sms_emulator.tls.folder import server_context
from emulator_process import COMMAND, run
from signing_client import Client

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
FIXED_ADDRESSES = ROOT / "docs" / "fixed-addresses.md"
URL = "http://127.0.0.1:8137"
TRUST = {
    "SSL_CERT_FILE": "bundle.pem",
    "REQUESTS_CA_BUNDLE": "bundle.pem",
    "ALIBABA_CLOUD_CA_BUNDLE": "bundle.pem",
    "CURL_CA_BUNDLE": "bundle.pem",
    "NODE_EXTRA_CA_CERTS": "authority.pem",
}
PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate, and with characters that shells take for their own."""
    folder = tmp_path_factory.mktemp("its folder") / "a'b $(false)"
    server_context(folder, [])
    return folder


def in_a_shell(folder: Path, command: str, **variables: str) -> dict[str, str]:
    """What a shell has after it has read the command's output twice."""
    line = f'eval "$({command})"; eval "$({command})"; env -0'
    environment = {"PATH": os.environ["PATH"], "FOLDER": str(folder), **variables}
    environment["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
    output = subprocess.check_output(["bash", "-euc", line], env=environment, text=True)
    return dict(item.split("=", 1) for item in output.split("\0") if item)


def test_a_shell_reads_them_for_one_process(folder: Path) -> None:
    command = f'{" ".join(COMMAND)} env --url {URL} --tls-folder "$FOLDER"'
    found = in_a_shell(folder, command, NO_PROXY="example.com", JAVA_TOOL_OPTIONS="-Xmx1g")
    assert {found[name] for name in PROXIES} == {URL}
    assert found["NO_PROXY"] == found["no_proxy"] == "example.com,localhost,127.0.0.1,::1"
    assert {name: found[name] for name in TRUST} == {
        name: str(folder / file) for name, file in TRUST.items()
    }
    options = found["JAVA_TOOL_OPTIONS"]
    assert options.startswith("-Xmx1g -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=8137 -Dhttps.")
    assert options.count("-Djavax.net.ssl.trustStore=") == 1
    assert found["ALIBABA_CLOUD_ACCESS_KEY_ID"] == "testid"


def test_trust_alone_changes_no_proxy(folder: Path) -> None:
    found = in_a_shell(folder, f'{" ".join(COMMAND)} trust --tls-folder "$FOLDER"')
    assert found.keys() >= TRUST.keys()
    assert found.keys().isdisjoint(PROXIES)
    assert found["PHP_INI_SCAN_DIR"] == f":{folder / 'php'}"
    settings = (folder / "php" / "sms-emulator.ini").read_text()
    assert f'openssl.cafile="{folder / "bundle.pem"}"' in settings


def test_other_readers_have_other_forms(folder: Path) -> None:
    bundle = folder / "bundle.pem"
    quoted = str(bundle).replace("'", "''")
    for form, line in (
        ("env-file", f"SSL_CERT_FILE={bundle}"),
        ("powershell", f"$env:SSL_CERT_FILE = '{quoted}'"),
    ):
        done = run("trust", "--format", form, "--tls-folder", str(folder))
        assert line in done.stdout.splitlines()
        assert done.returncode == 0


def test_without_a_certificate_it_says_how_to_get_one(tmp_path: Path) -> None:
    done = run("trust", "--tls-folder", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "start sms-emulator --tls first" in done.stderr
    done = run("env", "--tls-folder", str(tmp_path))
    assert done.returncode == 0
    assert "export https_proxy=http://127.0.0.1:8100\n" in done.stdout
    assert "SSL_CERT_FILE" not in done.stdout
    assert "# https: there is no certificate" in done.stdout


def test_the_readme_has_each_option_that_is_printed() -> None:
    printed = run("env").stdout
    readme = README.read_text("utf-8")
    for sdk, option in SDK_OPTIONS.items():
        shown = option.format(host="127.0.0.1:8100")
        assert f"#   {sdk}" in printed
        assert shown in printed
        assert shown in readme or sdk == "fc-sms"


def test_the_page_of_fixed_addresses_has_each_variable_of_trust(folder: Path) -> None:
    printed = run("trust", "--format", "env-file", "--tls-folder", str(folder)).stdout
    names = [line.partition("=")[0] for line in printed.splitlines() if not line.startswith("#")]
    assert set(names) > TRUST.keys()
    page = FIXED_ADDRESSES.read_text("utf-8")
    assert [name for name in names if f"`{name}`" not in page] == []


@pytest.mark.parametrize("name", ["http://x", "a:8100", "*", "", "a b", ".example"])
def test_what_is_no_host_name_is_refused(name: str) -> None:
    done = run("--allow-host", name)
    assert done.returncode == 2
    assert "is no host name such as sms-emulator" in done.stderr


def test_an_emulator_in_a_test_has_them_too() -> None:
    with SmsEmulator() as emulator:
        plain = emulator.environment(https=False)
        assert {plain[name] for name in PROXIES} == {emulator.url}
        assert plain.keys().isdisjoint(TRUST)
        secure = emulator.environment()
        assert secure == emulator.environment()
        assert Path(secure["SSL_CERT_FILE"]).exists()
    assert not Path(secure["SSL_CERT_FILE"]).exists()
    with pytest.raises(RuntimeError, match="not running"):
        emulator.environment()


def test_another_configuration_may_come_while_it_runs() -> None:
    key = {"access_keys": [{"id": "mine", "secret": "own"}]}
    with SmsEmulator() as emulator:
        assert Client(emulator).send().code == "OK"
        emulator.reset(key)
        assert (emulator.access_key_id, emulator.messages()) == ("mine", [])
        assert Client(emulator).send().code == "InvalidAccessKeyId.NotFound"
        assert Client(emulator, "mine", "own").send().code == "OK"
        emulator.reset()
        assert Client(emulator, "mine", "own").send().code == "OK"


def test_addresses_without_a_port_are_proxies_of_port_80() -> None:
    variables = {v.name: v.value for v in variables_for("http://sms-emulator", None, {})}
    assert "-Dhttps.proxyHost=sms-emulator -Dhttps.proxyPort=80" in variables["JAVA_TOOL_OPTIONS"]


def test_help_of_both_shows_examples() -> None:
    for command in ("env", "trust"):
        output = run(command, "--help").stdout
        assert "examples:" in output
        assert sys.executable not in output
