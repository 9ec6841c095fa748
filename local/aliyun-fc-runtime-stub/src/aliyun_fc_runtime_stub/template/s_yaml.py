"""Reading s.yaml (Serverless Devs edition 3.0.0) without the `s` CLI.

Sources: https://github.com/Serverless-Devs/Serverless-Devs/tree/master/docs (yaml, variables) and
what @serverless-devs/s 3.1.10 does when tried.
"""

from __future__ import annotations

import collections
import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from ..errors import ConfigurationError
from .domains import Domain, read_domain, with_routes
from .model import Application, Function
from .properties import read_function, unsupported_runtime
from .variables import Variables

_NAME_IT = "name the s.yaml with -t"


class _Loader(yaml.SafeLoader):
    """YAML as the CLI reads it: yes, no, on, off are strings, a repeated key is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a map, once its keys are known to differ."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen and key.value != "<<":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is repeated", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":int"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"[-+]?(?:0b[01]+|0x[0-9a-fA-F]+|0|[1-9][0-9]*)\Z"),
    list("-+0123456789"),
)


def load_application(
    path: str | Path,
    variables: Mapping[str, str] | None = None,
    sources: set[Path] | None = None,
    faults: list[ConfigurationError] | None = None,
) -> Application:
    """Read one s.yaml and return its functions.

    `variables` is what `${env()}` sees (default: the environment of this process); a `.env` beside
    s.yaml, or in a code folder, fills in what is not set there. `sources` is given every file that
    has been looked for, even if this raises ConfigurationError. `faults`, if it is there, takes the
    errors of single resources, and the others are read all the same.
    """
    path = Path(path)
    sources = set() if sources is None else sources
    document = _document(path, (), sources)
    resources = _resources(document, path)
    environment = dict(os.environ if variables is None else variables)
    for folder in (path.parent, *_code_folders(resources, path.parent)):
        sources.add(folder / ".env")
        for name, value in read_dotenv(folder / ".env").items():
            environment.setdefault(name, value)
    document["resources"] = resources
    resolver = Variables(document, path.parent, environment, sources)
    reader = _Reader(path, resolver)
    for name, resource in resources.items():
        with contextlib.nullcontext() if faults is None else _kept(faults):
            reader.read(name, resource)
    routed = {name for domain in reader.domains for name in domain.functions}
    names = frozenset(domain.name for domain in reader.domains if domain.name)
    functions = _told_apart(with_routes(reader.functions, routed))
    return Application(path, functions, reader.not_run, names)


@contextlib.contextmanager
def _kept(faults: list[ConfigurationError]) -> Iterator[None]:
    """Keep an error, and go on."""
    try:
        yield
    except ConfigurationError as error:
        faults.append(error)


class _Reader:
    """Reads resources, one after the other."""

    def __init__(self, path: Path, resolver: Variables) -> None:
        self.functions: list[Function] = []
        self.not_run: dict[str, str] = {}
        self.domains: list[Domain] = []
        self._path = path
        self._resolver = resolver

    def read(self, name: str, resource: Mapping[str, Any]) -> None:
        """Read one resource; raises ConfigurationError."""
        place = (self._path.name, name)
        named = resource.get("component", "")
        component = str(self._resolver.resolve(named, (*place, "component"), name))
        if component.split("@")[0] == "fc3-domain":
            self.domains.append(read_domain(self._resolver, resource["props"], (*place, "props")))
        if component.split("@")[0] != "fc3":
            self.not_run[name] = f"component {component!r} is not fc3"
            return
        props = self._resolver.resolve(resource["props"], (*place, "props"), name)
        own = props.get("customDomain")
        self.domains.append(read_domain(self._resolver, own, (*place, "props", "customDomain")))
        if isinstance(own, Mapping) and own.get("route"):
            self.domains.append(Domain("", (str(props.get("functionName")),)))
        if reason := unsupported_runtime(props.get("runtime")):
            self.not_run[name] = reason
            return
        function = replace(
            read_function(name, props, self._path), before_deploy=_before_deploy(resource)
        )
        self._check_unique(function)
        self.functions.append(function)

    def _check_unique(self, function: Function) -> None:
        for other in self.functions:
            if (other.region, other.name) == (function.region, function.name):
                raise ConfigurationError(
                    f"{function.name!r} is also the function of resource {other.resource!r}: "
                    "give it another name",
                    self._path.name,
                    function.resource,
                    "functionName",
                )


def _before_deploy(resource: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the commands of `actions` that s deploy runs before it uploads the code."""
    actions = resource.get("actions")
    found = []
    for when, steps in actions.items() if isinstance(actions, dict) else ():
        if not str(when).startswith("pre-") or "deploy" not in str(when):
            continue
        for step in steps if isinstance(steps, list) else ():
            if isinstance(step, dict) and isinstance(step.get("run"), str):
                folder = step.get("path")
                found.append(f"(cd {folder} && {step['run']})" if folder else step["run"])
    return tuple(found)


def _told_apart(functions: list[Function]) -> tuple[Function, ...]:
    """Return the functions; those whose name another region has too are called NAME@REGION."""
    count = collections.Counter(function.name for function in functions)
    return tuple(
        replace(function, name=f"{function.name}@{function.region}")
        if count[function.name] > 1
        else function
        for function in functions
    )


def _document(path: Path, parents: tuple[Path, ...], sources: set[Path]) -> dict[str, Any]:
    if path in parents:
        raise ConfigurationError("extends itself", path)
    sources.add(path)
    try:
        loaded = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506
    except FileNotFoundError:
        raise ConfigurationError(
            "there is no such file: name it with -t, or change to its folder", path
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8" if isinstance(error, ValueError) else error.strerror
        raise ConfigurationError(f"cannot be read ({reason}): {_NAME_IT}", path) from None
    except yaml.YAMLError as error:
        raise ConfigurationError(
            f"is not YAML ({_reason(error)}): correct it, or {_NAME_IT}", path
        ) from None
    if not isinstance(loaded, dict):
        raise ConfigurationError(f"must be a map with edition and resources: {_NAME_IT}", path)
    base = loaded.pop("extend", None)
    if base is None:
        return loaded
    if not isinstance(base, str):
        raise ConfigurationError("must be the path of a file", path, "extend")
    return _merge(_document(path.parent / base, (*parents, path), sources), loaded)


def _reason(error: yaml.YAMLError) -> str:
    """Say in one line where and why a text is not YAML."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    return f"line {mark.line + 1}: {problem}" if mark and problem else str(error)


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two maps, deeply; lists and plain values of `over` replace those of `base`."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            merged[key] = _merge(below, value)
        else:
            merged[key] = value
    return merged


def _resources(document: Mapping[str, Any], path: Path) -> dict[str, dict[str, Any]]:
    edition = str(document.get("edition", ""))
    if not edition.startswith("3."):
        raise ConfigurationError(
            f"is {edition or 'missing'}; only edition 3.0.0 is supported", path.name, "edition"
        )
    resources = document.get("resources")
    if not isinstance(resources, dict) or not resources:
        raise ConfigurationError("must be a map with at least one resource", path.name, "resources")
    read: dict[str, dict[str, Any]] = {}
    for name, resource in resources.items():
        if not isinstance(resource, dict) or not isinstance(resource.get("props", {}), dict):
            raise ConfigurationError("must be a map with component and props", path.name, name)
        read[str(name)] = {**resource, "props": _with_template(document, resource, path, str(name))}
    return read


def _with_template(
    document: Mapping[str, Any], resource: Mapping[str, Any], path: Path, name: str
) -> dict[str, Any]:
    props = dict(resource.get("props", {}))
    extend = resource.get("extend")
    if extend is None:
        return props
    place = (path.name, name, "extend")
    if not isinstance(extend, dict) or not set(extend) <= {"name", "ignore"}:
        raise ConfigurationError("must be a map of name and ignore", *place)
    templates = document.get("template")
    template = templates.get(extend.get("name")) if isinstance(templates, dict) else None
    if not isinstance(template, dict):
        raise ConfigurationError(f"there is no template {extend.get('name')!r}", *place)
    ignored = extend.get("ignore", [])
    if not isinstance(ignored, list):
        raise ConfigurationError("ignore must be a list of properties", *place)
    return _merge({key: item for key, item in template.items() if key not in ignored}, props)


def _code_folders(resources: Mapping[str, Mapping[str, Any]], folder: Path) -> list[Path]:
    codes = [resource["props"].get("code") for resource in resources.values()]
    return [folder / code for code in codes if isinstance(code, str) and "${" not in code]


def read_dotenv(path: Path) -> dict[str, str]:
    """Read a .env file (`NAME=value` lines, `export` and quotes allowed); none is an empty one."""
    if not path.is_file():
        return {}
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        name, sign, value = line.strip().removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        if not sign or not name or name.startswith("#"):
            continue
        if value[:1] in {"'", '"', "`"} and value.find(value[0], 1) > 0:
            quote = value[0]
            value = value[1 : value.index(quote, 1)]
            value = value.replace("\\n", "\n") if quote == '"' else value
        else:
            value = value.split(" #")[0].strip()
        found[name] = value
    return found
