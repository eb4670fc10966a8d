"""What the OpenAPI document promises is what the API does: schemathesis calls it with all that fits and more.

COOEE_SOAK=1 makes 20,000 calls instead of some hundreds.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter

import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis import engine
from schemathesis.config import SchemathesisConfig
from schemathesis.core import NotSet
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from schemathesis.transport.wsgi import WSGITransport

from core.api import shape
from core.api.blueprint import ENDPOINTS
from core.app import compose
from core.db import database
from core.security import tokens
from core.web.application import make_app
from tests import campaign_kit as kit

SOAK = os.environ.get("COOEE_SOAK", "") == "1"
#: Random calls of each operation and phase; the fixed ones of the coverage phase come on top.
EACH, AT_LEAST = (1_800, 20_000) if SOAK else (8, 300)
PHONES = ("+8613800138000", "+8613800138001", "13800138002", "+14155552671", "12")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "unsupported_method",
    "ignored_auth",
)


def config(token: str) -> SchemathesisConfig:
    """The same calls in every run; all checks."""
    # Right in form and 422 all the same: a number that is none, a name nobody has; 429: a second code at once.
    accepted = {"expected-statuses": ["2xx", "401", "403", "404", "409", "422", "429"]}
    return SchemathesisConfig.from_dict(
        {
            "seed": 20261122,
            "headers": {"Authorization": f"Bearer {token}"},
            "generation": {"deterministic": True, "max-examples": EACH},
            "checks": {"positive_data_acceptance": accepted},
            "phases": {"stateful": {"enabled": False}},
        }
    )


@pytest.fixture
def house(sqlite_template, tmp_path):
    """An application with people, a campaign, a segment and a token that may do everything; the token."""
    folder = tmp_path / "instance"
    shutil.copytree(sqlite_template, folder)
    rt = compose(folder, api_per_minute=10**9)
    for n in range(3):
        kit.person(rt, n)
    kit.campaign(rt)
    kit.segment("Shanghai")
    text, _token = tokens.create("test", "schemathesis", tokens.SCOPES)
    yield make_app(rt), text
    database.proxy.close()


@pytest.fixture
def in_process(monkeypatch):
    """schemathesis 4.32 repeats a call without its token with settings of sockets, which an application in
    process does not take."""
    send = WSGITransport.send

    def sent(self, case, **given):
        for name in ("max_redirects", "verify", "cert", "proxies"):
            given.pop(name, None)
        return send(self, case, **given)

    monkeypatch.setattr(WSGITransport, "send", sent)


PHONE = st.sampled_from(PHONES)
WORD = st.text(st.characters(codec="utf-8"), max_size=220)
SCALAR = WORD | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.none()
FEW = st.lists(WORD, max_size=3)
SAID = st.fixed_dictionaries({"agree": st.booleans(), "source": WORD}, optional={"wording": WORD})
#: Rows that are right, or nearly: the document leaves the rows of a batch open, so random ones are junk.
ROWS = {
    "/contacts": st.fixed_dictionaries(
        {"phone": PHONE},
        optional={
            "name": WORD | st.none(), "email": WORD | st.just("a@b.example") | st.none(), "language": WORD,
            "fields": st.dictionaries(st.sampled_from(["city", "gender", "birthday", "x"]), SCALAR),
            "labels": FEW, "remove_labels": FEW,
            "consent": st.dictionaries(st.sampled_from(["mass", "voice", "otp", "none"]), SAID),
        },
    ),
    "/events": st.fixed_dictionaries(
        {
            "phone": PHONE, "type": st.sampled_from(["view", "purchase", "refund", "conquest"]),
            "at": st.integers(950_000_000_000, 1_790_000_000_000) | st.datetimes().map(str) | WORD,
        },
        optional={
            "key": WORD, "amount": st.floats(allow_nan=False, allow_infinity=False) | WORD, "item": WORD,
            "currency": st.sampled_from(["CNY", "USD", "cny", ""]), "category": WORD,
            "properties": st.dictionaries(st.sampled_from(["order", "place", "lat", "x"]), SCALAR, max_size=3),
        },
    ),
    "/items": st.fixed_dictionaries(
        {"key": WORD},
        optional={"title": WORD, "category": WORD, "price": st.floats(0, 1e11) | st.none(), "tags": FEW},
    ),
}  # fmt: skip
#: Names of what there is; random text never is one.
KNOWN = {
    "phone": PHONES,
    "to": PHONES,
    "segment": ("Shanghai", "Berlin"),
    "account": ("account of Winter", "account of Winter", "none"),
    "templates": (["text of Winter"], [{"name": "text of Winter", "weight": 3}], ["none"]),
    "type": ("view", "purchase", "conquest"),
    "at": ("2026-05-24T12:01:08Z", 1_770_000_000_000, "yesterday"),
    "id": (1, 2, 3, 1, 1),
    "name": ("Shanghai", "Berlin/Mitte"),
}


def fits(context, given) -> bool:
    """Is this right in form?  What was made wrong on purpose must stay wrong."""
    wanted = (context.operation.method.upper(), context.operation.path)
    [endpoint] = [line for line in ENDPOINTS if (line.method, line.path) == wanted]
    if endpoint.body is None:
        schemas = {param.name: param.schema for param in endpoint.params}
        return isinstance(given, dict) and all(
            name in schemas and shape.checker(schemas[name])(value) is None for name, value in given.items()
        )
    # Bytes are a body that is no JSON; one that may be left out is left out at times.
    return not isinstance(given, bytes | NotSet) and shape.checker(endpoint.body)(given) is None


def with_known_names(context, given):
    """Two of three values become one of those above."""
    if not fits(context, given):
        return given
    for row in given if isinstance(given, list) else [given]:
        for name, value in row.items() if isinstance(row, dict) else ():
            some, pick = KNOWN.get(name), len(str(value))
            if some and value and isinstance(value, type(some[0])) and pick % 3:
                row[name] = some[pick % len(some)]
    return given


def with_rows(context, body):
    """Lists of anything become lists with rows of the right form among them."""
    row = ROWS.get(context.operation.path)
    if row is None or not fits(context, body):
        return st.just(body)
    return st.lists(row | st.sampled_from(body or [None]), max_size=6)


def test_every_answer_is_as_documented(house, in_process, capsys):
    app, token = house
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app, config=config(token))
    schema.hook("flatmap_body")(with_rows)
    schema.hook("map_body")(with_known_names)
    schema.hook("map_path_parameters")(with_known_names)
    calls: Counter[str] = Counter()
    asked: set[str] = set()
    failures: dict[str, str] = {}
    for event in engine.from_schema(schema).execute():
        if isinstance(event, FatalError):
            raise event.exception
        if isinstance(event, NonFatalError):
            failures[f"{event.label}: {event.value!r}"] = ""
        if not isinstance(event, ScenarioFinished):
            continue
        recorder = event.recorder
        for case_id, interaction in recorder.interactions.items():
            calls[str(interaction.response.status_code if interaction.response else "none")] += 1
            for check in recorder.checks.get(case_id, ()):
                asked.add(check.name)
                if check.failure_info:
                    title = f"{recorder.label} {check.name}: {check.failure_info.failure}"
                    failures.setdefault(title, check.failure_info.code_sample)
    with capsys.disabled():
        print(f"\n{sum(calls.values()):,} calls: {dict(sorted(calls.items()))}")
    assert not failures, "\n\n".join(f"{title}\n{sample}" for title, sample in list(failures.items())[:20])
    assert sum(calls.values()) >= AT_LEAST
    assert set(CHECKS) <= asked
    assert not any(status.startswith("5") or status == "none" for status in calls)
