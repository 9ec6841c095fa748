"""The HTTP contract, openapi.yaml, as what every answer is held to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests
import schemathesis
from schemathesis.core.transport import Response
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)


class Contract:
    """The document at `path`, with its operations."""

    def __init__(self, path: Path) -> None:
        self.schema: BaseSchema = schemathesis.openapi.from_path(path)
        self._checks = [
            status_code_conformance,
            content_type_conformance,
            response_headers_conformance,
            response_schema_conformance,
        ]

    def operation(self, method: str, path: str) -> APIOperation[Any, Any, Any, Any]:
        """Return the operation at ``/path``."""
        return self.schema[f"/{path}"][method]

    def check(self, method: str, path: str, response: requests.Response | Response) -> None:
        """Fail unless the operation's description has this status, type, headers and body."""
        case = self.operation(method, path).Case()
        case.validate_response(response, checks=self._checks)
