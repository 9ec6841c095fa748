"""Sends with aliyun-python-sdk-core, by http or https, to its host for the region."""

import os
import sys

from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest

client = AcsClient(
    os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
    os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
    "cn-hangzhou",
)
request = CommonRequest(product="Dysmsapi", version="2017-05-25", action_name="SendSms")
request.set_protocol_type(sys.argv[1])
request.add_query_param("PhoneNumbers", sys.argv[2])
request.add_query_param("SignName", "fc-sms")
request.add_query_param("TemplateCode", "SMS_100001")
request.add_query_param("TemplateParam", '{"code":"1234"}')
print(client.do_action_with_exception(request).decode())
