"""Finds the deviations from the rules of signing that lead to a given signature."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Generic, TypeVar
from urllib.parse import unquote

LONGEST_FOR_PAIRS = 4000
"""Characters of a request up to which two mistakes at once are looked for."""

MOST_FOR_PAIRS = 150
"""Known mistakes up to which they are tried in pairs; a usual request has 60 to 90."""

MOST_LEFT_OUT = 60
"""Parameters up to which each is tried as unsigned; a usual request has 10 to 30."""

_HEX = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
_DIGEST_SIZES = (20, 32)


PROVEN, SEEN, LIKELY = "proven", "seen", "likely"
"""How sure a finding is: signing again with the mistake leads to the signature that came; it stands
in the request, or the gateway said so; or nothing but experience speaks for it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause, with what its text needs, and how sure it is."""

    cause: str
    detail: Mapping[str, str] = field(default_factory=dict)
    certainty: str = SEEN

    @property
    def proven(self) -> bool:
        """Whether the signature matches because of it."""
        return self.certainty == PROVEN


@dataclass(frozen=True)
class Recipe:
    """What both signatures have in common: key, hash and who is asked how the text is built."""

    key: bytes
    digest: str


_R = TypeVar("_R", bound=Recipe)


@dataclass(frozen=True)
class Deviation:
    """A mistake: which fields of a recipe it changes to what."""

    finding: Finding
    changes: Mapping[str, object]


@dataclass(frozen=True)
class Proof(Generic[_R]):
    """A recipe that leads to the signature that came, and the mistakes in it, none if right."""

    recipe: _R
    findings: tuple[Finding, ...]


def prove(
    right: _R,
    deviations: Sequence[Deviation],
    text_of: Callable[[_R], str],
    signature: str,
    form: str,
) -> Proof[_R] | None:
    """Find what leads to `signature`: no mistake, else one, else two; None if nothing does.

    `form` is the right form of a signature, `base64` or `hex`.
    """
    wanted = dict(reversed(list(_digests(signature, form))))  # the first reading wins
    texts: dict[_R, bytes] = {}
    size = len(text_of(right))
    pairs = size <= LONGEST_FOR_PAIRS and len(deviations) <= MOST_FOR_PAIRS
    for mistakes in _combined(deviations, pairs=pairs):
        changes: dict[str, object] = {}
        for mistake in mistakes:
            changes.update(mistake.changes)
        recipe = replace(right, **changes)  # type: ignore[arg-type]
        unkeyed = replace(recipe, key=b"", digest="")
        if unkeyed not in texts:
            texts[unkeyed] = text_of(recipe).encode()
        digest = hmac.digest(recipe.key, texts[unkeyed], recipe.digest)
        if digest in wanted:
            findings = (*(m.finding for m in mistakes), *wanted[digest])
            return Proof(recipe, tuple(replace(f, certainty=PROVEN) for f in findings))
    return None


def is_readable(signature: str, form: str) -> bool:
    """Tell whether a signature has the length of one, in any form clients are known to send."""
    return any(True for _ in _digests(signature, form))


def _combined(deviations: Sequence[Deviation], *, pairs: bool) -> Iterator[tuple[Deviation, ...]]:
    yield ()
    for deviation in deviations:
        yield (deviation,)
    if pairs:
        for one, other in combinations(deviations, 2):
            if not one.changes.keys() & other.changes.keys():
                yield (one, other)


def _digests(signature: str, form: str) -> Iterator[tuple[bytes, tuple[Finding, ...]]]:
    """Read a signature in all forms clients are known to send; the right form comes first."""
    forms = [("base64", _base64), ("hex", _hex)]
    forms.sort(key=lambda item: item[0] != form)
    readings: list[tuple[str, tuple[Finding, ...]]] = [(signature, ())]
    if " " in signature:
        readings.append((signature.replace(" ", "+"), (Finding("signature-not-encoded"),)))
    if "%" in signature:
        readings.append((unquote(signature), (Finding("signature-encoded-twice"),)))
    for text, earlier in readings:
        for name, read in forms:
            digest = read(text)
            if digest is not None:
                yield digest, (*earlier, *_wrong_form(text, name, form))
    if form == "base64":
        yield from _unusual_base64(signature)


def _wrong_form(text: str, name: str, form: str) -> tuple[Finding, ...]:
    if name != form:
        return (Finding(f"signature-{name}"),)
    if name == "hex" and text != text.lower():
        return (Finding("signature-upper-case"),)
    return ()


def _unusual_base64(signature: str) -> Iterator[tuple[bytes, tuple[Finding, ...]]]:
    inner = _decoded(signature)
    if inner is not None and _HEX.fullmatch(inner.decode("latin-1")):
        yield bytes.fromhex(inner.decode()), (Finding("signature-base64-of-hex"),)
    standard = signature.replace("-", "+").replace("_", "/").rstrip("=")
    digest = _base64(standard + "=" * (-len(standard) % 4))
    if digest is not None:
        yield digest, (Finding("signature-urlsafe"),)


def _base64(text: str) -> bytes | None:
    digest = _decoded(text)
    return digest if digest is not None and len(digest) in _DIGEST_SIZES else None


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _hex(text: str) -> bytes | None:
    return bytes.fromhex(text) if _HEX.fullmatch(text) else None
