"""What each product is answered: 200 and small JSON, or an error in the form that it shows.

No answer has Retry-After: who reads it would knock again at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from shared.clock import utc_timestamp
from shared.trigger.http_trigger import Response

if TYPE_CHECKING:
    from shared.hooks.products import Product

_OK = 200


def accepted(product: Product, out_id: str, *, outcome: str, now: float) -> Response:
    """Answer that a code was sent, or has probably arrived: `outcome` accepted or unknown."""
    return Response(_OK, _BODIES[product.answer](out_id, outcome, utc_timestamp(now)))


def refused(product: Product, problem: Response) -> Response:
    """Answer that nothing was sent; `problem` is a problem document."""
    response = problem._replace(headers={})
    if product.answer != "supabase" or not isinstance(problem.body, dict):
        return response
    # Supabase shows the message to the person who asked, and repeats nothing that was answered so.
    error = {"http_code": problem.status, "message": problem.body.get("detail", "")}
    return Response(_OK, {"error": error})


def _plain(out_id: str, outcome: str, _time: str) -> dict[str, Any]:
    return {"outcome": outcome, "out_id": out_id}


def _nothing_but_ok(_out_id: str, _outcome: str, _time: str) -> dict[str, Any]:
    return {}


def _with_id(out_id: str, outcome: str, time: str) -> dict[str, Any]:
    """Return what Novu reads: an id at the path ``out_id`` or ``data.id``, a date beside it."""
    return {
        "outcome": outcome,
        "out_id": out_id,
        "data": {"id": out_id, "date": time},
    }


Body = Callable[[str, str, str], dict[str, Any]]
_BODIES: Mapping[str, Body] = {"plain": _plain, "supabase": _nothing_but_ok, "novu": _with_id}
