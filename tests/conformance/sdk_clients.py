"""The official SDKs for Python and Node.js behind one call, unmodified and with explicit keys.

The names of actions and parameters are the platform's, and so are those of the answers.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from alibabacloud_dysmsapi20170525 import models
from alibabacloud_dysmsapi20170525.client import Client as Dysmsapi
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.utils_models import Config
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from darabonba.runtime import RuntimeOptions

from tests.node_packages import clean_environment

Parameters = Mapping[str, str | int]
NODE_PROGRAM = Path(__file__).with_name("sdk_clients.cjs")


class Target(NamedTuple):
    """Where to send a call, and whom to send it as."""

    url: str
    access_key_id: str
    access_key_secret: str
    security_token: str = ""


class Answer(NamedTuple):
    """The HTTP status and the body as the SDK gave them, in a value or in an exception."""

    status: int
    body: dict[str, Any]

    @property
    def code(self) -> str:
        """The answer's code; OK means done."""
        return str(self.body["Code"])


class SdkClient(Protocol):
    """One official SDK."""

    def call(self, target: Target, action: str, parameters: Parameters) -> Answer:
        """Let the SDK make one call, and return what it says came back."""


class DysmsapiClient:
    """alibabacloud_dysmsapi20170525; ACS3, all parameters but SendBatchSms's in the query."""

    def __init__(self, *, asynchronous: bool = False) -> None:
        self._asynchronous = asynchronous

    def call(self, target: Target, action: str, parameters: Parameters) -> Answer:
        """Call the method of the SDK that is named after `action`."""
        request = getattr(models, f"{action}Request")().from_map(dict(parameters))
        client = Dysmsapi(
            Config(
                access_key_id=target.access_key_id,
                access_key_secret=target.access_key_secret,
                security_token=target.security_token or None,
                endpoint=urlsplit(target.url).netloc,
                protocol="http",
            )
        )
        method = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", action).lower() + "_with_options"
        try:
            if self._asynchronous:
                send = getattr(client, f"{method}_async")
                response = asyncio.run(send(request, RuntimeOptions()))
            else:
                response = getattr(client, method)(request, RuntimeOptions())
        except AlibabaCloudException as error:
            return Answer(error.status_code, {"Code": error.code})
        return Answer(response.status_code, response.body.to_map())


class CoreClient:
    """aliyun-python-sdk-core with aliyun-python-sdk-dysmsapi; V1, in the query or in the form."""

    def __init__(self, method: str) -> None:
        self._method = method

    def call(self, target: Target, action: str, parameters: Parameters) -> Answer:
        """Send the SDK's request of that name, its parameters in the form if it is a POST."""
        module = import_module(f"aliyunsdkdysmsapi.request.v20170525.{action}Request")
        request = getattr(module, f"{action}Request")()
        request.set_method(self._method)
        request.set_endpoint(urlsplit(target.url).netloc)
        add = request.add_body_params if self._method == "POST" else request.add_query_param
        for name, value in parameters.items():
            add(name, value)
        client = AcsClient(target.access_key_id, target.access_key_secret, "cn-hangzhou")
        if target.security_token:
            request.add_query_param("SecurityToken", target.security_token)
        try:
            return Answer(200, json.loads(client.do_action_with_exception(request)))
        except ServerException as error:
            return Answer(error.get_http_status(), {"Code": error.get_error_code()})


class NodeClient:
    """An SDK for Node.js, in a process of its own that lives until `close`."""

    def __init__(self, name: str) -> None:
        self._process = subprocess.Popen(
            ["node", NODE_PROGRAM, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=clean_environment(),
            text=True,
            encoding="utf-8",
        )

    def call(self, target: Target, action: str, parameters: Parameters) -> Answer:
        """Let the process make the call: one line of JSON in, one out."""
        assert self._process.stdin
        assert self._process.stdout
        order = {"target": target._asdict(), "action": action, "parameters": parameters}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Answer(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
