"""One TCP connection to the emulator, on which every byte can be seen."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import NamedTuple

from signing_client import Client, join

SEND = {
    "PhoneNumbers": "13800138000",
    "SignName": "fc-sms",
    "TemplateCode": "SMS_100001",
    "TemplateParam": '{"code":"1234"}',
}


class Ending(NamedTuple):
    """What came until the connection ended, and how it did: `reset`, `closed` or `silent`."""

    received: bytes
    how: str


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def signed(
    client: Client, action: str = "SendSms", parameters: Mapping[str, str] = SEND, **common: str
) -> bytes:
    """A request signed with V3, its parameters in the query, as it goes over the wire."""
    headers = client.headers(action)
    headers |= {name.replace("_", "-"): value for name, value in common.items()}
    headers = {name: value for name, value in headers.items() if value}
    query = join(parameters)
    headers["authorization"] = client.authorization("POST", query, headers, b"")
    lines = [f"POST /?{query} HTTP/1.1", *(f"{n}: {v}" for n, v in headers.items())]
    return "\r\n".join((*lines, "Content-Length: 0", "", "")).encode()


class RawConnection:
    def __init__(self, client: Client, timeout: float = 5) -> None:
        self._client = client
        self._socket = socket.create_connection(
            ("127.0.0.1", int(client.emulator.url.rpartition(":")[2])), timeout
        )
        self._read = b""

    def __enter__(self) -> RawConnection:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def send(self, **changes: str) -> None:
        """Send a SendSms."""
        self.write(signed(self._client, parameters={**SEND, **changes}))

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(self) -> Answered:
        """Read one whole answer."""
        while b"\r\n\r\n" not in self._read:
            self._more()
        head, _, self._read = self._read.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
        length = int(headers["content-length"])
        while len(self._read) < length:
            self._more()
        body, self._read = self._read[:length], self._read[length:]
        return Answered(int(first.split()[1]), headers, body)

    def ending(self, seconds: float = 5) -> Ending:
        """Read to the end, or until nothing has come for so long."""
        usual, received = self._socket.gettimeout(), self._read
        self._socket.settimeout(seconds)
        try:
            while data := self._socket.recv(65536):
                received += data
        except ConnectionResetError:
            return Ending(received, "reset")
        except TimeoutError:
            return Ending(received, "silent")
        finally:
            self._socket.settimeout(usual)
        return Ending(received, "closed")

    def _more(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise EOFError
        self._read += data


def query_details(client: Client, number: str = "13800138000", day: str = "") -> bytes:
    """A signed QuerySendDetails of today."""
    day = day or client.emulator.clock.now.strftime("%Y%m%d")
    page = {"PhoneNumber": number, "SendDate": day, "PageSize": "50", "CurrentPage": "1"}
    return signed(client, "QuerySendDetails", page)
