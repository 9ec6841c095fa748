"""Make an API key: ``make api-key NAME=my-shop``.

The key is shown once and kept nowhere; SMS_API_KEYS takes its name and hash.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import sys


def main() -> int:
    """Print a new 256-bit key and its entry for SMS_API_KEYS."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name):  # as SMS_API_KEYS takes it
        what = "NAME must be 1 to 40 letters, digits, - and _" if name else "NAME is missing"
        print(f"api-key: {what}: it says whose key it is", file=sys.stderr)
        print("For example: make api-key NAME=my-shop", file=sys.stderr)
        return 2
    key = secrets.token_urlsafe(32)
    print(f"key, for the caller (shown once): {key}")
    print(f"entry for SMS_API_KEYS:           {name}:{hashlib.sha256(key.encode()).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
