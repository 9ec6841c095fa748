"""Addresses of the API and of HTTP triggers."""

from __future__ import annotations

import pytest

from aliyun_fc_runtime_stub.web.ports import Ports


@pytest.mark.parametrize(
    ("host", "url"), [("127.0.0.1", "http://127.0.0.1:0"), ("::1", "http://[::1]:0")]
)
def test_an_address_is_a_url(host: str, url: str) -> None:
    assert Ports(host, 0).api_url == url
    assert Ports(host, 0).trigger_url("f") == ""
