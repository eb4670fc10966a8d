"""Signing in as someone, the way a browser does."""

from __future__ import annotations

import re

PASSWORD = "correct horse battery staple"  # noqa: S105
_TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')


def signed_in(app, role: str = "admin", *, email: str = ""):
    """A test client signed in as a fresh person of that role; it sends the CSRF token by itself."""
    from core.security import users

    email = email or f"{role}@shop.example"
    users.add("test", email, role, PASSWORD)
    client = app.test_client()
    token = csrf_token(client, "/login")
    answer = client.post("/login", data={"email": email, "password": PASSWORD, "csrf_token": token})
    assert answer.status_code in (302, 303), answer.get_data(as_text=True)
    client.environ_base["HTTP_X_CSRFTOKEN"] = token  # as good as those of the pages that follow
    return client


def csrf_token(client, path: str) -> str:
    """The token a page carries."""
    found = _TOKEN.search(client.get(path, follow_redirects=True).get_data(as_text=True))
    assert found, f"{path} carries no CSRF token"
    return found.group(1)
