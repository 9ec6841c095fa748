"""The environment variables of an instance.

Source: Function Compute, "Environment variables".
"""

from __future__ import annotations

import os
import secrets
import time

from ..account import ACCOUNT_ID
from ..template.model import Function
from .instance import InstanceSettings


def make_environment(function: Function, settings: InstanceSettings) -> dict[str, str]:
    """Return all environment variables of a function ("Environment variables" page), no others.

    Paths below /code and /opt in PYTHONPATH are moved to where code and layers lie here. Temporary
    keys exist only for a function with a role, as on FC; the ones made here are worthless.
    """
    code = str(settings.code)
    version = "FC_FUNCTION_VERSION" if function.runtime == "python3.12" else "FC_VER_ID"
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": os.path.realpath("/tmp"),  # noqa: S108
        "PWD": code,
        "TERM": "xterm",
        "FC_FUNC_CODE_PATH": code,
        "FC_ACCOUNT_ID": ACCOUNT_ID,
        "FC_FUNCTION_HANDLER": function.handler,
        "FC_FUNCTION_MEMORY_SIZE": str(function.memory),
        "FC_FUNCTION_NAME": function.function_name,
        "FC_REGION": function.region,
        "FC_CUSTOM_LISTEN_PORT": "9000",
        version: "LATEST",
    }
    if function.role:
        environment["ALIBABA_CLOUD_ACCESS_KEY_ID"] = "STS.fc-stub-local"
        environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = "fc-stub-local-secret"  # noqa: S105
        environment["ALIBABA_CLOUD_SECURITY_TOKEN"] = "fc-stub-local-token"  # noqa: S105
    environment |= {**function.environment, **settings.overrides}
    identity = f"c-{int(time.time()):08x}-{secrets.token_hex(4)}-{secrets.token_hex(6)}"
    environment["FC_INSTANCE_ID"] = identity  # nobody's to choose: leftovers are found by it
    if "PYTHONPATH" in environment:
        places = environment["PYTHONPATH"].split(":")
        environment["PYTHONPATH"] = ":".join(_moved(place, settings) for place in places)
    return environment


def _moved(place: str, settings: InstanceSettings) -> str:
    if place == "/code" or place.startswith("/code/"):
        return f"{settings.code}{place.removeprefix('/code')}"
    if place.startswith("/opt/"):
        for layer in settings.layers:
            if (moved := layer / place.removeprefix("/opt/")).exists():
                return str(moved)
    return place
