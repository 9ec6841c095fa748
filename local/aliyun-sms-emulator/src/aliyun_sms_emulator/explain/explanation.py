"""Explains one request: is its signature right, and if not, which mistake was made?"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from aliyun_sms_emulator.explain.acs3 import (
    acs3_deviations,
    acs3_text,
    canonical_request,
    right_recipe,
)
from aliyun_sms_emulator.explain.causes import SIGNATURE, about, text_of
from aliyun_sms_emulator.explain.encodings import MISTAKES, Encoder, as_is
from aliyun_sms_emulator.explain.rpc import RpcRecipe, rpc_deviations, rpc_text
from aliyun_sms_emulator.explain.search import (
    LIKELY,
    PROVEN,
    SEEN,
    Finding,
    is_readable,
    prove,
)
from aliyun_sms_emulator.wire.errors import GatewayError
from aliyun_sms_emulator.wire.leniency import Leniency, Note
from aliyun_sms_emulator.wire.request import WireRequest
from aliyun_sms_emulator.wire.signatures import (
    ACS3_ALGORITHM,
    acs3_canonical_query,
    percent_encode,
    rpc_canonical_query,
)
from aliyun_sms_emulator.wire.signed_headers import AUTHORIZATION, check_signed_headers
from aliyun_sms_emulator.wire.timestamps import read_timestamp

TOLERANCE_SECONDS = 900
_ZONE_SECONDS = 8 * 3600
_LENGTHS = {"base64": "28 of Base64", "hex": "64 hexadecimal digits"}
_OF_THE_SIGNATURE = frozenset({SIGNATURE, "time", "key"})
_CERTAINTIES = (PROVEN, SEEN, LIKELY)
_COMMON = ("AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "SignatureNonce")


@dataclass(frozen=True, slots=True)
class Texts:
    """What is compared: the text by the rules and the client's; `kind` names it.

    `proven` if the client's is the one it signed, else it is what the request suggests.
    """

    kind: str = ""
    expected: str = ""
    client: str = ""
    proven: bool = False

    @property
    def first_difference(self) -> int | None:
        """Characters that both have in common, None if they are the same."""
        if self.expected == self.client:
            return None
        pairs = zip(self.expected, self.client, strict=False)
        shorter = min(len(self.expected), len(self.client))
        return next((at for at, (one, other) in enumerate(pairs) if one != other), shorter)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is wrong with a request, the surest first; `signature` is `V1`, `V3` or empty.

    `notes` are what is accepted although the documentation asks for something else.
    """

    signature: str
    access_key_id: str
    findings: tuple[Finding, ...]
    texts: Texts
    notes: tuple[Note, ...] = ()

    @property
    def right(self) -> bool:
        """Whether the signature, its time and its key are right; something else may be wrong."""
        return all(about(finding.cause) not in _OF_THE_SIGNATURE for finding in self.findings)

    @property
    def same_texts(self) -> bool:
        """Whether the texts are the same, so that the key, the hash or the form must differ.

        Where there is no signature, or none that can be one, they are the same for no reason.
        """
        signed = self.texts.proven or any(f.cause == "unknown" for f in self.findings)
        return signed and self.texts.first_difference is None

    def as_json(self, language: str = "en") -> dict[str, object]:
        """The explanation as the JSON API and `--json` show it; texts in `en` or `zh`."""
        return {
            "right": self.right,
            "signature": self.signature,
            "access_key_id": self.access_key_id,
            "findings": [
                {
                    "cause": finding.cause,
                    "about": about(finding.cause),
                    "proven": finding.proven,
                    "certainty": finding.certainty,
                    **text_of(finding.cause, finding.detail, language),
                }
                for finding in self.findings
            ],
            "compared": self.texts.kind,
            "expected": self.texts.expected,
            "client": self.texts.client,
            "client_is_proven": self.texts.proven,
            "first_difference": self.texts.first_difference,
            "same_texts": self.same_texts,
            "notes": [note.as_json() for note in self.notes],
        }


def access_key_id_of(request: WireRequest) -> str:
    """The AccessKeyId a request names, empty if none."""
    if not request.signed_by_header:
        return request.parameters.get("AccessKeyId", "")
    match = AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    return match["key"] if match else ""


def explain(
    request: WireRequest,
    secrets: Mapping[str, str],
    now: float | None = None,
    refusal: str = "",
    *,
    strict: bool = False,
) -> Explanation:
    """Explain a request.

    Args:
        request: the request as it came.
        secrets: AccessKeyId -> secret of all keys that are known.
        now: when the request came, in seconds since the epoch; None leaves its age unchecked.
        refusal: the code it was refused with, if it is known.
        strict: whether what the documentation does not allow is wrong, or only worth a note.
    """
    key_id, leniency = access_key_id_of(request), Leniency(strict)
    others = {name: secret for name, secret in secrets.items() if name != key_id}
    secret = secrets.get(key_id, "")
    known = key_id in secrets
    if request.signed_by_header:
        name = "V3"
        findings, texts = _explain_acs3(request, secret, others, now, leniency)
    elif any(name in request.parameters for name in _COMMON):
        name = "V1"
        findings, texts = _explain_rpc(request, secret, others, now, leniency)
    else:
        name, findings, texts = "", (Finding("unsigned"),), Texts()
    found = [f for f in findings if known or f.cause != "unknown"]
    if key_id and not known:
        found.insert(0, Finding("unknown-key", {"key": key_id}))
    if refusal.startswith("Missing") and _has_json_body(request):
        found.insert(0, Finding("json-body", certainty=LIKELY))
    # A refusal that is about the signature is explained by what was found.
    if refusal and (not found or about(refusal) not in _OF_THE_SIGNATURE):
        found.insert(0, Finding(refusal))
    found.sort(key=lambda finding: _CERTAINTIES.index(finding.certainty))
    return Explanation(name, key_id, tuple(found), texts, tuple(leniency.notes))


def _has_json_body(request: WireRequest) -> bool:
    return bool(request.body) and "json" in request.headers.get("content-type", "")


def explain_refusal(refusal: str) -> Explanation:
    """Explain by its code a call whose signature was right, or that was not kept as it came."""
    findings = [Finding(refusal)]
    if about(refusal) in _OF_THE_SIGNATURE:
        findings.append(Finding("not-kept"))
    return Explanation("", "", tuple(findings), Texts())


def _explain_rpc(
    request: WireRequest,
    secret: str,
    others: Mapping[str, str],
    now: float | None,
    leniency: Leniency,
) -> tuple[tuple[Finding, ...], Texts]:
    parameters = request.parameters
    right = RpcRecipe(f"{secret}&".encode(), "sha1", request.method)
    signature = parameters.get("Signature", "")
    proof = prove(
        right,
        rpc_deviations(request, secret, others),
        lambda recipe: rpc_text(recipe, parameters),
        signature,
        "base64",
    )
    signed = parameters
    if proof is None and request.repeated:
        signed = request.with_first_values().parameters
        proof = prove(right, (), lambda recipe: rpc_text(recipe, signed), signature, "base64")
        repeated = _repeated(request, PROVEN)
        proof = proof and replace(proof, findings=(repeated, *proof.findings))
    checks = tuple(_rpc_checks(parameters, now, leniency))
    expected = rpc_text(right, parameters)
    if proof is not None:
        client, found = rpc_text(proof.recipe, signed), proof.findings
    else:
        sent = _as_sent("&".join(filter(None, (request.raw_query, _form_text(request)))))
        client = f"{request.method}&%2F&{percent_encode(sent)}"
        found = _guesses(request, sent, parameters, signature, "base64")
        if sent == rpc_canonical_query(parameters):
            client = expected
    texts = Texts("string_to_sign", expected, client, proof is not None)
    return (*found, *checks), _masked(texts, parameters.get("SecurityToken", ""))


def _rpc_checks(
    parameters: Mapping[str, str], now: float | None, leniency: Leniency
) -> Iterator[Finding]:
    for name in (*_COMMON, "Timestamp"):
        if not parameters.get(name):
            yield Finding("missing", {"name": name})
    method = parameters.get("SignatureMethod", "")
    if method not in {"", "HMAC-SHA1"}:
        yield Finding("signature-method", {"sent": method, "right": "HMAC-SHA1"})
    version = parameters.get("SignatureVersion", "")
    if version not in {"", "1.0"}:
        yield Finding("signature-version", {"sent": version})
    text = parameters.get("Timestamp", "")
    timestamp = read_timestamp(text)
    fraction = timestamp is not None and timestamp.has_fraction
    may_have_one = fraction and leniency.allows("timestamp-fraction", text)
    yield from _time_checks(text, now, may_have_fraction=may_have_one)


def _explain_acs3(
    request: WireRequest,
    secret: str,
    others: Mapping[str, str],
    now: float | None,
    leniency: Leniency,
) -> tuple[tuple[Finding, ...], Texts]:
    match = AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if match is None:
        return (Finding("authorization-header"),), Texts()
    signed = match["headers"].split(";")
    right = right_recipe(request, secret, signed)
    deviations = acs3_deviations(request, right, secret, dict(others))
    # The official Python SDKs leave parameter names unencoded, which is accepted.
    for start in (right, replace(right, name_encoder=as_is)):
        proof = prove(
            start,
            deviations,
            lambda recipe: acs3_text(recipe, request),
            match["signature"],
            "hex",
        )
        if proof is not None or all(name == percent_encode(name) for name in request.query):
            break
    checks = tuple(_acs3_checks(request, match, now, leniency))
    expected = canonical_request(start, request)
    if proof is not None:
        client, found = canonical_request(proof.recipe, request), proof.findings
    else:
        sent, query = _as_sent(request.raw_query), acs3_canonical_query(request.query)
        found = _guesses(request, sent, request.query, match["signature"], "hex")
        client = expected.replace(f"\n{query}\n", f"\n{sent}\n", 1)
    if not found and not _intact(request):
        found = (Finding("payload-header"),)
    texts = Texts("canonical_request", expected, client, proof is not None)
    return (*found, *checks), _masked(texts, request.headers.get("x-acs-security-token", ""))


def _acs3_checks(
    request: WireRequest, match: re.Match[str], now: float | None, leniency: Leniency
) -> Iterator[Finding]:
    if match["algorithm"] != ACS3_ALGORITHM:
        detail = {"sent": match["algorithm"], "right": ACS3_ALGORITHM}
        yield Finding("signature-method", detail)
    if not match["key"]:
        yield Finding("missing", {"name": "Credential"})
    for name in ("x-acs-date", "x-acs-signature-nonce"):
        if not request.headers.get(name):
            yield Finding("missing", {"name": name})
    try:
        check_signed_headers(request, match["headers"].split(";"), leniency)
    except GatewayError as error:
        yield Finding("signed-headers", {"problem": error.message})
    yield from _time_checks(request.headers.get("x-acs-date", ""), now, may_have_fraction=False)


def _time_checks(text: str, now: float | None, *, may_have_fraction: bool) -> Iterator[Finding]:
    if not text:
        return
    timestamp = read_timestamp(text)
    if timestamp is None or (timestamp.has_fraction and not may_have_fraction):
        yield Finding("time-format", {"sent": text})
        return
    off = 0.0 if now is None else timestamp.moment - now
    if abs(off - _ZONE_SECONDS) <= TOLERANCE_SECONDS:
        yield Finding("time-zone", {"sent": text})
    elif abs(off) > TOLERANCE_SECONDS:
        minutes = f"{abs(off) / 60:.0f}"
        yield Finding("time-behind" if off < 0 else "time-ahead", {"minutes": minutes})


def _intact(request: WireRequest) -> bool:
    sent = request.headers.get("x-acs-content-sha256", "").strip()
    return sent == hashlib.sha256(request.body).hexdigest()


def _form_text(request: WireRequest) -> str:
    return request.body.decode("ascii", errors="replace") if request.form else ""


def _as_sent(raw: str) -> str:
    """Sort encoded pairs as they came, without the signature."""
    pairs = [pair for pair in raw.split("&") if pair]
    return "&".join(sorted(p for p in pairs if p.partition("=")[0] != "Signature"))


def _joined(parameters: Mapping[str, str], encode: Encoder) -> str:
    names = sorted(name for name in parameters if name != "Signature")
    return "&".join(sorted(f"{encode(n)}={encode(parameters[n])}" for n in names))


def _repeated(request: WireRequest, certainty: str) -> Finding:
    return Finding("parameter-repeated", {"names": ", ".join(request.repeated)}, certainty)


def _guesses(
    request: WireRequest, sent: str, parameters: Mapping[str, str], signature: str, form: str
) -> tuple[Finding, ...]:
    """Name what nothing proves: the secret, and the encoding the request came in.

    What has not the length of a signature was made with no secret.
    """
    guesses = []
    if request.repeated:
        guesses.append(_repeated(request, LIKELY))
    if is_readable(signature, form):
        guesses.append(Finding("unknown", certainty=LIKELY))
    elif signature:
        length = {"length": str(len(signature)), "right": _LENGTHS[form]}
        guesses.append(Finding("signature-length", length))
    if sent != _joined(parameters, percent_encode):
        for cause, encode in MISTAKES.items():
            if sent == _joined(parameters, encode):
                guesses.append(Finding(cause, certainty=LIKELY))
                break
    return tuple(guesses)


def _masked(texts: Texts, token: str) -> Texts:
    """Hide the security token, which is a secret."""
    if not token:
        return texts
    encoders = (as_is, percent_encode, *MISTAKES.values())
    forms = {outer(inner(token)) for inner in encoders for outer in encoders}
    expected, client = texts.expected, texts.client
    for form in sorted(forms, key=len, reverse=True):
        expected, client = expected.replace(form, "***"), client.replace(form, "***")
    return replace(texts, expected=expected, client=client)
