"""Connections outlive the pauses of those that ask again and again."""

from __future__ import annotations

import http.client
import time
from urllib.parse import urlsplit

from deployer import Deployer

_LONGER_THAN_A_PAUSE = 5.5  # seconds; the fc3 component asks every 5 whether instances are there


def test_an_idle_connection_is_there_for_the_next_request(deployer: Deployer) -> None:
    deployer.create("f")
    urls = [f"{deployer.cloud.api_url}/stub/status", deployer.http("f")]
    connections = [http.client.HTTPConnection(urlsplit(url).netloc) for url in urls]
    for pause in (_LONGER_THAN_A_PAUSE, 0):
        for connection, url in zip(connections, urls, strict=True):
            connection.request("GET", urlsplit(url).path)
            with connection.getresponse() as answer:
                answer.read()
            assert answer.status == 200
        time.sleep(pause)
    for connection in connections:
        connection.close()
