"""An HTTP request and its response, as values."""

from __future__ import annotations

from dataclasses import dataclass, replace

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An HTTP request as it arrived: names of headers in lower case, path still encoded."""

    method: str
    raw_path: bytes
    path: str
    query: bytes
    headers: Headers
    body: bytes
    client: str

    def header(self, name: str) -> str:
        """Return a header's value (the name in lower case), empty if there is none."""
        wanted = name.encode()
        return next((value.decode("latin-1") for key, value in self.headers if key == wanted), "")

    def with_body(self, body: bytes) -> HttpRequest:
        """Return the request with its body, which is read apart from the rest."""
        return replace(self, body=body)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What goes back to the client."""

    status: int
    headers: Headers
    body: bytes
