# ruff: noqa: INP001  (a folder of its own: it comes before the standard library on sys.path)
"""One function instance: the process that loads a handler and calls it, request after request.

Started as `python -W ignore bootstrap.py CONTROL LIFELINE` with two file descriptors: a socket for
frames (see `read_frame`) and a pipe whose other end only the stub holds; when it closes, the stub
is gone and the whole process group ends. Standard library only, Python 3.9 to 3.14.

The rules come from the Function Compute pages "Python context", "Log" and "Error handling"
(https://www.alibabacloud.com/help/en/functioncompute/fc/python/) and from published copies of the
real runtime's bootstrap.py.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import importlib.util
import json
import logging
import os
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType, ModuleType, SimpleNamespace
from typing import Any

from lifeline import end_with  # type: ignore[import-not-found]

RECORD_LIMIT = 128 * 1024
_HEAD = struct.Struct(">II")
_OUTPUT = 1


class LoadError(Exception):
    """The handler could not be loaded; carries FC's own error type, and what went wrong."""

    def __init__(self, error_type: str, message: str, cause: Exception) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.cause = cause


def read_exactly(descriptor: int, size: int) -> bytes:
    """Read `size` bytes; fewer means that the stub has closed its end."""
    chunks = []
    while size:
        chunk = os.read(descriptor, min(size, 1 << 20))
        if not chunk:
            raise EOFError
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)


def read_frame(descriptor: int) -> tuple[dict[str, Any], bytes]:
    """Read one frame: two lengths (big endian, 4 bytes each), a JSON object, a payload."""
    head_size, payload_size = _HEAD.unpack(read_exactly(descriptor, _HEAD.size))
    head = json.loads(read_exactly(descriptor, head_size))
    return head, read_exactly(descriptor, payload_size)


def write_frame(descriptor: int, head: dict[str, Any], payload: bytes) -> None:
    """Write one frame in the form `read_frame` reads."""
    encoded = json.dumps(head).encode()
    write_all(descriptor, _HEAD.pack(len(encoded), len(payload)) + encoded + payload)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`, in as many pieces as are taken."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


class RecordHandler(logging.Handler):
    """Writes records as `2017-07-05T05:13:35.920Z <request id> [INFO] text`, cut at 128 KB."""

    def __init__(self, request_id: str = "") -> None:
        super().__init__()
        self.request_id = request_id

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record to standard output."""
        try:
            second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            text = self.format(record)
            line = (
                f"{second}.{int(record.msecs):03d}Z {self.request_id} [{record.levelname}] {text}"
            )
            data = line.encode("utf-8", "backslashreplace")
            if len(data) > RECORD_LIMIT:
                line = data[:RECORD_LIMIT].decode("utf-8", "ignore")
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        except Exception:
            self.handleError(record)


class Modules:
    """Loads handlers lazily and keeps them, with the loader of the named runtime."""

    def __init__(self, runtime: str, code: str) -> None:
        self._importlib = runtime == "python3.12"
        self._code = code
        self._handlers: dict[str, Callable[..., Any]] = {}

    def handler(self, name: str) -> Callable[..., Any]:
        """Return the function that `file.method` names, importing its module at the first call."""
        if name not in self._handlers:
            self._handlers[name] = self._find(name)
        return self._handlers[name]

    def _find(self, name: str) -> Callable[..., Any]:
        module_name, _, function_name = name.rpartition(".")
        module = self._load(module_name)
        try:
            function: Callable[..., Any] = getattr(module, function_name)
        except AttributeError as error:
            message = f"Handler '{function_name}' is missing on module '{module_name}'"
            raise LoadError("HandlerNotFound", message, error) from None
        return function

    def _load(self, name: str) -> ModuleType:
        try:
            if self._importlib:
                return importlib.import_module(name.replace("/", "."))
            return load_by_path(name, self._code)
        except ImportError as error:
            raise LoadError(
                "ImportModuleError", f"Unable to import module '{name}'", error
            ) from None
        except SyntaxError as error:
            message = f"Syntax error in module '{name}'"
            raise LoadError("UserCodeSyntaxError", message, error) from None
        except ValueError as error:  # of any line in the module: so the published runtime does
            raise LoadError("InvalidHandleName", f"Invalid handler '{name}'", error) from None
        except Exception as error:
            message = f"Module initialization error: '{error}'"
            raise LoadError("UserCodeError", message, error) from None


def load_by_path(name: str, code: str) -> ModuleType:
    """Load a module as the runtimes up to 3.10 do: by file, in the code folder alone.

    What stands before the last "/" is a folder, but not a package: `a/b` is the file a/b.py, loaded
    under the name "a/b", hence without a package to import relative to. A "." goes into a package,
    which must have an `__init__.py`. A name that is imported already is not loaded again, be it a
    module of the standard library.
    """
    folder, _, dotted = name.rpartition("/")
    places = [str(Path(code, folder))]
    location = ""
    for segment in dotted.split("."):
        location = _find_file(segment, places)
        places = [str(Path(location).parent)] if Path(location).stem == "__init__" else []
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, location)
    if spec is None or spec.loader is None:
        raise ImportError(f"No module named '{name}'")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _find_file(segment: str, places: list[str]) -> str:
    for place in places:
        for suffix in ("/__init__.py", *importlib.machinery.all_suffixes()):
            path = Path(place, segment + suffix)
            if path.is_file():
                return str(path)
    raise ImportError(f"No module named '{segment}'")


def make_context(config: dict[str, Any], call: dict[str, Any], logger: logging.Logger) -> Any:
    """Build the context object in the shape of the configured runtime ("Context" page)."""
    function = SimpleNamespace(
        name=config["function_name"],
        handler=config["handler"],
        memory=config["memory"],
        timeout=config["timeout"],
    )
    context = SimpleNamespace(
        request_id=call["request_id"],
        function=function,
        region=config["region"],
        account_id=config["account_id"],
        logger=logger,
        getLogger=lambda: logger,
    )
    if config["runtime"] == "python3.12":
        function.version_id, function.qualifier = "", "LATEST"
        context.logger = None
        context.log_project = config["log_project"]
        context.log_store = config["log_store"]
        return context
    context.requestId = call["request_id"]
    context.credentials = _credentials(call["credentials"])
    context.service = SimpleNamespace(
        name="",
        log_project=config["log_project"],
        log_store=config["log_store"],
        qualifier="LATEST",
        version_id="",
    )
    context.tracing = SimpleNamespace(span_context=None, span_baggages={}, jaeger_endpoint=None)
    context.retry_count = call["retry_count"]
    context.to_json = lambda: context_json(context)
    return context


def _credentials(keys: dict[str, str]) -> SimpleNamespace:
    """Build the keys, by both of the names that each has."""
    credentials = SimpleNamespace(**keys)
    credentials.accessKeyId = keys["access_key_id"]
    credentials.accessKeySecret = keys["access_key_secret"]
    credentials.securityToken = keys["security_token"]
    return credentials


def context_json(context: Any) -> str:
    """Return what `to_json` of a context does in the runtimes before python3.12."""
    keys, service, tracing = context.credentials, context.service, context.tracing
    return json.dumps(
        {
            "requestId": context.request_id,
            "credentials": {
                "accessKeyId": keys.access_key_id,
                "accessKeySecret": keys.access_key_secret,
                "securityToken": keys.security_token,
            },
            "function": vars(context.function),
            "service": {
                "name": service.name,
                "logProject": service.log_project,
                "logStore": service.log_store,
                "qualifier": service.qualifier,
                "versionId": service.version_id,
            },
            "region": context.region,
            "accountId": context.account_id,
            "retryCount": context.retry_count,
            "tracing": {
                "openTracingSpanContext": tracing.span_context,
                "openTracingSpanBaggages": tracing.span_baggages,
                "jaegerEndpoint": tracing.jaeger_endpoint,
            },
        }
    )


def serialise(value: Any) -> bytes:
    """Turn a handler's return value into the payload: str and bytes as they are, else JSON."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, str):
        return value.encode()
    return to_json(value).encode()


def to_json(value: Any) -> str:
    """Write JSON as the runtime does, for results and for errors."""
    return json.dumps(value, default=_jsonable, indent=4, sort_keys=True)


def _jsonable(value: Any) -> Any:
    import datetime
    import decimal

    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if hasattr(value, "to_json"):
        return value.to_json()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def describe_error(error: Exception) -> dict[str, Any]:
    """Build FC's error object: errorMessage, errorType, stackTrace ("Error handling" page)."""
    stack: list[Any]
    if isinstance(error, LoadError):
        error_type, stack = error.error_type, describe_cause(error.cause)
    else:
        error_type, stack = type(error).__name__, _frames(error)
    try:
        message = str(error)
    except Exception:
        message = f"<{type(error).__name__} without a readable message>"
    described: dict[str, Any] = {"errorMessage": message, "errorType": error_type}
    return {**described, "stackTrace": stack} if stack else described


def _frames(error: Exception) -> list[list[str]]:
    """Return the user's frames, each as `[File "/code/f.py", line 2, in handler, source]`."""
    return [
        [f'File "{frame.filename}"', f"line {frame.lineno}", f"in {frame.name}", frame.line or ""]
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__ and not frame.filename.startswith("<frozen ")
    ]


def describe_cause(cause: Exception) -> list[str]:
    """Return why a module could not be loaded, as the published runtime has it in stackTrace.

    Of a syntax error: `File "/code/f.py"`, `line 2`, the source, `SyntaxError: invalid syntax`.
    """
    found: list[str] = []
    for number, entry in enumerate(traceback.format_exception_only(type(cause), cause)):
        for line in entry.replace("^", "").splitlines():
            parts = line.split(",") if number == 0 else [line]
            found += [part.strip() for part in parts if part.strip()]
    return found


def peak_memory_kib() -> int:
    """Return the largest resident size of this process so far, in KiB."""
    try:
        with open("/proc/self/status", "rb") as status:  # noqa: PTH123  (on the path of every call)
            for line in status:
                if line.startswith(b"VmHWM:"):
                    return int(line.split()[1])
    except OSError:
        pass
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


class Instance:
    """The life of one instance: frames in, handler calls, frames out."""

    def __init__(self, control: int, config: dict[str, Any]) -> None:
        self._control = control
        self._process = os.getpid()
        self._config = config
        self._modules = Modules(config["runtime"], config["code"])
        self._records = RecordHandler()
        root = logging.getLogger()
        root.addHandler(self._records)
        root.setLevel(os.environ.get("FC_SERVER_LOG_LEVEL", "INFO"))

    def serve(self) -> None:
        """Answer frames until the stub closes the socket."""
        while True:
            try:
                call, payload = read_frame(self._control)
            except (EOFError, OSError):
                os._exit(0)
            head, answer = self._answer(call, payload)
            forked = os.getpid() != self._process
            with contextlib.suppress(AttributeError, OSError, ValueError):  # closed, or None
                if forked:
                    sys.stderr.write("fc-stub: a forked process came back from the handler\n")
                sys.stdout.flush()
                sys.stderr.flush()
            if forked:
                os._exit(1)
            head["memory_kib"] = peak_memory_kib()
            write_frame(self._control, head, answer)

    def _answer(self, call: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
        self._records.request_id = call["request_id"]
        try:
            function = self._modules.handler(call["handler"])
            logger = logging.Logger(call["request_id"], logging.getLogger().level)
            logger.addHandler(RecordHandler(call["request_id"]))
            context = make_context(self._config, call, logger)
            if call["hook"]:
                function(context)
                return {"ok": True}, b""
            return {"ok": True}, serialise(function(payload, context))
        except Exception as error:  # any other BaseException (SystemExit) ends the process
            described = self._without_places(describe_error(error))
            logged = described if isinstance(error, LoadError) else to_json(described)
            with contextlib.suppress(OSError, ValueError):  # the function has closed its output
                logging.getLogger().error("%s", logged)  # noqa: TRY400  (FC logs this alone)
            return {"ok": False}, to_json(described).encode()

    def _without_places(self, described: dict[str, Any]) -> dict[str, Any]:
        """Say /code and /opt for the folders that stand for them here."""
        text = json.dumps(described)
        places = {self._config["code"]: "/code"}
        places |= dict.fromkeys(self._config["layers"], "/opt")
        for here, there in places.items():
            text = text.replace(json.dumps(here + "/")[1:-1], f"{there}/")
        found: dict[str, Any] = json.loads(text)
        return found


def print_stacks(_number: int, _frame: FrameType | None) -> None:
    """Show where every thread stands: FC sends SIGTERM when a call has run out of time.

    The signal may come inside a print(), while the stream refuses any other call (RuntimeError:
    reentrant). What was raised here would be raised in the handler, as an error of its own. So the
    stacks go past the stream, and the process ends whatever happens.
    """
    try:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        for identifier, frame in sys._current_frames().items():
            stack = "".join(traceback.format_stack(frame))
            write_all(_OUTPUT, f"Thread {identifier}:\n{stack}".encode("utf-8", "backslashreplace"))
    finally:
        os._exit(143)


def set_path(config: dict[str, Any]) -> None:
    """Order sys.path as FC does: code, layers, runtime folder, PYTHONPATH, library, packages."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    layers = []
    for layer in config["layers"]:
        layers += [f"{layer}/python/lib/{version}/site-packages", f"{layer}/python"]
    sys.path[:0] = [config["code"], *layers]


def main() -> None:
    """Start: own process group, lifeline, configuration, then requests."""
    os.setpgid(0, 0)
    control, lifeline = int(sys.argv[1]), int(sys.argv[2])
    del sys.argv[1:]
    os.set_inheritable(control, False)
    end_with(lifeline)
    signal.signal(signal.SIGTERM, print_stacks)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    try:
        config, _ = read_frame(control)
    except (EOFError, OSError):
        os._exit(0)
    set_path(config)
    Instance(control, config).serve()


if __name__ == "__main__":
    main()
