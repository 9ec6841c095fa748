"""s.yaml and .fcignore as the real tools read them: `s preview` and the packer of `s deploy`."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest

from aliyun_fc_runtime_stub.package.fcignore import uploaded
from aliyun_fc_runtime_stub.package.unpacking import unpack_code
from aliyun_sms_emulator import SmsEmulator
from shared.errors import ConfigurationError
from shared.hooks.hook_settings import generic_fields, jwt_settings, open_hooks, secrets_of
from shared.hooks.products import PRODUCTS
from shared.platform.error_codes import ERROR_CODES
from shared.sending.scenes import scenes_file
from shared.settings import (
    read_access,
    read_code_settings,
    read_credentials,
    read_event_caller,
    read_file_settings,
    read_queue_settings,
    read_receipt_tokens,
    read_settings,
)
from shared.trigger import http_trigger
from tests.integration.fc3_properties import findings
from tests.node_packages import clean_environment
from tools.doctor.examination import examine
from tools.doctor.findings import ERROR, WARN
from tools.package import SecretFound, make_package

pytestmark = pytest.mark.node

HERE = Path(__file__).resolve().parent
Preview = Callable[..., dict[str, Any]]
VARIABLE = re.compile(r"\$\{env\('([A-Z0-9_]+)'(, '[^']*')?\)\}")
DECOYS = (
    ".env",
    ".git/config",
    ".git/shared/object",
    ".venv/lib/shared/module.py",
    "docs/functions/notes.md",
    "functions.py",
    "functions/__pycache__/send_sms.cpython-312.pyc",
    "functions/notes.txt",
    "functions/send_sms.py.orig",
    "local/anything/shared/module.py",
    "node_modules/shared/index.js",
    "shared.txt",
    "shared/__pycache__/signing.cpython-312.pyc",
    "shared/__pycache__/signing.cpython-312.pyc.139872",
    "shared/other.pem",
    "shared/signing.pyc",
    "shared/state/dump.db",
    "tests/shared/test_signing.py",
)


@pytest.fixture(scope="module")
def preview(node_modules: Path, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Preview:
    """Resolve s.yaml by the real CLI with just the variables given; the resources' properties."""
    folder = tmp_path_factory.mktemp("preview")
    for file in ("s.yaml", "s.events.yaml"):
        shutil.copy(project / file, folder)

    def run(template: str = "s.yaml", /, **variables: str) -> dict[str, Any]:
        done = subprocess.run(
            [node_modules / ".bin" / "s", "preview", "-t", template, "-o", "json"],
            cwd=folder,
            env=clean_environment(HOME=str(folder), SERVERLESS_DEVS_CICD="1", **variables),
            capture_output=True,
            text=True,
            check=True,
        )
        resources = json.loads(done.stdout)["resources"]
        assert {resource["component"] for resource in resources.values()} == {"fc3"}
        return {name: resource["props"] for name, resource in resources.items()}

    return run


@pytest.fixture(scope="module")
def default_functions(preview: Preview) -> dict[str, Any]:
    """The properties of all functions when no variable is set."""
    return preview()


@pytest.fixture(scope="module")
def code(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project that a newcomer has worked in: full of what must not be uploaded."""
    copy = tmp_path_factory.mktemp("code")
    for name in ("functions", "shared"):
        shutil.copytree(project / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".fcignore", "s.yaml", "pyproject.toml"):
        shutil.copy(project / name, copy)
    for decoy in DECOYS:
        path = copy / decoy
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("decoy")
    return copy


@pytest.fixture(scope="module")
def package(node_modules: Path, code: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package that `s deploy` would upload."""
    return pack(code, tmp_path_factory.mktemp("package"), node_modules)


def pack(code: Path, target: Path, node_modules: Path) -> Path:
    subprocess.run(
        ["node", HERE / "pack.cjs", code, target, "code.zip"],
        env=clean_environment(HOME=str(target)),
        capture_output=True,
        check=True,
    )
    return target / "code.zip"


def http_trigger_of(auth: str, method: str) -> dict[str, Any]:
    config = {"authType": auth, "methods": [method]}
    trigger = {"triggerName": "http", "triggerType": "http", "triggerConfig": config}
    return {"triggers": [trigger]}


def test_the_properties_are_sound_when_no_variable_is_set(
    default_functions: dict[str, Any], project: Path
) -> None:
    assert {name: findings(f, project) for name, f in default_functions.items()} == {
        path.stem: [] for path in project.glob("functions/[a-z]*.py")
    }


def test_the_first_deploy_needs_no_decision(default_functions: dict[str, Any]) -> None:
    for function in default_functions.values():
        assert (function["region"], function["runtime"]) == ("cn-hangzhou", "python3.12")
        assert function["role"] == ""
        assert (function["logConfig"]["project"], function["logConfig"]["logstore"]) == ("", "")
        assert function["asyncInvokeConfig"] == {"maxAsyncRetryAttempts": 0}
        for trigger in function.get("triggers", []):
            if trigger["triggerType"] == "http":
                assert trigger["triggerConfig"]["authType"] == "anonymous"
            else:
                assert trigger["triggerConfig"]["enable"] is False
        given = {name: value for name, value in function["environmentVariables"].items() if value}
        assert given == {"SMS_AUTH": "anonymous"}


@pytest.mark.parametrize(
    ("name", "methods"),
    [
        ("send_sms", ["POST"]),
        ("send_international_sms", ["POST"]),
        ("query_delivery_status", ["GET", "POST"]),
        ("receive_receipts", ["POST"]),
        ("receive_hook", ["POST"]),
        ("verify_code", ["POST"]),
    ],
)
def test_triggers_let_through_the_methods_that_the_functions_answer(
    default_functions: dict[str, Any], name: str, methods: list[str]
) -> None:
    assert default_functions[name]["triggers"][0]["triggerConfig"]["methods"] == methods


def test_every_variable_has_a_default_and_arrives(preview: Preview, project: Path) -> None:
    text = (project / "s.yaml").read_text()
    uses = VARIABLE.findall(text)
    assert len(uses) == text.count("${env(")
    assert all(default for _, default in uses)
    variables = {name: f"marker-{name.lower()}" for name, _ in uses}
    for name, function in preview(**variables).items():
        passed = function["environmentVariables"]
        elsewhere = {
            "SMS_REGION": function["region"],
            "SMS_RUNTIME": function["runtime"],
            "SMS_ROLE": function["role"],
            "SMS_LOG_PROJECT": function["logConfig"]["project"],
            "SMS_LOG_STORE": function["logConfig"]["logstore"],
        }
        assert {**passed, **elsewhere} == variables
        for trigger in function.get("triggers", []):
            if trigger["triggerType"] == "http":
                # receipts and hooks show in their own ways whose they are
                is_open = name in ("receive_receipts", "receive_hook")
                auth = "anonymous" if is_open else variables["SMS_AUTH"]
                assert trigger["triggerConfig"]["authType"] == auth


@pytest.mark.parametrize("runtime", ["python3.10", "python3.12"])
def test_the_properties_are_sound_when_all_is_chosen(
    preview: Preview, project: Path, runtime: str
) -> None:
    functions = preview(
        SMS_REGION="cn-shanghai",
        SMS_RUNTIME=runtime,
        SMS_ROLE="acs:ram::1234567890123456:role/fc-sms",
        SMS_LOG_PROJECT="project",
        SMS_LOG_STORE="store",
        SMS_AUTH="function",
        SMS_API_KEYS=",".join(f"key{number}:{'0' * 64}" for number in range(20)),
    )
    assert len(functions) > 1
    for name, properties in functions.items():
        assert findings(properties, project) == [], name


def test_the_triggers_of_ones_own_resources_stand_beside(
    preview: Preview, default_functions: dict[str, Any], project: Path
) -> None:
    functions = preview("s.events.yaml")
    sender = functions.pop("send_on_event")
    assert findings(sender, project) == []
    kinds = [trigger["triggerType"] for trigger in sender["triggers"]]
    assert kinds == ["mns_topic", "eventbridge", "oss", "timer"]
    assert functions == {name: default_functions[name] for name in functions}
    assert {**sender, "triggers": []} == {**default_functions["send_on_event"], "triggers": []}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"codez": "./"}, "function.codez: is unknown"),
        ({"memorySize": "256"}, "function.memorySize: is not of type int"),
        ({"memorySize": 300}, "memorySize: is not 128..32768 in steps of 64"),
        ({"memorySize": 2048}, "cpu: is not 1:1 to 1:4 of the memory in GB"),
        ({"timeout": 0}, "timeout: is not 1..86400"),
        ({"handler": "functions/none.handler"}, "handler: its file is missing"),
        ({"handler": "functions/send_sms.none"}, "handler: its function is missing"),
        (
            {"environmentVariables": {"FC_X": ""}},
            "environmentVariables.FC_X: the name is not allowed",
        ),
        ({"environmentVariables": {"X": 5}}, "environmentVariables.X: is no string"),
        (
            {"environmentVariables": {"X": "中" * 1400}},
            "environmentVariables: are larger than 4 KB together",
        ),
        (
            {"triggers": [{"triggerType": "none"}]},
            "trigger.triggerType: is unknown",
        ),
        (http_trigger_of("anonymous", "FETCH"), "triggerConfig.methods: holds an unknown one"),
        (
            http_trigger_of("none", "POST"),
            "triggerConfig.authType: is unknown, or needs an authConfig as jwt does",
        ),
    ],
)
def test_the_check_finds_what_the_component_overlooks(
    default_functions: dict[str, Any], project: Path, change: dict[str, Any], found: str
) -> None:
    assert findings({**default_functions["send_sms"], **change}, project) == [found]


class RecordingEnvironment(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, **variables: str) -> None:
        super().__init__(variables)
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)


def read_hook_settings(environment: RecordingEnvironment) -> None:
    """Read all that is set for hooks."""
    open_hooks(environment)
    scenes_file(environment)
    for product in PRODUCTS:
        if product.has_secret:
            secrets_of(product, environment)
    for read in (jwt_settings, generic_fields):
        with pytest.raises(ConfigurationError):
            read(environment)


def test_the_environment_holds_exactly_what_the_functions_read(
    default_functions: dict[str, Any], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = RecordingEnvironment(
        ALIBABA_CLOUD_ACCESS_KEY_ID="id", ALIBABA_CLOUD_ACCESS_KEY_SECRET="secret"
    )
    read_settings(environment)
    read_access(environment)
    read_credentials(environment)
    read_code_settings(environment)
    read_file_settings(environment)
    read_queue_settings(environment)
    read_receipt_tokens(environment)
    read_event_caller(environment)
    read_hook_settings(environment)
    context = SimpleNamespace(request_id="request", function=SimpleNamespace(timeout=30))
    with monkeypatch.context() as patch:
        patch.setattr(os, "environ", environment)
        http_trigger.serve(b"", context, function="function", routes={})

    sources = [*project.glob("shared/**/*.py"), *project.glob("functions/*.py")]
    named = {
        name
        for source in sources
        for name in re.findall(r'"((?:SMS|ALIBABA_CLOUD)_[A-Z][A-Z0-9_]+)"', source.read_text())
    }
    named |= {product.secret_variable for product in PRODUCTS if product.has_secret}
    named -= ERROR_CODES.keys()  # some of the platform's codes look like variables
    assert named == environment.asked
    own = {name for name in named if name.startswith("SMS_") and not name.endswith("_ENDPOINT")}
    own -= {
        "SMS_ALLOW_LOCAL_STATE",
        "SMS_LOCAL_BUCKETS",
        "SMS_LOCAL_SCENES",
    }  # for one's own machine
    for function in default_functions.values():
        assert set(function["environmentVariables"]) == own


def test_the_package_holds_the_deployed_code_and_nothing_else(package: Path, project: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        packed = set(archive.namelist())
    expected = {
        str(path.relative_to(project))
        for folder in ("functions", "shared")
        for path in (project / folder).rglob("*.py")
    }
    assert packed - {".fcignore"} == expected
    assert package.stat().st_size < 320 * 1024


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_readme_says_how_much_is_uploaded(package: Path, project: Path, name: str) -> None:
    said = re.search(r"(\d+) KB", (project / name).read_text("utf-8"))
    assert said
    assert int(said[1]) == pytest.approx(package.stat().st_size / 1000, abs=10)


def test_the_same_code_makes_the_same_package(
    package: Path, code: Path, node_modules: Path, tmp_path: Path
) -> None:
    for path in code.glob("shared/**/*.py"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    assert pack(code, tmp_path, node_modules).read_bytes() == package.read_bytes()


def test_the_runtime_stub_takes_the_files_that_the_packer_takes(package: Path, code: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        assert {PurePosixPath(name) for name in archive.namelist()} == set(uploaded(code))


def working_copy(code: Path, folder: Path) -> Path:
    """Return a copy of the code without the decoys."""
    copy = folder / "copy"
    for path in uploaded(code):
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(code / path, copy / path)
    for name in (".fcignore", "s.yaml"):
        shutil.copy(code / name, copy)
    return copy


def contents(package: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(package) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def found_by_the_doctor(folder: Path, **variables: str) -> list[tuple[str, str]]:
    found = examine(folder / "s.yaml", variables)
    return [(finding.level, finding.what) for finding in found if finding.check == "package"]


def test_a_data_file_is_packed_where_it_is_named(
    code: Path, node_modules: Path, tmp_path: Path
) -> None:
    copy = working_copy(code, tmp_path)
    for name in ("ca.pem", "another.pem"):
        (copy / "shared" / name).write_text("-----BEGIN CERTIFICATE-----")
    make_package(copy, tmp_path / "ours.zip")
    theirs = contents(pack(copy, tmp_path, node_modules))
    assert theirs == contents(tmp_path / "ours.zip")
    assert {name for name in theirs if not name.endswith(".py")} == {"shared/ca.pem"}
    with (copy / ".fcignore").open("a") as rules:
        rules.write("!shared/another.pem\n")
    assert "shared/another.pem" in contents(pack(copy, tmp_path, node_modules))


def test_no_packer_follows_a_link(code: Path, node_modules: Path, tmp_path: Path) -> None:
    copy, outside = working_copy(code, tmp_path), tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text("SECRET = 'planted'")
    links = ["functions/folder.py", "shared/ca.pem", "shared/linked.py"]
    for link in links:
        (copy / link).symlink_to(outside / "secret.py")
    (copy / "shared" / "folder").symlink_to(outside)
    make_package(copy, tmp_path / "ours.zip")
    theirs = contents(pack(copy, tmp_path, node_modules))
    assert theirs == contents(tmp_path / "ours.zip")
    assert {str(path) for path in uploaded(copy)} == set(theirs)
    assert [theirs[link] for link in links] == [b"../../outside/secret.py"] * 3
    assert not any(b"planted" in content for content in theirs.values())
    (tmp_path / "laid-out").mkdir()
    unpack_code(copy, tmp_path / "laid-out")
    assert all((tmp_path / "laid-out" / link).is_symlink() for link in links)
    what = "is a link: it is uploaded as one, without what it points to"
    assert found_by_the_doctor(copy) == [(WARN, f"{link} {what}") for link in links]


KEY = "-----BEGIN {}PRIVATE KEY-----\nplanted\n"


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("functions/.env", "SMS_STATE_SECRET=planted", "holds settings"),
        ("shared/.env.production", "planted", "holds settings"),
        ("shared/codes/Prod.ENV", "planted", "holds settings"),
        ("shared/server.key", "planted", "is a key"),
        ("functions/id_ed25519", "planted", "is a key"),
        ("shared/ca.pem", KEY.format(""), "holds a private key"),
        ("shared/state/notes.txt", KEY.format("RSA "), "holds a private key"),
        ("functions/settings.py", f'"""{KEY.format("EC ")}"""', "holds a private key"),
        ("shared/AccessKey.csv", "LTAI" + "5tPlanted0123456", "holds the id of an access key"),
    ],
)
def test_a_secret_below_the_code_is_refused_with_its_name(
    code: Path, tmp_path: Path, name: str, text: str, what: str
) -> None:
    copy = working_copy(code, tmp_path)
    (copy / name).write_text(text)
    with pytest.raises(SecretFound, match=f"^{re.escape(name)} {what}: move it out") as refused:
        make_package(copy, tmp_path / "ours.zip")
    assert "planted" not in str(refused.value).lower()
    assert not (tmp_path / "ours.zip").exists()
    assert found_by_the_doctor(copy) == [(ERROR, f"{name} {what}")]


def test_make_package_names_the_secret_and_ends_with_1(code: Path, tmp_path: Path) -> None:
    copy = working_copy(code, tmp_path)
    shutil.copytree(Path(__file__).parents[2] / "tools", copy / "tools")
    command = [sys.executable, "-m", "tools.package"]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("build/fc-sms.zip: ")
    (copy / "shared" / ".env").write_text("A=planted")
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("package: shared/.env holds settings: move it out of what is uploaded\n")


@pytest.mark.parametrize("name", ["shared/ca.pem", "shared/other.pem"])
def test_a_ca_file_that_would_not_be_uploaded_is_found(
    code: Path, tmp_path: Path, name: str
) -> None:
    copy = working_copy(code, tmp_path)
    url = f"rediss://127.0.0.1:1/0?ssl_ca_certs=/code/{name}"
    missing = [(ERROR, f"{name}, which SMS_STATE_URL names, is not uploaded")]
    assert found_by_the_doctor(copy, SMS_STATE_URL=url) == missing
    (copy / name).write_text("-----BEGIN CERTIFICATE-----")
    named = name == "shared/ca.pem"
    assert found_by_the_doctor(copy, SMS_STATE_URL=url) == ([] if named else missing)


def test_both_functions_run_from_the_package_alone(
    package: Path, preview: Preview, sms_emulator: SmsEmulator, tmp_path: Path
) -> None:
    with zipfile.ZipFile(package) as archive:
        archive.extractall(tmp_path)
    functions = preview(
        SMS_ACCESS_KEY_ID=sms_emulator.access_key_id,
        SMS_ACCESS_KEY_SECRET=sms_emulator.access_key_secret,
        SMS_API_KEYS=f"tests:{hashlib.sha256(b'key').hexdigest()}",
        SMS_SIGN_NAME="阿里云短信测试",
    )

    def invoke(function: str, path: str, body: dict[str, Any]) -> Any:
        answer = run_handler(functions[function], tmp_path, path, body, sms_emulator.url)
        assert answer["statusCode"] == 200, answer["body"]
        return json.loads(answer["body"])

    sent = invoke(
        "send_sms",
        "/sms",
        {
            "phone_numbers": "13800138000",
            "template_code": "SMS_100001",
            "template_param": {"code": "1234"},
            "out_id": "order-7",
        },
    )
    assert (sent["outcome"], sent["out_id"]) == ("accepted", "order-7")
    message = sms_emulator.wait_for_message(out_id="tests~order-7")
    assert message.text == "【阿里云短信测试】您的验证码为1234，5分钟内有效。"

    sms_emulator.clock.advance(2)
    question = {
        "phone_number": "13800138000",
        "send_date": message.accepted_at[:10].replace("-", ""),
    }
    [detail] = invoke("query_delivery_status", "/delivery-status", question)
    assert (detail["status"], detail["out_id"]) == ("delivered", "order-7")


def run_handler(
    function: dict[str, Any], folder: Path, path: str, body: dict[str, Any], endpoint: str
) -> dict[str, Any]:
    """Run a handler in a fresh interpreter, with the environment that s.yaml gives it."""
    event = {
        "version": "v1",
        "rawPath": path,
        "body": json.dumps(body),
        "isBase64Encoded": False,
        "headers": {"Content-Type": "application/json", "Authorization": "Bearer key"},
        "queryParameters": {},
        "requestContext": {"http": {"method": "POST", "path": path}},
    }
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-B",
            "-W",
            "error",
            HERE / "deployed_handler.py",
            function["handler"],
        ],
        cwd=folder,
        env=clean_environment(**function["environmentVariables"], SMS_ENDPOINT=endpoint),
        input=json.dumps(event).encode(),
        capture_output=True,
        check=True,
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert all(Path(place).is_relative_to(folder) for place in result["loaded"].values())
    answer: dict[str, Any] = result["answer"]
    return answer
