"""docs/logs.md: each field of the log is on the page, and its ten queries find what they say."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aliyun_sms_emulator import SmsEmulator
from shared.ids import new_out_id
from tests.integration import faulty_network as faults
from tests.integration.cloud import Cloud
from tests.integration.conftest import StartCloud
from tests.integration.faulty_network import FaultyNetwork

NUMBER = "13800138000"
TEMPLATE = {"template_code": "SMS_100002", "template_param": {"name": "Li", "order": "A-17"}}
_SECTION = re.compile(
    r"^### (\d+)\. [^\n]+\n\n```sql\n(.+?)\n```\n\n```sh\n(.+?)\n```", re.MULTILINE | re.DOTALL
)
_FIELD_ROW = re.compile(r"^\| ((?:`\w+`(?:, )?)+) \|", re.MULTILINE)


@pytest.fixture(scope="module")
def page(project: Path) -> str:
    return (project / "docs" / "logs.md").read_text("utf-8")


@pytest.fixture(scope="module")
def documented(page: str) -> set[str]:
    """The names of the fields in the tables of the page."""
    fields = page.partition("## Actions")[0]
    return {name for row in _FIELD_ROW.findall(fields) for name in re.findall(r"`(\w+)`", row)}


def logged_names(project: Path) -> Iterator[str]:
    """Yield the names of all fields that the deployed code logs, as far as they are written out."""
    for path in (*project.glob("shared/**/*.py"), *project.glob("functions/*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in ("event", "about"):
                yield from (keyword.arg for keyword in node.keywords if keyword.arg)


def test_the_page_names_each_field_that_the_code_logs(project: Path, documented: set[str]) -> None:
    names = set(logged_names(project))
    assert {"code", "out_id_hash", "version"} & names | {"rule"} <= documented
    assert names - documented == set()


def queries(page: str) -> list[tuple[str, str, str]]:
    return _SECTION.findall(page)


def test_there_are_ten_queries_of_documented_fields(page: str, documented: set[str]) -> None:
    found = queries(page)
    assert [number for number, _, _ in found] == [str(number) for number in range(1, 11)]
    for _, sql, command in found:
        in_sql = set(re.findall(r"\$\.(\w+)", sql))
        in_jq = set(re.findall(r"(?<![\w$.])\.([a-z_]+)", command))
        assert in_sql
        assert in_jq
        assert (in_sql | in_jq) - documented == set()


@pytest.fixture
def log(
    start_cloud: StartCloud, emulator: SmsEmulator, network: FaultyNetwork, tmp_path: Path
) -> tuple[Path, str, str]:
    """A file of the log of an eventful day, and the hashes of one send in it."""
    token = "cmVjZWlwdHMtdG9rZW4tMTIz"
    changes = {
        "SMS_STATE_URL": f"sqlite://{tmp_path}/state.sqlite3",
        "SMS_ALLOW_LOCAL_STATE": "1",
        "SMS_STATE_SECRET": "c3RhdGUtc2VjcmV0LW9mLXRlc3Rz",
        "SMS_RECEIPT_TOKEN": token,
        "SMS_LIMITS": "number-per-day=3",  # it slides, so that no window ends in a test
        "SMS_SETTLE_SECONDS": "0.1",
    }
    network.plan()
    cloud = start_cloud(endpoint=network.url, changes=changes)
    _have_a_day(cloud, emulator, network, token)
    path = tmp_path / "log"
    path.write_text("\n".join(each.log for each in cloud.invocations()))
    (line, *_) = [line for line in cloud.log() if line.get("number_hash")]
    assert set().union(*cloud.log()) >= {"rule", "template", "biz_id", "meaning", "field"}
    return path, line["out_id_hash"], line["number_hash"]


def _have_a_day(cloud: Cloud, emulator: SmsEmulator, network: FaultyNetwork, token: str) -> None:
    def send(**fields: Any) -> int:
        body = {"phone_numbers": NUMBER, "out_id": new_out_id(), **TEMPLATE}
        return cloud.send({**body, **fields}).status

    emulator.set_faults({"kind": "error", "code": "isv.AMOUNT_NOT_ENOUGH", "times": 1})
    assert send() == 502
    network.plan(faults.lose_answer)
    assert send() == 200
    assert [send() for _ in range(3)] == [200, 200, 429]
    assert send(phone_numbers="12345") == 422
    emulator.set_fate("13800138009", "unreachable")
    emulator.settings(
        receipt_url=f"{cloud.functions.url('fc-sms-receive-receipts')}receipts/{token}"
    )
    assert send(phone_numbers="13800138009") == 200
    emulator.clock.advance(10)
    emulator.receipts(wait=20, count=1, state="pushed")
    cloud.functions.invoke("fc-sms-receive-receipts", b'{"triggerTime": "x", "payload": "queues"}')


def test_each_query_for_jq_finds_something(log: tuple[Path, str, str], page: str) -> None:
    if shutil.which("jq") is None:
        pytest.skip("jq is missing: apt-get install jq")
    path, out_id_hash, number_hash = log
    environment = {**os.environ, "OUT_ID_HASH": out_id_hash, "NUMBER_HASH": number_hash}
    for number, _, command in queries(page):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=path.parent,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, ""), command
        assert done.stdout.strip(), f"query {number} found nothing"
        assert NUMBER not in done.stdout
