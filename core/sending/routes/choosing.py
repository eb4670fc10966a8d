"""Which account of a rule takes a message, and why the others do not.

Messages alike (same country, same carrier: what the strategy asks) are ranked once a batch; a single message
costs a look-up.  Dice are thrown only where a share, a weight or a canary asks for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.sending import prices
from core.sending.breaker import Account
from core.sending.item import Item
from core.sending.routes import decision
from core.sending.routes.dice import throw
from core.sending.routes.health import Arrival, Watch
from core.sending.routes.pools import Free, Pool
from core.sending.routes.rules import FULL_BP, Rule

if TYPE_CHECKING:
    from core.sending.routes.matching import Facts

#: Salts of the dice; rules use their own ids, which are smaller.
_WEIGHTS, _CANARY = 1 << 40, 1 << 41

#: (account, why it was not taken, a figure or code that says more)
Out = tuple[int, str, Any]
#: {message: what refused it before}
Tried = Mapping[int, tuple[Out, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """One decision, shared by all messages of a batch it was made for.

    `account_id` 0: no account can take them now.  `others` are accounts that could still be tried when this
    one refuses.  `why` is what is stored (`decision`).
    """

    rule_id: int
    account_id: int
    sender: Free | None
    pool: Pool | None
    others: frozenset[int]
    why: str


@dataclass(slots=True)
class _Seat:
    account_id: int
    weight: int
    share_bp: int
    value: Any = None


@dataclass(slots=True)
class _Ranked:
    """Accounts of a rule for messages alike; `sure` when no dice are needed."""

    seats: list[_Seat]
    out: tuple[Out, ...]
    alive: frozenset[int]
    sure: Choice | None = None
    made: dict[tuple, Choice] = field(default_factory=dict)


class Chooser:
    """The accounts of one rule during one batch."""

    def __init__(
        self, rule: Rule, cls: int, accounts: Mapping[int, Account], watch: Mapping[int, Watch], now: int,
        facts: Facts, pool: Pool | None = None, how: str = "", barred: Set[int] = frozenset(),
    ):  # fmt: skip
        self.rule, self._cls, self._accounts, self._watch = rule, cls, accounts, watch
        self._now, self._facts, self._pool = now, facts, pool
        self._how, self._barred = how or rule.strategy, barred
        self._ranked: dict[Any, _Ranked] = {}
        self._prices: dict[int, prices.Prices] = {}
        self._currency: str | None = None
        self._arrival: Arrival | None = None

    def decide(self, items: Sequence[Item], tried: Tried) -> None:
        """Give each message its `choice`."""
        known, key_of = self._ranked, self._key
        for item in items:
            key = key_of(item)
            ranked = known.get(key)
            if ranked is None:
                ranked = known[key] = self._rank(item)
            if ranked.sure is not None and item.id not in tried:
                item.choice = ranked.sure
            else:
                item.choice = self._pick(ranked, item, tried.get(item.id, ()))

    def _key(self, item: Item) -> Any:
        strategy = self.rule.strategy
        if strategy == "cheapest":
            return item.country
        if strategy == "arrival":
            return item.country, self._facts.carriers.get(item.contact_id, "")
        return None

    # --- ranking ------------------------------------------------------------------------------------------

    def _rank(self, item: Item) -> _Ranked:
        seats, out, alive = [], [], set()
        for target in self.rule.targets:
            account = self._accounts.get(target.account_id)
            why = "papers" if target.account_id in self._barred else unusable(account, self._now)
            if why in ("", "rests"):
                alive.add(target.account_id)
            if why:
                out.append((target.account_id, why, None))
                continue
            watch = self._watch.get(target.account_id)
            share = FULL_BP if watch is None else watch.share_bp
            seats.append(_Seat(target.account_id, target.weight, share, self.value(target.account_id, item)))
        if self.rule.strategy == "cheapest":
            # An account without a price is not free of charge: nobody knows.
            seats.sort(key=lambda seat: (not seat.value, seat.value))
        elif self.rule.strategy == "arrival":
            seats.sort(key=lambda seat: (seat.value is None, -(seat.value or 0.0)))
        ranked = _Ranked(seats, tuple(out), frozenset(alive))
        first_is_sure = bool(seats) and seats[0].share_bp == FULL_BP
        if self._pool is None and (not seats or len(seats) == 1 or (first_is_sure and self._how != "weight")):
            ranked.sure = self._made(ranked, seats[0] if seats else None, None, self._behind(ranked, 0))
        return ranked

    def value(self, account_id: int, item: Item) -> Any:
        """What the strategy compares: price in micro-units, or measured arrival; None otherwise."""
        if self.rule.strategy == "cheapest":
            table = self._prices.get(account_id)
            if table is None:
                table = self._prices[account_id] = prices.Prices(account_id, self._cls, self._now)
            if self._currency is None:
                self._currency = self._first_currency()
            # Prices in another currency cannot be compared: as if there were none.
            return table.micros(item.country) if table.currency == self._currency else 0
        if self.rule.strategy == "arrival":
            if self._arrival is None:
                self._arrival = Arrival([target.account_id for target in self.rule.targets])
            carrier = self._facts.carriers.get(item.contact_id, "")
            return self._arrival.rate(account_id, item.country, carrier)
        return None

    def _first_currency(self) -> str:
        """The currency prices are compared in: that of the first account of the rule that has some."""
        found = (prices.currency_of(target.account_id) for target in self.rule.targets)
        return next(filter(None, found), "")

    def _behind(self, ranked: _Ranked, at: int, skipped: tuple[Out, ...] = ()) -> tuple[Out, ...]:
        """Why those after the chosen one were not asked."""
        word = {"cheapest": "dearer", "arrival": "lower", "weight": "share"}.get(self._how, "later")
        known = {entry[0] for entry in skipped}
        return tuple(
            (seat.account_id, word, seat.value)
            for place, seat in enumerate(ranked.seats)
            if place != at and seat.account_id not in known
        )

    # --- one message --------------------------------------------------------------------------------------

    def _pick(self, ranked: _Ranked, item: Item, refused: tuple[Out, ...]) -> Choice:
        gone = {entry[0] for entry in refused}
        seats = [seat for seat in ranked.seats if seat.account_id not in gone]
        if self._how == "weight" and len(seats) > 1:
            seats = self._drawn(seats, item)
        out = list(refused)
        waiting: list[_Seat] = []
        for seat in seats:
            if self._how != "weight" and len(seats) > 1 and not self._let_in(seat, item):
                waiting.append(seat)
                continue
            choice = self._through(
                ranked, seat, item, out + [(s.account_id, "canary", None) for s in waiting]
            )
            if choice is not None:
                return choice
            out.append((seat.account_id, "no_sender", None))
        # Everything else failed: better an account on watch than no text at all.
        for seat in waiting:
            choice = self._through(ranked, seat, item, out)
            if choice is not None:
                return choice
        return self._made(ranked, None, None, tuple(out))

    def _through(self, ranked: _Ranked, seat: _Seat, item: Item, out: list[Out]) -> Choice | None:
        sender = None
        if self._pool is not None:
            sender = self._pool.pick(seat.account_id, item)
            if sender is None:
                return None
        skipped = tuple(out)
        return self._made(
            ranked, seat, sender, skipped + self._behind(ranked, ranked.seats.index(seat), skipped)
        )

    def _let_in(self, seat: _Seat, item: Item) -> bool:
        return seat.share_bp >= FULL_BP or throw(item.id, _CANARY + seat.account_id) < seat.share_bp

    def _drawn(self, seats: list[_Seat], item: Item) -> list[_Seat]:
        """By weight, the drawn one first; an account on watch weighs as little as it may get."""
        weights = [seat.weight * seat.share_bp for seat in seats]
        point = (
            throw(self._facts.share_number(self.rule, item), _WEIGHTS + self.rule.id) / FULL_BP * sum(weights)
        )
        for at, weight in enumerate(weights):
            point -= weight
            if point < 0:
                return [seats[at], *seats[:at], *seats[at + 1 :]]
        return seats

    def _made(self, ranked: _Ranked, seat: _Seat | None, sender: Free | None, out: tuple[Out, ...]) -> Choice:
        key = (seat and seat.account_id, sender and sender.id, out)
        known = ranked.made.get(key)
        if known is None:
            account_id = seat.account_id if seat else 0
            refused = {entry[0] for entry in out if entry[1] == decision.REFUSED}
            known = ranked.made[key] = Choice(
                self.rule.id, account_id, sender, self._pool, ranked.alive - refused - {account_id},
                decision.pack(self._how, seat.value if seat else None, (*out, *ranked.out)),
            )  # fmt: skip
        return known


def unusable(account: Account | None, now: int) -> str:
    """Why an account takes nothing now, in a word; '' when it does.  None: its class may not use it."""
    if account is None:
        return "class"
    if not account.enabled:
        return "off"
    if account.halted:
        return "halted"
    return "" if account.usable(now) else "rests"
