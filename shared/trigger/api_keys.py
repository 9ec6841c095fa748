"""API keys: whose name one has."""

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.settings import Access


def names_of_key(key: str, access: "Access") -> list[str]:
    """Return the names that `key` has in SMS_API_KEYS: none, or one.

    All keys are compared, each in constant time: how long it takes tells nothing about them.
    """
    if not key:  # whose digest SMS_API_KEYS may hold by mistake: it would let everybody in
        return []
    presented = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return [name for digest, name in access.keys.items() if hmac.compare_digest(digest, presented)]
