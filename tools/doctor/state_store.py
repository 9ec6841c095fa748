"""Shared state: whether it can be used, is safe to reach, and keeps what it acknowledged."""

from __future__ import annotations

import ipaddress
import os
import socket
import statistics
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import redis

from shared.clock import utc_timestamp
from shared.environment import LOOPBACK
from shared.errors import StoreUnavailable
from shared.sending.stop import read_stop
from shared.settings import Settings
from shared.state.choice import open_store
from shared.state.store import Change, Store
from tools.doctor.deployment import Deployment
from tools.doctor.findings import ERROR, NOT_CHECKED, OK, WARN, Finding, Findings
from tools.state_url import with_files_of

TIMEOUT = 5.0
KEEP_ALL = "set maxmemory-policy to noeviction"
STEPS = 5  # that are timed
SLOW = 50.0  # milliseconds that a step may take; a send takes three of them
MAY_RUN = "let its account run EVALSHA and SCRIPT LOAD"


def examine(deployment: Deployment, settings: Settings) -> Findings:
    """Yield what is to be said about SMS_STATE_URL; raises ConfigurationError."""
    url = settings.state_url
    if not url:
        yield Finding(
            "state",
            WARN,
            "there is no shared state: only the platform's nonce check stops a repeated call, and "
            "SMS_LIMITS counts nothing",
            "set SMS_STATE_URL (Redis) and SMS_STATE_SECRET",
        )
    elif url.startswith("sqlite:"):
        yield Finding(
            "state",
            ERROR,
            "SMS_STATE_URL names a file, and on Function Compute that belongs to one instance",
            "use Redis",
        )
    elif _is_here(url) and not deployment.is_trial:
        yield Finding(
            "state",
            ERROR,
            "SMS_STATE_URL names this machine, which no function can reach",
            "name a Redis that is reachable from Function Compute",
        )
    else:
        yield from exposure(url)
        yield from _redis(deployment, with_files_of(deployment.functions[0].code, url))


def exposure(url: str) -> Findings:
    """Yield what is wrong with `url` of a Redis that the internet reaches."""
    parts = urlsplit(url)
    if not _is_public(parts):
        return
    if not parts.password:
        yield Finding(
            "exposure",
            ERROR,
            "Redis has a public address, and SMS_STATE_URL no password",
            "give it one, and a whitelist of addresses",
        )
    if parts.scheme == "redis":
        yield Finding(
            "exposure",
            ERROR,
            "Redis is reached over the internet without TLS: its password and all records can be "
            "read on the way",
            "switch TLS on, and name its port with rediss://",
        )
    elif parse_qs(parts.query).get("ssl_cert_reqs", ["required"]) != ["required"]:
        yield Finding(
            "exposure",
            ERROR,
            "the certificate of Redis is not checked, so anybody on the way can pose as it",
            "take ssl_cert_reqs out of SMS_STATE_URL; name the authority by ssl_ca_certs",
        )


def _is_public(parts: SplitResult) -> bool:
    """Whether the host of a URL is, or its name stands for, an address of the internet."""
    try:
        found = socket.getaddrinfo(parts.hostname, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False  # that it cannot be reached is a finding of its own
    return any(ipaddress.ip_address(address[0]).is_global for *_, address in found)


def _is_here(url: str) -> bool:
    open_store(url)  # refuses what is no URL
    return urlsplit(url).hostname in LOOPBACK


def _redis(deployment: Deployment, url: str) -> Findings:
    store = open_store(url)
    try:
        # records for some seconds: reading alone finds no Redis that is full or a replica
        milliseconds = statistics.median(_steps(store))
        stopped = read_stop(store)
        with redis.Redis.from_url(
            url, decode_responses=True, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
        ) as client:
            info: Any = client.info()
    except StoreUnavailable as error:
        yield _unusable(deployment, error.detail)
        return
    except redis.RedisError as error:
        info = None
        yield Finding(
            "state",
            NOT_CHECKED,
            f"whether Redis keeps everything: INFO is refused ({type(error).__name__})",
            f"look at its parameters in the console: {KEEP_ALL}, appendonly to yes",
        )
    yield Finding("state", OK, "Redis can be written to, by scripts (EVALSHA)")
    yield _speed(milliseconds)
    if stopped:
        yield Finding(
            "state",
            WARN,
            f"sending has been stopped since {utc_timestamp(stopped.since)}",
            "make start-sending lets sends begin again",
        )
    if info is not None:
        yield _eviction(info.get("maxmemory_policy"))
        yield _persistence(info.get("aof_enabled"))


def _steps(store: Store) -> Iterator[float]:
    """Yield how long each of some steps of a store took, in milliseconds.

    The first is left out: it connects, and brings the script.
    """
    for number in range(STEPS + 1):
        key = f"doctor {os.urandom(8).hex()}"
        begun = time.perf_counter()
        store.put(Change(key=key, old=None, new="1", ttl=5))
        if number:
            yield (time.perf_counter() - begun) * 1000


def _speed(milliseconds: float) -> Finding:
    what = f"a step of the state takes {milliseconds:.1f} ms from this machine"
    if milliseconds < SLOW:
        return Finding("state", OK, what)
    return Finding(
        "state",
        WARN,
        f"{what}, and a send takes three",
        "run make doctor where the functions run; take a Redis in their region",
    )


def _unusable(deployment: Deployment, detail: str) -> Finding:
    if "NOPERM" in detail:
        return Finding("state", ERROR, detail, MAY_RUN)
    if deployment.has_vpc:
        return Finding(
            "state",
            NOT_CHECKED,
            f"from here {detail}; inside the VPC of s.yaml it may",
            "run make doctor on a machine inside that VPC",
        )
    return Finding(
        "state",
        ERROR,
        detail,
        "check SMS_STATE_URL; for a Redis inside a VPC add vpcConfig to s.yaml",
    )


def _eviction(policy: str | None) -> Finding:
    if policy is None:
        return Finding("eviction", NOT_CHECKED, "Redis does not say whether it evicts", KEEP_ALL)
    if policy == "noeviction":
        return Finding("eviction", OK, "Redis evicts nothing")
    return Finding(
        "eviction",
        ERROR,
        f"Redis may evict a record (maxmemory-policy {policy}), and a repeat would send again",
        KEEP_ALL,
    )


def _persistence(appends: int | None) -> Finding:
    if appends is None:
        return Finding(
            "persistence",
            NOT_CHECKED,
            "Redis does not say whether it survives a restart",
            "set appendonly to yes",
        )
    if appends:
        return Finding(
            "persistence", OK, "Redis writes what it keeps to a file, which survives a restart"
        )
    return Finding(
        "persistence",
        WARN,
        "a restart of Redis forgets what it acknowledged last, and a repeat would send again",
        "set appendonly to yes",
    )
