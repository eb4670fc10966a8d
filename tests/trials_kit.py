"""Trials for tests: accounts, phones with consent, and texts whose fate is known."""

from __future__ import annotations

from core import clock
from core.db import database
from core.db.codes import Cls
from core.measure.trials import phones, plan, run
from core.sending import accounts, batch, direct, prices, receipts

NOW = {"windows": ("now",), "agreed": True}


def simulators(rt, n: int = 3, price: int = 0, sender: str = "10691234", **given) -> list[int]:
    """Ids of simulators whose phones hand over what they got."""
    made = []
    for i in range(n):
        settings = {"seed": str(100 + i), "handset": "y", "reply_rate": "0", "optout_rate": "0"}
        settings |= {
            key: str(value[i] if isinstance(value, (list, tuple)) else value) for key, value in given.items()
        }
        made.append(accounts.create(rt, f"Sim {'ABCDEF'[i]}", "simulator", settings, sender=sender).id)
    for account in made if price else ():
        prices.put(account, [prices.Line(price, "CNY")])
    return made


def lines(n: int, seed: str = "", night: bool = False) -> str:
    """So many numbers to paste, with owners."""
    more = (f",{seed}" if seed else "") + (",night" if night else "")
    prefixes = ("1380013", "1862013", "1891013")
    return "\n".join(f"+86{prefixes[i % 3]}{i:04d},Owner {i + 1}{more}" for i in range(n))


def draft(rt, of: list[int], n_phones: int = 4, *, seed: str = "", night: bool = True, **given) -> int:
    """A trial that lacks nothing but its start."""
    trial = plan.create("Autumn trial", "ann@example.com", accounts=tuple(of), **(NOW | given))
    phones.add(rt, trial, lines(n_phones, seed, night), "ann@example.com")
    return trial


def due(trial: int) -> None:
    """Let all waiting texts be due."""
    now = clock.now_ms()
    with database.write_tx():
        database.execute(
            "UPDATE trial_text SET due_at = ?, until_at = ? WHERE trial_id = ? AND state = 'waiting'",
            (now - 1000, now + clock.HOUR_MS, trial),
        )


def send(rt, trial: int) -> None:
    """Give what is due and bring it to the wire, then take what comes back."""
    while run.give(rt, trial):
        batch.send(rt, direct.campaign(Cls.notice))
    accounts.close_providers(rt)
    receipts.apply(rt)
    run.collect(trial)


def texts(trial: int, columns: str = "*") -> list[tuple]:
    return database.query(f"SELECT {columns} FROM trial_text WHERE trial_id = ? ORDER BY id", (trial,))
