"""The OpenAPI 3.1 document, written from the table of endpoints: what is checked is what is documented."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from core.api import problems
from core.api.calls import JSON
from core.api.endpoint import Endpoint, Param, Schema
from core.api.idempotency import KEY_MAX
from core.security.tokens import SCOPES

BASE = "/api/v1"
VERSION = "1.0"
_ABOUT = (
    "Every call carries `Authorization: Bearer TOKEN`; make a token with `cooee token add` or under Settings, "
    "API. Send an `Idempotency-Key` with every POST: a repeat with the same key gives the first answer again "
    "and acts once. Errors are `application/problem+json`. Phone numbers in answers are masked unless the token "
    "has the scope `numbers.read`."
)
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key with the same request gives the same answer for 24 hours; with another, 422.",
    "schema": {"type": "string", "pattern": rf"^[\x21-\x7e]{{1,{KEY_MAX}}}$"},
}
_REPLAYED = {"Idempotent-Replayed": {
    "description": "true when this answer was given before.", "schema": {"type": "string", "enum": ["true"]},
}}  # fmt: skip
_WAIT = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string", "pattern": "^[0-9]+$"}}
}


def document(endpoints: Iterable[Endpoint], schemas: Mapping[str, Schema], server: str) -> dict[str, Any]:
    """The document; `server` is where people reach this instance."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    paths["/openapi.json"] = {"get": _OWN}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Cooee", "version": VERSION, "description": _ABOUT},
        "servers": [{"url": f"{server}{BASE}"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {"Problem": problems.SCHEMA, **schemas},
            "securitySchemes": {"token": {
                "type": "http", "scheme": "bearer",
                "description": "Scopes: " + "; ".join(f"{scope}: {words}" for scope, words in SCOPES.items()),
            }},
        },
    }  # fmt: skip


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "description": f"{endpoint.words} Scope: `{endpoint.scope}`.".strip(),
        "tags": [endpoint.path.split("/")[1]],
        "parameters": [_param(param) for param in endpoint.params] + [_KEY] * endpoint.keyed,
        "responses": {str(endpoint.status): _good(endpoint)}
        | {str(code): _bad(code, endpoint.keyed) for code in _errors(endpoint)},
    }
    if endpoint.body is not None:
        content = {"schema": _body(endpoint)} | ({"example": endpoint.example} if endpoint.example else {})
        made["requestBody"] = {"required": not endpoint.bare, "content": {JSON: content}}
    return made


def _body(endpoint: Endpoint) -> Schema:
    if not endpoint.row:
        return endpoint.body
    # A row of another shape is no error of the call: it is answered in its place as rejected.
    return {**endpoint.body, "items": {"anyOf": [{"$ref": f"#/components/schemas/{endpoint.row}"}, {}]}}


def _param(param: Param) -> dict[str, Any]:
    return {
        "name": param.name, "in": param.where, "required": param.where == "path", "description": param.words,
        "schema": param.schema,
    }  # fmt: skip


def _errors(endpoint: Endpoint) -> list[int]:
    found = {401, 403, 404, 405, 429}
    if endpoint.params or endpoint.body is not None or endpoint.keyed:
        found.add(422)
    if endpoint.body is not None:
        found |= {400, 413, 415}
    if endpoint.keyed:
        found.add(409)
    return sorted(found)


def _good(endpoint: Endpoint) -> dict[str, Any]:
    made = {"description": endpoint.summary, "content": {JSON: {"schema": endpoint.answer}}}
    return made | ({"headers": _REPLAYED} if endpoint.keyed else {})


def _bad(code: int, keyed: bool = False) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    headers = (_REPLAYED if keyed else {}) | (_WAIT if code in (409, 429) else {})
    made = {"description": HTTPStatus(code).phrase, "content": {problems.CONTENT_TYPE: {"schema": schema}}}
    return made | ({"headers": headers} if headers else {})


_OWN = {
    "operationId": "getOpenapi", "summary": "This document", "tags": ["openapi"], "security": [], "parameters": [],
    "responses": {
        "200": {"description": "This document", "content": {JSON: {"schema": {"type": "object"}}}},
        "405": _bad(405),
    },
}  # fmt: skip
