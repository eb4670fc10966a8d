"""Hosts of URLs, tied to the addresses that were checked (`core.http`)."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import pycurl

from core import clock
from core.addresses import Rules, resolve
from core.contract.errors import BadConfig

#: Resolved addresses are used this long.
RESOLVE_FOR_S = 60.0


class Pinned:
    """The hosts one client calls: each is resolved once and checked by the rules, and no other is connected to."""

    def __init__(self, rules: Rules, timeout_s: float):
        self._rules, self._timeout_s = rules, timeout_s
        #: scheme://host:port as it stands in the URL → (checked until, line for RESOLVE)
        self._checked: dict[str, tuple[float, str]] = {}
        self._addresses: set[str] = set()

    def line(self, url: str, now: float) -> tuple[float, str]:
        """Until when the check of the URL's host holds, and the line that ties it ("" for a literal address).

        Raises `BadConfig` where it may not be called and `Unreachable` where it has no address.
        """
        end = url.find("/", url.find(":") + 3)
        origin = url if end < 0 else url[:end]
        found = self._checked.get(origin)
        return found if found is not None and now <= found[0] else self._check(origin)

    def open_socket(self, _purpose: int, address: Any) -> Any:
        """Called by libcurl for each new connection: only to an address that was checked."""
        if address.addr[0] not in self._addresses:
            return pycurl.SOCKET_BAD
        return socket.socket(address.family, address.socktype, address.protocol)

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
        addresses = resolve(host, port, self._timeout_s)
        self._rules.check(parts.scheme, host, port, addresses)
        if len(self._checked) > 1000:
            self._checked.clear()
            self._addresses.clear()
        self._addresses.update(addresses)
        bracketed = ",".join(f"[{a}]" if ":" in a else a for a in addresses)
        pin = "" if _is_literal(host) else f"{host}:{port}:{bracketed}"
        self._checked[origin] = found = (clock.monotonic() + RESOLVE_FOR_S, pin)
        return found


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
