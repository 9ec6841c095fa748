"""What a code means and what to do, whoever made it: the platform, a carrier, or this project.

The tools read the codes of log lines with it, and the commands those of records and receipts.
"""

from __future__ import annotations

from shared.limit_rules import RULE_OF
from shared.platform.error_codes import find

# Each in sentences: what it means, and what to do. Limits and the platform's codes are not here.
_OURS = {
    "ambiguous-number": "The number may be of two countries. Write it with + in front.",
    "answer-lost": (
        "The platform's answer was lost: it may have taken the message. Repeat the request as it "
        "is; with shared state that never sends twice."
    ),
    "body-too-large": "The request is too large. Send in several.",
    "bucket-unavailable": (
        "The bucket of files could not be reached. The event comes again. If it stays, look at the "
        "rights of the role to the bucket."
    ),
    "configuration": "A setting is missing or wrong. The log names it: action configure.",
    "connection-failed": (
        "The platform could not be reached; nothing was sent. Look at the network of the function: "
        "its VPC, and SMS_ENDPOINT."
    ),
    "country-closed": (
        "The number is in a country that SMS_COUNTRIES does not name; nothing was sent. Add the "
        "country there, if people in it shall get SMS. If the number is one of the mainland, write "
        "+86 in front of it."
    ),
    "empty-event": "The event holds no request. Look at what its source sends.",
    "event-too-large": "The event is too large. Send several, or a file.",
    "http-refused": "An HTTP request reached a function that takes none. Remove its trigger.",
    "in-progress": "Another call was at work on the same out_id. Repeat it to learn its end.",
    "internal-error": "The function failed by a mistake of its own. The log says where. Report it.",
    "interrupted": "The function ended before it knew how the send did. Repeat the request.",
    "invalid-request": (
        "The request breaks a rule; nothing was sent. `field` in the log names the place. Correct "
        "it there."
    ),
    "malformed-body": (
        "The request's body is marked as base64, and is not base64. Call the URL of the trigger."
    ),
    "malformed-json": "The request is no JSON, or names a field twice. Send one JSON object.",
    "method-not-allowed": "The path takes another method. The header Allow names it.",
    "no-request": (
        "The event is no request to send, and of no kind that is known. Send the body of POST /sms."
    ),
    "no-success": (
        "The platform said neither yes nor no. Its receipt tells. When no SMS comes, ask for "
        "another code with a new out_id."
    ),
    "no-such-send": (
        "Nothing is known of that out_id: this caller never sent it, or longer ago than "
        "SMS_INTENT_TTL. Ask by number and date."
    ),
    "not-an-http-event": "A function with an HTTP trigger was invoked without HTTP. Call its URL.",
    "not-authenticated": (
        "The caller showed no API key, or one that is not in SMS_API_KEYS. `make api-key NAME=...` "
        "makes one."
    ),
    "not-found": (
        "The function has nothing at the path of the request: the path or a token in it is wrong, "
        "or the hook is closed. SMS_HOOKS opens hooks."
    ),
    "not-json": "The request is not marked as JSON. Send Content-Type: application/json.",
    "not-settled": "Entries of an event are open. Function Compute delivers it again.",
    "object-changed": "The file of recipients was changed after its event. Its next event counts.",
    "object-not-found": (
        "The file of recipients is not there any more. Upload it again, if it shall be sent."
    ),
    "out-id-conflict": (
        "The out_id was used before, for other content, which was or may have been sent; so this "
        "was not. Take a new out_id for each message."
    ),
    "out-of-time": "The function's time was over before this was sent. Repeat the request.",
    "prefix-blocked": (
        "The number begins with one of SMS_BLOCKED_PREFIXES; nothing was sent. Take the prefix out "
        "there, if the number shall get SMS."
    ),
    "replayed": ("It was asked for again, and answered from the record: nothing was sent twice."),
    "sending-stopped": "The owner stopped sending; `make start-sending` lets it go on.",
    "store-unavailable": (
        "The shared state could not be used, and what cannot be counted is not sent. Look at the "
        "Redis of SMS_STATE_URL."
    ),
    "test-number-ended": (
        "The last day of a test number is over. Take its entry out of SMS_TEST_NUMBERS, or give it "
        "a later day."
    ),
    "too-many-entries": "The event holds too many entries. Send several, or a file.",
    "unknown-event": "The event is of no kind that is known. Compare it with docs/events.md.",
    "unread-full": "A receipt cannot be read, and there is no room to keep it: see `make unread`.",
}
_ANSWERED_OTHERWISE = (
    "The platform answered with an HTTP status and nothing that can be read: it may have taken the "
    "message. Repeat the request as it is."
)
_NOT_DOCUMENTED = (
    "A code that is not documented. Look for the request in the console of Alibaba Cloud, or ask "
    "its support."
)


def explain(code: str) -> str:
    """Return what `code` means and what to do, in sentences; "" for no code."""
    if not code:
        return ""
    if code in _OURS:
        return _OURS[code]
    if code in RULE_OF:
        return (
            f"The limit {code} was reached; nothing was sent. It lets more through when its window "
            "is over. SMS_LIMITS changes it; docs/limits.md says what it counts."
        )
    if code.startswith("http-"):
        return _ANSWERED_OTHERWISE
    known = find(code)
    if known is None:
        return _NOT_DOCUMENTED
    return f"{known.meaning[:1].upper()}{known.meaning[1:]}. {known.advice}"
