"""The two kinds of refusal: by the gateway (HTTP 4xx) and by the SMS service (HTTP 200).

Texts are the gateway's English and the service's Chinese ones where public code shows them.
"""

from __future__ import annotations


class GatewayError(Exception):
    """The gateway refuses a request before the SMS service sees it; nothing was processed."""

    def __init__(self, code: str, message: str, http_status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.http_status = http_status


class NotEmulated(GatewayError):
    """The platform has what is asked for, this emulator does not."""

    def __init__(self, message: str) -> None:
        super().__init__("NotEmulated", message, 501)


class BusinessError(Exception):
    """The SMS service refuses a request: HTTP 200 and a `Code` other than OK."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


def missing(parameter: str) -> GatewayError:
    """Build the error for an absent mandatory parameter, `Missing{Parameter}`."""
    return GatewayError(f"Missing{parameter}", f"{parameter} is mandatory for this action.")
