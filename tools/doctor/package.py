"""What `s deploy` would upload, as far as it would be wrong."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs

from aliyun_fc_runtime_stub.package.fcignore import uploaded
from tools.doctor.deployment import Deployment
from tools.doctor.findings import ERROR, WARN, Finding, Findings
from tools.secret_files import secret_files

CODE = PurePosixPath("/code")  # where Function Compute lays the package


def examine(deployment: Deployment) -> Findings:
    """Yield secrets below functions/ and shared/, links, and files that would be missing."""
    for folder in dict.fromkeys(function.code for function in deployment.functions):
        if folder.is_dir():
            yield from _examine(folder, deployment)


def _examine(folder: Path, deployment: Deployment) -> Findings:
    for found in secret_files(folder):
        yield Finding("package", ERROR, found, "move it out of what is uploaded")
    packed = set(uploaded(folder))
    for path in sorted(packed):
        if (folder / path).is_symlink():
            yield Finding(
                "package",
                WARN,
                f"{path} is a link: it is uploaded as one, without what it points to",
                "put the file itself there",
            )
    query = parse_qs(deployment.environ.get("SMS_STATE_URL", "").partition("?")[2])
    for name in query.get("ssl_ca_certs", []):
        file = PurePosixPath(name)
        if file.is_relative_to(CODE) and file.relative_to(CODE) not in packed:
            yield Finding(
                "package",
                ERROR,
                f"{file.relative_to(CODE)}, which SMS_STATE_URL names, is not uploaded",
                "lay it there, and name it in .fcignore",
            )
