"""The objects that the API takes, as data: the names and kinds of their fields.

A shape is a kind (`str`, `int`, `float` for any number, `bool`, `object` for anything), a list with
the shape of its items, or a map of field names to shapes; `TEXTS` is a map of texts by any name.

Source: the models of the official SDK, PyPI alibabacloud_fc20230330 4.8.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Shape = Any  # the type of a kind is not expressible together with lists and maps of shapes
Object = Mapping[str, Shape]

TEXTS: Final = ("texts",)

_HOOK: Object = {"command": [str], "handler": str, "timeout": int}
_CODE: Object = {"checksum": str, "ossBucketName": str, "ossObjectName": str, "zipFile": str}
_LOG: Object = {
    "enableInstanceMetrics": bool,
    "enableLlmMetrics": bool,
    "enableRequestMetrics": bool,
    "logBeginRule": str,
    "logstore": str,
    "project": str,
}
_NAS: Object = {
    "groupId": int,
    "mountPoints": [{"enableTLS": bool, "mountDir": str, "serverAddr": str}],
    "userId": int,
}
_OSS_MOUNT: Object = {
    "mountPoints": [
        {"bucketName": str, "bucketPath": str, "endpoint": str, "mountDir": str, "readOnly": bool}
    ]
}
TAG: Object = {"Key": str, "Value": str, "key": str, "value": str}  # fc3 sends small letters

UPDATE_FUNCTION: Object = {
    "code": _CODE,
    "cpu": float,
    "customContainerConfig": object,
    "customDNS": {
        "dnsOptions": [{"name": str, "value": str}],
        "nameServers": [str],
        "searches": [str],
    },
    "customRuntimeConfig": object,
    "description": str,
    "disableInjectCredentials": str,
    "disableOndemand": bool,
    "diskSize": int,
    "enableLongLiving": bool,
    "environmentVariables": TEXTS,
    "gpuConfig": {"gpuMemorySize": int, "gpuType": str},
    "handler": str,
    "idleTimeout": int,
    "instanceConcurrency": int,
    "instanceIsolationMode": str,
    "instanceLifecycleConfig": {"initializer": _HOOK, "preStop": _HOOK},
    "internetAccess": bool,
    "juiceFsConfig": object,
    "layers": [str],
    "logConfig": _LOG,
    "memorySize": int,
    "microSandboxConfig": object,
    "nasConfig": _NAS,
    "ossMountConfig": _OSS_MOUNT,
    "polarFsConfig": object,
    "role": str,
    "runtime": str,
    "sessionAffinity": str,
    "sessionAffinityConfig": str,
    "timeout": int,
    "tracingConfig": {"params": TEXTS, "type": str},
    "vpcConfig": {"role": str, "securityGroupId": str, "vSwitchIds": [str], "vpcId": str},
}
CREATE_FUNCTION: Object = {
    **UPDATE_FUNCTION,
    "functionName": str,
    "resourceGroupId": str,
    "tags": [TAG],
}

UPDATE_TRIGGER: Object = {
    "description": str,
    "invocationRole": str,
    "qualifier": str,
    "triggerConfig": str,
}
CREATE_TRIGGER: Object = {
    **UPDATE_TRIGGER,
    "sourceArn": str,
    "triggerName": str,
    "triggerType": str,
}

_DESTINATION: Object = {"destination": str}
ASYNC_CONFIG: Object = {
    "asyncTask": bool,
    "destinationConfig": {"onFailure": _DESTINATION, "onSuccess": _DESTINATION},
    "maxAsyncEventAgeInSeconds": int,
    "maxAsyncRetryAttempts": int,
}
CONCURRENCY: Object = {"reservedConcurrency": int}
VPC_BINDING: Object = {"vpcId": str}

_SCHEDULED: Object = {
    "endTime": str,
    "name": str,
    "scheduleExpression": str,
    "startTime": str,
    "target": int,
    "timeZone": str,
}
_TRACKING: Object = {
    "endTime": str,
    "metricTarget": float,
    "metricType": str,
    "name": str,
    "startTime": str,
    "timeZone": str,
}
PROVISION: Object = {
    "alwaysAllocateCPU": bool,
    "alwaysAllocateGPU": bool,
    "defaultTarget": int,
    "scheduledActions": [_SCHEDULED],
    "target": int,
    "targetTrackingPolicies": [{**_TRACKING, "maxCapacity": int, "minCapacity": int}],
}
SCALING: Object = {
    "enableMixMode": bool,
    "enableOnDemandScaling": bool,
    "horizontalScalingPolicies": [{**_TRACKING, "maxInstances": int, "minInstances": int}],
    "minInstances": int,
    "requestDispatchPolicy": str,
    "residentPoolId": str,
    "scheduledPolicies": [_SCHEDULED],
}
TAG_RESOURCES: Object = {"ResourceId": [str], "ResourceType": str, "Tag": [TAG]}
