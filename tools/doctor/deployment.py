"""What would be deployed: the functions of s.yaml with the variables that `s` would see."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from aliyun_fc_runtime_stub.template.model import Function
from aliyun_fc_runtime_stub.template.s_yaml import load_application

EVENTS = "s.events.yaml"


class Deployment(NamedTuple):
    """The functions, and the environment that s.yaml gives all of them.

    `endpoints` are the SMS_*_ENDPOINT variables of the shell, which only the doctor uses.
    `with_events` are the functions as s.events.yaml has them, if that file stands beside s.yaml.
    """

    functions: tuple[Function, ...]
    with_events: tuple[Function, ...]
    environ: Mapping[str, str]
    endpoints: Mapping[str, str]
    has_vpc: bool
    has_auth_config: bool

    def function(self, name: str) -> Function | None:
        """Return the function whose handler is in functions/NAME.py, None if it is not deployed."""
        return next((each for each in self.functions if handler_name(each) == name), None)

    @property
    def scenes_file(self) -> Path:
        """Where shared/scenes.json stands, if there is one."""
        return self.functions[0].code / "shared" / "scenes.json"

    @property
    def role(self) -> str:
        """The role of the functions, empty if they have none."""
        return self.functions[0].role

    @property
    def is_trial(self) -> bool:
        """Whether the doctor is to ask an emulator instead of the platform."""
        return "SMS_ENDPOINT" in self.endpoints

    def may_ask(self, endpoint: str) -> bool:
        """Whether `endpoint` may be asked: in a trial only the emulator, never the platform."""
        return not self.is_trial or endpoint in self.endpoints


def read_deployment(template: Path, environ: Mapping[str, str]) -> Deployment:
    """Read `template` (s.yaml) with the variables `environ`, and as `s` does, the .env beside it.

    Raises the stub's ConfigurationError for what `s deploy` or Function Compute would refuse.
    """
    functions = load_application(template, environ).functions
    events = template.parent / EVENTS
    with_events = load_application(events, environ).functions if events.is_file() else ()
    text = template.read_text(encoding="utf-8")
    return Deployment(
        functions,
        with_events,
        environ=functions[0].environment if functions else {},
        endpoints={
            name: value
            for name, value in environ.items()
            if name.startswith("SMS_") and name.endswith("_ENDPOINT") and value
        },
        has_vpc=_has("vpcConfig", text),
        has_auth_config=_has("authConfig", text),
    )


def handler_name(function: Function) -> str:
    """Return the name of the module that holds the function's handler: ``send_sms``."""
    return PurePosixPath(function.handler.rpartition(".")[0]).name


def _has(key: str, text: str) -> bool:
    """Whether `key` is somewhere in the YAML `text`, other than in a comment."""
    return bool(re.search(rf"^[ -]*{key}:", text, re.MULTILINE))
