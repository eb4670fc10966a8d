"""A campaign that names no account over scripted providers, one each, and rules between them."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

from core import Result, clock, hookimpl
from core.db import database
from core.db.codes import Cls
from core.sending import accounts, breaker, prices
from core.sending.item import Item
from core.sending.routes import editing
from core.sending.routes.router import Router
from core.sending.routes.rules import Rule, Target
from tests import campaign_kit as kit
from tests.send_kit import Tape, crowd


class Way:
    """An account with a tape of its own; `accepted` are the references it took."""

    def __init__(self, rt, name: str, rate: float | None = None, **abilities):
        self.tape = Tape(name=name, title=name, window=abilities.pop("window", 100), **abilities)
        tape = self.tape

        @hookimpl
        def register_providers():
            return [tape.provider]

        rt.plugins.register(SimpleNamespace(register_providers=register_providers), name)
        self.id = accounts.create(rt, name, name, {}, rate_per_s=rate).id
        self.accepted: list[str] = []
        self.answers = lambda message: Result("accepted", provider_id=f"{name}-{message.ref}")
        tape.act = self._act

    def _act(self, messages):
        results = [self.answers(message) for message in messages]
        self.accepted += [m.ref for m, r in zip(messages, results, strict=True) if r.outcome == "accepted"]
        return results

    @property
    def refs(self) -> list[str]:
        return self.tape.refs


def ways(rt, *names: str, **abilities) -> list[Way]:
    """Accounts in this order."""
    return [Way(rt, name, **abilities) for name in names]


def campaign(rt, n: int = 0, **given) -> int:
    """An expanded campaign that names no account, over everyone: `n` people where there are none yet."""
    if database.scalar("SELECT 1 FROM contact LIMIT 1") is None:
        crowd(rt, n)
    number = (database.scalar("SELECT MAX(id) FROM campaign") or 0) + 1
    first = database.scalar("SELECT MIN(id) FROM account")
    options = {"approve": "off", **given.pop("options", {})}
    made = kit.campaign(rt, name=f"Free {number}", options=options, account_id=first, **given)
    with database.write_tx():
        database.execute("DELETE FROM account WHERE provider <> name")
    kit.launched(rt, made)
    with database.write_tx():
        database.execute("UPDATE campaign SET account_id = NULL WHERE id = ?", (made,))
    return made


def rule(*targets: Way | tuple[Way, int], **given) -> Rule:
    """A rule over these accounts, in their order, with weights where given."""
    pairs = [target if isinstance(target, tuple) else (target, 1) for target in targets]
    given.setdefault("name", f"rule {len(pairs)}")
    return editing.add(given, [Target(way.id, weight) for way, weight in pairs])


def once(*all_ways: Way) -> Counter:
    """How often each reference was accepted, over all accounts: never more than once."""
    counted = Counter(ref for way in all_ways for ref in way.accepted)
    assert not [ref for ref, n in counted.items() if n > 1]
    return counted


def decided(campaign_id: int) -> list[tuple]:
    """(message, rule, account, sender, why) of a campaign's messages, by id."""
    return database.query(
        "SELECT r.message_id, r.rule_id, r.account_id, r.sender_id, r.why FROM message_route r "
        "JOIN message m ON m.id = r.message_id WHERE m.campaign_id = ? ORDER BY 1",
        (campaign_id,),
    )


def items(n: int, country: str = "CN", first: int = 1) -> list[Item]:
    return [
        Item((5 << 20) + i, i, 0, 0, None, 0, None, f"+86139{i:08d}", country)
        for i in range(first, first + n)
    ]


def router(rt, cls: Cls = Cls.mass) -> Router:
    return Router(rt, cls, None, {a.id: a for a in breaker.load()}, clock.now_ms())


def chosen(rt, some: list[Item], cls: Cls = Cls.mass) -> list[tuple[int, int]]:
    """(rule, account) of each."""
    router(rt, cls).decide(some)
    return [(item.choice.rule_id, item.choice.account_id) for item in some]


def known(rows: dict[int, str]) -> None:
    """Carriers of contacts."""
    with database.write_tx():
        database.executemany(
            "INSERT INTO number_info (contact_id, region, carrier, zone, line_type, permanent_failures, status, "
            "checked_at) VALUES (?, '', ?, '', 1, 0, 0, 0)",
            list(rows.items()),
        )


def price(account: int, micros: int, country: str = "") -> None:
    prices.put(account, [prices.Line(micros, "CNY", country)])


def arrival(account: int, rate: float, country: str = "", carrier: str = "") -> None:
    with database.write_tx():
        database.execute(
            "INSERT INTO arrival_rate (account_id, country, carrier, rate, low, high, n, updated_at) "
            "VALUES (?, ?, ?, ?, ?, ?, 100, 0)",
            (account, country, carrier, rate, rate, rate),
        )


def watch(account: int, share_bp: int, state: str = "canary", since: int | None = None) -> None:
    with database.write_tx():
        database.execute("DELETE FROM account_watch WHERE account_id = ?", (account,))
        database.execute(
            "INSERT INTO account_watch (account_id, state, since, canary_bp, reason, wait_ms, read_to, tried, "
            "arrived, evidence, live, updated_at) VALUES (?, ?, ?, ?, 'fell', 0, 0, 0, 0, 0, '{}', 0)",
            (account, state, clock.now_ms() if since is None else since, share_bp),
        )
