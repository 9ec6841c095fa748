"""Sends as small programs do: HMAC-SHA1, and the platform's host in the text. To a number."""

import base64
import hmac
import os
import sys
import time
import uuid
from urllib.parse import quote

import requests

parameters = {
    "AccessKeyId": os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
    "Action": "SendSms",
    "Format": "JSON",
    "PhoneNumbers": sys.argv[1],
    "SignName": "fc-sms",
    "SignatureMethod": "HMAC-SHA1",
    "SignatureNonce": uuid.uuid4().hex,
    "SignatureVersion": "1.0",
    "TemplateCode": "SMS_100001",
    "TemplateParam": '{"code":"1234"}',
    "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    "Version": "2017-05-25",
}
query = "&".join(f"{n}={quote(v, safe='~')}" for n, v in sorted(parameters.items()))
key = f"{os.environ['ALIBABA_CLOUD_ACCESS_KEY_SECRET']}&".encode()
signature = hmac.digest(key, f"GET&%2F&{quote(query, safe='~')}".encode(), "sha1")
query += f"&Signature={quote(base64.b64encode(signature), safe='')}"
print(requests.get(f"https://dysmsapi.aliyuncs.com/?{query}", timeout=30).text)
