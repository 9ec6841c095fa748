"""The configuration of the emulator under test."""

from __future__ import annotations

CONFIG = {
    "access_keys": [
        {"id": "testid", "secret": "testsecret"},
        {"id": "second", "secret": "second-secret"},
        {"id": "other", "secret": "other-secret", "account": "another"},
        {"id": "off", "secret": "off-secret", "status": "inactive"},
        {"id": "STS.one", "secret": "sts-secret", "security_token": "token-one+/=="},
        {
            "id": "STS.old",
            "secret": "sts-secret",
            "security_token": "token-old",
            "expires": "2020-01-01T00:00:00Z",
        },
    ],
    "templates": [
        {"code": "SMS_100001", "type": "verification", "content": "您的验证码为${code}。"},
        {"code": "SMS_100002", "type": "notification", "content": "${name}，订单${order}已发货。"},
        {"code": "SMS_100003", "type": "international", "content": "Your code is ${code}."},
        {"code": "SMS_100004", "type": "promotion", "content": "${name}，八折，回复TD退订。"},
        {"code": "SMS_100005", "type": "notification", "content": "系统维护完成。"},
        {"code": "SMS_100006", "type": "notification", "content": "旧模板", "status": "rejected"},
        {
            "code": "SMS_100007",
            "type": "notification",
            "content": "".join(f"${{v{n}}}" for n in range(15)),
        },
        {"code": "SMS_100008", "type": "international", "content": "${intlmsg}"},
        {"code": "100001", "type": "gift", "content": "码${code}，${min}分钟内有效。"},
    ],
    "signatures": [
        {"name": "fc-sms"},
        {"name": "阿里云短信测试"},
        {"name": "旧签名", "status": "cancelled"},
        {"name": "验证码服务", "gift": True},
    ],
    "numbers": {13900139000: "unreachable"},
}
