"""The one outgoing HTTP client: libcurl's multi interface behind a small, strict face.

Why pycurl: 14–18 µs of CPU a small POST where requests needs 500 (docs/performance.md), and it connects to
the address that was checked.

What may be in doubt: a request of which bytes were written and that got no usable answer.  libcurl by itself
sends a request again when a kept-alive connection dies before the answer; for a text that may be a second
text, so a request is put on the wire once and never again (`_once`).

Who may be called is decided by `core.addresses`: the name is resolved once, all its addresses are checked, and
the connection goes to one of those, checked again as the socket is made.  Redirects and proxies of the
environment are not followed.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import pycurl

from core import clock
from core.addresses import Rules, resolve
from core.contract.errors import Ambiguous, BadConfig, ProviderError, Throttled, Unreachable

CONNECT_S = 5.0
READ_S = 30.0
MAX_BODY_BYTES = 1 << 20
#: Resolved addresses are used this long.
RESOLVE_FOR_S = 60.0
#: libcurl looks at every open request each time it is asked, so answers that trickle in are let gather.
GATHER_S = 0.0001


@dataclass(slots=True)
class Request:
    """One request.  `headers` are lines such as "Accept: text/plain"; `body` None means none."""

    url: str
    body: bytes | None = None
    headers: Sequence[str] = ()
    method: str = ""


@dataclass(slots=True)
class Response:
    """An answer.  `body` has at most `MAX_BODY_BYTES`; `retry_after_s` is what Retry-After asks for, else None.

    Other headers are not kept: a call from libcurl into Python for each line of them cost 2 µs an answer.
    """

    status: int
    body: bytes
    retry_after_s: float | None = None


class _Handle:
    """One reusable easy handle with what it is working on."""

    __slots__ = ("curl", "index", "body", "starts", "url", "headers", "verb", "pinned")

    def __init__(self, client: Client):
        self.curl = curl = pycurl.Curl()
        self.index, self.starts = -1, 0
        self.body: list[bytes] = []
        self.url = ""
        self.headers: Sequence[str] | None = None
        self.verb: tuple[str, bool] | None = None
        self.pinned = ""
        for option, value in (
            (pycurl.NOSIGNAL, 1),
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.FOLLOWLOCATION, 0),
            (pycurl.PROXY, ""),
            (pycurl.USERAGENT, "Cooee"),
            (pycurl.CONNECTTIMEOUT_MS, int(client.connect_s * 1000)),
            (pycurl.TIMEOUT_MS, int((client.connect_s + client.read_s) * 1000)),
            (pycurl.MAXFILESIZE, MAX_BODY_BYTES),
            (pycurl.OPENSOCKETFUNCTION, client.open_socket),
            (pycurl.PREREQFUNCTION, self._once),
            (pycurl.WRITEFUNCTION, self.body.append),
        ):
            curl.setopt(option, value)
        curl.handle = self

    def _once(self, *_where: Any) -> int:
        """Runs as a request is about to go on the wire; a second time for one request is refused."""
        self.starts += 1
        return pycurl.PREREQFUNC_OK if self.starts == 1 else pycurl.PREREQFUNC_ABORT


class Client:
    """Sends many requests at once.  One a provider instance; not for use by two threads at a time."""

    def __init__(
        self,
        rules: Rules | None = None,
        *,
        concurrency: int = 50,
        connect_s: float = CONNECT_S,
        read_s: float = READ_S,
    ):
        self.rules = rules or Rules()
        self.connect_s, self.read_s = connect_s, read_s
        self._concurrency = max(1, concurrency)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, self._concurrency)
        self._free: list[_Handle] = []
        self._made = 0
        #: scheme://host:port as it stands in the URL → (checked until, line for RESOLVE)
        self._checked: dict[str, tuple[float, str]] = {}
        self._addresses: set[str] = set()
        #: The URL of the last request with what was found of its host.
        self._last_url, self._last_until, self._last_pin = "", 0.0, ""

    def close(self) -> None:
        """Close all connections."""
        for handle in self._free:
            handle.curl.close()
        self._free.clear()
        self._multi.close()

    def send(self, request: Request) -> Response:
        """Send one request.  Raises what `send_many` gives in place of an answer."""
        (answer,) = self.send_many([request])
        if isinstance(answer, ProviderError):
            raise answer
        return answer

    def send_many(self, requests: Sequence[Request]) -> list[Response | ProviderError]:
        """Send all, at most `concurrency` at a time; answers or errors in the order of the requests.

        `Unreachable`: not a byte of it was written, so it was not received.  `Ambiguous`: some were, and no
        complete answer came within connect 5 s + read 30 s.  `BadConfig`: it may not be called.  Requests
        that could not start within the connect time are `Throttled`, so a call ends within 40 s.
        """
        answers: list[Any] = [None] * len(requests)
        multi, free = self._multi, self._free
        start_until = clock.monotonic() + self.connect_s
        next_up, active, total = 0, 0, len(requests)
        while next_up < total or active:
            while next_up < total and (free or self._made < self._concurrency):
                now = clock.monotonic()
                if next_up and now > start_until:
                    for index in range(next_up, total):
                        answers[index] = Throttled("Earlier requests took the time of this call.", after_s=1)
                    next_up = total
                    break
                handle = free.pop() if free else self._new_handle()
                try:
                    self._start(handle, requests[next_up], next_up, now)
                    active += 1
                except (ProviderError, pycurl.error) as error:
                    free.append(handle)
                    answers[next_up] = error if isinstance(error, ProviderError) else _unusable(error)
                next_up += 1
            if not active:
                continue
            while multi.perform()[0] == pycurl.E_CALL_MULTI_PERFORM:
                pass
            done = self._collect(answers)
            active -= done
            if not done and active:
                multi.select(1.0)
            if done < active // 4:
                clock.sleep(GATHER_S)
        if self.rules.heard is not None:
            self.rules.heard.extend(zip(requests, answers, strict=True))
        return answers

    def _new_handle(self) -> _Handle:
        self._made += 1
        return _Handle(self)

    def _start(self, handle: _Handle, request: Request, index: int, now: float) -> None:
        """Begin a request; only what differs from the handle's last one is set."""
        url, body, curl = request.url, request.body, handle.curl
        if url != self._last_url or now > self._last_until:
            self._pinned(url, now)
        if handle.pinned != self._last_pin:
            curl.setopt(pycurl.RESOLVE, [self._last_pin] if self._last_pin else [])
            handle.pinned = self._last_pin
        if handle.url != url:
            curl.setopt(pycurl.URL, url)
            handle.url = url
        verb = (request.method or ("GET" if body is None else "POST"), body is not None)
        if handle.verb != verb:
            self._set_verb(handle, *verb)
        if body is not None:
            curl.setopt(pycurl.POSTFIELDS, body)
        if handle.headers is not request.headers:
            curl.setopt(pycurl.HTTPHEADER, [*request.headers, "Expect:"])
            handle.headers = request.headers
        handle.body.clear()
        handle.index, handle.starts = index, 0
        self._multi.add_handle(curl)

    def _pinned(self, url: str, now: float) -> None:
        """Have the host of a URL checked, at most once in `RESOLVE_FOR_S`."""
        end = url.find("/", url.find(":") + 3)
        origin = url if end < 0 else url[:end]
        until, pin = self._checked.get(origin, (0.0, ""))
        if now > until:
            until, pin = self._check(origin)
        self._last_url, self._last_until, self._last_pin = url, until, pin

    @staticmethod
    def _set_verb(handle: _Handle, method: str, with_body: bool) -> None:
        curl = handle.curl
        curl.setopt(pycurl.POST if with_body else pycurl.HTTPGET, 1)
        if method == ("POST" if with_body else "GET"):
            curl.unsetopt(pycurl.CUSTOMREQUEST)
        else:
            curl.setopt(pycurl.CUSTOMREQUEST, method)
        handle.verb = (method, with_body)

    def _collect(self, answers: list[Any]) -> int:
        done, left = 0, 1
        while left:
            left, good, bad = self._multi.info_read()
            for curl in good:
                handle = curl.handle
                status = curl.getinfo(pycurl.RESPONSE_CODE)
                after_s = curl.getinfo(pycurl.RETRY_AFTER) or None if status >= 300 else None
                answers[handle.index] = Response(status, b"".join(handle.body), after_s)
                self._release(handle)
            for curl, code, text in bad:
                handle = curl.handle
                answers[handle.index] = _failed(curl, code, text)
                self._release(handle)
            done += len(good) + len(bad)
        return done

    def _release(self, handle: _Handle) -> None:
        self._multi.remove_handle(handle.curl)
        self._free.append(handle)

    def _check(self, origin: str) -> tuple[float, str]:
        """Resolve and check a host: how long that holds, and the line that pins it ("" for a literal)."""
        try:
            parts = urlsplit(origin)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as error:
            raise BadConfig(f"{origin!r} is no usable URL: {error}.") from None
        host = parts.hostname or ""
        if "@" in parts.netloc:
            raise BadConfig(f"The URL of {host} carries a user name; put credentials into a header.")
        if not host or not host.isascii() or host.endswith(".") or set(host) & set("\\% "):
            raise BadConfig(f"{origin!r} has no usable host name; use plain ASCII letters, digits and dots.")
        addresses = resolve(host, port, self.connect_s)
        self.rules.check(parts.scheme, host, port, addresses)
        if len(self._checked) > 1000:
            self._checked.clear()
            self._addresses.clear()
        self._addresses.update(addresses)
        bracketed = ",".join(f"[{a}]" if ":" in a else a for a in addresses)
        pin = "" if _is_literal(host) else f"{host}:{port}:{bracketed}"
        self._checked[origin] = found = (clock.monotonic() + RESOLVE_FOR_S, pin)
        return found

    def open_socket(self, _purpose: int, address: Any) -> Any:
        """Called by libcurl for each new connection: only to an address that was checked."""
        if address.addr[0] not in self._addresses:
            return pycurl.SOCKET_BAD
        return socket.socket(address.family, address.socktype, address.protocol)


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _unusable(error: pycurl.error) -> ProviderError:
    return BadConfig(f"The request cannot be sent: {error.args[-1]}.")


def _failed(curl: Any, code: int, text: str) -> ProviderError:
    """Classify a failed transfer by the one fact that counts: was anything written?"""
    if curl.getinfo(pycurl.REQUEST_SIZE) == 0:
        return Unreachable(f"The gateway was not reached: {text or code}.")
    if code == pycurl.E_ABORTED_BY_CALLBACK:
        return Ambiguous("The connection was closed before an answer came.")
    return Ambiguous(f"No complete answer came: {text or code}.")
