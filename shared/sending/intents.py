"""What is sent: an intent, its parts, and how each part ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.ids import WireId

MAX_GLOBE = 50  # numbers of SendMessageToGlobe, as each is a request of its own
BATCH_SIZE = 100  # messages of SendBatchSms, in one request


class Part(NamedTuple):
    """One request to the platform, for the numbers from `first` to `last` in the caller's list.

    `number` counts the parts from 0. `parameters` are those of the operation `action` that say what
    is sent to whom, so all but our id. `number_path` leads to a number in the request, with ``{}``
    for its place: ``messages[{}].phone_number``.
    """

    number: int
    first: int
    last: int
    action: str
    phone_numbers: tuple[str, ...]
    template_code: str
    parameters: Mapping[str, str]
    is_abroad: bool = False
    number_path: str = "phone_numbers[{}]"

    def path_of(self, place: int) -> str:
        """Return the path to the number at `place` of the caller's list, as errors name it."""
        return self.number_path.format(place)

    @property
    def sign_name(self) -> str:
        """The signature of all its messages, "" where they have none, or several."""
        listed = json.loads(self.parameters.get("SignNameJson", "[]"))
        names = {self.parameters.get("SignName", ""), *listed} - {""}
        return str(names.pop()) if len(names) == 1 else ""


class Intent(NamedTuple):
    """One request of a caller to send, in as many parts as the platform needs requests.

    `space` says whose out_id it is (ids.py): the same one in two spaces is two intents.
    `resend_unknown`: what stays unknown after 15 minutes may be attempted anew. Limits count what
    is sent for a space that is an API key's and for a `client_ip`, and what `is_code`. Parts are
    numbered on the wire where there are several, and where `is_numbered` says that there may be.
    One `is_for_test` is not sent: its number is a test number (fixed_codes.py).
    `event` is the kind of event that asked for it, such as ``mns-topic``, or "".
    """

    out_id: str
    parts: tuple[Part, ...]
    space: str
    resend_unknown: bool = False
    client_ip: str = ""
    is_code: bool = False
    is_numbered: bool = False
    is_for_test: bool = False
    event: str = ""

    def wire_id(self, part: Part) -> WireId:
        """Return the id of a part on the wire, in OutId or TaskId."""
        has_number = self.is_numbered or len(self.parts) > 1
        return WireId(self.space, self.out_id, part.number if has_number else None)


class Defaults(NamedTuple):
    """What a request does not say itself: whose it is, and what it may leave out.

    `code_templates` are the templates of verification codes.
    """

    space: str
    sign_name: str = ""
    code_templates: frozenset[str] = frozenset()


class PartOutcome(NamedTuple):
    """How one part ended: outcome is accepted, rejected or unknown; `code` says why.

    `replayed`: an earlier call had it accepted; `reconciled`: a query found it after its answer was
    lost, so that there is no `biz_id`. That is the platform's id of the send, MessageId for
    SendMessageToGlobe; `details` is its whole answer. `retry_after` is in seconds, 0 when waiting
    does not help.
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
