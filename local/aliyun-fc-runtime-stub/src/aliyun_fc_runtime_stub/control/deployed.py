"""One deployed function: what was said about it in all calls, and what the API tells of it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from ..account import ACCOUNT_ID
from ..errors import ConfigurationError
from ..template.model import Function
from ..template.properties import read_function, unsupported_runtime
from ..template.property_map import words
from ..web.http_trigger import trigger_id
from .arguments import invalid, invalid_property

_FORMAT = 1
_FILE = "deployed"  # stands where errors about an s.yaml name the file
_DEFAULTS: Mapping[str, Any] = {  # of the API, where the SDK's documentation names them
    "description": "",
    "environmentVariables": {},
    "internetAccess": True,
    "role": "",
    "timeout": 3,
}
_TRIGGER_KEYS = (
    "triggerName",
    "triggerType",
    "description",
    "qualifier",
    "sourceArn",
    "invocationRole",
)
_EMPTY: Mapping[str, Any] = {  # as the fc3 component sends it where an s.yaml says nothing
    "logConfig": {
        "enableInstanceMetrics": False,
        "enableRequestMetrics": False,
        "logBeginRule": "None",
        "logstore": "",
        "project": "",
    },
    "nasConfig": {"groupId": 0, "mountPoints": [], "userId": 0},
    "ossMountConfig": {"mountPoints": []},
    "vpcConfig": {"securityGroupId": "", "vSwitchIds": [], "vpcId": ""},
}
_NOT_PROPERTIES = words("functionId createdTime lastModifiedTime juiceFsConfig microSandboxConfig")


class Package(NamedTuple):
    """A code package: its file, its CRC-64 in decimal, its size in bytes."""

    file: str
    checksum: str
    size: int


@dataclass(frozen=True, slots=True)
class Deployed:
    """All of one function. `config`: as given to CreateFunction and UpdateFunction, and its times;
    `settings`: the bodies of its other configurations by the last part of their path;
    `port`: of its HTTP trigger, 0 if it never had one."""

    config: Mapping[str, Any]
    package: Package
    triggers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    vpc_ids: tuple[str, ...] = ()
    port: int = 0

    @property
    def name(self) -> str:
        """The function's name."""
        return str(self.config.get("functionName", ""))

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> Deployed:
        """Read what `to_json` returned; raises ValueError, KeyError or TypeError."""
        if record["format"] != _FORMAT:
            raise ValueError(record["format"])
        return Deployed(
            config={**record["config"]},
            package=Package(*record["package"]),
            triggers={**record["triggers"]},
            settings={**record["settings"]},
            vpc_ids=tuple(record["vpc_ids"]),
            port=int(record["port"]),
        )

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON."""
        return {
            "format": _FORMAT,
            "config": self.config,
            "package": self.package,
            "triggers": self.triggers,
            "settings": self.settings,
            "vpc_ids": self.vpc_ids,
            "port": self.port,
        }

    def with_settings(self, kind: str, body: Mapping[str, Any] | None) -> Deployed:
        """Return it with one of its configurations replaced, or (None) removed."""
        others = {key: value for key, value in self.settings.items() if key != kind}
        return replace(self, settings=others if body is None else {**others, kind: body})

    def same_code(self, other: Deployed | None) -> bool:
        """Say whether running instances need not end when the other takes this one's place."""
        return other is not None and (self.config, self.package) == (other.config, other.package)

    def arn(self, region: str) -> str:
        """The function's resource name."""
        return f"acs:fc:{region}:{ACCOUNT_ID}:functions/{self.name}"


def to_function(one: Deployed, region: str, code: Path) -> Function:
    """Return the function as it runs; raises RequestRefused (InvalidArgument) by its field.

    The rules are those of an s.yaml: the fc3 component hands its properties on as they are.
    """
    props = {
        key: value
        for key, value in one.config.items()
        if key not in _NOT_PROPERTIES and value != _EMPTY.get(key)
    }
    props |= {"region": region, "code": str(code)}
    props["triggers"] = [_trigger_property(trigger) for trigger in one.triggers.values()]
    if "async-invoke-config" in one.settings:
        props["asyncInvokeConfig"] = one.settings["async-invoke-config"]
    for name in ("handler", "runtime", "functionName"):
        if name not in props:
            invalid(name, "is missing")
    if reason := unsupported_runtime(props["runtime"]):
        invalid("runtime", f"fc-stub cannot run this function: {reason}")
    try:
        return read_function(one.name, props, Path(_FILE))
    except ConfigurationError as error:
        invalid_property(error, (_FILE, one.name, "props"))


def _trigger_property(trigger: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: trigger[key] for key in _TRIGGER_KEYS if key in trigger}
    found["triggerConfig"] = json.loads(trigger["triggerConfig"])
    return found


def describe(one: Deployed, region: str) -> dict[str, Any]:
    """Return the body of GetFunction."""
    found = {**_DEFAULTS, **one.config}
    found["layers"] = [{"arn": arn} for arn in one.config.get("layers", [])]
    return found | {
        "codeChecksum": one.package.checksum,
        "codeSize": one.package.size,
        "functionArn": one.arn(region),
        "lastUpdateStatus": "Successful",
        "state": "Active",
    }


def describe_trigger(
    one: Deployed, name: str, region: str, function: Function, url: str
) -> dict[str, Any]:
    """Return the body of GetTrigger; `url` is that of the HTTP trigger."""
    trigger = dict(one.triggers[name])
    if trigger["triggerType"] == "http":
        config = json.loads(trigger["triggerConfig"])
        internet = "" if config.get("disableURLInternet") else url
        trigger["httpTrigger"] = {"urlInternet": internet, "urlIntranet": url}
        trigger["triggerId"] = trigger_id(function)
    else:
        text = f"{region}/{one.name}/{name}".encode()
        trigger["triggerId"] = hashlib.sha256(text).hexdigest()[:32]
    return {"description": "", "qualifier": "LATEST", **trigger}


def now() -> str:
    """Return the time as the API writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
