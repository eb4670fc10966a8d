"""Whatever is typed into a form: one clear sentence, never a crash, and a refusal changes nothing.

The forms are found on the pages of a demo instance and on drafts of everything; every route that takes a POST
is posted to, so that a new one is tried by itself.
"""

from __future__ import annotations

import io
import re
import shutil
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import pytest

from core import demo
from core.app import compose
from core.db import database
from core.web.application import make_app
from tests.people import signed_in
from tests.url_kit import routes

#: What people, their programs and their enemies type where something else was asked for.
HOSTILE = {
    "nothing": "",
    "far too long": "x" * 20_000,
    "many digits": "9" * 400,
    "below zero": "-1",
    "beyond a database's integers": "9223372036854775808",
    "beyond a float": "1e999",
    "not a number": "nan",
    "a digit that int() refuses": "²",
    "a digit of another script": "٣",
    "a face": "😀",
    "a script": "<script>alert(1)</script>",
    "NUL": "a\0b",
    "no such day": "2026-02-31",
    "no such moment": "0000-00-00T25:61",
    "the last moment": "9999-12-31T23:59",
    "broken JSON": '{"all": [{"segmenter": ',
    "JSON of another shape": '[[1], {"all": 3}]',
    "a template that does not end": "{{ name | upper",
    "another folder": "../../../etc/passwd",
}


@dataclass
class Found:
    """A form of a page: where it leads, and its fields in order as (name, kind, value)."""

    action: str
    fields: list[tuple[str, str, str]] = field(default_factory=list)
    upload: bool = False

    def as_it_stands(self) -> dict[str, list]:
        """What a browser would send of it, untouched."""
        sent: dict[str, list] = {}
        for name, kind, value in self.fields:
            if kind not in ("file", "button", "off", "csrf"):
                sent.setdefault(name, []).append(value)
        return sent

    def with_value(self, value: str, *names: str) -> dict[str, list]:
        """The same with a value in these fields."""
        kinds = {name: kind for name, kind, _value in self.fields}
        wrong = {n: [_file(value)] if kinds[n] == "file" else [value] for n in names if kinds[n] != "csrf"}
        return self.as_it_stands() | wrong


def _file(text: str):
    return io.BytesIO(text.encode()), "customers.csv"


class Reader(HTMLParser):
    """Collects the forms and links of a page."""

    def __init__(self, path: str):
        super().__init__()
        self.path, self.forms, self.links = path, [], []
        self.queries: list[tuple[str, str, dict[str, str]]] = []
        self._form: Found | None = None
        self._select: str | None = None
        self._area: str | None = None

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        kind = given.get("type") or "text"
        self.links += [v for k, v in attrs if k in ("href", "hx-get") and v and v.startswith("/")]
        for link in self.links[-1:] if "?" in (given.get("href") or "") else ():
            path, _sign, text = link.partition("?")
            query = dict(parse_qsl(text))
            self.queries += [(name, path, query) for name in query if not FILES.search(path)]
        self.forms += [Found(v) for k, v in attrs if k in ("hx-post", "formaction") and v]
        if tag == "form" and given.get("method") == "post":
            self._form = Found(given.get("action") or self.path, upload="enctype" in given)
            self.forms.append(self._form)
        elif tag == "select":
            self._select = given.get("name")
        elif tag == "textarea":
            self._area, self._said = given.get("name"), ""
        elif tag == "option" and self._select and (self._new(self._select) or "selected" in given):
            self._keep(self._select, "select", given.get("value") or "")
        elif tag in ("input", "button") and given.get("name"):
            off = kind in ("checkbox", "radio") and "checked" not in given
            kind = (
                "csrf"
                if given["name"] == "csrf_token"
                else "button"
                if tag == "button"
                else "off"
                if off
                else kind
            )
            if kind != "off" or self._new(given["name"]):
                self._keep(given["name"], kind, given.get("value") or "")

    def _new(self, name: str) -> bool:
        return bool(self._form) and name not in [known for known, _kind, _value in self._form.fields]

    def _keep(self, name: str, kind: str, value: str) -> None:
        if self._form:
            if kind == "select":
                self._form.fields = [one for one in self._form.fields if one[0] != name]
            self._form.fields.append((name, kind, value))

    def handle_data(self, data):
        if self._area:
            self._said += data

    def handle_endtag(self, tag):
        if tag == "textarea" and self._area:
            self._keep(self._area, "textarea", self._said)
        self._form = None if tag == "form" else self._form
        self._select = None if tag == "select" else self._select
        self._area = None if tag == "textarea" else self._area


#: What ends the visit, and what is no page of people.
LEAVE = (
    "security.logout",
    "account.end_session",
    "account.end_other_sessions",
    "people.disable",
    "people.reset",
)
FILES = re.compile(r"\.csv$|/export$|^/(static|vendor|health|hooks|api|logout|tf-validate|mf-recovery)\b")
#: Each try is counted, in the database, so that a stranger cannot go on for ever.
COUNTED = ("/login", "/change", "/verify")
#: Of each kind of page so many: a draft and a finished one show different forms.
OF_A_KIND = 2
#: What a browser does not let people type, a program may send: a choice of values is enough.
CHOSEN = ("nothing", "many digits", "beyond a database's integers", "not a number", "a script", "NUL")


def drafts(client) -> None:
    """What stands half done: a campaign, a trial, a shop, files before their import."""
    segment = database.scalar("SELECT MIN(id) FROM segment")
    file = io.BytesIO(b"phone,name\n+8613800138000,Li\n"), "customers.csv"
    events = io.BytesIO(b"phone,type,at\n+8613800138000,purchase,2026-05-01\n"), "events.csv"
    for url, data in [
        ("/campaigns/new", {"name": "Half done", "segment": segment, "holdout": "0"}),
        ("/providers/trials/new", {"name": "Half done", "functions": "delivery"}),
        ("/settings/sources/new/custom", {"name": "Till"}),
        ("/imports/new", {"file": file}),
        ("/contacts/events/files/new", {"file": events}),
        ("/contacts/quality/check", {}),
    ]:
        assert client.post(url, data=data).status_code in (302, 303), url


def pages(client, app):
    """(path, its Reader) of all pages one can reach, a few of each kind."""
    waiting = [url for _endpoint, method, url in routes(app) if method == "GET" and not FILES.search(url)]
    seen, kinds = set(waiting), Counter()
    while waiting:
        answer = client.get(waiting.pop(), follow_redirects=True)
        assert answer.status_code < 500, answer.request.path
        if answer.mimetype != "text/html":
            continue
        reader = Reader(answer.request.path)
        reader.feed(answer.text)
        yield reader
        for link in reader.links:
            path = link.partition("?")[0]
            kind = re.sub(r"\d+", "0", path)
            if link not in seen and kinds[kind] < OF_A_KIND and not FILES.search(path):
                kinds[kind] += 1
                seen.add(link)
                waiting.append(link)


def faults(answer, what: str) -> list[str]:
    """What is wrong with an answer to something hostile."""
    wrong = ["crashed"] if answer.status_code >= 500 else []
    if answer.location and "/login" in answer.location:
        wrong.append("signed out")
    if answer.mimetype == "text/html" and "<script>alert" in answer.text:
        wrong.append("echoes a script")
    return [f"{answer.request.path}, {what}: {fault}" for fault in wrong]


def refused_but_saved(client, watcher, form: Found, data: dict, what: str) -> list[str]:
    """Post it: the faults of the answer, and what a refusal left behind.

    `watcher` is a connection that only looks; SQLite tells it when another one committed a change.
    """
    before = watcher.execute("PRAGMA data_version").fetchone()
    answer = client.post(form.action, data=data, content_type="multipart/form-data" if form.upload else None)
    written = watcher.execute("PRAGMA data_version").fetchone() != before
    half_done = 400 <= answer.status_code != 429 and written and form.action not in COUNTED
    return faults(answer, what) + [
        f"{form.action}, {what}: refused ({answer.status_code}), but something was saved"
    ] * bool(half_done)


@pytest.fixture(scope="module")
def shop(sqlite_template, tmp_path_factory):
    """(client, app, what the pages hold): an administrator of a small demo with drafts of everything."""
    folder = tmp_path_factory.mktemp("shop") / "instance"
    shutil.copytree(sqlite_template, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COOEE_INSTANCE", str(folder))
        rt = compose()
        demo.run(rt, contacts=100, seed=1, say=lambda _line: None)
        app = make_app(rt)
        app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
        client = signed_in(app)
        drafts(client)
        yield client, app, list(pages(client, app))
        assert client.get("/settings/account").status_code == 200, (
            "signed out on the way: too little was tried"
        )
    database.proxy.close()


def values(place: int, typed: bool) -> list[str]:
    """Which hostile values the nth field of a form gets: those that broke something once, and one of the others
    in turn.  Of a long form each further field gets a few, or the test would take minutes."""
    others = [what for what in HOSTILE if what not in CHOSEN]
    few = CHOSEN[place % 3 :: 3]
    return [*(CHOSEN if typed and place < 5 else few), *others[place % len(others) :][:typed]]


def test_no_value_in_any_field_crashes_a_form_and_a_refusal_writes_nothing(shop):
    client, app, readers = shop
    watcher = sqlite3.connect(database.proxy.database)
    urls, found = app.url_map.bind("localhost"), {}
    for form in (form for reader in readers for form in reader.forms):
        endpoint = urls.match(urlsplit(form.action).path, "POST")[0]
        alike = found.setdefault(endpoint, {})
        if len(alike) < OF_A_KIND and endpoint not in LEAVE:
            alike.setdefault(frozenset(name for name, _kind, _value in form.fields), form)
    wrong = []
    for names, form in (one for alike in found.values() for one in alike.items()):
        kinds = {name: kind for name, kind, _value in form.fields}
        # Of rows that are alike one stands for all.
        unlike = {re.sub(r"\d+", "0", name): name for name in sorted(names - {"csrf_token"})}
        for place, name in enumerate(unlike.values()):
            typed = kinds[name] not in ("select", "button", "off", "hidden", "checkbox", "radio")
            for what in values(place, typed):
                data = form.with_value(HOSTILE[what], name)
                wrong += refused_but_saved(client, watcher, form, data, f"{name}: {what}")
    assert not wrong, "\n".join(wrong)
    assert len(found) > 100


def test_every_route_takes_hostile_fields_it_was_not_asked_for(shop):
    client, app, readers = shop
    known = {name for reader in readers for form in reader.forms for name, _kind, _value in form.fields}
    wrong = []
    for endpoint, method, url in routes(app):
        if method == "POST" and endpoint not in LEAVE and not FILES.search(url):
            for what in CHOSEN[1::2]:
                answer = client.post(url, data=dict.fromkeys(sorted(known), HOSTILE[what]))
                wrong += faults(answer, what)
    assert not wrong, "\n".join(wrong)


def test_no_word_in_an_address_crashes_a_page(shop):
    client, _app, readers = shop
    asked = {name: (path, query) for reader in readers for name, path, query in reader.queries}
    wrong = []
    for name, (path, query) in asked.items():
        for what, value in HOSTILE.items():
            wrong += faults(client.get(path, query_string=query | {name: value[:2000]}), f"{name}: {what}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("number", [0, 2**63])
def test_a_number_that_is_nobodys_is_no_crash(shop, number):
    client, app, _readers = shop
    wrong = []
    for endpoint, method, url in routes(app):
        if "1" in url and endpoint not in LEAVE and not FILES.search(url):
            answer = client.open(re.sub(r"(?<=/)1(?=/|$)", str(number), url), method=method)
            wrong += faults(answer, method)
    assert not wrong, "\n".join(wrong)
