"""The host names of the platform that the emulator plays.

They are those that official clients call: the endpoint maps of the SDKs for Python (versions of
2017-05-25, 2018-05-01 and Dypnsapi; aliyun-python-sdk-core 2.16.0 for Dybaseapi), the README of
@alicloud/sms-sdk 1.1.6 (VPC), and the help pages of the receipt queues (MNS), which have an
account's number in front.
"""

from __future__ import annotations

EMULATED_HOSTS = (
    "dysmsapi.aliyuncs.com",
    "dysmsapi.ap-southeast-1.aliyuncs.com",
    "dysmsapi.ap-southeast-5.aliyuncs.com",
    "dysmsapi.eu-central-1.aliyuncs.com",
    "dysmsapi.us-east-1.aliyuncs.com",
    "dysmsapi-proxy.cn-beijing.aliyuncs.com",
    "dysmsapi-vpc.cn-hangzhou.aliyuncs.com",
    "dysmsapi-xman.cn-hongkong.aliyuncs.com",
    "dybaseapi.aliyuncs.com",
    "dybaseapi.ap-southeast-1.aliyuncs.com",
    "dypnsapi.aliyuncs.com",
)
QUEUE_DOMAINS = (
    "mns.cn-hangzhou.aliyuncs.com",
    "mns.cn-hangzhou-internal.aliyuncs.com",
    "mns.cn-hangzhou-internal-vpc.aliyuncs.com",
    "mns.ap-southeast-1.aliyuncs.com",
)
"""Domains of the queues; one label, the account's number, stands in front of each."""


def is_emulated(name: str) -> bool:
    """Say whether a host name, in lower case and without a port, is one of the platform's here."""
    account, _, domain = name.partition(".")
    return name in EMULATED_HOSTS or (account.isascii() and domain in QUEUE_DOMAINS)
