"""One call of the API, as the operations see it, and the pages of a list."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from ..web.api_paths import check_qualifier
from .arguments import invalid

T = TypeVar("T")
_LIMIT, _MOST = 20, 100
PAGING = frozenset({"limit", "nextToken", "prefix"})


class Call(NamedTuple):
    """The names in the path, the query, the body."""

    names: tuple[str, ...]
    query: Mapping[str, str]
    body: bytes

    def latest(self) -> None:
        """Refuse a qualifier other than LATEST."""
        check_qualifier(self.query.get("qualifier", ""))

    def page(
        self, items: Mapping[str, T], key: str, describe: Callable[[str, T], Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Return one page of named items under `key`, by name, with nextToken if more follow."""
        text = self.query.get("limit", "") or str(_LIMIT)
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MOST):
            invalid("limit", f"must be 1 to {_MOST}, not {text!r}")
        limit, after = int(text), _after(self.query.get("nextToken", ""))
        prefix = self.query.get("prefix", "")
        names = sorted(name for name in items if name.startswith(prefix) and name > after)
        page: dict[str, Any] = {key: [describe(name, items[name]) for name in names[:limit]]}
        if len(names) > limit:
            page["nextToken"] = base64.urlsafe_b64encode(names[limit - 1].encode()).decode()
        return page


def _after(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        invalid("nextToken", "is not one that a list returned")
