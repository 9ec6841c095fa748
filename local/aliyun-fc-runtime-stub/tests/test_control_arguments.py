"""The bodies that calls take: field by field those of the official SDK, and nothing else."""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping
from typing import Any

import pytest
from alibabacloud_fc20230330 import models

from aliyun_fc_runtime_stub.control import shapes
from aliyun_fc_runtime_stub.control.arguments import read_body
from aliyun_fc_runtime_stub.errors import RequestRefused

KINDS = {"str": str, "int": int, "float": float, "bool": bool, "Dict[str, str]": shapes.TEXTS}


@pytest.mark.parametrize(
    ("shape", "model"),
    [
        (shapes.CREATE_FUNCTION, models.CreateFunctionInput),
        (shapes.UPDATE_FUNCTION, models.UpdateFunctionInput),
        (shapes.CREATE_TRIGGER, models.CreateTriggerInput),
        (shapes.UPDATE_TRIGGER, models.UpdateTriggerInput),
        (shapes.ASYNC_CONFIG, models.PutAsyncInvokeConfigInput),
        (shapes.CONCURRENCY, models.PutConcurrencyInput),
        (shapes.PROVISION, models.PutProvisionConfigInput),
        (shapes.SCALING, models.PutScalingConfigInput),
        (shapes.VPC_BINDING, models.CreateVpcBindingInput),
    ],
)
def test_shapes_are_those_of_the_sdk(shape: Mapping[str, Any], model: Any) -> None:
    compare(shape, model)


def compare(shape: Any, model: Any) -> None:
    """Compare the fields and kinds of a shape with the types that a model's constructor takes."""
    if shape is object or shape is shapes.TAG:
        return
    types = dict(typing.cast("dict[str, str]", model.__init__.__annotations__))
    fields = {name.replace("_", "").lower(): kind for name, kind in types.items()}
    assert {name.lower() for name in shape} == set(fields)
    for name, below in shape.items():
        kind = fields[name.lower()].replace("main_models.", "")
        item = below
        if isinstance(below, list):
            assert kind.startswith("List["), name
            kind, item = kind.removeprefix("List[").removesuffix("]"), below[0]
        if kind in KINDS:
            assert item == KINDS[kind], name
        else:
            compare(item, getattr(models, kind))


def test_what_is_null_is_not_there() -> None:
    body = json.dumps({"role": None, "vpcConfig": {"vpcId": None}, "layers": []}).encode()
    assert read_body(body, shapes.UPDATE_FUNCTION) == {"vpcConfig": {}, "layers": []}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "the body is not JSON"),
        (b"\xff\xfe", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        (b"null", "the body must be a JSON object"),
        (rb'{"role": "\ud800"}', "role: is not UTF-8 text"),
        (rb'{"\ud800": 1}', r"\\ud800: is not a known field"),
        (rb'{"environmentVariables": {"\ud800": "1"}}', r"environmentVariables.\\ud800: is not a"),
        (b'{"layers": [null]}', r"layers\[0\]: must be a string, not null"),
        (b'{"cpu": "1"}', "cpu: must be a number, not a string"),
        (b'{"cpu": false}', "cpu: must be a number, not true or false"),
        (b'{"timeout": 1.0}', "timeout: must be a whole number, not a number"),
        (b'{"timeout": NaN}', "timeout: must be a whole number"),
        (b'{"vpcConfig": []}', "vpcConfig: must be a map, not a list"),
    ],
)
def test_a_body_of_another_shape_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(RequestRefused, match=f"^{message}") as caught:
        read_body(body, shapes.UPDATE_FUNCTION)
    assert (caught.value.status, caught.value.code) == (400, "InvalidArgument")


def test_the_size_of_a_number_is_no_matter() -> None:
    """Python reads numbers of any length; the checks that follow are about their values."""
    with pytest.raises(RequestRefused):
        read_body(b'{"timeout": ' + b"9" * 5000 + b"}", shapes.UPDATE_FUNCTION)
