"""Make build/registry/, the application that `s registry publish` takes: ``make registry``.

Its form is the one of the registry of Serverless Devs: publish.yaml asks for the parameters, and
`s init fc-sms` copies src/ and writes the answers into its s.yaml. Keys are no parameters; they
come from the `.env` that the user makes of `.env.example`.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from aliyun_fc_runtime_stub.package.fcignore import uploaded
from tools.make_metadata import address, version
from tools.package import SecretFound
from tools.secret_files import secret_files

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "build" / "registry"
PARAMETERS = {  # what stands in s.yaml: what stands there in the application
    "access: default\n": 'access: "{{ access }}"\n',
    "${env('SMS_REGION', 'cn-hangzhou')}": "${env('SMS_REGION', '{{ region }}')}",
    "${env('SMS_SIGN_NAME', '')}": "${env('SMS_SIGN_NAME', '{{ signName }}')}",
    "${env('SMS_CODE_TEMPLATE', '')}": "${env('SMS_CODE_TEMPLATE', '{{ templateCode }}')}",
}
PAGES = {  # file of tools/registry/: where it lies
    "publish.yaml": ("publish.yaml",),
    "readme.md": ("readme.md", "src/readme.md"),
    "readme_en.md": ("readme_en.md", "src/readme_en.md"),
}
COPIED = {  # file of this tree: where it lies in src/
    ".fcignore": ".fcignore",
    "LICENSE": "LICENSE",
    "docs/ram-policy.json": "ram-policy.json",
    "tools/__init__.py": "tools/__init__.py",
    "tools/api_key.py": "tools/api_key.py",
    "tools/registry/env.example": ".env.example",
}
IGNORED_BY_GIT = ".env\n.s/\n__pycache__/\n"


def main() -> int:
    """Make the application anew and say where it is."""
    try:
        make_registry(ROOT, TARGET)
    except SecretFound as error:
        print(f"registry: {error}", file=sys.stderr)
        return 1
    print(f"{TARGET.relative_to(ROOT)}: fc-sms {version(ROOT)}. To publish it, in that folder:")
    print("s registry login && s registry publish")
    return 0


def make_registry(root: Path, target: Path) -> None:
    """Write the application made of the tree `root` into the folder `target`, anew.

    Raises SecretFound; and ValueError where s.yaml no longer has what becomes a parameter.
    """
    if found := secret_files(root):
        raise SecretFound(f"{'; '.join(found)}: move it out of what is uploaded")
    shutil.rmtree(target, ignore_errors=True)
    source = target / "src"
    places = {str(path): str(path) for path in uploaded(root)} | COPIED
    for path, place in places.items():
        _copy(root / path, source / place)
    (source / ".gitignore").write_text(IGNORED_BY_GIT)
    (source / "s.yaml").write_text(_with_parameters((root / "s.yaml").read_text()))
    for name, written in PAGES.items():
        text = (root / "tools" / "registry" / name).read_text("utf-8")
        text = text.replace("VERSION", version(root))
        text = text.replace("ADDRESS", address(root / "pyproject.toml"))
        for place in written:
            (target / place).write_text(text, "utf-8")
    changes = f"fc-sms {version(root)}: {address(root / 'pyproject.toml')}\n"
    (target / "version.md").write_text(changes)


def _copy(path: Path, target: Path) -> None:
    if path.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _with_parameters(text: str) -> str:
    for written, parameter in PARAMETERS.items():
        if text.count(written) != 1:
            raise ValueError(f"s.yaml has not once {written!r}, which becomes a parameter")
        text = text.replace(written, parameter)
    return text


if __name__ == "__main__":
    sys.exit(main())
