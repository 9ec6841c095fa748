"""The signature of API version 2016-08-15, with which the fc3 component asks for its token.

Written from npm @alicloud/fc2 2.6.6 (lib/client.js, lib/helper.js).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from email.utils import formatdate

ACCOUNT = "1234567890123456"


def fc2_headers(key_id: str, secret: str, path: str) -> dict[str, str]:
    """Return the headers of a signed GET request without a body."""
    date = formatdate(usegmt=True)
    text = f"GET\n\n\n{date}\nx-fc-account-id:{ACCOUNT}\n{path}"
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    return {
        "date": date,
        "x-fc-account-id": ACCOUNT,
        "authorization": f"FC {key_id}:{signature}",
    }
