"""Who outgoing requests may reach.

https to public addresses (OWASP SSRF; the special-purpose registries of IANA, RFC 6890 and later, read
2026-11-21).  The operator opens internal gateways by `http_allow` and plain http by `http_plain`.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from core.contract.errors import BadConfig, Unreachable

_DENIED = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
        *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        *("224.0.0.0/4", "240.0.0.0/4"),
        # ::/8 holds ::1, v4-compatible, v4-mapped and NAT64 (64:ff9b::/96, 64:ff9b:1::/48) lie outside it.
        *("::/8", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23"),
        *("2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7"),
        *("fe80::/10", "fec0::/10", "ff00::/8"),
    )
)


def is_public(address: str) -> bool:
    """Is this an address of the public internet?  `ipaddress.is_global` alone lets several others pass."""
    try:
        ip = ip_address(address.split("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        return False
    return ip.is_global and not any(ip.version == net.version and ip in net for net in _DENIED)


@dataclass(frozen=True)
class Rules:
    """Whom outgoing requests may reach.

    `allow`: names, addresses or networks of internal gateways; to them plain http and any port are fine.
    `plain`: http to public hosts, too.  `ports` are those of public hosts.  `heard`: where a client leaves the
    (requests, answers) of its last calls, for the log of who made the rules; None keeps nothing.
    """

    allow: tuple[str, ...] = ()
    plain: bool = False
    ports: frozenset[int] = frozenset({80, 443, 8080, 8443})
    heard: Any = field(default=None, compare=False, repr=False)
    _networks: tuple[Any, ...] = field(init=False, repr=False)

    def __post_init__(self):
        networks = []
        for text in self.allow:
            try:
                networks.append(ip_network(text, strict=False))
            except ValueError:
                continue  # a name
        object.__setattr__(self, "_networks", tuple(networks))

    @classmethod
    def of(cls, settings: Any, heard: Any = None) -> Rules:
        """The rules of an instance's settings `http_allow` and `http_plain`."""
        allow = tuple(part.strip().lower() for part in settings.http_allow.split(",") if part.strip())
        return cls(allow=allow, plain=settings.http_plain, heard=heard)

    def allows_internal(self, host: str, address: str) -> bool:
        """Did the operator open this host by name, or this address?"""
        if host.lower() in self.allow:
            return True
        ip = ip_address(address.split("%")[0])
        return any(ip.version == net.version and ip in net for net in self._networks)

    def check(self, scheme: str, host: str, port: int, addresses: Sequence[str]) -> None:
        """Raise `BadConfig` unless every address of the host may be called this way."""
        if scheme not in ("http", "https"):
            raise BadConfig(f"The scheme of {scheme}://{host} is not http or https.")
        internal = [self.allows_internal(host, address) for address in addresses]
        if all(internal):
            return
        for address, opened in zip(addresses, internal, strict=True):
            if not opened and not is_public(address):
                found = host if host == address else f"{host} is {address}, which"
                raise BadConfig(
                    f"{found} is not a public address; the operator can open it with the setting http_allow."
                )
        if scheme == "http" and not self.plain:
            raise BadConfig(
                f"{host} is called by http, not https; the operator can allow that with http_plain."
            )
        if port not in self.ports:
            raise BadConfig(f"Port {port} of {host} is not one of {', '.join(map(str, sorted(self.ports)))}.")


def resolve(host: str, port: int, timeout_s: float) -> list[str]:
    """All addresses of a host.  The system's resolver knows no deadline, hence the thread."""
    pool = ThreadPoolExecutor(1, "resolve")
    try:
        found = pool.submit(socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM).result(timeout_s)
    except (OSError, UnicodeError, FutureTimeout) as error:
        raise Unreachable(f"The name {host} could not be resolved: {error or 'no answer in time'}.") from None
    finally:
        pool.shutdown(wait=False)
    return sorted({str(entry[4][0]) for entry in found})
