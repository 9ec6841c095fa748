"""Reading a YAML file so that errors can name the line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from aliyun_sms_emulator.errors import ConfigError

_STEP = re.compile(r"\.?([^.\[\]]+)|\[([0-9]+)\]")


class YamlFile(NamedTuple):
    """A parsed file; `root` is None when it is empty."""

    document: object
    root: yaml.Node | None

    def line_of(self, place: str) -> int | None:
        """The line, from 1, of a place such as `templates[0].code`, or of what is nearest to it."""
        node = self.root
        line = None if node is None else node.start_mark.line + 1
        for key, index in _STEP.findall(place):
            if isinstance(node, yaml.MappingNode):
                pairs = [pair for pair in node.value if pair[0].value == key]
                if not pairs:
                    break
                line, node = pairs[0][0].start_mark.line + 1, pairs[0][1]
            elif isinstance(node, yaml.SequenceNode) and index and int(index) < len(node.value):
                node = node.value[int(index)]
                line = node.start_mark.line + 1
            else:
                break
        return line


class _Loader(yaml.SafeLoader):
    """YAML in which a repeated key and an impossible date are errors that have a line."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise _error(f"the key {key.value} stands there twice; remove one", key)
                seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            raise _error(f"{node.value}: {error}", node) from error


def read_yaml(path: Path) -> YamlFile:
    """Read a file; raises ConfigError."""
    source = str(path)
    try:
        loader = _Loader(path.read_text("utf-8"))
        root = loader.get_single_node()
        return YamlFile(None if root is None else loader.construct_document(root), root)
    except OSError as error:
        problem = f"cannot be read ({error.strerror}); check the path"
        raise ConfigError(source, "", problem) from error
    except UnicodeDecodeError as error:
        raise ConfigError(source, "", "is not UTF-8; save it as UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "a character that YAML does not allow"
        raise ConfigError(
            source, "", f"is not valid YAML: {problem}", mark.line + 1 if mark else None
        ) from error
    except RecursionError:
        raise ConfigError(source, "", "is nested too deeply; flatten it") from None


def _error(problem: str, node: yaml.Node) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
