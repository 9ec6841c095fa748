"""Where somebody meant to go who asked for a path at which there is nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable

from aliyun_sms_emulator.near_names import meant_by

_PARTS = "the platform API is at /, the JSON API below /api, the page at /inbox"
_OF_FC_SMS = {"sms", "international-sms", "delivery-status", "codes", "receipts", "hooks"}
_PLATFORM = re.compile(r"\d{4}-\d\d-\d\d|dysmsapi.*|(Send|Query|Add|Modify|Check|Get)[A-Z]\w+")
_SHOWN = 60


def nothing_at(path: str, query: str, known: Iterable[str]) -> str:
    """Say that there is nothing at `path`, and what was probably meant.

    `known` are the paths that there are, such as ``/api/messages`` and ``/api/numbers/{number}``.
    """
    words = [word for word in path.split("/") if word]
    plain = {one.rpartition("/")[2]: one for one in known if "{" not in one and one != "/"}
    problem = f"there is nothing at {path[:_SHOWN]}"
    if "Action=" in query or any(_PLATFORM.fullmatch(word) for word in words):
        return f"{problem}; calls of the platform API all go to /, with Action as a parameter"
    if words[:1] == ["queues"]:
        return f"{problem}; a queue is at /queues/NAME/messages"
    if words and words[0] in _OF_FC_SMS:
        return f"{problem}; this is the SMS platform, and fc-sms is at another port; {_PARTS}"
    for word in reversed(words):
        if meant := meant_by(word, plain):
            return f"{problem}; did you mean {plain[meant]}?"
    return f"{problem}; {_PARTS}"
