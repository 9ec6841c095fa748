"""Deploys to a local Function Compute by the official SDK, as a test needs it."""

from __future__ import annotations

import base64
import io
import json
import urllib.error
import urllib.request
import zipfile
from textwrap import dedent
from typing import Any

from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi import utils_models
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions

from aliyun_fc_runtime_stub import FunctionCompute
from stub_project import RUNTIMES

ECHO = "def handler(event, context): return event\n"


def zipped(*entries: tuple[str | zipfile.ZipInfo, str | bytes]) -> bytes:
    """Return a zip file of these entries, in this order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in entries:
            package.writestr(name, content)
    return buffer.getvalue()


def inline(package: bytes) -> models.InputCodeLocation:
    """Return a package as a part of the call."""
    return models.InputCodeLocation(zip_file=base64.b64encode(package).decode())


class Deployer:
    """The official client; `key` is the pair it signs with."""

    def __init__(self, cloud: FunctionCompute, key: tuple[str, str] | None = None) -> None:
        access = cloud.deploy_variables
        key = key or (access["AccessKeyID"], access["AccessKeySecret"])
        self.cloud = cloud
        self.client = Client(
            Config(
                access_key_id=key[0],
                access_key_secret=key[1],
                endpoint=cloud.api_url.removeprefix("http://"),
                protocol="http",
            )
        )

    def create(self, name: str, source: str = ECHO, **fields: Any) -> Any:
        """Create a function of one module; fields as the SDK names them."""
        fields = {
            "function_name": name,
            "runtime": RUNTIMES[0],
            "handler": "index.handler",
            "timeout": 10,
            "code": inline(zipped(("index.py", dedent(source)))),
        } | fields
        body = models.CreateFunctionInput(**fields)
        return self.client.create_function(models.CreateFunctionRequest(body=body)).body

    def update(self, name: str, **fields: Any) -> Any:
        body = models.UpdateFunctionInput(**fields)
        return self.client.update_function(name, models.UpdateFunctionRequest(body=body)).body

    def get(self, name: str) -> Any:
        return self.client.get_function(name, models.GetFunctionRequest()).body

    def names(self, **fields: Any) -> list[str]:
        request = models.ListFunctionsRequest(**fields)
        listed = self.client.list_functions(request).body.functions
        return [function.function_name for function in listed]

    def trigger(self, function: str, name: str, kind: str, config: object, **fields: Any) -> Any:
        body = models.CreateTriggerInput(
            trigger_name=name, trigger_type=kind, trigger_config=json.dumps(config), **fields
        )
        return self.client.create_trigger(function, models.CreateTriggerRequest(body=body)).body

    def http(self, function: str, methods: tuple[str, ...] = ("GET",)) -> str:
        """Create an anonymous HTTP trigger; return its URL."""
        config = {"authType": "anonymous", "methods": methods}
        return str(self.trigger(function, "web", "http", config).http_trigger.url_internet)

    def invoke(self, name: str, event: bytes = b"", kind: str = "Sync") -> Any:
        return self.client.invoke_function_with_options(
            name,
            models.InvokeFunctionRequest(body=event),
            models.InvokeFunctionHeaders(x_fc_invocation_type=kind),
            RuntimeOptions(),
        )

    def call(self, method: str, path: str, body: object = None, **query: str) -> Any:
        """Make a signed call that the SDK has no model for; return the JSON of the answer."""
        request = utils_models.OpenApiRequest(body=body, query=query)
        params = utils_models.Params(
            action="Any",
            version="2023-03-30",
            protocol="HTTP",
            pathname=f"/2023-03-30/{path}",
            method=method,
            auth_type="AK",
            style="ROA",
            req_body_type="json",
            body_type="none" if method == "DELETE" else "json",
        )
        return self.client.call_api(params, request, RuntimeOptions())


def fetch(url: str, method: str = "GET", data: bytes | None = None, **headers: str) -> Any:
    """Make an unsigned request; return status and body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=data, method=method, headers=named)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
