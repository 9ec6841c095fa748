"""The environment of a process whose clients have a fixed host name: the proxy, and its trust."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from aliyun_sms_emulator.tls.trust import Trust, Variable

_FIXED = "programs with a fixed host name: a proxy for the emulated names alone"
_PAST = "the same: what goes past the proxy"
_JAVA_OPTION = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""")  # as a JVM splits them
_LOCAL = ("localhost", "127.0.0.1", "::1")


def variables_for(
    url: str, trust: Trust | None, environment: Mapping[str, str] = os.environ
) -> list[Variable]:
    """List the variables for the emulator at `url`; what `environment` has is kept where it can be.

    `trust` is for https, and None without it.
    """
    address = urlsplit(url)
    earlier = environment.get("NO_PROXY", environment.get("no_proxy", "")).split(",")
    past = ",".join(dict.fromkeys((*filter(None, earlier), *_LOCAL)))
    proxies = [
        f"-D{scheme}.{name}={value}"
        for scheme in ("http", "https")
        for name, value in (("proxyHost", address.hostname), ("proxyPort", address.port or 80))
    ]
    return [
        # Programs read the one or the other; curl, for http, lower case alone.
        *(Variable(name, url, _FIXED) for name in ("http_proxy", "https_proxy")),
        *(Variable(name, url, _FIXED) for name in ("HTTP_PROXY", "HTTPS_PROXY")),
        *(Variable(name, past, _PAST) for name in ("no_proxy", "NO_PROXY")),
        Variable("NODE_USE_ENV_PROXY", "1", "Node.js 22.21, 24.5 and newer: to read these"),
        *(trust.variables if trust else ()),
        java_variable([*proxies, *(trust.java_options if trust else ())], environment),
    ]


def java_variable(options: Iterable[str], environment: Mapping[str, str] = os.environ) -> Variable:
    """What Java virtual machines read; the options that `environment` has stay."""
    options = list(options)
    ours = tuple(f"{option.partition('=')[0]}=" for option in options)
    earlier = _JAVA_OPTION.findall(environment.get("JAVA_TOOL_OPTIONS", ""))
    kept = [option for option in earlier if not option.startswith(ours)]
    return Variable("JAVA_TOOL_OPTIONS", " ".join((*kept, *options)), "Java")
