"""Make build/fc-sms.zip, the code package that template.yml refers to: ``make package``.

It holds what `s deploy` uploads, and the same tree gives the same bytes.
"""

from __future__ import annotations

import hashlib
import sys
import zipfile
from pathlib import Path

from aliyun_fc_runtime_stub.fcignore import uploaded

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "build" / "fc-sms.zip"
MOMENT = (2023, 11, 1, 0, 0, 0)  # the one that the packer of `s deploy` gives every entry


def make_package(root: Path, target: Path) -> None:
    """Write the package of the code below `root` to `target`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    paths = sorted(str(path) for path in uploaded(root) if (root / path).is_file())
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for path in paths:
            entry = zipfile.ZipInfo(path, MOMENT)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, (root / path).read_bytes())


def main() -> int:
    """Make the package and say what came of it."""
    make_package(ROOT, TARGET)
    content = TARGET.read_bytes()
    print(f"{TARGET.relative_to(ROOT)}: {len(content)} bytes")
    print(f"sha256 {hashlib.sha256(content).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
