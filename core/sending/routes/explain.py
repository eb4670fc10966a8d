""" "Test this number": which way a text would go now, rule by rule and account by account.

Nothing is sent or stored.  The same `Router` decides as for real messages; where dice are thrown, they are
thrown for an invented message, so asking again may give another answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from core import clock
from core.audience import contacts, numbers
from core.content import parts
from core.contract.errors import CooeeError
from core.db import database
from core.db.codes import Cls
from core.sending import breaker, prices
from core.sending.item import Item
from core.sending.routes import rules
from core.sending.routes.choosing import Choice, unusable
from core.sending.routes.health import Arrival
from core.sending.routes.matching import Facts, fitting
from core.sending.routes.router import Router
from core.sending.routes.rules import FULL_BP, Rule, Target

if TYPE_CHECKING:
    from core.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account of a rule: `reason` is a word of `decision`, "" for the one that is taken.

    `price_micros` is of one part, `arrival` 0 to 1; None where nothing is known.  `share_bp` is less than
    10,000 for an account on watch.
    """

    account_id: int
    account: str
    weight: int
    state: str
    price_micros: int | None
    currency: str
    arrival: float | None
    share_bp: int
    taken: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Tested:
    """A rule, whether it fits, else the first condition that does not (`misses`), and its accounts.

    `rule_id` 0 stands for "no rule": what happens where none fits.  `decides` marks the one that counts.
    """

    rule_id: int
    name: str
    strategy: str
    fits: bool
    misses: str
    decides: bool
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer; `account` "" when the text would wait."""

    phone: str
    country: str
    carrier: str
    contact_id: int | None
    cls: str
    encoding: str
    parts: int
    account: str
    account_id: int
    sender: str
    cost_micros: int | None
    currency: str
    rules: tuple[Tested, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def test(rt: Runtime, to: str, cls: Cls, text: str = "") -> Answer:
    """What would become of a text to this number.  Raises `Refusal` for what is no number."""
    phone, now = contacts.number(rt, to), clock.now_ms()
    contact_id = database.scalar(
        "SELECT id FROM contact WHERE phone_bidx = ?", (rt.keys.blind_index(phone.e164),)
    )
    item = Item(now << 20, contact_id or 0, 0, 0, None, 0, None, phone.e164, phone.country)
    every = {account.id: account for account in breaker.load()}
    router = Router(rt, cls, None, every, now)
    facts = _Facts(rt, item, _carrier(rt, phone.e164, contact_id))
    router.decide([item], {}, facts)
    choice: Choice = item.choice
    encoding, n = parts.count(text, cn=phone.country == "CN") if text else ("", 0)
    tested = tuple(_tested(router, facts, item, choice, rule) for rule in rules.every())
    default, _how = router.without_rule(item.country)
    # Nobody asks them; that they are there and why they are not asked is what a person wants to know.
    default = replace(default, targets=(*default.targets, *map(Target, sorted(router.barred))))
    tested += (_tested(router, facts, item, choice, default),)
    account = every.get(choice.account_id)
    price, currency = prices.price_of(choice.account_id, item.country, cls) if account else (0, "")
    return Answer(
        phone=phone.e164, country=phone.country, carrier=facts.carriers.get(item.contact_id, ""),
        contact_id=contact_id, cls=cls.name, encoding=encoding, parts=n,
        account=account.name if account else "", account_id=choice.account_id,
        sender=(choice.sender.text if choice.sender else account.sender) if account else "",
        cost_micros=price * n if currency and n else None, currency=currency, rules=tested,
    )  # fmt: skip


class _Facts(Facts):
    """Of one number, which may belong to nobody yet."""

    def __init__(self, rt: Runtime, item: Item, carrier: str):
        super().__init__(rt, [item])
        self.carriers = {item.contact_id: carrier} if carrier else {}


def _carrier(rt: Runtime, e164: str, contact_id: int | None) -> str:
    known = numbers.of(contact_id) if contact_id else None
    if known is not None:
        return known["carrier"]
    source = numbers.source(rt)
    try:
        return source.facts([e164])[0].carrier if source else ""
    except CooeeError:
        return ""


#: What a rule may miss, in the order it is asked: word → the condition alone.
_MISSES: tuple[tuple[str, Callable[[Rule], dict[str, Any]]], ...] = (
    ("country", lambda rule: {"countries": rule.countries}),
    ("prefix", lambda rule: {"prefixes": rule.prefixes}),
    ("carrier", lambda rule: {"carriers": rule.carriers}),
    ("segment", lambda rule: {"segment_id": rule.segment_id}),
    ("share", lambda rule: {"share_bp": rule.share_bp, "pool_id": rule.pool_id}),
)


def _misses(rule: Rule, item: Item, facts: Facts) -> str:
    if not rule.enabled:
        return "off"
    for word, condition in _MISSES:
        if not fitting(Rule(rule.id, "", **condition(rule)), [item], facts):
            return word
    return ""


def _tested(router: Router, facts: Facts, item: Item, choice: Choice, rule: Rule) -> Tested:
    misses = "class" if rule.id and not rule.fits_class(router.cls) else _misses(rule, item, facts)
    decides = choice.rule_id == rule.id and not misses
    if decides:
        made = choice
    else:
        alone = Item(item.id, item.contact_id, 0, 0, None, 0, None, item.to, item.country)
        router.chooser(rule, facts).decide([alone], {})
        made = alone.choice
    said = orjson.loads(made.why)
    reasons = {account_id: word for account_id, word, _value in said.get("not", ())}
    arrival = Arrival([target.account_id for target in rule.targets])
    carrier = facts.carriers.get(item.contact_id, "")
    candidates = []
    for target in rule.targets:
        account = router.every.get(target.account_id)
        price, currency = prices.price_of(target.account_id, item.country, router.cls)
        barred = target.account_id in router.barred
        state = "papers" if barred else unusable(router.allowed.get(target.account_id), router.now) or "on"
        watch = router.watch.get(target.account_id)
        candidates.append(
            Candidate(
                target.account_id, account.name if account else "–", target.weight,
                state, price if currency else None, currency, arrival.rate(target.account_id, item.country, carrier),
                watch.share_bp if watch else FULL_BP, target.account_id == made.account_id,
                reasons.get(target.account_id, "papers" if barred else ""),
            )
        )  # fmt: skip
    return Tested(rule.id, rule.name, rule.strategy, not misses, misses, decides, tuple(candidates))
