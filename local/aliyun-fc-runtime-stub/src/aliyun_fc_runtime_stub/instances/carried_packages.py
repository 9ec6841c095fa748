"""The packages that the Python runtimes carry: a row each, with what is imported and its versions.

Sources: https://www.alibabacloud.com/help/en/functioncompute/fc/python/ for python3.12 and
python3.10; for python3.9 and python3 (3.6) the requirements of the published images
(github.com/aliyun/fc-docker, python3.9/base/requirements.txt), which name dependencies as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

_RUNTIMES = ("python3.12", "python3.10", "python3.9", "python3")
ALWAYS = frozenset({"requests", "redis", "oss2"})
"""Distributions that are part of each environment: most functions need no other."""


class Carried(NamedTuple):
    """A distribution that a runtime carries, in the version that the documentation names.

    `installed` is another version, where that one cannot be had: it was never published, or is for
    Python 3.6, whose functions run under a newer one here.
    """

    name: str
    version: str
    installed: str = ""

    @property
    def requirement(self) -> str:
        """What pip is given for it."""
        return f"{self.name}=={self.installed or self.version}"


# Versions that the documentation names and that were never published, and what stands for them.
_REAL = {
    ("PyMySQL", "1.4.6"): "1.1.1",
    ("alibabacloud_sts20150401", "3.1.0"): "1.1.4",
    ("pyOpenSSL", "1.0.2"): "22.1.0",
}


class _Row(NamedTuple):
    """A distribution, the modules it brings (those of its dependencies included), and its version
    in each of _RUNTIMES, empty where it is not carried."""

    name: str
    modules: str
    versions: tuple[str, str, str, str]


_ROWS = (
    _Row("requests", "requests urllib3 certifi idna", ("2.32.3", "2.28.1", "2.26.0", "2.27.1")),
    _Row("redis", "redis", ("5.0.7", "4.4.0", "", "")),
    _Row("oss2", "oss2 aliyunsdkcore crcmod Crypto six", ("2.18.6", "2.16.0", "2.15.0", "2.9.1")),
    _Row("tablestore", "tablestore google.protobuf", ("", "5.4.1", "5.2.1", "5.1.0")),
    _Row("aliyun-fc2", "fc2", ("", "2.5.2", "2.5.0", "2.3.0")),
    _Row(
        "aliyun-log-python-sdk", "aliyun.log dateutil dateparser", ("", "0.8.0", "0.7.3", "0.6.38")
    ),
    _Row("aliyun-mns", "mns", ("", "1.1.5", "1.1.5", "1.1.5")),
    _Row("aliyun-python-sdk-cdn", "aliyunsdkcdn", ("", "3.7.8", "3.6.7", "3.0.8")),
    _Row("aliyun-python-sdk-dds", "aliyunsdkdds", ("", "", "3.6.0", "2.0.7")),
    _Row("aliyun-python-sdk-ecs", "aliyunsdkecs", ("", "4.24.26", "4.24.11", "4.10.1")),
    _Row("aliyun-python-sdk-fnf", "aliyunsdkfnf", ("", "", "1.8.0", "1.3.0")),
    _Row("aliyun-python-sdk-imm", "aliyunsdkimm", ("", "", "1.23.4", "1.3.4")),
    _Row("aliyun-python-sdk-iot", "aliyunsdkiot", ("", "8.47.0", "8.30.0", "7.8.0")),
    _Row("aliyun-python-sdk-kms", "aliyunsdkkms", ("", "2.16.0", "2.15.0", "2.14.0")),
    _Row("aliyun-python-sdk-ram", "aliyunsdkram", ("", "3.2.0", "3.2.0", "3.0.0")),
    _Row("aliyun-python-sdk-rds", "aliyunsdkrds", ("", "2.7.2", "2.6.1", "2.1.4")),
    _Row("aliyun-python-sdk-sts", "aliyunsdksts", ("", "3.1.0", "3.1.0", "3.0.0")),
    _Row("aliyun-python-sdk-vpc", "aliyunsdkvpc", ("", "3.0.27", "3.0.15", "3.0.2")),
    _Row("alibabacloud_cdn20180510", "alibabacloud_cdn20180510", ("4.0.0", "", "", "")),
    _Row("alibabacloud_ecs20140526", "alibabacloud_ecs20140526", ("4.1.9", "", "", "")),
    _Row("alibabacloud_iot20180120", "alibabacloud_iot20180120", ("5.1.0", "", "", "")),
    _Row("alibabacloud_kms20160120", "alibabacloud_kms20160120", ("2.2.1", "", "", "")),
    _Row("alibabacloud-mns-open20220119", "alibabacloud_mns_open20220119", ("1.0.3", "", "", "")),
    _Row("alibabacloud_ram20150501", "alibabacloud_ram20150501", ("1.1.0", "", "", "")),
    _Row("alibabacloud_rds20140815", "alibabacloud_rds20140815", ("6.0.1", "", "", "")),
    _Row("alibabacloud_sls20201230", "alibabacloud_sls20201230", ("5.2.2", "", "", "")),
    _Row(
        "alibabacloud_sts20150401",
        "alibabacloud_sts20150401 Tea alibabacloud_tea_openapi alibabacloud_tea_util "
        "alibabacloud_credentials alibabacloud_openapi_util alibabacloud_endpoint_util",
        ("3.1.0", "", "", ""),
    ),
    _Row("alibabacloud_vpc20160428", "alibabacloud_vpc20160428", ("6.7.2", "", "", "")),
    _Row(
        "alibabacloud-fc-open20210406",
        "alibabacloud_fc_open20210406 Tea alibabacloud_tea_openapi alibabacloud_tea_util "
        "alibabacloud_credentials",
        ("", "", "1.0.1", ""),
    ),
    _Row(
        "elasticsearch", "elasticsearch elastic_transport", ("8.14.0", "8.5.2", "7.15.2", "6.8.2")
    ),
    _Row("Pillow", "PIL", ("10.4.0", "9.3.0", "8.4.0", "")),
    _Row("PyMySQL", "pymysql", ("1.4.6", "1.0.2", "", "")),
    _Row("pyOpenSSL", "OpenSSL cryptography", ("24.2.1", "1.0.2", "21.0.0", "18.0.0")),
    _Row(
        "scrapy",
        "scrapy twisted lxml parsel w3lib itemadapter itemloaders zope.interface",
        ("2.11.2", "2.7.1", "2.5.1", "1.4.0"),
    ),
    _Row("wand", "wand", ("0.6.11", "0.6.10", "0.6.7", "0.6.7")),
    _Row("matplotlib", "matplotlib", ("", "", "3.4.3", "2.0.2")),
    _Row("numpy", "numpy", ("", "", "1.21.4", "")),
    _Row("opencv-python", "cv2", ("", "", "4.5.4.58", "3.3.0.10")),
    _Row("scipy", "scipy", ("", "", "1.7.2", "")),
)
# Dependencies whose newest versions do not go with what is carried: as of the time of that.
_DEPENDENCIES: Mapping[str, str] = {
    "python3.12": "w3lib==2.1.2 Twisted==24.7.0",
    "python3.10": "w3lib==2.1.2 Twisted==22.10.0",
    "python3": "w3lib==2.1.2 Twisted==22.10.0",
    "python3.9": """
    aiohttp==3.8.1 aiosignal==1.2.0 alibabacloud-credentials==0.2.0
    alibabacloud-endpoint-util==0.0.3 alibabacloud-fc-open20210406==1.0.1
    alibabacloud-gateway-spi==0.0.1 alibabacloud-openapi-util==0.1.5 alibabacloud-tea==0.2.8
    alibabacloud-tea-openapi==0.3.0 alibabacloud-tea-util==0.3.5 aliyun-fc==0.6 aliyun-fc2==2.5.0
    aliyun-log-python-sdk==0.7.3 aliyun-mns==1.1.5 aliyun-python-sdk-cdn==3.6.7
    aliyun-python-sdk-core==2.13.35 aliyun-python-sdk-dds==3.6.0 aliyun-python-sdk-ecs==4.24.11
    aliyun-python-sdk-fnf==1.8.0 aliyun-python-sdk-imm==1.23.4 aliyun-python-sdk-iot==8.30.0
    aliyun-python-sdk-kms==2.15.0 aliyun-python-sdk-ram==3.2.0 aliyun-python-sdk-rds==2.6.1
    aliyun-python-sdk-sts==3.1.0 aliyun-python-sdk-vpc==3.0.15 asn1crypto==1.4.0
    async-timeout==4.0.1 attrs==21.2.0 Automat==20.2.0 cbor==1.0.0 certifi==2021.10.8 cffi==1.15.0
    chardet==4.0.0 charset-normalizer==2.0.8 constantly==15.1.0 crcmod==1.7 cryptography==36.0.0
    cssselect==1.1.0 cycler==0.11.0 dateparser==1.1.0 elasticsearch==7.15.2 enum34==1.1.10
    frozenlist==1.2.0 future==0.18.2 greenlet==1.1.2 h2==3.2.0 hpack==3.0.0 hyperframe==5.2.0
    hyperlink==21.0.0 idna==3.3 incremental==21.3.0 itemadapter==0.4.0 itemloaders==1.0.4
    jmespath==0.10.0 kiwisolver==1.3.2 lxml==4.6.4 matplotlib==3.4.3 multidict==5.2.0
    numpy==1.21.4 opencv-python==4.5.4.58 oss2==2.15.0 parsel==1.6.0 Pillow==8.4.0 priority==1.3.0
    Protego==0.1.16 protobuf==3.19.1 pyasn1==0.4.8 pyasn1-modules==0.2.8 pycparser==2.21
    pycryptodome==3.11.0 PyDispatcher==2.0.5 pyOpenSSL==21.0.0 pyparsing==3.0.6
    python-dateutil==2.8.2 pytz==2021.3 pytz-deprecation-shim==0.1.0.post0 queuelib==1.6.2
    regex==2021.11.10 requests==2.26.0 scipy==1.7.2 Scrapy==2.5.1 service-identity==21.1.0
    six==1.16.0 tablestore==5.2.1 Twisted==21.7.0 typing_extensions==4.0.0 tzdata==2021.5
    tzlocal==4.1 urllib3==1.26.7 w3lib==1.22.0 Wand==0.6.7 yarl==1.7.2 zope.interface==5.4.0""",
}


def carried_by(runtime: str) -> dict[str, Carried]:
    """Return what a runtime carries, by the modules that it brings: `PIL`, `google.protobuf`."""
    if runtime not in _RUNTIMES:
        return {}
    column = _RUNTIMES.index(runtime)
    found = {
        module: Carried(row.name, row.versions[column], _installed(row, column))
        for row in _ROWS
        if row.versions[column]
        for module in row.modules.split()
    }
    if runtime == "python3.9":
        for pin in _DEPENDENCIES[runtime].split():
            name, _, version = pin.partition("==")
            found.setdefault(name.lower().replace("-", "_"), Carried(name, version))
    return found


def _installed(row: _Row, column: int) -> str:
    """Return the version that stands for one that cannot be had, else nothing."""
    version = row.versions[column]
    if _RUNTIMES[column] == "python3":
        version = row.versions[1] or row.versions[2]
        return _REAL.get((row.name, version), version)
    return _REAL.get((row.name, version), "")


def base_packages(runtime: str) -> list[Carried]:
    """Return what is part of a runtime's environment from the start."""
    always = ALWAYS if runtime != "python3" else {"requests"}
    carried = {one for one in carried_by(runtime).values() if one.name in always}
    return sorted(carried, key=lambda one: one.name, reverse=True)  # requests first


def constraints(runtime: str) -> list[str]:
    """Return pins for everything that a runtime carries, so that one thing does not bring another
    version of the next."""
    pins = {carried.requirement for carried in carried_by(runtime).values()}
    if runtime == "python3.9":
        pins = set()  # the published list has them all
    return sorted({*pins, *_DEPENDENCIES.get(runtime, "").split()})
