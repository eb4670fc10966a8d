"""The document is whole, valid, public, and says what is there."""

from __future__ import annotations

import jsonschema_rs
import pytest

from core.api import blueprint, problems
from core.security.tokens import SCOPES
from tests.api_kit import Caller


@pytest.fixture
def document(rt_sqlite):
    answer = Caller(rt_sqlite).app.test_client().get("/api/v1/openapi.json")
    assert answer.status_code == 200 and answer.content_type == "application/json"
    return answer.json


def test_it_lists_every_route_and_nothing_else(app, document):
    routes = {
        (method, rule.rule.removeprefix("/api/v1").replace("<path:", "<"))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    listed = {
        (method.upper(), path.replace("{", "<").replace("}", ">"))
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert listed == routes
    assert {"/otp", "/otp/{id}/verify"} <= set(document["paths"])


def test_every_schema_is_one_and_every_reference_leads_somewhere(document):
    def walk(node):
        if isinstance(node, dict):
            if "$ref" in node:
                assert node["$ref"].removeprefix("#/components/schemas/") in document["components"]["schemas"]
            for inner in node.values():
                walk(inner)
        for inner in node if isinstance(node, list) else ():
            walk(inner)

    walk(document)
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.Draft202012Validator(schema)


def test_every_example_fits_its_schema(document):
    for path, operations in document["paths"].items():
        for operation in operations.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content:
                schema = content["schema"] | {"components": document["components"]}
                assert jsonschema_rs.Draft202012Validator(schema).is_valid(content["example"]), path
                if "items" in schema:
                    strict = schema | {"items": schema["items"]["anyOf"][0]}
                    assert jsonschema_rs.Draft202012Validator(strict).is_valid(content["example"]), path


def test_every_operation_names_its_scope_and_its_problems(document):
    for endpoint in blueprint.ENDPOINTS:
        assert endpoint.scope in SCOPES
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        assert endpoint.scope in operation["description"]
        assert {"401", "403", "404", "429"} <= set(operation["responses"])
        for code, answer in operation["responses"].items():
            assert list(answer["content"]) == [problems.CONTENT_TYPE if code >= "400" else "application/json"]
        named = [param["name"] for param in operation["parameters"]]
        assert ("Idempotency-Key" in named) is (endpoint.method == "POST")
    assert document["paths"]["/openapi.json"]["get"]["security"] == []
