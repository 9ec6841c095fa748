"""Code packages: what may be in one, and where it may land."""

from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path

import pytest
from alibabacloud_fc20230330 import models

from aliyun_fc_runtime_stub.control.crc64 import Crc64
from deployer import ECHO, Deployer, inline, zipped

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    "entries",
    [
        (("../outside", "x"),),
        (("a/../../outside", "x"),),
        (("/outside", "x"),),
        ((link("folder"), ".."), ("folder/outside", "x")),
        ((link("long"), "x" * 5000),),
    ],
)
def test_nothing_lands_outside(
    deployer: Deployer, entries: tuple[tuple[str | zipfile.ZipInfo, str]]
) -> None:
    with pytest.raises(Exception, match=r"InvalidArgument code: 400, code: '.*(outside|long)"):
        deployer.create("f", code=inline(zipped(*entries)))
    assert deployer.names() == []


def test_link_is_not_written_through(deployer: Deployer, tmp_path: Path) -> None:
    outside = tmp_path / "target"
    outside.write_text("untouched")
    with pytest.warns(UserWarning, match="Duplicate name"):
        package = zipped((link("out"), str(outside)), ("out", "through"), ("index.py", ECHO))
    deployer.create("f", code=inline(package))
    assert outside.read_text() == "untouched"


def test_links_and_modes_stay(deployer: Deployer) -> None:
    executable = zipfile.ZipInfo("tool")
    executable.create_system = 3
    executable.external_attr = 0o104755 << 16  # with the set-user-id bit, which goes
    code = """
import os
def handler(e, c): return [os.readlink("same"), oct(os.stat("tool").st_mode)]
"""
    package = zipped(("index.py", code), (link("same"), "index.py"), (executable, "x"))
    deployer.create("f", code=inline(package))
    assert deployer.invoke("f").body.read().split() == [b"[", b'"index.py",', b'"0o100755"', b"]"]


def test_a_package_that_unpacks_to_too_much_is_not_unpacked(deployer: Deployer) -> None:
    """A package that unpacks to over 10 GB is not unpacked at all."""
    package = zipped(("index.py", ECHO), *((f"big{number}", b"") for number in range(3)))
    size, empty = struct.pack("<I", 0xFFFFFFF0), struct.pack("<I", 0)
    claiming, place = bytearray(package), 0
    while (place := package.find(b"PK\x01\x02", place + 1)) > 0:  # each entry of the directory
        if claiming[place + 24 : place + 28] == empty:
            claiming[place + 24 : place + 28] = size
    with pytest.raises(Exception, match=r"code: holds 4 entries of 12884901.* at most"):
        deployer.create("f", code=inline(bytes(claiming)))


def test_a_wrong_checksum_is_refused(deployer: Deployer) -> None:
    """CRC-64 as OSS states it; a wrong one is refused."""
    package = zipped(("index.py", ECHO))
    crc = Crc64()
    crc.update(package)
    assert deployer.create("f", code=inline(package)).code_checksum == str(crc)
    wrong = models.InputCodeLocation(zip_file=inline(package).zip_file, checksum="1")
    with pytest.raises(Exception, match=f"code.checksum: the package's CRC-64 is {crc}"):
        deployer.update("f", code=wrong)


def test_crc64_gives_known_values() -> None:
    """Values that liblzma gives, for the check value of CRC-64/XZ and a longer one, in pieces."""
    long = bytes(range(256)) * 5
    for data, pieces, value in (
        (b"123456789", (4, 4, 9), 0x995DC9BBDF1939FA),
        (long, (3, 1000, 1280), 0xDAD07E0BAAC774FA),
    ):
        crc, start = Crc64(), 0
        for end in pieces:
            crc.update(data[start:end])
            start = end
        assert str(crc) == str(value)


def test_old_packages_go(deployer: Deployer, tmp_path: Path) -> None:
    """Each function keeps one package; functions share equal ones."""
    packages = tmp_path / "state" / "packages"
    deployer.create("f")
    deployer.create("g")
    assert len(list(packages.iterdir())) == 1
    deployer.update("f", code=inline(zipped(("index.py", "# other\n" + ECHO))))
    assert len(list(packages.iterdir())) == 2
    deployer.client.delete_function("g")
    assert len(list(packages.iterdir())) == 1
    assert deployer.invoke("f", b"x").body.read() == b"x"
