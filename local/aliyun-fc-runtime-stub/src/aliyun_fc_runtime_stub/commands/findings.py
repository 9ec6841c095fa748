"""What of an s.yaml will not work as it is written: each rule is a function, in one list.

Sources: as in the modules that each rule uses; "Python" (regions of python3.12), "Limits" (sizes of
packages), https://github.com/devsapp/fc3 (what a deploy does with an s.yaml).
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..errors import ConfigurationError
from ..instances.interpreters import find_interpreter
from ..instances.needs import handler_modules, module_places, read_needs
from ..instances.platform_paths import language_warnings
from ..package.handlers import Handler, look_at
from ..package.imports import files_of, find_module
from ..package.syntax import syntax_faults
from ..package.unpacking import MAX_PACKAGE, unpack_code
from ..serving.layers import Layers
from ..template.model import Application, Function
from ..template.properties import PYTHON_RUNTIMES
from ..template.property_map import words
from .program_findings import start_command_problems

_PYTHON_312_REGIONS = words(
    """cn-hangzhou cn-shanghai cn-qingdao cn-beijing cn-zhangjiakou cn-huhehaote cn-shenzhen
    cn-chengdu cn-hongkong ap-northeast-1 ap-southeast-7 ap-northeast-2 eu-central-1 eu-west-1
    us-east-1 us-west-1"""
)
_SECRET_FILES = (".env", ".git", ".s", "s.yaml")


class Finding(NamedTuple):
    """One thing that was found.

    `is_error`: it fails as it is written; else it differs, or does nothing. `where`: EVERYWHERE,
    STUB (both commands), SERVE (deploying to it), or PLATFORM. `function` and `place` (a property
    or a file) are empty where they are not known.
    """

    is_error: bool
    where: str
    function: str
    place: str
    text: str


EVERYWHERE, STUB, SERVE, PLATFORM = "everywhere", "fc-stub", "fc-stub serve", "Function Compute"


@dataclass(frozen=True, slots=True)
class Checked:
    """One function with a copy of its code as it would be uploaded, and folders of layers."""

    function: Function
    code: Path
    layers: Mapping[str, Path]

    @property
    def places(self) -> list[Path]:
        """The folders in which its modules are looked for."""
        given = [self.layers[arn] for arn in self.function.layers if arn in self.layers]
        return module_places(self.function, self.code, given)

    @property
    def lacks_a_layer(self) -> bool:
        """Whether modules may come from a layer that is not here."""
        return any(arn not in self.layers for arn in self.function.layers)

    def error(self, where: str, place: str, text: str) -> Finding:
        """Return an error about a property or file of the function."""
        return Finding(True, where, self.function.name, place, text)

    def note(self, where: str, place: str, text: str) -> Finding:
        """Return something that differs or does nothing."""
        return Finding(False, where, self.function.name, place, text)


def find_all(
    application: Application, faults: list[ConfigurationError], layers: Mapping[str, Path]
) -> list[Finding]:
    """Return all that is found, errors first; `faults` are those of single resources."""
    found = [Finding(True, EVERYWHERE, "", "", str(fault)) for fault in faults]
    found += _resources(application)
    with tempfile.TemporaryDirectory(prefix="fc-stub-check-") as folder:
        copies: dict[Path, Path | ConfigurationError] = {}  # functions often share their code
        for function in application.functions:
            if function.code not in copies:
                copies[function.code] = _copied(function, Path(folder, str(len(copies))))
            copy = copies[function.code]
            if isinstance(copy, ConfigurationError):
                found.append(Finding(True, EVERYWHERE, function.name, "code", str(copy)))
                continue
            checked = Checked(function, copy, layers)
            found += [one for rule in RULES for one in rule(checked)]
    return sorted(found, key=lambda one: not one.is_error)


def _copied(function: Function, folder: Path) -> Path | ConfigurationError:
    """Return a copy of what would be uploaded, or why it cannot be."""
    folder.mkdir()
    try:
        unpack_code(function.code, folder, whole_jar=function.starts_jar)
    except ConfigurationError as error:
        return error
    except OSError as error:
        place = [error.filename] if error.filename else []
        return ConfigurationError(f"cannot be read or copied: {error.strerror}", *place)
    return folder


def _resources(application: Application) -> Iterator[Finding]:
    """What concerns resources that are not run, and several functions at once."""
    for resource, reason in application.not_run.items():
        yield Finding(False, STUB, resource, "", f"is not run: {reason}")
    count = Counter(one.name.partition("@")[0] for one in application.functions)
    for name, number in count.items():
        if number > 1:
            text = (
                f"{number} regions have a function of this name: fc-stub serve knows no regions, "
                "so the second one deployed takes the place of the first (fc-stub start runs all)"
            )
            yield Finding(True, SERVE, name, "functionName", text)


def _handler(checked: Checked) -> Iterator[Finding]:
    function = checked.function
    hooks = {"initializer": function.initializer, "preStop": function.pre_stop}
    named = {"handler": function.handler}
    named |= {name: hook.handler for name, hook in hooks.items() if hook}
    by_path = function.runtime != "python3.12"
    for name, handler in named.items():
        places = [checked.code] if by_path else checked.places
        kind = look_at(places, handler, by_path=by_path)
        module, _, method = handler.rpartition(".")
        if kind is Handler.NO_FUNCTION:
            yield checked.error(EVERYWHERE, name, f"{handler}: {module} has no function {method!r}")
        elif kind is Handler.NO_FILE and (by_path or not checked.lacks_a_layer):
            yield checked.error(EVERYWHERE, name, f"{handler}: {_no_file(checked, module)}")


def _no_file(checked: Checked, module: str) -> str:
    function = checked.function
    whole = [function.code] if function.code.is_dir() else []
    dotted = module.replace("/", ".")
    if find_module(whole, dotted) is not None:
        if find_module([checked.code], dotted) is None:
            return ".fcignore keeps the file back"
        return f"{function.runtime} takes a name with dots only where each folder has __init__.py"
    text = f"there is no {module.replace('.', '/')}.py in the code"
    if function.runtime != "python3.12" and (function.layers or "/" not in module):
        return f"{text}, and {function.runtime} looks for handlers nowhere else"
    return text


def _syntax(checked: Checked) -> Iterator[Finding]:
    python = find_interpreter(checked.function.runtime) or Path(sys.executable)
    files = files_of(checked.places, handler_modules(checked.function))
    for fault in syntax_faults(python, files):
        place = f"{os.path.relpath(fault.file, checked.code)}, line {fault.line}"
        text = f"{fault.reason}: {fault.text}" if fault.text else fault.reason
        yield checked.error(EVERYWHERE, place, text)


def _needs(checked: Checked) -> Iterator[Finding]:
    if checked.lacks_a_layer:
        return  # what it brings is not known
    layers = [checked.layers[arn] for arn in checked.function.layers]
    for hint in read_needs(checked.function, checked.code, layers).hints:
        yield checked.error(EVERYWHERE, "code", hint)


def _program(checked: Checked) -> Iterator[Finding]:
    function = checked.function
    if function.custom is None:
        return
    layers = [checked.layers[arn] for arn in function.layers if arn in checked.layers]
    for text in start_command_problems(function.custom, checked.code, layers):
        yield checked.error(EVERYWHERE, "customRuntimeConfig", text)
    for text in language_warnings(function):
        yield checked.note(STUB, "", text.removeprefix(f"{function.name} "))


def _layers(checked: Checked) -> Iterator[Finding]:
    layers = Layers(checked.layers)
    for arn in checked.function.layers:
        if arn not in checked.layers:
            text = f"{arn} is not on this machine: unpack it into a folder, and give "
            optional = arn in layers.left_out(checked.function)
            found = checked.note if optional else checked.error
            yield found(STUB, "layers", f"{text}--layer {arn}=FOLDER")


def _without_effect(checked: Checked) -> Iterator[Finding]:
    for name, reason in checked.function.without_effect:
        if name == "customDomain":
            text = "s deploy to fc-stub serve ends at it, as domains cannot be had there"
            yield checked.error(SERVE, name, text)
        yield checked.note(STUB, name, f"has no effect: {reason}")


def _package(checked: Checked) -> Iterator[Finding]:
    names = {path.name for path in checked.code.iterdir()}
    for name in _SECRET_FILES:
        if name in names:
            text = f"{name} would be uploaded: name it in .fcignore"
            yield checked.note(PLATFORM, "code", text)
    size = 0
    for path in checked.code.rglob("*"):
        if path.is_symlink():
            target = os.path.normpath(path.parent / path.readlink())
            if not Path(target).is_relative_to(checked.code):
                name = str(path.relative_to(checked.code))
                text = f"{name} is a link out of the code folder, which leads nowhere there"
                yield checked.error(PLATFORM, "code", text)
        elif path.is_file():
            size += path.stat().st_size
    if size > MAX_PACKAGE:
        text = f"{size // 1024**2} MB of files: a package may have 500 MB, in some regions 100 MB"
        yield checked.note(PLATFORM, "code", text)


def _region(checked: Checked) -> Iterator[Finding]:
    function = checked.function
    if function.runtime == "python3.12" and function.region not in _PYTHON_312_REGIONS:
        text = f"python3.12 is not offered in {function.region}: use python3.10, or another region"
        yield checked.error(PLATFORM, "runtime", text)


def _roles(checked: Checked) -> Iterator[Finding]:
    function = checked.function
    if (function.on_success or function.on_failure) and not function.role:
        text = "is missing: a destination is told in the name of the function's role"
        yield checked.error(PLATFORM, "role", text)


def _cors(checked: Checked) -> Iterator[Finding]:
    trigger = checked.function.http_trigger
    if trigger is not None and trigger.cors is not None:
        text = "is offered on invitation only; without it answer OPTIONS in the function"
        yield checked.note(PLATFORM, "corsConfig", text)


def _for_python(rule: Callable[[Checked], Iterator[Finding]]) -> Rule:
    """Return a rule for functions of the Python runtimes alone."""

    def applied(checked: Checked) -> Iterator[Finding]:
        if checked.function.runtime in PYTHON_RUNTIMES:
            yield from rule(checked)

    return applied


Rule = Callable[[Checked], Iterator[Finding]]
RULES: tuple[Rule, ...] = (
    _for_python(_handler),
    _for_python(_syntax),
    _needs,
    _program,
    _layers,
    _region,
    _roles,
    _package,
    _cors,
    _without_effect,
)
