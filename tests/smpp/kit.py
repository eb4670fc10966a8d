"""A fake SMSC on a real socket: it answers as a test says and remembers what came."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

from core import Outgoing
from core.addresses import Rules
from core.sending.accounts import checked
from plugins.providers.smpp import Smpp

HEAD = struct.Struct(">IIII")
RESPONSE = 0x80000000


class Submit(NamedTuple):
    """One submit_sm, read by code of its own."""

    sequence: int
    source: str
    source_ton: int
    source_npi: int
    dest: str
    dest_ton: int
    dest_npi: int
    esm_class: int
    validity: str
    registered: int
    data_coding: int
    text: bytes
    tlvs: dict[int, bytes]


def read_submit(sequence: int, body: bytes) -> Submit:
    at = 0

    def word() -> str:
        nonlocal at
        end = body.index(b"\0", at)
        found, at = body[at:end].decode("latin-1"), end + 1
        return found

    def octets(n: int) -> bytes:
        nonlocal at
        found, at = body[at : at + n], at + n
        assert len(found) == n
        return found

    word()
    ton, npi = octets(2)
    source = word()
    dest_ton, dest_npi = octets(2)
    dest = word()
    esm_class = octets(3)[0]
    assert word() == ""
    validity = word()
    registered, _replace, coding, _default, length = octets(5)
    text, tlvs = octets(length), {}
    while at < len(body):
        tag, size = struct.unpack(">HH", octets(4))
        tlvs[tag] = octets(size)
    return Submit(
        sequence, source, ton, npi, dest, dest_ton, dest_npi, esm_class, validity, registered, coding, text, tlvs
    )  # fmt: skip


def pdu(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    return HEAD.pack(16 + len(body), command, status, sequence) + body


def tlv(tag: int, value: bytes) -> bytes:
    return struct.pack(">HH", tag, len(value)) + value


def deliver_body(
    text: bytes, *, source="8613800000001", dest="1069", esm_class=0, coding=0, tlvs=b"", payload=False
) -> bytes:
    if payload:
        tlvs, text = tlvs + tlv(0x0424, text), b""
    head = b"\0\1\1" + source.encode() + b"\0\0\0" + dest.encode() + b"\0"
    return head + bytes((esm_class, 0, 0)) + b"\0\0" + bytes((0, 0, coding, 0, len(text))) + text + tlvs


def receipt_text(id_: str, stat: str = "DELIVRD", err: str = "000", done: str = "2611220915") -> bytes:
    return (
        f"id:{id_} sub:001 dlvrd:001 submit date:2611220914 done date:{done} stat:{stat} err:{err} text:id:9 stat:X"
    ).encode()


class Session:
    """One connection of a client, as the SMSC sees it."""

    def __init__(self, smsc: Smsc, sock: socket.socket):
        self.smsc, self.sock = smsc, sock
        self.command = 0
        self.lock = threading.Lock()

    def write(self, data: bytes) -> None:
        with self.lock:
            self.sock.sendall(data)

    def deliver(self, body: bytes, command: int = 5) -> int:
        """Send a deliver_sm; its sequence number."""
        sequence = next(self.smsc.sequence)
        self.write(pdu(command, sequence, body))
        return sequence

    def drop(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while len(head := self.read(16)) == 16:
                length, command, status, sequence = HEAD.unpack(head)
                self.handle(command, status, sequence, self.read(length - 16))
        self.sock.close()
        with contextlib.suppress(ValueError):
            self.smsc.sessions.remove(self)

    def read(self, n: int) -> bytes:
        data = b""
        while len(data) < n and (more := self.sock.recv(n - len(data))):
            data += more
        return data

    def handle(self, command: int, status: int, sequence: int, body: bytes) -> None:
        smsc = self.smsc
        smsc.commands.append(command)
        if command in (1, 2, 9):
            smsc.binds.append(body)
            self.command = command
            self.write(pdu(command | RESPONSE, sequence, b"smsc\0", smsc.bind_status))
            if not smsc.bind_status:
                smsc.sessions.append(self)
                smsc.bound(self)
        elif command == 4:
            submit = read_submit(sequence, body)
            smsc.submits.append(submit)
            smsc.act(self, submit)
        elif command == 0x15 and smsc.alive:
            self.write(pdu(0x15 | RESPONSE, sequence))
        elif command == 6:
            self.write(pdu(6 | RESPONSE, sequence))
        elif command & RESPONSE:
            smsc.answers[sequence] = (command, status, body)


class Smsc:
    """`act(session, submit)` answers; the usual one accepts with ids m1, m2 …"""

    def __init__(self):
        self.act: Callable[[Session, Submit], None] = self.accept
        self.bound: Callable[[Session], None] = lambda session: None
        self.bind_status, self.alive = 0, True
        self.submits: list[Submit] = []
        self.binds: list[bytes] = []
        self.commands: list[int] = []
        self.sessions: list[Session] = []
        self.answers: dict[int, tuple[int, int, bytes]] = {}
        self.sequence = iter(range(1, 1 << 30))
        self._ids = iter(range(1, 1 << 30))
        self.port = 0
        self._server: socket.socket | None = None
        self._context: ssl.SSLContext | None = None

    def accept(self, session: Session, submit: Submit) -> None:
        session.write(pdu(4 | RESPONSE, submit.sequence, f"m{next(self._ids)}\0".encode()))

    def refuse(self, status: int) -> Callable[[Session, Submit], None]:
        return lambda session, submit: session.write(pdu(4 | RESPONSE, submit.sequence, b"", status))

    def up(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, args=(self._server,), daemon=True).start()

    def _serve(self, server: socket.socket) -> None:
        while True:
            try:
                sock, _peer = server.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                try:
                    sock = self._context.wrap_socket(sock, server_side=True)
                except OSError:
                    continue
            threading.Thread(target=Session(self, sock).run, daemon=True).start()

    def down(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for session in list(self.sessions):
            session.drop()


@contextlib.contextmanager
def smsc(context: ssl.SSLContext | None = None) -> Iterator[Smsc]:
    made = Smsc()
    made._context = context
    made.up()
    try:
        yield made
    finally:
        made.down()


class Sink:
    """Keeps what a provider hands over; fails the first `fail` times."""

    def __init__(self):
        self.items: list = []
        self.asked, self.calls, self.fail = 0, 0, 0
        self.gate = threading.Event()
        self.gate.set()

    def put(self, items):
        self.asked += 1
        self.gate.wait(10)
        self.calls += 1
        if self.fail:
            self.fail -= 1
            raise RuntimeError("the database is away")
        self.items += items


def made(port: int, sink: Sink | None = None, **given) -> Smpp:
    """A provider for the fake SMSC, open when there is a sink."""
    given = {"host": "127.0.0.1", "port": port, "system_id": "cooee", "password": "sesame-7", **given}
    provider = Smpp(checked(Smpp, {key: str(value) for key, value in given.items()}))
    provider.outgoing = Rules(allow=("127.0.0.1", "localhost"))
    if sink is not None:
        provider.open(sink)
    return provider


def many(n: int, text: str = "Hello", **given) -> list[Outgoing]:
    return [Outgoing(f"{i:020x}", f"+86138{i:08d}", text, **given) for i in range(n)]


def outcomes(results) -> list[str]:
    return [result.outcome for result in results]
