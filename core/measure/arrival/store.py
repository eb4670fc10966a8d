"""Loading and saving what the watch keeps: `account_watch`, `arrival_cusum`, `arrival_alarm`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from core import clock
from core.db import database
from core.measure.arrival import alarm
from core.measure.arrival.baseline import Usual


@dataclass(slots=True)
class Watched:
    """A row of `account_watch`."""

    account_id: int
    state: str = "ok"
    since: int = 0
    canary_bp: int = 10_000
    reason: str = ""
    baseline: float | None = None
    wait_ms: int = 300_000
    read_to: int = 0
    tried: int = 0
    arrived: int = 0
    evidence: float = 0.0
    live: str = "{}"


@dataclass(slots=True)
class Series:
    """The running sum of an account, or of one carrier; `open` is the batch that is not full yet."""

    carrier: str
    usual: float | None
    cusum: alarm.Cusum
    open: list[int] = field(default_factory=lambda: [0, 0, 0])
    changed: bool = False

    def add(self, good: bool, at: int) -> bool:
        """Count one message; True when it fills a batch that rings."""
        self.changed = True
        self.open[2] = self.open[2] or at
        self.open[0] += 1
        self.open[1] += good
        if self.open[0] < alarm.BATCH:
            return False
        (sent, arrived, first), self.open = self.open, [0, 0, 0]
        return self.cusum.add(sent, arrived, first)


@dataclass(slots=True)
class Alarm:
    """A row of `arrival_alarm`; id 0 before it is stored.  `wait_ms` is known while it is new."""

    id: int
    account_id: int
    carrier: str
    at: int
    began_at: int
    until_at: int
    baseline: float
    sent: int
    arrived: int
    silent: int
    cusum: float
    phi: float
    wait_ms: int = 0
    ended_at: int | None = None
    ending: str = ""
    tried: int = 0
    passed: int = 0


_ALARM = "id, account_id, carrier, at, began_at, until_at, baseline, sent, arrived, silent, cusum, phi"
_WATCH = ("account_id", "state", "since", "canary_bp", "reason", "baseline", "wait_ms", "read_to", "tried",
          "arrived", "evidence", "live")  # fmt: skip


def load(since: int, usual: Mapping[tuple[int, str], Usual]) -> list[tuple[Watched, dict[str, Series]]]:
    """Every account with its sums.  What is usual is taken over where nothing is under suspicion."""
    rows = {row[0]: Watched(*row) for row in database.query(f"SELECT {', '.join(_WATCH)} FROM account_watch")}
    kept: dict[int, dict[str, Series]] = {}
    for account_id, carrier, value, p0, began_at, sent, arrived, open_, history in database.query(
        "SELECT account_id, carrier, cusum, baseline, began_at, sent, arrived, open, history FROM arrival_cusum"
    ):
        phi = alarm.Phi((n, k) for n, k in json.loads(history))
        sum_ = alarm.Cusum(p0 or 0.0, phi, value, began_at, sent, arrived)
        kept.setdefault(account_id, {})[carrier] = Series(carrier, p0, sum_, json.loads(open_))
    made = []
    for (account_id,) in database.query("SELECT id FROM account ORDER BY id"):
        watched = rows.get(account_id) or Watched(account_id, since=clock.now_ms())
        watched.read_to = max(watched.read_to, since)
        series = kept.get(account_id, {})
        series.setdefault("", Series("", None, alarm.Cusum(0.0)))
        for (account, carrier), found in usual.items():
            if account == account_id:
                _hold(watched, series, carrier, found)
        made.append((watched, series))
    return made


def _hold(watched: Watched, series: dict[str, Series], carrier: str, usual: Usual) -> None:
    """Hold an account or carrier to what is usual now, unless it is just being judged by what was."""
    one = series.get(carrier)
    if one is None:
        if usual.share is None:
            return
        one = series[carrier] = Series(carrier, None, alarm.Cusum(0.0))
    calm = watched.state == "ok" and one.cusum.value < alarm.THRESHOLD / 2
    if one.usual is None or calm:
        one.usual, one.cusum.p0, one.changed = usual.share, usual.share or 0.0, True
        if not carrier:
            watched.baseline, watched.wait_ms = usual.share, usual.wait_ms


def open_alarms(account_id: int) -> list[Alarm]:
    """Alarms of an account that have not ended."""
    return [
        Alarm(*row[:12], tried=row[12], passed=row[13])
        for row in database.query(
            f"SELECT {_ALARM}, tried, passed FROM arrival_alarm WHERE account_id = ? AND ended_at IS NULL "
            "ORDER BY id",
            (account_id,),
        )
    ]


def save(watched: Watched, was: tuple[str, int], now: int) -> bool:
    """Store the account's row; False when its state is no longer what it was."""
    values = tuple(getattr(watched, name) for name in _WATCH)
    updates = ", ".join(f"{name} = excluded.{name}" for name in _WATCH[1:])
    return (
        database.execute(
            f"INSERT INTO account_watch ({', '.join(_WATCH)}, updated_at) "
            f"VALUES ({database.in_list(len(_WATCH) + 1)}) ON CONFLICT (account_id) DO UPDATE SET {updates}, "
            "updated_at = excluded.updated_at WHERE account_watch.state = ? AND account_watch.since = ?",
            (*values, now, *was),
        ).rowcount
        == 1
    )


def save_series(account_id: int, series: Iterable[Series]) -> None:
    """Store those sums of an account that changed."""
    database.executemany(
        "INSERT INTO arrival_cusum (account_id, carrier, cusum, phi, baseline, began_at, sent, arrived, open, history) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account_id, carrier) DO UPDATE SET "
        "cusum = excluded.cusum, phi = excluded.phi, baseline = excluded.baseline, began_at = excluded.began_at, "
        "sent = excluded.sent, arrived = excluded.arrived, open = excluded.open, history = excluded.history",
        [
            (account_id, one.carrier, one.cusum.value, one.cusum.phi.value, one.usual, one.cusum.began_at,
             one.cusum.sent, one.cusum.arrived, json.dumps(one.open), json.dumps(list(one.cusum.phi.batches)))
            for one in series
            if one.changed
        ],
    )  # fmt: skip


def save_alarms(alarms: Iterable[Alarm]) -> None:
    """Store new alarms, and how old ones went on."""
    for one in alarms:
        if one.id:
            database.execute(
                "UPDATE arrival_alarm SET ended_at = ?, ending = ?, tried = ?, passed = ? WHERE id = ?",
                (one.ended_at, one.ending, one.tried, one.passed, one.id),
            )
        else:
            one.id = database.scalar(
                "INSERT INTO arrival_alarm (account_id, carrier, at, began_at, until_at, baseline, sent, arrived, "
                "silent, cusum, phi, ended_at, ending, tried, passed) VALUES "
                f"({database.in_list(15)}) RETURNING id",
                (one.account_id, one.carrier, one.at, one.began_at, one.until_at, one.baseline, one.sent,
                 one.arrived, one.silent, one.cusum, one.phi, one.ended_at, one.ending, one.tried, one.passed),
            )  # fmt: skip


def alarms(account_id: int | None = None, *, open_only: bool = False, limit: int = 50) -> list[Alarm]:
    """Alarms, newest first."""
    parts, params = ["1 = 1"], []
    if account_id is not None:
        parts.append("account_id = ?")
        params.append(account_id)
    if open_only:
        parts.append("ended_at IS NULL")
    return [
        Alarm(*row[:12], ended_at=row[12], ending=row[13])
        for row in database.query(
            f"SELECT {_ALARM}, ended_at, ending FROM arrival_alarm WHERE {' AND '.join(parts)} "
            "ORDER BY id DESC LIMIT ?",
            (*params, limit),
        )
    ]
