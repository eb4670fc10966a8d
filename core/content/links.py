"""Links in a text: which addresses become short links, and what stands for them.

A launch turns every http(s) address into `{{@n}}`, whose value is a short link of the person's own; the merge
names of `SERVICE` are the same mechanism.  A short link is as long for everyone, so parts are counted with
an example of it.  An address with a merge field in it has no fixed target and stays as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from core.content import merge
from core.contract.errors import Refusal
from core.db import database
from core.i18n import _

if TYPE_CHECKING:
    from core.config import Settings

#: Characters of a short link's code.
CODE_LENGTH = 11
#: Different web links a campaign may have; the other numbers of four bits are for the links below.
WEB_MAX = 12
#: Merge name → (number, kind) of links every text may have.
SERVICE = {
    "optout_link": (13, "optout"),
    "preferences_link": (14, "preferences"),
    "confirm_link": (15, "confirm"),
}
KIND_OF = dict(SERVICE.values())
#: The class whose texts are left alone: a code is read, not followed, and must arrive as it is written.
UNTOUCHED = "otp"

_URL_MAX = 2000
_EXAMPLE = "x7Kp2mQ9aBc"
_TAG = re.compile(r"\{\{[^{}]*\}\}")
_SERVICE_TAG = re.compile(r"\{\{\s*(" + "|".join(SERVICE) + r")\s*\}\}")
_MARK = re.compile(r"\{\{@(\d+)\}\}")
# ASCII only: behind an address a Chinese text goes on without a space.
_URL = re.compile(r"(?<![A-Za-z0-9])https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.IGNORECASE)
_TAIL = ".,;:!?'*"
_BRACKETS = {")": "(", "]": "["}


class Found(NamedTuple):
    """An address in a text, at text[start:end]."""

    start: int
    end: int
    url: str


def find(text: str) -> list[Found]:
    """The addresses that can become short links, in order; marks that end the sentence are no part of them."""
    plain = _TAG.sub(lambda tag: "\0" * len(tag[0]), text)
    found = []
    for match in _URL.finditer(plain):
        if plain.startswith("\0", match.end()):
            continue
        url = _without_tail(match[0])
        found.append(Found(match.start(), match.start() + len(url), url))
    return found


def _without_tail(url: str) -> str:
    while url:
        last = url[-1]
        opens = _BRACKETS.get(last)
        if last in _TAIL or (opens and url.count(last) > url.count(opens)):
            url = url[:-1]
        else:
            break
    return url


def checked(url: str) -> str:
    """A target as it may be stored.  Raises `Refusal` for what no browser of a stranger should be sent to."""
    try:
        parts = urlsplit(url)
        host, user, _port = parts.hostname, parts.username, parts.port
    except ValueError:
        host = user = None
        parts = None
    if parts is None or parts.scheme.lower() not in ("http", "https") or not host:
        raise Refusal(_("“%(url)s” is no web address; write https://… with a host.", url=url), field="text")
    if user is not None or "@" in parts.netloc:
        raise Refusal(
            _(
                "“%(url)s” has a user name in front of its host, which hides where it leads; take it out.",
                url=url,
            ),
            field="text",
        )
    if len(url) > _URL_MAX:
        raise Refusal(
            _("A link of %(n)s characters is too long; at most %(max)s.", n=len(url), max=_URL_MAX),
            field="text",
        )
    return url


def replaced(text: str, put: Callable[[str], str]) -> str:
    """The text with each address of `find` replaced by `put(address)`."""
    pieces, at = [], 0
    for start, end, url in find(text):
        pieces += [text[at:start], put(url)]
        at = end
    return "".join([*pieces, text[at:]])


def mark(idx: int) -> str:
    """What stands for link `idx` in a frozen text."""
    return f"{{{{@{idx}}}}}"


def unmarked(text: str, urls: dict[int, str]) -> str:
    """A frozen text with its addresses again, for people to read."""
    return _MARK.sub(lambda found: urls.get(int(found[1]), found[0]), text)


def targets(campaign_id: int) -> dict[int, str]:
    """{number: address} of the web links of a launched campaign."""
    return dict(
        database.query("SELECT idx, url FROM link WHERE campaign_id = ? AND kind = 'web'", (campaign_id,))
    )


def number_of(name: str) -> int | None:
    """The number of the link a merge name stands for, None for other names."""
    if name[:1] == "@" and name[1:].isdecimal():
        return int(name[1:])
    return SERVICE[name][0] if name in SERVICE else None


def base(settings: Settings) -> str:
    """What short links start with: https://go.example/ on a host of their own, else <public_url>/l/."""
    own = settings.link_url.rstrip("/")
    return f"{own}/" if own and own != settings.public_url else f"{settings.public_url}/l/"


def example(settings: Settings) -> str:
    """A short link as long as all of them."""
    return base(settings) + _EXAMPLE


def as_sent(text: str, settings: Settings, *, web: bool = True) -> str:
    """The text with an example in place of every link, to be counted and shown.

    `web` False leaves addresses alone, as the campaign option links=off does.
    """
    shown = example(settings)
    if web:
        text = replaced(text, lambda _url: shown)
    return _SERVICE_TAG.sub(lambda _tag: shown, text) if "_link" in text else text


def service_names(text: str) -> list[str]:
    """The merge names of `SERVICE` a text uses."""
    return [name for name in merge.names_in(text) if name in SERVICE]
