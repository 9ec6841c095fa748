"""Runs the functions of any s.yaml as Function Compute 3.0 would, without Docker."""

from . import events
from .errors import ConfigurationError, FunctionNotFound, RequestRefused, StubError, Throttled
from .function_compute import FunctionCompute
from .instances.environments import RuntimeEnvironment, runtime_environment
from .instances.interpreters import find_interpreter
from .instances.invocation import Invocation
from .serving.destinations import Delivery
from .serving.preparation import Hint
from .serving.service import Notice
from .version import __version__

__all__ = [
    "ConfigurationError",
    "Delivery",
    "FunctionCompute",
    "FunctionNotFound",
    "Hint",
    "Invocation",
    "Notice",
    "RequestRefused",
    "RuntimeEnvironment",
    "StubError",
    "Throttled",
    "__version__",
    "events",
    "find_interpreter",
    "runtime_environment",
]
