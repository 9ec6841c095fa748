"""What is sent: intents, their parts, and how each part ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

MAX_GLOBE = 50  # numbers of SendMessageToGlobe, as each is a request of its own
BATCH_SIZE = 100


class Part(NamedTuple):
    """One request to the platform, for the numbers from `first` to `last` in the caller's list."""

    number: int
    first: int
    last: int
    out_id: str
    action: str
    phone_numbers: tuple[str, ...]
    template_code: str
    parameters: dict[str, str]
    is_abroad: bool = False


class Intent(NamedTuple):
    """One wish to send, in as many parts as the platform needs requests.

    `resend_unknown`: what stays unknown after 15 minutes may be attempted anew. Limits count what
    is sent for a `caller` (the API key's name) and a `client_ip`, and what `is_code`.
    """

    out_id: str
    parts: tuple[Part, ...]
    resend_unknown: bool = False
    client_ip: str = ""
    caller: str = ""
    is_code: bool = False


class Defaults(NamedTuple):
    """What a request may leave out, and the templates of verification codes."""

    sign_name: str = ""
    code_templates: frozenset[str] = frozenset()


class PartOutcome(NamedTuple):
    """How one part ended: outcome is accepted, rejected or unknown; `code` says why.

    `replayed`: an earlier call had it accepted; `reconciled`: a query found it after its answer was
    lost, so that there is no `biz_id`. That is the platform's id of the send, MessageId for
    SendMessageToGlobe; `details` is its whole answer.
    """

    part: Part
    outcome: str
    code: str
    biz_id: str = ""
    request_id: str = ""
    retry_after: int = 0
    reconciled: bool = False
    replayed: bool = False
    details: Mapping[str, Any] = {}
