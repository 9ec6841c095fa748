"""Make build/fc-sms.zip, the code package that template.yml refers to: ``make package``.

It holds what `s deploy` uploads, and the same tree gives the same bytes.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import zipfile
from pathlib import Path

from aliyun_fc_runtime_stub.package.fcignore import uploaded
from tools.secret_files import secret_files

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "build" / "fc-sms.zip"
MOMENT = (2023, 11, 1, 0, 0, 0)  # the one that the packer of `s deploy` gives every entry


class SecretFound(Exception):
    """A secret lies below functions/ or shared/; the text names its file and what to do."""


def make_package(root: Path, target: Path) -> None:
    """Write the package of the code below `root` to `target`.

    A link is packed as a link, as the packer of `s deploy` does; what it points to never is.
    Raises SecretFound.
    """
    if found := secret_files(root):
        raise SecretFound(f"{'; '.join(found)}: move it out of what is uploaded")
    target.parent.mkdir(parents=True, exist_ok=True)
    paths = sorted(str(path) for path in uploaded(root))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for path in paths:
            entry = zipfile.ZipInfo(path, MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            if (root / path).is_symlink():
                entry.external_attr = (stat.S_IFLNK | 0o777) << 16
                package.writestr(entry, _link_target(root / path))
            elif (root / path).is_file():
                entry.external_attr = 0o644 << 16
                package.writestr(entry, (root / path).read_bytes())


def _link_target(link: Path) -> str:
    """Return where a link leads, seen from its folder: no path of this machine."""
    return os.path.relpath(link.parent / link.readlink(), link.parent)


def main() -> int:
    """Make the package and say what came of it."""
    try:
        make_package(ROOT, TARGET)
    except SecretFound as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    content = TARGET.read_bytes()
    print(f"{TARGET.relative_to(ROOT)}: {len(content)} bytes")
    print(f"sha256 {hashlib.sha256(content).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
