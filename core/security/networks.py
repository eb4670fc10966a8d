"""Addresses and networks a caller may come from."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from core.contract.errors import Refusal
from core.i18n import _

MOST = 50
_MAPPED = ip_network("::ffff:0:0/96")


def tidy(given: Iterable[str], field: str = "networks") -> tuple[str, ...]:
    """Addresses and networks as they are stored, each once: 192.0.2.7, 10.0.0.0/8, 2001:db8::/32.

    Raises `Refusal` for what is neither.
    """
    found = tuple(dict.fromkeys(_plain(_parsed(text, field)) for text in given))
    if len(found) > MOST:
        raise Refusal(
            _("A token works from at most %(max)s addresses and networks; join some.", max=MOST), field=field
        )
    return found


def is_one(text: str) -> bool:
    """Is this an address or a network?"""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def within(address: str, networks: tuple[str, ...]) -> bool:
    """Does an address lie in one of the networks?  One that cannot be read lies in none.

    >>> within("::ffff:192.0.2.7", ("192.0.2.0/24",)), within("192.0.3.7", ("192.0.2.0/24",)), within("", ("::/0",))
    (True, False, False)
    """
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if ip.version == 6 and ip.ipv4_mapped:
        # What a socket for both kinds of addresses calls one of the old kind.
        ip = ip.ipv4_mapped
    return any(ip in network for network in _read(networks))


@lru_cache(maxsize=256)
def _read(networks: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text) for text in networks)


def _parsed(text: str, field: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        raise Refusal(
            _("%(text)s is no address or network such as 192.0.2.7 or 2001:db8::/32.", text=repr(text)),
            field=field,
        ) from None
    if network.version == 6 and network.subnet_of(_MAPPED):
        return ip_network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return network


def _plain(network: IPv4Network | IPv6Network) -> str:
    """An address alone without its length."""
    return str(network.network_address if network.num_addresses == 1 else network)
