"""Every address the application answers, for tests that look at all of them."""

from __future__ import annotations

ARGUMENTS = {
    "_RowId": 1,
    "UnicodeConverter": "x",
    "PathConverter": "x",
    "FloatConverter": 1.0,
    "AnyConverter": "x",
    "UUIDConverter": "00000000-0000-0000-0000-000000000000",
}


def routes(app):
    """(endpoint, method, url) of everything the application answers."""
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        values = {name: _argument(c) for name, c in rule._converters.items()}
        url = adapter.build(rule.endpoint, values, method=next(iter(rule.methods)))
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            yield rule.endpoint, method, url


def _argument(converter):
    """Something a part of an address may be; of a closed list of words the first."""
    words = getattr(converter, "items", None)
    return min(words) if words else ARGUMENTS[type(converter).__name__]
