"""A short link followed: whose it is, where it leads, and a line in the journal before the answer.

One read by primary key a click; targets are frozen at launch and kept.  Whatever the journal says no to (a
full disk), the person still gets where the text promised.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from core import clock, ids
from core.audience.sources import store
from core.content import links
from core.db import database
from core.db.codes import ClickKind
from core.sending.clicks import agents
from core.sending.clicks.journal import Journal, Line, packed
from core.sending.clicks.store import Flusher
from core.sending.links import Tokens

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.clicks")

#: Sooner after the submit nobody can have read the text.
EARLY_MS = 2_000
_KEPT = 10_000
#: The name under which the script of a site (core/static/collect.js) finds the code.
PARAMETER = "cooee"
#: Sites are looked up this often.
_SITES_S = 30.0
#: Headers of requests made before somebody asked for the page.
_AHEAD = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")


class Target(NamedTuple):
    """Where link `id` leads."""

    id: int
    kind: str
    url: str
    expires_at: int | None


class Redirector:
    """Follows short links; one a web process, used by all its threads.

    `background` False leaves the journal to whoever calls `store`, for tests that stop the clock.
    """

    def __init__(self, rt: Runtime, background: bool = True):
        self._background = background
        self._rt = rt
        self._tokens = Tokens(rt.keys)
        self._journal = Journal(rt.settings.path("journal"))
        self._flusher: Flusher | None = None
        self._start = threading.Lock()
        self._targets: dict[int, dict[int, Target]] = {}
        self._agents: dict[str, ClickKind] = {}
        self._nets: dict[str, int] = {}
        self._sites: frozenset[str] = frozenset()
        self._sites_until = 0.0
        self._key = hmac.digest(rt.keys.reference, b"networks", "sha256")

    def follow(self, code: str, environ: Mapping[str, Any]) -> str | None:
        """Where to send the browser; None for a code that is unknown or expired, which look the same.

        The click is in the journal when this returns.
        """
        opened = self._tokens.open(code)
        if opened is None:
            return None
        message_id, idx = opened
        now = clock.now_ms()
        if ids.at_ms(message_id) > now + clock.DAY_MS:
            return None
        row = database.one(
            "SELECT campaign_id, contact_id, submitted_at FROM message WHERE id = ?", (message_id,)
        )
        if row is None:
            return None
        campaign_id, contact_id, submitted_at = row
        target = self._target(campaign_id, idx)
        if target is None:
            # Single messages have links of service without a row.
            return self._service(code) if idx in links.KIND_OF else None
        if target.expires_at is not None and now > target.expires_at:
            return None
        kind = self._kind(environ, now, submitted_at)
        self._note(
            Line(
                message_id, contact_id, campaign_id, target.id, now, kind, self.net(environ.get("REMOTE_ADDR", "")),
                environ.get("HTTP_USER_AGENT", ""),
            )
        )  # fmt: skip
        return self._named(target.url, code) if target.kind == "web" else self._service(code)

    def _named(self, url: str, code: str) -> str:
        """The target; with the code behind it where the script of a site of ours reads it."""
        now = clock.monotonic()
        if now >= self._sites_until:
            self._sites, self._sites_until = store.site_origins(), now + _SITES_S
        if not self._sites:
            return url
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}".lower() not in self._sites:
            return url
        query = f"{parts.query}&{PARAMETER}={code}" if parts.query else f"{PARAMETER}={code}"
        return urlunsplit(parts._replace(query=query))

    def _service(self, code: str) -> str:
        return f"{self._rt.settings.public_url}/u/{code}"

    def _target(self, campaign_id: int, idx: int) -> Target | None:
        found = self._targets.get(campaign_id)
        if found is None or idx not in found:
            found = {
                number: Target(*rest)
                for number, *rest in database.query(
                    "SELECT idx, id, kind, url, expires_at FROM link WHERE campaign_id = ?", (campaign_id,)
                )
            }
            if len(self._targets) >= _KEPT:
                self._targets.clear()
            self._targets[campaign_id] = found
        return found.get(idx)

    def _kind(self, environ: Mapping[str, Any], now: int, submitted_at: int | None) -> ClickKind:
        """What the request says of itself; the rules that need its neighbours come later (judge)."""
        if environ["REQUEST_METHOD"] != "GET":
            return ClickKind.method
        if any(name in environ and _ahead(environ[name]) for name in _AHEAD):
            return ClickKind.prefetch
        agent = environ.get("HTTP_USER_AGENT", "")
        kind = self._agents.get(agent)
        if kind is None:
            kind = _kind_of_agent(agent)
            if len(self._agents) >= _KEPT:
                self._agents.clear()
            self._agents[agent] = kind
        if kind == ClickKind.human and submitted_at is not None and now - submitted_at < EARLY_MS:
            return ClickKind.early
        return kind

    def net(self, address: str) -> int:
        """A keyed hash of an address's /24 or /48, 63 bits; 0 when there is none."""
        net = address.rpartition(".")[0] if "." in address and ":" not in address else address
        found = self._nets.get(net)
        if found is None:
            found = self._hashed(address)
            if len(self._nets) >= _KEPT:
                self._nets.clear()
            self._nets[net] = found
        return found

    def _hashed(self, address: str) -> int:
        try:
            ip = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return 0
        ip = getattr(ip, "ipv4_mapped", None) or ip
        net = ip.packed[:3] if ip.version == 4 else ip.packed[:6]
        return int.from_bytes(hmac.digest(self._key, net, "sha256")[:8]) >> 1 or 1

    def _note(self, line: Line) -> None:
        try:
            self._journal.put(packed(line))
        except OSError:
            log.exception("a click could not be noted")
        if self._background and (self._flusher is None or not self._flusher.is_alive()):
            self._begin()

    def _begin(self) -> None:
        with self._start:
            if self._flusher is None or not self._flusher.is_alive():
                self._flusher = Flusher(self._rt, self._journal)
                self._flusher.start()


def _ahead(value: str) -> bool:
    value = value.lower()
    return "prefetch" in value or "preview" in value or "prerender" in value


def _kind_of_agent(agent: str) -> ClickKind:
    if not agent.strip():
        return ClickKind.no_agent
    return ClickKind.agent if agents.is_automatic(agent) else ClickKind.human
