"""The pytest fixture `fc_stub`: a factory of running `FunctionCompute`s on free ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

if TYPE_CHECKING:
    from .function_compute import FunctionCompute

FcStub: TypeAlias = "Callable[..., FunctionCompute]"
"""The type of the fixture, for tests that are type-checked."""


@pytest.fixture
def fc_stub() -> Iterator[FcStub]:
    """Start function computes: `fc_stub("s.yaml", environment={...})`; all end with the test.

    Takes what `FunctionCompute` takes; `port` is 0 unless given.
    """
    from .function_compute import FunctionCompute

    with ExitStack() as stack:

        def start(*arguments: Any, **options: Any) -> FunctionCompute:
            if len(arguments) < 3:
                options.setdefault("port", 0)
            return stack.enter_context(FunctionCompute(*arguments, **options))

        yield start
