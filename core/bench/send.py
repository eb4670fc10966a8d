"""`cooee bench send`: from launch to the last row, one worker or several, every gate, mark, record and counter on.

The baseline is the bare provider client alone in the same run, on the same messages: `Null.send` for null and
simulator, a plain CurlMulti loop for http, for smpp a bare windowed client of the same server.  Sending happens
in processes of their own (sender.py), so that memory and CPU are those of workers.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from time import perf_counter, process_time
from typing import Any

import orjson

from core import clock
from core.bench import Clocked, figures, sender, smppclient, smsc, throwaway
from core.bench.population import people
from core.content import templates
from core.contract.errors import Refusal
from core.contract.types import Outgoing
from core.db import database, settings
from core.db.models import Segment
from core.runtime import Runtime

TEXT = "【Cooee】本周全场八折，凭短信到店使用。拒收请回复R"
#: Concurrent requests, of the provider and of the baseline.
CONCURRENCY = 50
#: Unanswered texts on the connection, of the provider and of the baseline.
SMPP_WINDOW = 500
#: Worker processes and marked messages when none are given: while a worker records, others use its gateway.
WORKERS, WINDOW = {"http": 3}, {"http": 2_000}
_BODY = '{"to": "{to}", "text": "{text}", "ref": "{ref}"}'


def run(
    n: int, provider: str = "null", window: int | None = None, growth: bool = False, workers: int | None = None,
    **server: Any,
) -> dict[str, Any]:  # fmt: skip
    """Measure sending to `n` contacts; with `growth` also to 10,000, for the cost per message.

    `server`: for smpp latency_ms, receipts (until the last is applied) and nagle.
    """
    if server and provider != "smpp":
        raise Refusal(f"--{next(iter(server)).replace('_', '-')} belongs to --provider smpp.")
    workers, window = workers or WORKERS.get(provider, 1), window or WINDOW.get(provider)
    small = _run(10_000, provider, window, workers, server) if growth else None
    large = _run(n, provider, window, workers, server)
    if small:
        large["at_10000"] = {key: small[key] for key in ("per_second", "cpu_us_per_item", "messages")}
        large["growth"] = round(large["cpu_us_per_item"] / small["cpu_us_per_item"], 3)
        large["growth_seconds"] = round(small["per_second"] / large["per_second"], 3)
    return large


def _run(
    n: int, provider: str, window: int | None, workers: int, server: Mapping[str, Any]
) -> dict[str, Any]:
    with throwaway() as rt, ExitStack() as stack:
        if provider == "smpp":
            window = window or SMPP_WINDOW
            peer = stack.enter_context(smsc.server(**server))
        people(rt, n)
        url = stack.enter_context(_sink()) if provider == "http" else ""
        given = {"port": peer.port, "window": window} if provider == "smpp" else {}
        campaign_id = _campaign(rt, provider, url, None if given else window, given)
        took = sender.start(rt, campaign_id, bool(server.get("receipts")), workers)
        if provider == "smpp":
            base = smppclient.run(peer.port, _messages(took["sent"]), window, bool(server.get("receipts")))
        elif provider == "http":
            base = _baseline_http(url, took["sent"])
        else:
            base = _baseline(rt, provider, took["sent"])
        clocked = Clocked(took["seconds"], took["cpu_s"])
        made = figures(
            "send", took["sent"], clocked, base, clocked.per_second(took["sent"]) / base["per_second"],
            provider=provider, window=took["window"], audience=n, messages=took["sent"],
            database="postgresql" if database.is_postgres() else "sqlite", workers=workers,
            expand_seconds=took["expand_seconds"],
            **({"smpp_window": window} if provider == "smpp" else {}), **server,
        )  # fmt: skip
        made["peak_rss_mb"] = took["peak_rss_mb"]
        return made


def _campaign(rt: Runtime, provider: str, url: str, window: int | None, given: Mapping[str, Any]) -> int:
    from core.sending import accounts, approval, drafts

    now = clock.now_ms()
    if provider == "smpp":
        given = {"host": "127.0.0.1", "system_id": "bench", "receipts": "final", **given}
    if provider == "http":
        given = {"url": f"{url}/send", "body": _BODY, "concurrency": CONCURRENCY, "ref_path": "ref"}
    account = accounts.create(rt, "bench", provider, given)
    with database.write_tx():
        # Two prices, as an account has: the figure includes looking them up.
        database.executemany(
            "INSERT INTO price (account_id, country, cls, micros_per_part, currency, from_at) "
            "VALUES (?, ?, -1, ?, 'CNY', 0)",
            [(account.id, "", 60_000), (account.id, "CN", 45_000)],
        )
        segment = Segment.create(name="everyone", rule='{"all": []}', created_at=now, updated_at=now)
    template_id = templates.create(rt, "bench", "mass", {"zh": TEXT}, "bench")
    settings.put("timing.hours", {"start": "00:00", "end": "24:00"})
    settings.put("timing.rules_off", [rule.id for rule in rt.plugins.rules.values()])
    settings.put(approval.RECIPIENTS_KEY, 1 << 40)
    return drafts.add(
        rt, name="bench", who="bench", segment_id=segment.id, account_id=account.id,
        templates=[(template_id, 1)], options={"window": window} if window else {},
    )  # fmt: skip


def _messages(n: int) -> list[Outgoing]:
    return [Outgoing(f"{i:016}", f"+86139{i:08d}", TEXT, "", "mass", "ucs2", 1) for i in range(n)]


def _baseline(rt: Runtime, provider: str, n: int) -> dict[str, Any]:
    """The provider alone: make the messages, hand them over in calls of its size, read the results."""
    from core.sending import accounts

    client = accounts.open_provider(rt, accounts.get("bench"), connect=False)
    wall, cpu = perf_counter(), process_time()
    for start in range(0, n, client.batch_size):
        client.send(_messages(min(client.batch_size, n - start)))
    seconds, cpu_s = perf_counter() - wall, process_time() - cpu
    return {
        "what": f"{provider}.send alone",
        "n": n,
        "per_second": round(n / seconds),
        "cpu_us_per_item": round(cpu_s / n * 1e6, 2),
    }


def _sink():
    """A local HTTP server in a process of its own."""
    from core.bench.sink import sink

    return sink()


def _baseline_http(url: str, n: int) -> dict[str, Any]:
    """A plain CurlMulti loop posting the same bodies with the same concurrency, which learns each message's id."""
    import pycurl

    n = min(n, 50_000)
    multi, idle, answers = pycurl.CurlMulti(), [], {}
    multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, CONCURRENCY)
    for _handle in range(CONCURRENCY):
        handle = pycurl.Curl()
        answers[handle] = answer = []
        handle.setopt(pycurl.URL, f"{url}/send")
        handle.setopt(pycurl.HTTPHEADER, ["Content-Type: application/json", "Expect:"])
        handle.setopt(pycurl.WRITEFUNCTION, answer.append)
        handle.setopt(pycurl.NOSIGNAL, 1)
        idle.append(handle)
    messages, names = iter(_messages(n)), []
    wall, cpu = perf_counter(), process_time()
    while len(names) < n:
        while idle and (message := next(messages, None)) is not None:
            handle = idle.pop()
            body = {"to": message.to, "text": message.text, "ref": message.ref}
            handle.setopt(pycurl.POSTFIELDS, orjson.dumps(body))
            multi.add_handle(handle)
        multi.perform()
        _queued, finished, failed = multi.info_read()
        if failed:
            raise RuntimeError(f"the sink failed: {failed[0][2]}")
        for handle in finished:
            if handle.getinfo(pycurl.RESPONSE_CODE) != 200:
                raise RuntimeError("the sink refused a message")
            multi.remove_handle(handle)
            answer = answers[handle]
            names.append(orjson.loads(b"".join(answer))["id"])
            answer.clear()
            idle.append(handle)
        if not finished:
            multi.select(0.05)
    seconds, cpu_s = perf_counter() - wall, process_time() - cpu
    return {
        "what": f"bare pycurl, {CONCURRENCY} at a time",
        "n": n,
        "per_second": round(n / seconds),
        "cpu_us_per_item": round(cpu_s / n * 1e6, 2),
    }
