"""One call as it came over the wire, parsed once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import parse_qsl

from aliyun_sms_emulator.wire.errors import GatewayError

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class WireRequest:
    """Method, path, headers (lower-case names) and parameters of one call.

    `raw_query` is the query as it came, still encoded.
    """

    method: str
    path: str
    headers: dict[str, str]
    query: dict[str, str]
    form: dict[str, str]
    body: bytes
    raw_query: str = ""

    @cached_property
    def parameters(self) -> dict[str, str]:
        """Query and form parameters together."""
        return {**self.query, **self.form}

    @cached_property
    def repeated(self) -> tuple[str, ...]:
        """Names of parameters that came more than once; the last value counts."""
        names = Counter(name for pairs in self._pairs() for name, _ in pairs)
        return tuple(name for name, count in names.items() if count > 1)

    def with_first_values(self) -> WireRequest:
        """The same call if the first value counted of each parameter that came repeatedly."""
        query, form = (dict(reversed(pairs)) for pairs in self._pairs())
        return replace(self, query=query, form={n: v for n, v in form.items() if n not in query})

    def _pairs(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        return _parse_pairs(self.raw_query.encode("latin-1")), (
            _parse_pairs(self.body) if self.form else []
        )

    @property
    def signed_by_header(self) -> bool:
        """Whether the call carries a V3 signature, or none but V3's headers."""
        if self.headers.get("authorization", "").startswith("ACS3-"):
            return True
        return "Action" not in self.parameters and "x-acs-action" in self.headers

    @property
    def action(self) -> str:
        """Name of the operation asked for, empty if absent."""
        if self.signed_by_header:
            return self.headers.get("x-acs-action", "")
        return self.parameters.get("Action", "")

    @property
    def version(self) -> str:
        """API version asked for, empty if absent."""
        if self.signed_by_header:
            return self.headers.get("x-acs-version", "")
        return self.parameters.get("Version", "")

    @property
    def signature_method(self) -> str:
        """Signature algorithm the caller names, empty if none."""
        if self.signed_by_header:
            return self.headers.get("authorization", "").partition(" ")[0]
        return self.parameters.get("SignatureMethod", "")

    @property
    def answer_format(self) -> str:
        """`JSON` or `XML`; V1 answers XML unless `Format` says otherwise, V3 JSON."""
        named = self.parameters.get("Format", "").upper()
        if named in {"JSON", "XML"}:
            return named
        if self.signed_by_header:
            return "XML" if "xml" in self.headers.get("accept", "") else "JSON"
        return "XML"


def parse_request(
    method: str, path: str, raw_headers: list[tuple[bytes, bytes]], query: bytes, body: bytes
) -> WireRequest:
    """Parse one call; raises GatewayError when its parameters are not UTF-8."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw_headers}
    content_type = headers.get("content-type", _FORM).partition(";")[0].strip().lower()
    form = _parse_parameters(body) if content_type == _FORM else {}
    parameters = _parse_parameters(query)
    return WireRequest(method, path, headers, parameters, form, body, query.decode("latin-1"))


def _parse_parameters(raw: bytes) -> dict[str, str]:
    return dict(_parse_pairs(raw))


def _parse_pairs(raw: bytes) -> list[tuple[str, str]]:
    try:
        text = raw.decode("ascii") if raw else ""
        return parse_qsl(text, keep_blank_values=True, errors="strict") if text else []
    except (UnicodeDecodeError, ValueError) as error:
        raise GatewayError(
            "InvalidParameter", "The parameters are not percent-encoded UTF-8."
        ) from error
