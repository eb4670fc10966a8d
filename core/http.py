"""The one outgoing HTTP client: libcurl's multi interface behind a small, strict face.

Why pycurl: 14–18 µs of CPU a small POST where requests needs 500 (docs/performance.md), and it connects to
the address that was checked.

What may be in doubt: a request of which bytes were written and that got no usable answer.  libcurl by itself
sends a request again when a kept-alive connection dies before the answer; for a text that may be a second
text, so a request is put on the wire once and never again (`_once`).

Who may be called is decided by `core.addresses`: the name is resolved once, all its addresses are checked, and
the connection goes to one of those, checked again as the socket is made (`core.pinned`).  Redirects and proxies of the
environment are not followed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pycurl

from core import clock
from core.addresses import Rules
from core.contract.errors import Ambiguous, BadConfig, ProviderError, Throttled, Unreachable
from core.pinned import Pinned

CONNECT_S = 5.0
READ_S = 30.0
MAX_BODY_BYTES = 1 << 20
#: libcurl looks at every open request each time it is asked, so answers that trickle in are let gather.  A pause that
#: grows with the time an answer takes saves CPU at a slow gateway, but costs more of its pace than it saves.
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
    """One reusable easy handle with what it is working on and what is set on it."""

    __slots__ = (
        "body", "curl", "getinfo", "headers", "index", "method", "pin", "setopt", "starts", "until", "url",
        "with_body",
    )  # fmt: skip

    def __init__(self, client: Client):
        self.curl = curl = pycurl.Curl()
        self.setopt, self.getinfo = curl.setopt, curl.getinfo
        self.index, self.starts = -1, 0
        self.body: list[bytes] = []
        self.url, self.method, self.with_body = "", "GET", False
        self.headers: Sequence[str] = ()
        self.pin = ""
        #: Until then the host of the URL need not be checked again.
        self.until = 0.0
        for option, value in (
            (pycurl.NOSIGNAL, 1),
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.FOLLOWLOCATION, 0),
            (pycurl.PROXY, ""),
            (pycurl.USERAGENT, "Cooee"),
            (pycurl.HTTPHEADER, ["Expect:"]),
            (pycurl.CONNECTTIMEOUT_MS, int(client.connect_s * 1000)),
            (pycurl.TIMEOUT_MS, int((client.connect_s + client.read_s) * 1000)),
            (pycurl.MAXFILESIZE, MAX_BODY_BYTES),
            (pycurl.OPENSOCKETFUNCTION, client.pinned.open_socket),
            (pycurl.PREREQFUNCTION, self._once),
            (pycurl.WRITEFUNCTION, self.body.append),
        ):
            curl.setopt(option, value)

    def _once(self, _ip: str, _local_ip: str, _port: int, _local_port: int) -> int:
        """Runs as a request is about to go on the wire; a second time for one request is refused."""
        self.starts += 1
        return pycurl.PREREQFUNC_OK if self.starts == 1 else pycurl.PREREQFUNC_ABORT

    def prepare(self, request: Request, pin: str) -> None:
        """Set what differs from the last request; `pin` ties the host to its addresses."""
        url, headers, with_body = request.url, request.headers, request.body is not None
        if self.pin != pin:
            self.setopt(pycurl.RESOLVE, [pin] if pin else [])
            self.pin = pin
        if self.url != url:
            self.setopt(pycurl.URL, url)
            self.url = url
        if self.method != request.method or self.with_body != with_body:
            self.setopt(pycurl.POST if with_body else pycurl.HTTPGET, 1)
            if request.method in ("", "POST" if with_body else "GET"):
                self.curl.unsetopt(pycurl.CUSTOMREQUEST)
            else:
                self.setopt(pycurl.CUSTOMREQUEST, request.method)
            self.method, self.with_body = request.method, with_body
        if self.headers is not headers:
            self.setopt(pycurl.HTTPHEADER, [*headers, "Expect:"])
            self.headers = headers


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
        #: By what libcurl gives back: an attribute of its own objects costs forty times as much to read.
        self._handles: dict[pycurl.Curl, _Handle] = {}
        self.pinned = Pinned(self.rules, connect_s)

    def close(self) -> None:
        """Close all connections."""
        for curl in self._handles:
            curl.close()
        self._handles.clear()
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
        try:
            self._exchange(requests, answers)
        except BaseException:
            # What is still on the wire must not be taken for answers to a later call.
            for handle in self._handles.values():
                if handle not in self._free:
                    self._release(handle)
            raise
        if self.rules.heard is not None:
            self.rules.heard.append((requests, answers))
        return answers

    def _exchange(self, requests: Sequence[Request], answers: list[Any]) -> None:
        multi, free, handles = self._multi, self._free, self._handles
        began = clock.monotonic()
        next_up, active, total = 0, 0, len(requests)
        while next_up < total or active:
            now = clock.monotonic()
            while next_up < total and (free or len(handles) < self._concurrency):
                if next_up and now > began + self.connect_s:
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
            _code, running = multi.perform()
            done = active - running
            if done:
                self._collect(answers)
                active = running
            elif active:
                multi.select(1.0)
            if done < active // 4:
                clock.sleep(GATHER_S)

    def _new_handle(self) -> _Handle:
        handle = _Handle(self)
        self._handles[handle.curl] = handle
        return handle

    def _start(self, handle: _Handle, request: Request, index: int, now: float) -> None:
        """Begin a request; only what differs from the handle's last one is set."""
        body = request.body
        if (
            now > handle.until
            or request.url != handle.url
            or request.headers is not handle.headers
            or request.method != handle.method
            or (body is not None) is not handle.with_body
        ):
            until, pin = self.pinned.line(request.url, now)
            handle.prepare(request, pin)
            handle.until = until
        if body is not None:
            handle.setopt(pycurl.POSTFIELDS, body)
        handle.index, handle.starts = index, 0
        self._multi.add_handle(handle.curl)

    def _collect(self, answers: list[Any]) -> None:
        """Read what has finished and free its handles."""
        left, handles, remove, free = 1, self._handles, self._multi.remove_handle, self._free.append
        while left:
            left, good, bad = self._multi.info_read()
            for curl in good:
                handle = handles[curl]
                status = handle.getinfo(pycurl.RESPONSE_CODE)
                after_s = handle.getinfo(pycurl.RETRY_AFTER) or None if status >= 300 else None
                body = handle.body
                answers[handle.index] = Response(
                    status, body[0] if len(body) == 1 else b"".join(body), after_s
                )
                # As `_release`, which would be a call for each.
                body.clear()
                remove(curl)
                free(handle)
            for curl, code, text in bad:
                handle = self._handles[curl]
                answers[handle.index] = _failed(curl, code, text)
                self._release(handle)

    def _release(self, handle: _Handle) -> None:
        handle.body.clear()
        self._multi.remove_handle(handle.curl)
        self._free.append(handle)


def _unusable(error: pycurl.error) -> ProviderError:
    return BadConfig(f"The request cannot be sent: {error.args[-1]}.")


def _failed(curl: Any, code: int, text: str) -> ProviderError:
    """Classify a failed transfer by the one fact that counts: was anything written?"""
    if curl.getinfo(pycurl.REQUEST_SIZE) == 0:
        return Unreachable(f"The gateway was not reached: {text or code}.")
    if code == pycurl.E_ABORTED_BY_CALLBACK:
        return Ambiguous("The connection was closed before an answer came.")
    return Ambiguous(f"No complete answer came: {text or code}.")
