"""A code that a product made, sent once as SMS."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shared.errors import InvalidRequest
from shared.fields import read_client_ip
from shared.hooks import answers
from shared.hooks.repeats import Repeats
from shared.sending import protocol
from shared.sending.code_messages import CodeMessage, code_intent, read_recipient
from shared.sending.limits import Limits
from shared.sending.scenes import instance_scenes
from shared.settings import read_code_settings
from shared.trigger.answers import send_response
from shared.trigger.http_trigger import Response

if TYPE_CHECKING:
    from shared.hooks.contract import Code
    from shared.hooks.products import Product
    from shared.trigger.invocation import Invocation


def send_code(product: Product, code: Code, invocation: Invocation) -> Response:
    """Send a code, unless that was done for this request before, and answer its product.

    Raises what protocol.send does, before anything is sent.
    """
    api = invocation.api
    scene = instance_scenes().code(f"{product.name}:{code.kind}", product.name)
    settings = scene.applied_to(read_code_settings(os.environ))
    recipient = read_recipient(code.phone_number, code.number_field)
    repeats = Repeats(product, api, invocation.store)
    message = CodeMessage(
        recipient=recipient,
        code=code.code,
        out_id="checked",  # what cannot be sent is refused before it has a record
        space=product.space,
        client_ip=_address(code.client_ip),
        # The code is the product's own: one that knows test numbers, too, lets it pass.
        is_for_test=bool(
            settings.fixed_code(recipient.e164, api.clock.now(), field=recipient.field)
        ),
    )
    Limits(api).check_destinations(code_intent(message, settings))
    out_id = repeats.out_id([recipient.e164, code.code, code.kind], code.repeat_key)
    intent = code_intent(message._replace(out_id=out_id), settings)
    outcomes = protocol.send(intent, api, invocation.deadline, store=invocation.store)
    (outcome,) = outcomes
    api.log.event("info", "hook", outcome.outcome, product=product.name, code=outcome.code)
    if outcome.outcome == "rejected":
        problem = send_response(out_id, outcomes, has_store=invocation.store is not None)
        return answers.refused(product, problem)
    # A code that is unknown has probably arrived, and a second one must not follow it.
    return answers.accepted(product, out_id, outcome=outcome.outcome, now=api.clock.now())


def _address(client_ip: str) -> str:
    """Return the address that a product names; "" where it is none, which no rule then counts.

    A product behind a proxy may name a chain: the first is that of the person who asked.
    """
    first = client_ip.partition(",")[0].strip()
    try:
        return read_client_ip({"client_ip": first}) if first else ""
    except InvalidRequest:
        return ""
