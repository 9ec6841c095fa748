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
from .platform_paths import PlatformPaths

# Runtimes on Debian 11 and later name the version so.
_NEWER = frozenset({"python3.12", "custom.debian11", "custom.debian12"})


def make_environment(function: Function, settings: InstanceSettings) -> dict[str, str]:
    """Return all environment variables of a built-in runtime's function, no others.

    Paths below /code and /opt in PYTHONPATH are moved to where code and layers lie here.
    """
    environment = _all_variables(function, settings, 9000)
    if "PYTHONPATH" in environment:
        places = environment["PYTHONPATH"].split(":")
        environment["PYTHONPATH"] = ":".join(_moved(place, settings) for place in places)
    return environment


def make_program_environment(
    function: Function, settings: InstanceSettings, paths: PlatformPaths, port: int
) -> dict[str, str]:
    """Return all environment variables of a custom runtime's program, which listens on `port`.

    Behind the folders of its own PATH come those of this machine's user, where other languages lie.
    """
    environment = paths.variables(_all_variables(function, settings, port))
    environment["PATH"] = ":".join((environment["PATH"], *os.get_exec_path()))
    return environment


def _all_variables(function: Function, settings: InstanceSettings, port: int) -> dict[str, str]:
    """Return the variables of the "Environment variables" page and the function's own.

    Temporary keys exist only for a function with a role, as on FC; the ones made here are
    worthless.
    """
    code = str(settings.code)
    version = "FC_FUNCTION_VERSION" if function.runtime in _NEWER else "FC_VER_ID"
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
        "FC_CUSTOM_LISTEN_PORT": str(port),
        version: "LATEST",
    }
    if function.custom:
        environment |= {"FC_SERVER_PORT": str(port), "PYTHONUNBUFFERED": "1"}
    if function.role:
        environment["ALIBABA_CLOUD_ACCESS_KEY_ID"] = "STS.fc-stub-local"
        environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = "fc-stub-local-secret"  # noqa: S105
        environment["ALIBABA_CLOUD_SECURITY_TOKEN"] = "fc-stub-local-token"  # noqa: S105
    environment |= {**function.environment, **settings.overrides}
    identity = f"c-{int(time.time()):08x}-{secrets.token_hex(4)}-{secrets.token_hex(6)}"
    environment["FC_INSTANCE_ID"] = identity  # nobody's to choose: leftovers are found by it
    return environment


def _moved(place: str, settings: InstanceSettings) -> str:
    if place == "/code" or place.startswith("/code/"):
        return f"{settings.code}{place.removeprefix('/code')}"
    if place.startswith("/opt/"):
        for layer in settings.layers:
            if (moved := layer / place.removeprefix("/opt/")).exists():
                return str(moved)
    return place
