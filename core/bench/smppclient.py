"""A bare SMPP client: one connection, a window, the ids read and nothing kept.

What it reaches is what the server can take.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from time import perf_counter, process_time
from typing import Any

from core.contract.types import Outgoing

_HEAD = struct.Struct(">IIII")
_SUBMIT, _SUBMIT_RESP, _DELIVER, _DELIVER_RESP, _BIND = 4, 0x80000004, 5, 0x80000005, 9


def run(port: int, messages: Sequence[Outgoing], window: int, receipts: bool = False) -> dict[str, Any]:
    """Send all, the window filled again on every read; with `receipts` also answer one for each."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    body = b"bench\0bench\0\0" + b"\x34\0\0\0"
    sock.sendall(_HEAD.pack(16 + len(body), _BIND, 0, 1) + body)
    sock.recv(1000)
    wall, cpu = perf_counter(), process_time()
    _pump(sock, messages, window, receipts)
    seconds, cpu_s = perf_counter() - wall, process_time() - cpu
    sock.close()
    return {
        "what": f"bare SMPP client, window {window}",
        "n": len(messages),
        "per_second": round(len(messages) / seconds),
        "cpu_us_per_item": round(cpu_s / len(messages) * 1e6, 2),
    }


def _pump(sock: socket.socket, messages: Sequence[Outgoing], window: int, receipts: bool) -> None:
    n, sent, answered, wanted = len(messages), 0, 0, len(messages) * (2 if receipts else 1)
    out, rest, done, names = [], b"", 0, []
    while done < wanted:
        for at in range(sent, min(n, answered + window)):
            message = messages[at]
            text = message.text.encode("utf-16-be")
            to = message.to[1:].encode()
            out.append(
                _HEAD.pack(33 + len(to) + len(text), _SUBMIT, 0, at + 2)
                + b"\0\0\0\0\1\1" + to + b"\0\0\0\0\0\0\1\0\x08\0" + bytes((len(text),)) + text
            )  # fmt: skip
            sent = at + 1
        if out:
            sock.sendall(b"".join(out))
            out.clear()
        data = rest + sock.recv(1 << 18)
        at = 0
        while len(data) - at >= 16:
            length, command, _status, sequence = _HEAD.unpack_from(data, at)
            if len(data) - at < length:
                break
            at += length
            if command == _SUBMIT_RESP:
                names.append(data[at - length + 16 : at - 1].decode())
                answered += 1
                done += 1
            elif command == _DELIVER:
                out.append(_HEAD.pack(17, _DELIVER_RESP, 0, sequence) + b"\0")
                done += 1
        rest = data[at:]
    if out:
        sock.sendall(b"".join(out))
