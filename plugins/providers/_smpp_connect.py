"""Making a connection: whom we may reach, TLS, and the bind."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any

from core import BadConfig, Unreachable
from core.addresses import Rules, is_public, resolve
from plugins.providers import _smpp_pdu as p

CONNECT_S, BIND_S = 5.0, 10.0
_READ = 1 << 16


def connect(
    settings: Mapping[str, Any], role: int, rules: Rules, fatal: Callable[[int], bool]
) -> tuple[Any, bytes]:
    """A bound, non-blocking socket, and what came behind the answer to the bind.

    `fatal` says of a command_status whether a person must act.  Raises `BadConfig` then, and for addresses
    and certificates that are not allowed; `Unreachable`, `OSError` or `Garbage` for what may pass by itself.
    """
    sock = _open(settings["host"], settings["port"], bool(settings["tls"]), rules)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(BIND_S)
        body = p.bind_body(settings["system_id"], settings["password"], settings["system_type"])
        sock.sendall(p.pdu(role, 1, body))
        command, status, rest = _answer(sock)
        if command not in (role | p.RESPONSE, p.GENERIC_NACK):
            raise p.Garbage("the bind was answered by something else")
        if status or command == p.GENERIC_NACK:
            sentence = f"The SMSC refused the bind: {p.status_name(status)}."
            raise BadConfig(sentence) if fatal(status) else Unreachable(sentence)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock, rest


def _answer(sock: Any) -> tuple[int, int, bytes]:
    came = b""
    while more := sock.recv(_READ):
        came += more
        if len(came) >= 16:
            length, command, status, _sequence = p.HEAD.unpack_from(came)
            if not 16 <= length <= p.MAX_PDU:
                raise p.Garbage("what came is no SMPP")
            if len(came) >= length:
                return command, status, came[length:]
    raise Unreachable("The connection was closed before the bind was answered.")


def _open(host: str, port: int, tls: bool, rules: Rules) -> Any:
    addresses = resolve(host, port, CONNECT_S)
    _check(host, addresses, tls, rules)
    trouble: OSError | None = None
    for address in addresses:
        try:
            sock = socket.create_connection((address, port), CONNECT_S)
        except OSError as error:
            trouble = error
            continue
        if not tls:
            return sock
        try:
            return ssl.create_default_context().wrap_socket(sock, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            sock.close()
            raise BadConfig(f"The certificate of {host} is not valid: {error.verify_message}.") from None
        except OSError as error:
            sock.close()
            trouble = error
    raise Unreachable(f"It cannot be reached: {plain(trouble)}.")


def _check(host: str, addresses: list[str], tls: bool, rules: Rules) -> None:
    """The operator's rules of outgoing calls; any port is fine, because SMPP has no usual one."""
    for address in addresses:
        if rules.allows_internal(host, address):
            continue
        if not is_public(address):
            raise BadConfig(
                f"{host} is {address}, which is not a public address; the operator can open it with the "
                f"setting http_allow."
            )
        if not tls and not rules.plain:
            raise BadConfig(
                f"{host} is reached over the internet without TLS; the operator can allow that with http_plain."
            )


def plain(error: OSError | None) -> str:
    """Why, without anything that was sent."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or type(error).__name__
