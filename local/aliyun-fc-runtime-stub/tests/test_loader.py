"""How a handler is found.

Sources: https://www.alibabacloud.com/help/doc-detail/74756.htm (file.method), a published traceback
of python3.12 (importlib, "/" as "."), a published copy of the 3.6/3.9 runtime (by file).
The loader of python3.10 is not confirmed; it is taken to be the old one.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from stub_project import RUNTIMES, Project

NEW = [name for name in RUNTIMES if name == "python3.12"]
OLD = [name for name in RUNTIMES if name != "python3.12"]
PLAIN = "def handler(event, context): return 'ok'"


def call(project: Project, runtime: str, handler: str) -> Any:
    project.function("f", handler=handler, runtime=runtime)
    invocation = project.start().invoke("f")
    if invocation.error_type:
        return json.loads(invocation.payload)["errorType"]
    return invocation.payload.decode()


@pytest.mark.parametrize("package", [True, False])
def test_slash_form_works_everywhere(project: Project, runtime: str, package: bool) -> None:
    """`functions/send/index.handler` works with both loaders, with or without __init__.py."""
    project.files({"functions/send/index.py": PLAIN})
    if package:
        project.files({"functions/__init__.py": "", "functions/send/__init__.py": ""})
    assert call(project, runtime, "functions/send/index.handler") == "ok"


def test_the_dotted_form_works_everywhere_with_packages(project: Project, runtime: str) -> None:
    """The dotted form works everywhere if every folder has an __init__.py."""
    project.files({"a/__init__.py": "", "a/b/__init__.py": "", "a/b/index.py": PLAIN})
    assert call(project, runtime, "a.b.index.handler") == "ok"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_dotted_form_without_packages_works_in_the_new_loader_alone(
    project: Project, runtime: str
) -> None:
    """Without __init__.py only python3.12 finds it."""
    project.files({"a/b/index.py": PLAIN})
    expected = "ok" if runtime in NEW else "ImportModuleError"
    assert call(project, runtime, "a.b.index.handler") == expected


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_relative_import_in_the_slash_form_works_in_the_new_loader_alone(
    project: Project, runtime: str
) -> None:
    """`from . import x` in the handler's file fails in the old loader's "/" form only."""
    text = "from . import x\ndef handler(event, context): return x.value"
    project.files(
        {"a/__init__.py": "", "a/b/__init__.py": "", "a/b/x.py": "value = 'ok'", "a/b/i.py": text}
    )
    assert call(project, runtime, "a/b/i.handler") == (
        "ok" if runtime in NEW else "ImportModuleError"
    )


def test_a_relative_import_in_the_dotted_form_works_everywhere(
    project: Project, runtime: str
) -> None:
    """With the dotted form and __init__.py it works in both."""
    text = "from . import x\ndef handler(event, context): return x.value"
    project.files(
        {"a/__init__.py": "", "a/b/__init__.py": "", "a/b/x.py": "value = 'ok'", "a/b/i.py": text}
    )
    assert call(project, runtime, "a.b.i.handler") == "ok"


def test_sibling_import_fails(project: Project, runtime: str) -> None:
    """Only /code is on sys.path, so a file beside the handler is not found by its bare name."""
    text = "import sibling\ndef handler(event, context): return 'ok'"
    project.files({"a/sibling.py": "", "a/index.py": text})
    assert call(project, runtime, "a/index.handler") == "ImportModuleError"


def test_a_package_at_the_root_is_found_from_any_handler(project: Project, runtime: str) -> None:
    """A top-level package in /code is found from any handler."""
    text = "from sms import core\ndef handler(event, context): return core.value"
    project.files({"sms/core.py": "value = 'ok'", "functions/send.py": text})
    assert call(project, runtime, "functions/send.handler") == "ok"


LOAD_ERRORS = [
    (
        "import no_such_module",
        "ImportModuleError",
        "Unable to import module 'f0'",
        ["ModuleNotFoundError: No module named 'no_such_module'"],
    ),
    (
        "x = 1\ndef handler(:",
        "UserCodeSyntaxError",
        "Syntax error in module 'f1'",
        ['File "/code/f1.py"', "line 2", "def handler(:", "SyntaxError: invalid syntax"],
    ),
    (
        "1 / 0",
        "UserCodeError",
        "Module initialization error: 'division by zero'",
        ["ZeroDivisionError: division by zero"],
    ),
    (
        "int('x')",
        "InvalidHandleName",
        "Invalid handler 'f3'",
        ["ValueError: invalid literal for int() with base 10: 'x'"],
    ),
    (
        "x = 1",
        "HandlerNotFound",
        "Handler 'handler' is missing on module 'f4'",
        ["AttributeError: module 'f4' has no attribute 'handler'"],
    ),
    ("handler = 5", "TypeError", "'int' object is not callable", None),
]


def test_code_that_cannot_be_loaded_is_told_by_the_type_of_its_error(
    project: Project, runtime: str
) -> None:
    """Published runtime (util): the error types; the cause stands in stackTrace only."""
    for index, (text, *_) in enumerate(LOAD_ERRORS):
        project.function(f"f{index}", text, runtime=runtime)
    fc = project.start()
    for index, (_, error_type, message, cause) in enumerate(LOAD_ERRORS):
        invocation = fc.invoke(f"f{index}")
        error = json.loads(invocation.payload)
        assert invocation.error_type == "UnhandledInvocationError"
        assert (error["errorType"], error["errorMessage"]) == (error_type, message)
        assert error.get("stackTrace") == cause


def test_a_syntax_error_of_an_imported_module_names_its_file_line_and_text(
    project: Project, runtime: str
) -> None:
    """The log line is the object in Python's own notation, as in a log that a user published."""
    project.files({"lib/helper.py": "X = 1\n\n\ndef broken(:\n    pass\n"})
    project.function("f", "from lib import helper\ndef handler(e, c): pass", runtime=runtime)
    invocation = project.start().invoke("f")
    assert json.loads(invocation.payload) == {
        "errorMessage": "Syntax error in module 'f'",
        "errorType": "UserCodeSyntaxError",
        "stackTrace": [
            'File "/code/lib/helper.py"',
            "line 4",
            "def broken(:",
            "SyntaxError: invalid syntax",
        ],
    }
    assert "[ERROR] {'errorMessage': \"Syntax error in module 'f'\", 'errorType': 'UserC" in (
        invocation.log
    )


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_old_loader_looks_into_the_code_alone(project: Project, runtime: str) -> None:
    """The new one finds what can be imported: a layer, the standard library."""
    layer = project.folder / "layer/python"
    layer.mkdir(parents=True)
    (layer / "layered.py").write_text("def handler(event, context): return 'from layer'")
    project.function("f", handler="layered.handler", runtime=runtime, layers=["acs:layer"])
    project.function("g", handler="json.loads", runtime=runtime)
    fc = project.start(layers={"acs:layer": project.folder / "layer"})
    of_layer, of_library = fc.invoke("f").payload, fc.invoke("g").payload
    if runtime in NEW:
        assert of_layer == b"from layer"
        assert json.loads(of_library)["errorType"] == "TypeError"  # it is called with a context
    else:
        assert json.loads(of_layer)["errorType"] == "ImportModuleError"
        assert json.loads(of_library)["errorType"] == "ImportModuleError"


@pytest.mark.parametrize("runtime", OLD)
def test_the_old_loader_does_not_load_a_name_that_is_imported_already(
    project: Project, runtime: str
) -> None:
    project.files({"json.py": PLAIN})
    assert call(project, runtime, "json.handler") == "HandlerNotFound"


def test_a_missing_module_is_told(project: Project, runtime: str) -> None:
    assert call(project, runtime, "none.handler") == "ImportModuleError"


def test_a_module_is_loaded_once_and_at_the_first_request(project: Project, runtime: str) -> None:
    """The module is imported at the first request, inside its log, and then kept."""
    text = """
        print("imported")
        calls = []
        def handler(event, context): calls.append(1); return str(len(calls))
    """
    project.function("f", text, runtime=runtime)
    fc = project.start()
    first, second = fc.invoke("f"), fc.invoke("f")
    assert (first.payload, second.payload) == (b"1", b"2")
    assert "imported" in first.log
    assert "imported" not in second.log
