"""A provider that does what a test says, real people with consent, and campaigns ready to send."""

from __future__ import annotations

from types import SimpleNamespace

from core import Provider, Result, hookimpl
from core.db import database
from core.db.codes import State
from core.sending import accounts, batch, prices, verify
from tests import campaign_kit as kit
from tests.faults.rig import crowd

__all__ = ["Tape", "crowd", "people_of", "rows", "send_all", "setup", "states"]


class Tape:
    """What a provider got, and what it answers: `act(messages)` returns results or raises."""

    def __init__(self, **abilities):
        self.sent: list = []
        self.calls = 0
        self.act = lambda messages: [Result("accepted", provider_id=f"p-{m.ref}") for m in messages]
        self.found = lambda ref: None
        tape = self

        class Scripted(Provider):
            name = "scripted"
            title = "Scripted"

            def send(self, messages):
                tape.calls += 1
                tape.sent += messages
                return tape.act(messages)

            def look_up(self, ref):
                return tape.found(ref)

        for key, value in abilities.items():
            setattr(Scripted, key, value)
        self.provider = Scripted

    @property
    def refs(self) -> list[str]:
        return [message.ref for message in self.sent]


def setup(rt, tape: Tape | None = None, n: int = 20, rate: float | None = None, price: int = 0, **given):
    """(campaign id, account id) of an expanded campaign over `n` new people on a scripted provider."""
    tape = tape or Tape()
    if "scripted" not in rt.plugins.providers:

        @hookimpl
        def register_providers():
            return [tape.provider]

        rt.plugins.register(SimpleNamespace(register_providers=register_providers), "scripted")
    crowd(rt, n)
    number = (database.scalar("SELECT MAX(id) FROM account") or 0) + 1
    account = accounts.create(rt, f"scripted {number}", "scripted", {}, rate_per_s=rate).id
    if price:
        prices.put(account, [prices.Line(price, "CNY")])
    options = {"approve": "off", **given.pop("options", {})}
    given.setdefault("account_id", account)
    campaign = kit.campaign(rt, name=f"Campaign {number}", options=options, **given)
    with database.write_tx():
        # What `kit.campaign` makes beside ours cannot send.
        database.execute("DELETE FROM account WHERE provider <> 'scripted'")
    kit.launched(rt, campaign)
    return campaign, account


def send_all(rt, campaign: int, rounds: int = 20) -> int:
    """Send what is due until nothing is; how many messages were dealt with."""
    total = 0
    for _round in range(rounds):
        n = batch.send(rt, campaign)
        if not n:
            break
        total += n
    return total


def states(campaign: int) -> dict[str, int]:
    return kit.states(campaign)


def rows(campaign: int, columns: str = "id, state, reason") -> list[tuple]:
    return database.query(f"SELECT {columns} FROM message WHERE campaign_id = ? ORDER BY id", (campaign,))


def people_of(campaign: int) -> list[int]:
    return [row[0] for row in rows(campaign, "contact_id")]


def due_now(campaign: int) -> None:
    """Make waiting messages due."""
    with database.write_tx():
        database.execute("UPDATE message SET not_before = 0 WHERE campaign_id = ? AND state = 0", (campaign,))


def whole(rt) -> None:
    """The ledger's invariants hold."""
    assert verify.verify(rt) == [], verify.verify(rt)


def raising(error: Exception):
    """An `act` of a `Tape` whose call fails."""

    def act(_messages):
        raise error

    return act


def awake() -> None:
    """Close all breakers."""
    with database.write_tx():
        database.execute("UPDATE account SET failures = 0, open_until = 0, probe_at = 0")


def set_state(message_id: int, *path: State) -> None:
    for state in path:
        with database.write_tx():
            database.execute("UPDATE message SET state = ? WHERE id = ?", (int(state), message_id))
