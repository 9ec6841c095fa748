"""Runs the Python functions of any s.yaml as Function Compute 3.0 would, without Docker."""

from . import events
from .destinations import Delivery
from .errors import ConfigurationError, FunctionNotFound, RequestRefused, StubError, Throttled
from .function_compute import FunctionCompute
from .interpreters import RuntimeEnvironment, find_interpreter, runtime_environment
from .invocation import Invocation
from .service import Notice

__version__ = "0.1.0"

__all__ = [
    "ConfigurationError",
    "Delivery",
    "FunctionCompute",
    "FunctionNotFound",
    "Invocation",
    "Notice",
    "RequestRefused",
    "RuntimeEnvironment",
    "StubError",
    "Throttled",
    "events",
    "find_interpreter",
    "runtime_environment",
]
