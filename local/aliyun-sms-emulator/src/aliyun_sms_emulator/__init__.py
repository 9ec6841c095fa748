"""A Dysmsapi (Alibaba Cloud Short Message Service, version 2017-05-25) on your own machine.

Importing this package is cheap; the server's libraries are loaded when an emulator starts.
"""

from aliyun_sms_emulator.client import EmulatorClient
from aliyun_sms_emulator.emulator import SmsEmulator
from aliyun_sms_emulator.records import RequestRecord, SmsMessage

__all__ = ["EmulatorClient", "RequestRecord", "SmsEmulator", "SmsMessage", "__version__"]

__version__ = "0.1.0"
