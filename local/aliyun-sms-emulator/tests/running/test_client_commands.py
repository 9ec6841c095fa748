"""`sms-emulator send` and `sms-emulator messages`, and how every command ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import socketserver
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliyun_sms_emulator import EmulatorClient, NotRunning, SmsEmulator
from aliyun_sms_emulator.commands.cli import main
from emulator_process import COMMAND, run
from server_threads import serving


@pytest.fixture
def nobody() -> Iterator[str]:
    """The address of a port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_send_sends_and_messages_shows_it(
    emulator: SmsEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"--url={emulator.url}/"
    assert main(["messages", url]) == 0
    assert capsys.readouterr() == ("", "no messages yet\n")
    assert main(["send", url, "13800138000", "--param", "code=1234", "--out-id", "o 1+"]) == 0
    sent = emulator.messages()[0]
    assert (sent.out_id, sent.text) == ("o 1+", "【阿里云短信测试】您的验证码为1234。")
    shown = f"accepted, BizId {sent.biz_id}; read it: {emulator.url}/inbox\n"
    assert capsys.readouterr() == (shown, "")
    emulator.clock.advance(2)
    assert main(["messages", url]) == 0
    at = sent.accepted_at[:19].replace("T", " ")
    assert capsys.readouterr().out == f"{at}  13800138000  delivered  {sent.text}\n"
    assert main(["messages", url, "--json", "--phone-number", "13800138000"]) == 0
    assert json.loads(capsys.readouterr().out)["biz_id"] == sent.biz_id
    assert main(["messages", url, "--phone-number", "13800138001"]) == 0
    assert capsys.readouterr().out == ""


def test_send_takes_the_key_of_a_configuration(
    emulator: SmsEmulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sms.yaml"
    path.write_text(
        "access_keys: [{id: STS.one, secret: sts-secret, security_token: token-one+/==}]"
    )
    choice = ["--template", "SMS_100002", "--sign-name", "fc-sms", "--config", str(path)]
    values = ["--param", "name=a\x1b[2Jb", "--param", "order=7"]
    url = f"--url={emulator.url}"
    assert main(["send", url, "13800138000,13800138001", *choice, *values, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["Code"] == "OK"
    assert main(["messages", url]) == 0
    output = capsys.readouterr().out
    assert output.count("a\\x1b[2Jb，订单7已发货。\n") == 2


def test_a_refused_send_ends_with_1(
    emulator: SmsEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["send", f"--url={emulator.url}", "1", "--param", "code=1234"]
    assert main(arguments) == 1
    said, remedy = capsys.readouterr().err.splitlines()
    assert said.startswith("sms-emulator: refused: isv.MOBILE_NUMBER_ILLEGAL: ")
    assert "Mainland: 11 digits." in remedy
    assert main([*arguments, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["Code"] == "isv.MOBILE_NUMBER_ILLEGAL"


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (
            ["send", "13800138000", "--param", "code"],
            2,
            "--param: 'code' has no value",
        ),
        (["send"], 2, "NUMBER is missing"),
        (["send", "1", "--config", "absent.yaml"], 2, "absent.yaml: cannot be read"),
        (["mesages"], 2, "there is no command 'mesages'; did you mean messages?"),
        (["serve"], 2, "'serve'; there are: send, messages, explain, env, trust; sms-emulator wit"),
        (["help"], 2, "there is no command 'help'; did you mean --help?"),
        (["--json", "messages"], 2, "write the command first: sms-emulator messages ..."),
        (["--prot", "8100"], 2, "there is no option --prot; did you mean --port?"),
        (["-p", "8100"], 2, "there is no option -p; did you mean --port?"),
        (["--port", "x"], 2, "--port: 'x' is no port; give a number from 0 (a free one) to 65535"),
        (["--port", "99999"], 2, "--port: '99999' is no port"),
        (["--port"], 2, "--port: needs a value"),
        (["--host", ""], 2, "--host: it is empty; give an address such as 127.0.0.1"),
        (["--json=3"], 2, "--json: takes no value"),
        (["--port=0", "--database", "/dev/null/x.db"], 2, "database /dev/null/x.db"),
        (["--config", "."], 2, ".: cannot be read (Is a directory); check the path"),
        (["messages", "--folow"], 2, "there is no option --folow; did you mean --follow?"),
        (["messages", "13800138000"], 2, "'13800138000' is not expected here"),
        (["env", "--format", "fish"], 2, "no value 'fish'; there are: sh, powershell, env-file"),
        (["messages", "--url", "{nobody}"], 3, "start sms-emulator"),
        (["send", "1", "--url", "{nobody}"], 3, "no emulator answers at {nobody}"),
        (["messages", "--url", "ftp://127.0.0.1"], 2, "is no address; write it as http://"),
        (["messages", "--url", "127.0.0.1:8100"], 2, "is no address; write it as http://"),
        (["messages", "--url", "http://127.0.0.1:x"], 2, "is no address; write it as http://"),
        (["messages", "--url", "http://127.0.0.1/inbox"], 2, "is no address; write it as http://"),
        (["explain", "no such file"], 2, "no such file"),
    ],
)
def test_a_mistake_ends_with_its_exit_code_and_a_sentence(
    nobody: str,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    problem: str,
) -> None:
    try:
        ended = main([argument.format(nobody=nobody) for argument in arguments])
    except SystemExit as exit_:
        ended = int(str(exit_.code))
    assert ended == code
    output = capsys.readouterr()
    assert output.out == ""
    assert problem.format(nobody=nobody) in output.err
    assert output.err.count("\n") <= 2, "short: no dump of all options"


def test_an_answer_that_a_fault_took_is_told_as_lost(
    emulator: SmsEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    emulator.set_faults({"kind": "reset", "when": "after", "times": 1})
    assert main(["send", f"--url={emulator.url}", "13800138000", "--param", "code=1234"]) == 3
    problem = capsys.readouterr().err
    assert "was lost" in problem
    assert f"{emulator.url}/inbox#faults" in problem
    assert len(emulator.messages()) == 1


def test_a_filter_that_is_wrong_ends_with_2(
    emulator: SmsEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["messages", f"--url={emulator.url}", "--phone-number", "abc"]) == 2
    assert "phone_number: is no phone number" in capsys.readouterr().err


def expect_ctrl_c() -> None:
    """Undo what a shell does to its background jobs: they ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_follow_shows_what_comes_until_it_is_interrupted(emulator: SmsEmulator) -> None:
    """What is there, what comes, what comes after the inbox was cleared; then Ctrl-C."""

    def send(code: str) -> None:
        emulator.settings(limits=False)
        assert (
            main(["send", f"--url={emulator.url}", "13800138000", "--param", f"code={code}"]) == 0
        )

    send("1111")
    with subprocess.Popen(
        [*COMMAND, "messages", "--url", emulator.url, "--follow"],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=expect_ctrl_c,
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ) as process:
        assert process.stdout is not None
        assert "1111" in process.stdout.readline()
        send("2222")
        assert "2222" in process.stdout.readline()
        emulator.clear()
        send("3333")
        assert "3333" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130


def test_a_reader_that_goes_away_ends_the_command_in_silence(emulator: SmsEmulator) -> None:
    main(["send", f"--url={emulator.url}", "13800138000", "--param", "code=12345"])
    with subprocess.Popen(
        [*COMMAND, "messages", "--url", emulator.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 2


@pytest.mark.parametrize("command", [[], ["send"], ["messages"], ["explain"]])
def test_help_has_examples_and_exit_codes(command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.returncode == 0
    assert "examples:" in result.stdout
    assert "exit codes:" in result.stdout
    assert "--json" in result.stdout


def test_a_client_says_that_nobody_or_somebody_else_answers(nobody: str) -> None:
    with pytest.raises(NotRunning, match=f"no emulator answers at {nobody}"):
        EmulatorClient(nobody).messages()

    class SomebodyElse(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1000)
            self.request.sendall(b"HTTP/1.0 200 OK\r\n\r\n<html>")

    with serving(SomebodyElse) as url, pytest.raises(NotRunning, match="is no sms-emulator"):
        EmulatorClient(url).replies()
