"""Reads a request that somebody pasted: an address, a curl command line, or raw HTTP."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from urllib.parse import quote_plus, urlsplit

from aliyun_sms_emulator.wire.errors import GatewayError
from aliyun_sms_emulator.wire.request import WireRequest, parse_request

_REQUEST_LINE = re.compile(r"(?P<method>[A-Z]+) (?P<target>\S+)(?: HTTP/[0-9.]+)?\s*")
_TRACED_LINE = re.compile(r"^> ?(.*)$", re.MULTILINE)  # what `curl -v` says it sent
_CURL = re.compile(r"(?:[$#%>]\s+)?(?:\w+=\S*\s+|time\s+|sudo\s+)*curl(?:\.exe)?(?=\s)")
_CONTINUED = re.compile(r"[\\^`][ \t]*\n")  # in sh, cmd and PowerShell
_SHELL_GOES_ON = re.compile(r"[|;&]+|[0-9]?[<>].*", re.DOTALL)
_BROKEN_ADDRESS = re.compile(r"\s*\n\s*(?=[?&])")
_SCHEMES = ("http://", "https://")
_QUOTED_WITH_ESCAPES = re.compile(r"\$'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_FORM = "application/x-www-form-urlencoded"
_BODY_OPTIONS = (
    *("--data", "-d", "--data-raw", "--data-binary", "--data-ascii", "--data-urlencode", "--json"),
)
_MULTIPART_OPTIONS = ("-F", "--form", "--form-string")
_OTHER_OPTIONS_WITH_VALUE = (
    *("-A", "-b", "-c", "-e", "-E", "-m", "-o", "-u", "-w", "-x", "--user-agent", "--cookie"),
    *("--cookie-jar", "--referer", "--cert", "--max-time", "--output", "--user", "--write-out"),
    *("--proxy", "--connect-timeout", "--connect-to", "--resolve", "--cacert", "--retry"),
)


class UnreadableRequest(ValueError):
    """What was pasted is no request; the text says why and what to do."""


def is_curl(text: str) -> bool:
    """Whether a text begins as a curl command line does."""
    return bool(_CURL.match(text))


def read_pasted(text: str) -> WireRequest:
    """Read a pasted request; raises UnreadableRequest."""
    text = text.strip().replace("\r\n", "\n")
    if not text:
        raise UnreadableRequest("nothing was pasted; give an address, a curl command or raw HTTP")
    curl = _CURL.match(text)
    if curl:
        return _read_curl(text[curl.end() :])
    traced = "\n".join(_TRACED_LINE.findall(text)).strip()
    for http in (text, traced):
        if _REQUEST_LINE.fullmatch(http.partition("\n")[0]):
            return _read_http(http)
    address = _BROKEN_ADDRESS.sub("", text.strip("'\""))
    if address.startswith(_SCHEMES) and len(address.split()) == 1:
        return _built("GET", address, [], b"")
    raise UnreadableRequest(
        "this is neither an address (http://...), nor a curl command line, nor raw HTTP"
        " (GET /?... HTTP/1.1); paste one of them whole"
    )


def _read_http(text: str) -> WireRequest:
    head, _, body = text.partition("\n\n")
    first, *lines = head.split("\n")
    match = _REQUEST_LINE.fullmatch(first)
    assert match is not None  # noqa: S101 - checked by the caller
    headers = [_header(line) for line in lines]
    return _built(match["method"], match["target"], headers, body.encode())


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        raise UnreadableRequest(f"the header line {line[:80]!r} has no colon; put it right")
    return name.strip().lower(), value.strip()


def _read_curl(text: str) -> WireRequest:
    options = list(_curl_options(text))

    def values(*names: str) -> list[str]:
        return [value for name, value in options if name in names]

    used = {name for name, _ in options}
    for name in used.intersection(_MULTIPART_OPTIONS):
        raise UnreadableRequest(
            f"{name} makes a multipart body, whose fields are no parameters; send them with"
            " --data-urlencode (Postman: x-www-form-urlencoded, not form-data)"
        )
    url = _address(values("", "--url"))
    headers = [_header(line) for line in values("-H", "--header")]
    body = "&".join(_data(name, value) for name, value in options if name in _BODY_OPTIONS)
    if body and used & {"-G", "--get"}:
        url, body = f"{url}{'&' if '?' in url else '?'}{body}", ""
    if body and not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "application/json" if "--json" in used else _FORM))
    method = "POST" if body else "GET"
    for named in values("-X", "--request"):
        method = named.upper()
    return _built(method, url, headers, body.encode())


def _address(candidates: list[str]) -> str:
    """Choose the address; values of options that are not known here stand beside it."""
    if not candidates:
        raise UnreadableRequest("the curl command has no address; paste it whole")
    return next((one for one in candidates if one.startswith(_SCHEMES)), candidates[0])


def _curl_options(text: str) -> Iterator[tuple[str, str]]:
    """List the options with their values, an address with an empty option."""
    text = _QUOTED_WITH_ESCAPES.sub(lambda match: shlex.quote(_unescaped(match[1])), text)
    try:
        words = iter(shlex.split(_CONTINUED.sub(" ", text)))
    except ValueError as error:
        raise UnreadableRequest(f"the curl command is cut off ({error}); paste it whole") from None
    with_value = {
        *("-X", "--request", "-H", "--header", "--url"),
        *_BODY_OPTIONS,
        *_MULTIPART_OPTIONS,
        *_OTHER_OPTIONS_WITH_VALUE,
    }
    for word in words:
        name, equals, value = word.partition("=")
        if _SHELL_GOES_ON.fullmatch(word):
            return
        if word.startswith("--") and equals and name in with_value:
            yield name, value
        elif word in with_value:
            yield word, next(words, "")
        elif word.startswith("--"):
            yield word, ""
        elif word.startswith("-") and len(word) > 2 and word[:2] in with_value:
            yield word[:2], word[2:]
        elif word.startswith("-") and word != "-":
            yield from ((f"-{letter}", "") for letter in word[1:])
        else:
            yield "", word


def _data(option: str, value: str) -> str:
    name, at, file = value.partition("@")
    named = option == "--data-urlencode" and "=" not in value
    if at and option != "--data-raw" and (named or not name):
        raise UnreadableRequest(
            f"the body is in the file {file}; put its content in place of {value}"
        )
    if option != "--data-urlencode":
        return value
    name, equals, content = value.partition("=")
    return f"{name}={quote_plus(content)}" if equals and name else quote_plus(value.lstrip("="))


def _unescaped(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        escape = match[1]
        if len(escape) > 1:
            return chr(int(escape[1:], 16))
        return _ESCAPED.get(escape, escape)

    # Characters beyond the BMP are written as two escapes.
    plain = _ESCAPE.sub(character, text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _built(method: str, url: str, headers: list[tuple[str, str]], body: bytes) -> WireRequest:
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError as error:
        raise UnreadableRequest(f"the address is malformed ({error})") from None
    if host and not any(name == "host" for name, _ in headers):
        headers = [("host", host), *headers]
    raw_headers = [
        (n.encode("latin-1", "replace"), v.encode("latin-1", "replace")) for n, v in headers
    ]
    try:
        return parse_request(method, parts.path or "/", raw_headers, parts.query.encode(), body)
    except GatewayError as error:
        raise UnreadableRequest(f"{error.message} Percent-encode them as they were sent.") from None
