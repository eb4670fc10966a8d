"""The outgoing HTTP client: what counts as sent, who may be called, and how much it costs."""

from __future__ import annotations

import signal
import socket
import threading
import time
from types import SimpleNamespace

import pycurl
import pytest

from core import i18n
from core.addresses import Rules, is_public
from core.contract.errors import Ambiguous, BadConfig, Throttled, Unreachable
from core.http import MAX_BODY_BYTES, Client, Request, Response
from core.sending import pausing
from tests.gateway import answer, drop, gateway
from tests.servers import free_port

LOCAL = Rules(allow=("127.0.0.1",))


def quick(**kw) -> Client:
    return Client(LOCAL, connect_s=kw.pop("connect_s", 0.3), read_s=kw.pop("read_s", 0.4), **kw)


def test_answers_come_in_the_order_of_the_requests():
    def act(call, _connection):
        time.sleep(0.02 if call.body == b"0" else 0)
        return answer(200 + int(call.body) % 3, call.body * 2)

    with gateway(act) as gate:
        got = quick(concurrency=8).send_many([Request(gate.url + "/x", str(n).encode()) for n in range(40)])
    assert [r.status for r in got] == [200 + n % 3 for n in range(40)]
    assert [r.body for r in got] == [str(n).encode() * 2 for n in range(40)]


def test_connections_are_kept_and_expect_is_never_sent():
    client = quick(concurrency=4)
    with gateway() as gate:
        for _ in range(5):
            client.send_many([Request(gate.url, b"x" * 3000) for _ in range(8)])
        assert gate.connections <= 4
        assert len(gate.calls) == 40
        assert not any("expect" in call.headers for call in gate.calls)


def test_methods_headers_and_bodies_do_not_leak_into_the_next_request():
    client = quick(concurrency=1)
    with gateway() as gate:
        for request in (
            Request(gate.url + "/a", b"one", ["X-One: 1"]),
            Request(gate.url + "/b"),
            Request(gate.url + "/c", b"", ["X-Two: 2"], "PUT"),
            Request(gate.url + "/d", method="DELETE"),
            Request(gate.url + "/e", b"two"),
        ):
            client.send(request)
    seen = [(c.method, c.path, c.body, c.headers.get("x-one"), c.headers.get("x-two")) for c in gate.calls]
    assert seen == [
        ("POST", "/a", b"one", "1", None),
        ("GET", "/b", b"", None, None),
        ("PUT", "/c", b"", None, "2"),
        ("DELETE", "/d", b"", None, None),
        ("POST", "/e", b"two", None, None),
    ]


def test_nobody_listening_is_proof_of_not_sent():
    with pytest.raises(Unreachable) as raised:
        quick().send(Request(f"http://127.0.0.1:{free_port()}/", b"x"))
    with i18n.use("zh_Hans"):
        assert pausing.tell(str(raised.value)).startswith("无法连接网关："), "pages tell it to their readers"


def test_a_full_accept_queue_is_proof_of_not_sent():
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        with pytest.raises(Unreachable):
            quick().send(Request(url, b"x"))
        for filler in fillers:
            filler.close()


def _trickle(_call, connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(20):
        time.sleep(0.1)
        connection.sendall(b"x")


def _half(_call, connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
    connection.shutdown(socket.SHUT_RDWR)


def _reset(_call, connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()


@pytest.mark.parametrize(
    "act",
    [
        drop,
        _reset,
        _half,
        _trickle,
        lambda call, connection: time.sleep(1.5),
        lambda call, connection: b"SSH-2.0-OpenSSH_9.2\r\n" * 4,
        lambda call, connection: answer(200, b"x" * (MAX_BODY_BYTES + 1)),
        lambda call, connection: b"HTTP/1.1 200 OK\r\nX: " + b"y" * 400_000 + b"\r\n\r\n",
        lambda call, connection: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["dropped", "reset", "half", "trickle", "silent", "no http", "huge", "huge header", "bad chunks"],
)
def test_no_complete_answer_after_the_request_was_written_is_ambiguous(act):
    started = time.monotonic()
    with gateway(act) as gate, pytest.raises(Ambiguous) as raised:
        quick().send(Request(gate.url, b"x"))
    assert time.monotonic() - started < 1.5
    with i18n.use("zh_Hans"):
        assert "应答" in pausing.tell(str(raised.value))


def test_an_endless_body_is_cut_at_the_limit():
    def endless(_call, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    with gateway(endless) as gate, pytest.raises(Ambiguous):
        quick(read_s=5).send(Request(gate.url, b"x"))


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_kept_connection_that_dies_before_the_answer_never_sends_twice(method):
    """libcurl itself would send the request again on a fresh connection."""
    seen = []

    def act(call, connection):
        seen.append(call.path)
        if call.path.startswith("/die"):
            connection.shutdown(socket.SHUT_RDWR)
            return None
        return answer()

    client = quick(concurrency=1)
    with gateway(act) as gate:
        for n in range(20):
            client.send(Request(f"{gate.url}/fine", b"x"))
            with pytest.raises(Ambiguous):
                client.send(Request(f"{gate.url}/die{n}", b"x" if method == "POST" else None))
        assert client.send(Request(f"{gate.url}/fine", b"x")).status == 200
    assert sorted(p for p in seen if p != "/fine") == sorted(f"/die{n}" for n in range(20))


def test_redirects_are_answers_and_proxies_of_the_environment_are_ignored(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with gateway(lambda *_: answer(302, Location="http://127.0.0.1:1/")) as gate:
        got = quick().send(Request(gate.url, b"x"))
    assert got.status == 302


def test_a_busy_gateway_bounds_the_whole_call():
    started = time.monotonic()
    with gateway(lambda *_: time.sleep(2)) as gate:
        got = quick(concurrency=2).send_many([Request(gate.url, b"x") for _ in range(9)])
    assert time.monotonic() - started < 2
    assert [type(g) for g in got] == [Ambiguous] * 2 + [Throttled] * 7
    assert len(gate.calls) == 2


def test_one_bad_request_does_not_touch_the_others():
    with gateway() as gate:
        urls = [gate.url, "ftp://127.0.0.1/", "http://", gate.url, "http://127.0.0.1:99999/", "nonsense"]
        got = quick().send_many([Request(url, b"x") for url in urls])
    assert [type(g) for g in got] == [Response, BadConfig, BadConfig, Response, BadConfig, BadConfig]


NOT_PUBLIC = """
127.0.0.1 127.1.2.3 0.0.0.0 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1
192.0.0.1 192.0.2.1 192.88.99.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1
255.255.255.255 ::1 :: ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 64:ff9b::7f00:1 64:ff9b:1::1 2002:7f00:1::
2001::1 2001:db8::1 fe80::1 fec0::1 fc00::1 fd00::1 ff02::1 100::1 3fff::1 5f00::1 fe80::1%eth0 nonsense
""".split()  # noqa: SIM905


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_special_addresses_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "101.37.0.1", "2606:4700::1111", "2400:3200::1"])
def test_ordinary_addresses_are_public(address):
    assert is_public(address)


def _named(monkeypatch, *addresses):
    def lookup(host, port, *_rest):
        if host == "nowhere.example":
            raise socket.gaierror(-2, "Name or service not known")
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in a], socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses]

    monkeypatch.setattr("socket.getaddrinfo", lookup)


REFUSED = [
    ("https://gw.example/", ["127.0.0.1"], "not a public address"),
    ("https://gw.example/", ["8.8.8.8", "10.0.0.1"], "not a public address"),
    ("https://2130706433/", ["127.0.0.1"], "not a public address"),
    ("https://0x7f.1/", ["127.0.0.1"], "not a public address"),
    ("https://[::1]/", ["::1"], "not a public address"),
    ("https://127.0.0.1/", ["127.0.0.1"], "^127.0.0.1 is not a public address"),
    ("https://[::ffff:127.0.0.1]/", ["::ffff:127.0.0.1"], "not a public address"),
    ("http://gw.example/", ["8.8.8.8"], "not https"),
    ("https://gw.example:22/", ["8.8.8.8"], "Port 22"),
    ("https://me:secret@gw.example/", ["8.8.8.8"], "credentials"),
    ("gopher://gw.example/", ["8.8.8.8"], "scheme"),
    ("https://gw.example./", ["8.8.8.8"], "host name"),
    ("https://ɡw.example/", ["8.8.8.8"], "host name"),
]


@pytest.mark.parametrize(("url", "addresses", "words"), REFUSED)
def test_who_may_not_be_called(monkeypatch, url, addresses, words):
    _named(monkeypatch, *addresses)
    with pytest.raises(BadConfig, match=words) as refused:
        Client(Rules()).send(Request(url, b"x"))
    assert "secret" not in str(refused.value)


def test_a_name_that_does_not_resolve_is_proof_of_not_sent(monkeypatch):
    _named(monkeypatch)
    with pytest.raises(Unreachable, match=r"nowhere\.example"):
        Client(Rules()).send(Request("https://nowhere.example/", b"x"))


def test_the_operator_opens_hosts_by_name_address_and_network():
    for allow in (("gw.internal",), ("10.1.2.3",), ("10.0.0.0/8",)):
        Rules(allow=allow).check("http", "gw.internal", 2775, ["10.1.2.3"])
    with pytest.raises(BadConfig):
        Rules(allow=("10.1.0.0/24",)).check("http", "gw.internal", 80, ["10.1.2.3"])
    Rules(plain=True).check("http", "gw.example", 80, ["8.8.8.8"])


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch):
    """A name that answers differently the second time (DNS rebinding) is not asked a second time."""
    with gateway() as gate:
        port = int(gate.url.rsplit(":", 1)[1])
        _named(monkeypatch, "127.0.0.1")
        client = Client(LOCAL)
        assert client.send(Request(f"http://gw.test:{port}/", b"x")).status == 200
        assert gate.calls[0].headers["host"] == f"gw.test:{port}"
        _named(monkeypatch, "10.0.0.1")
        assert client.send(Request(f"http://gw.test:{port}/", b"x")).status == 200
        rebound = SimpleNamespace(family=socket.AF_INET, socktype=1, protocol=6, addr=("10.0.0.1", port))
        assert client.pinned.open_socket(0, rebound) == pycurl.SOCKET_BAD


def test_an_answer_to_an_interrupted_call_is_not_taken_for_one_of_the_next():
    main, going_on = threading.get_ident(), threading.Event()

    def interrupt(*_):
        raise InterruptedError

    def act(call, _connection):
        if call.body == b"slow":
            signal.pthread_kill(main, signal.SIGALRM)
            going_on.wait(5)
        if call.body == b"1":
            time.sleep(0.05)  # the first is read before the one of the call that was interrupted
            going_on.set()
        return answer(200, call.body)

    client, before = quick(concurrency=3, read_s=5), signal.signal(signal.SIGALRM, interrupt)
    try:
        with gateway(act) as gate:
            with pytest.raises(InterruptedError):
                client.send(Request(gate.url, b"slow"))
            got = client.send_many([Request(gate.url, b"0"), Request(gate.url, b"1")])
            assert [response.body for response in got] == [b"0", b"1"]
    finally:
        signal.signal(signal.SIGALRM, before)


def test_two_clients_in_two_threads_do_not_meet():
    with gateway() as gate:
        counts = []

        def work():
            client = quick(concurrency=8, connect_s=5)
            got = client.send_many([Request(gate.url, b"x") for _ in range(50)])
            counts.append(sum(r.status == 200 for r in got))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert counts == [50] * 4
