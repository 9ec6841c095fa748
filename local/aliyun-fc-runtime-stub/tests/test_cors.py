"""Requests of web pages of another origin to an HTTP trigger.

Sources: "HTTP trigger overview" (the default), "CORSConfig" of the API 2023-03-30, the Fetch
standard (what a browser asks for).
"""

from __future__ import annotations

from typing import Any

import pytest

from stub_project import Project
from test_http_trigger import Reply, send

PAGE = "http://localhost:5173"
SHOP = "https://shop.example.com"
CODE = """
    def handler(event, context):
        return {"statusCode": 200, "headers": {}, "body": "ok"}
    def own(event, context):
        headers = {"Access-Control-Allow-Origin": "https://own.example"}
        return {"statusCode": 200, "headers": headers, "body": "ok"}
"""


def ask(
    project: Project,
    method: str,
    origin: str,
    *,
    cors: Any,
    handler: str = "f.handler",
    **headers: str,
) -> Reply:
    project.http("f", CODE, handler=handler, methods=["GET", "POST"])
    if cors is not None:
        trigger = project.document["resources"]["f"]["props"]["triggers"][0]
        trigger["triggerConfig"]["corsConfig"] = cors
    fc = project.start()
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return send(fc.url("f"), method, "/", headers=[("Origin", origin), *named])


def preflight(project: Project, origin: str, *, cors: Any) -> Reply:
    return ask(
        project,
        "OPTIONS",
        origin,
        cors=cors,
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="x-token,content-type",
    )


def test_without_a_setting_a_page_may_read_answers(project: Project) -> None:
    reply = ask(project, "GET", PAGE, cors=None)
    assert reply.headers["access-control-allow-origin"] == PAGE
    assert reply.headers["access-control-allow-credentials"] == "true"
    assert "x-fc-request-id" in reply.headers["access-control-expose-headers"]


def test_what_the_function_sets_itself_stays(project: Project) -> None:
    reply = ask(project, "GET", PAGE, cors=None, handler="f.own")
    assert reply.headers["access-control-allow-origin"] == "https://own.example"
    assert "access-control-allow-credentials" not in reply.headers


def test_without_a_setting_a_preflight_needs_options_among_the_methods(project: Project) -> None:
    assert preflight(project, PAGE, cors=None).status == 403


def test_a_preflight_is_answered_as_cors_config_says(project: Project) -> None:
    cors = {
        "allowOrigins": [PAGE],
        "allowMethods": ["POST"],
        "allowHeaders": ["X-Token", "Content-Type"],
        "allowCredentials": True,
        "maxAge": 600,
    }
    reply = preflight(project, PAGE, cors=cors)
    assert reply.status == 204
    assert reply.headers["access-control-allow-origin"] == PAGE
    assert reply.headers["access-control-allow-methods"] == "POST"
    assert reply.headers["access-control-allow-headers"] == "X-Token,Content-Type"
    assert reply.headers["access-control-allow-credentials"] == "true"
    assert reply.headers["access-control-max-age"] == "600"
    assert reply.headers["vary"] == "Origin"


def test_a_star_allows_what_is_asked_for(project: Project) -> None:
    cors = {"allowOrigins": ["*"], "allowMethods": ["*"], "allowHeaders": ["*"]}
    reply = preflight(project, PAGE, cors=cors)
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["access-control-allow-methods"] == "POST"
    assert reply.headers["access-control-allow-headers"] == "x-token,content-type"


@pytest.mark.parametrize(
    ("allowed", "may_read"),
    [
        ([PAGE], True),
        (["http://localhost:*"], True),
        (["https://*.example.com"], False),
        (["http://localhost:517"], False),
        ([], False),
    ],
)
def test_only_a_page_of_an_allowed_origin_may_read_an_answer(
    project: Project, allowed: list[str], may_read: bool
) -> None:
    reply = ask(project, "GET", PAGE, cors={"allowOrigins": allowed, "exposeHeaders": ["X-A"]})
    assert reply.status == 200
    assert ("access-control-allow-origin" in reply.headers) == may_read
    assert reply.headers.get("access-control-expose-headers") == ("X-A" if may_read else None)


def test_a_page_that_cors_config_names_may_call(project: Project) -> None:
    cors = {"allowOrigins": [SHOP]}
    reply = ask(project, "GET", SHOP, cors=cors, Sec_Fetch_Site="cross-site")
    assert (reply.status, reply.body) == (200, b"ok")


@pytest.mark.parametrize("allowed", [["*"], ["https://*.example.com"], [PAGE]])
def test_a_page_elsewhere_that_is_not_named_may_not_call(
    project: Project, allowed: list[str]
) -> None:
    assert ask(project, "GET", SHOP, cors={"allowOrigins": allowed}).status == 403
