"""A Dysmsapi (Alibaba Cloud Short Message Service) on your own machine.

Importing this package is cheap; the server's libraries are loaded when an emulator starts.
"""

from aliyun_sms_emulator.client import EmulatorClient, EmulatorClock
from aliyun_sms_emulator.emulator import SmsEmulator
from aliyun_sms_emulator.errors import (
    BindError,
    ConfigError,
    DatabaseError,
    EmulatorError,
    NotRunning,
    TlsError,
)
from aliyun_sms_emulator.records import PushAttempt, ReceiptPush, Reply, RequestRecord, SmsMessage
from aliyun_sms_emulator.version import __version__

__all__ = [
    "BindError",
    "ConfigError",
    "DatabaseError",
    "EmulatorClient",
    "EmulatorClock",
    "EmulatorError",
    "NotRunning",
    "PushAttempt",
    "ReceiptPush",
    "Reply",
    "RequestRecord",
    "SmsEmulator",
    "SmsMessage",
    "TlsError",
    "__version__",
]
