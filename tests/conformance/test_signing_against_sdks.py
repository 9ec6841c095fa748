"""Both signatures agree with the official SDKs' own code on random input.

Names of parameters stay plain: the official Python SDKs encode values only when they sign with
ACS3, and no parameter of the platform has a name that would need it.
"""

from __future__ import annotations

from hashlib import sha256
from urllib.parse import parse_qsl, urlsplit

import pytest
from alibabacloud_openapi_util.client import Client as OpenApiUtil
from alibabacloud_tea_openapi.utils import Utils as TeaUtils
from aliyunsdkcore.auth.composer.rpc_signature_composer import get_signed_url
from hypothesis import example, given, settings
from hypothesis import strategies as st
from Tea.request import TeaRequest

from shared.signing import acs3_authorization, rpc_signature, rpc_string_to_sign

SPECIAL = "*~+&= %/?#[]!'()\"\\@:;,$^`{}|<>_-.\t\n中文한국ñ😀\u0000\u007f\u00a0\u2028"

names = st.from_regex(r"[A-Za-z][A-Za-z0-9.]{0,11}", fullmatch=True)
values = st.one_of(st.text(max_size=20), st.text(SPECIAL, max_size=20))
parameters = st.dictionaries(names, values, max_size=8)
methods = st.sampled_from(["GET", "POST"])
tokens = st.one_of(st.just(""), values)
keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
# What a header may hold between its ends; blanks around it are trimmed by everyone.
header_values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
extra_headers = st.dictionaries(
    st.from_regex(r"[Xx]-[Aa]cs-[A-Za-z0-9]{1,8}", fullmatch=True), header_values, max_size=4
).filter(lambda headers: len({name.lower() for name in headers}) == len(headers))

random_input = settings(max_examples=150, deadline=None)
everything_special = example(
    query={"Empty": "", "Special": SPECIAL},
    form={"a": " ", "B": "+", "a.1": "*", "a0": "~"},
    token="t+/=~ *",
    method="POST",
    secret="s",
)


@random_input
@given(parameters, parameters, tokens, methods, keys)
@everything_special
def test_v1_signs_as_aliyun_python_sdk_core_does(
    query: dict[str, str], form: dict[str, str], token: str, method: str, secret: str
) -> None:
    query.pop("Signature", None)
    if token:
        query["SecurityToken"] = token
    url, string_to_sign = get_signed_url(dict(query), "keyid", secret, "JSON", method, form)
    sent = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True))
    signature = sent.pop("Signature")
    signed = {**sent, **form}
    assert rpc_string_to_sign(method, signed) == string_to_sign
    assert rpc_signature(method, signed, secret) == signature


@random_input
@given(parameters, parameters, tokens, methods, keys)
@everything_special
def test_v1_signs_as_alibabacloud_openapi_util_does(
    query: dict[str, str], form: dict[str, str], token: str, method: str, secret: str
) -> None:
    signed = {**query, **form, **({"SecurityToken": token} if token else {})}
    theirs = OpenApiUtil.get_rpcsignature(signed, method, secret)
    assert rpc_signature(method, signed, secret) == theirs


@pytest.mark.parametrize("oracle", [OpenApiUtil, TeaUtils], ids=["openapi_util", "tea_openapi"])
@random_input
@given(
    query=parameters,
    headers=extra_headers,
    body=st.binary(max_size=60),
    token=header_values,
    method=methods,
    key_id=keys,
    secret=keys,
)
@example({"k": "", "K": SPECIAL}, {"X-Acs-B": " b ", "x-acs-a": ""}, b"", "t=", "GET", "i", "s")
def test_acs3_signs_as_the_sdk_does(
    oracle: type[OpenApiUtil | TeaUtils],
    query: dict[str, str],
    headers: dict[str, str],
    body: bytes,
    token: str,
    method: str,
    key_id: str,
    secret: str,
) -> None:
    digest = sha256(body).hexdigest()
    headers = {
        **headers,
        "host": "dysmsapi.aliyuncs.com",
        "Content-Type": "application/x-www-form-urlencoded",
        "x-acs-content-sha256": digest,
        **({"x-acs-security-token": token} if token else {}),
    }
    request = TeaRequest()
    request.method, request.pathname = method, "/"
    request.query, request.headers = query, headers
    theirs = oracle.get_authorization(request, "ACS3-HMAC-SHA256", digest, key_id, secret)
    ours = acs3_authorization(
        method,
        "/",
        query=query,
        headers=headers,
        body=body,
        access_key_id=key_id,
        access_key_secret=secret,
    )
    assert ours == theirs
