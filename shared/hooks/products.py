"""The products whose hooks are understood: one row each.

To add one, write a translator (contract.py says what it is) and a row here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import NamedTuple

from shared.hooks.contract import Alarm, Code, Hook

CODES, ALARMS = "codes", "alarms"
# Who may call, see authentication.py.
KEY, TOKEN, JWT = "key", "token", "jwt"
STANDARD_WEBHOOKS, ZITADEL, GRAFANA = "standard-webhooks", "zitadel", "grafana"

Translate = Callable[[Hook], Code | Alarm]


class Product(NamedTuple):
    """A product that calls ``/hooks/<name>``.

    It sends `kind`: codes or alarms. `access` says how it shows who it is, `answer` which form of
    answer it takes (answers.py). `repeats`: it sends a request again that was answered with 5xx.
    """

    name: str
    kind: str
    access: str = KEY
    answer: str = "plain"
    repeats: bool = False

    @property
    def space(self) -> str:
        """Whose out_ids its sends have (ids.py)."""
        return f".hook-{self.name}"

    @property
    def secret_variable(self) -> str:
        """The variable that holds its secrets."""
        return f"SMS_HOOK_{self.name.upper().replace('-', '_')}_SECRET"

    @property
    def has_secret(self) -> bool:
        """Whether it shows more than an API key."""
        return self.access != KEY

    def translator(self) -> Translate:
        """Return the translator; only that of the product which calls is loaded."""
        module = importlib.import_module(f"shared.hooks.{self.name.replace('-', '_')}")
        translate: Translate = module.translate
        return translate


PRODUCTS = (
    Product("auth0", CODES, access=JWT),
    Product("authentik", CODES),
    Product("casdoor", CODES),
    Product("logto", CODES),
    Product("novu", CODES, answer="novu"),
    Product("supabase", CODES, access=STANDARD_WEBHOOKS, answer="supabase", repeats=True),
    Product("zitadel", CODES, access=ZITADEL, repeats=True),
    Product("alertmanager", ALARMS, repeats=True),
    Product("cloudmonitor", ALARMS, access=TOKEN, repeats=True),
    Product("grafana", ALARMS, access=GRAFANA, repeats=True),
    Product("uptime-kuma", ALARMS),
    Product("generic", CODES),
)
PRODUCT_OF = {product.name: product for product in PRODUCTS}
