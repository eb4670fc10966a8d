"""Calls of the API in process."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs

from core.api.blueprint import ENDPOINTS, SCHEMAS
from core.security import tokens
from core.web.application import make_app


class Caller:
    """A program with a token: `caller("PUT", "/contacts", [...])` → the response."""

    def __init__(self, rt, *scopes: str, name: str = "shop", app=None):
        self.rt = rt
        self.app = app or make_app(rt)
        self.token, self.row = tokens.create("test", name, scopes or tokens.SCOPES)

    def __call__(self, method: str, path: str, body: Any = None, *, key: str = "", **headers: str):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers.setdefault("Authorization", f"Bearer {self.token}")
        if key:
            headers["Idempotency-Key"] = key
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return self.app.test_client().open(f"/api/v1{path}", method=method, data=data, headers=headers)


def problem(answer) -> tuple[int, str, str]:
    """(status, kind, field) of an answer that is a problem, its shape checked."""
    assert answer.content_type == "application/problem+json", answer.get_data(as_text=True)
    made = answer.json
    assert made["status"] == answer.status_code
    assert made["title"] and made["detail"].strip().endswith((".", "+8613800138000.", "?"))
    return answer.status_code, made["type"].removeprefix("urn:cooee:problem:"), made.get("field", "")


def as_documented(name: str, value) -> None:
    """Has an answer the shape its endpoint promises?"""
    [line] = [line for line in ENDPOINTS if line.name == name]
    jsonschema_rs.Draft202012Validator({**line.answer, "components": {"schemas": SCHEMAS}}).validate(value)
