"""Shared state: whether it can be used, and whether it keeps what it acknowledged."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import redis

from shared.environment import LOOPBACK
from shared.errors import StoreUnavailable
from shared.settings import Settings
from shared.state.choice import open_store
from shared.state.store import Change
from tools.doctor.deployment import Deployment
from tools.doctor.findings import ERROR, NOT_CHECKED, OK, WARN, Finding, Findings

TIMEOUT = 5.0
KEEP_ALL = "set maxmemory-policy to noeviction"


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
        yield from _redis(deployment, url)


def _is_here(url: str) -> bool:
    open_store(url)  # refuses what is no URL
    return urlsplit(url).hostname in LOOPBACK


def _redis(deployment: Deployment, url: str) -> Findings:
    try:
        # a record for a second: reading alone finds no Redis that is full or a replica
        key = f"doctor {os.urandom(8).hex()}"
        open_store(url).put(Change(key=key, old=None, new="1", ttl=1))
        with redis.Redis.from_url(
            url, decode_responses=True, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
        ) as client:
            info: Any = client.info()
    except StoreUnavailable as error:
        yield _unreachable(deployment, error.detail)
        return
    except redis.RedisError as error:
        yield Finding("state", OK, "Redis can be written to")
        yield Finding(
            "state",
            NOT_CHECKED,
            f"whether Redis keeps everything: INFO is refused ({type(error).__name__})",
            f"look at its parameters in the console: {KEEP_ALL}, appendonly to yes",
        )
        return
    yield Finding("state", OK, "Redis can be written to")
    yield _eviction(info.get("maxmemory_policy"))
    yield _persistence(info.get("aof_enabled"))


def _unreachable(deployment: Deployment, detail: str) -> Finding:
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
        return Finding("persistence", OK, "Redis writes a file that it survives a restart by")
    return Finding(
        "persistence",
        WARN,
        "a restart of Redis forgets what it acknowledged last, and a repeat would send again",
        "set appendonly to yes",
    )
