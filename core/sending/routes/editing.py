"""Making and changing rules: checked, in order, audited."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from core import clock
from core.contract.errors import Refusal
from core.db import database, onlyonce
from core.db.codes import Cls
from core.db.models import Account, RouteRule, RouteTarget, Segment, SenderPool
from core.i18n import _
from core.security import audit
from core.sending.routes.rules import ANY, FULL_BP, STRATEGIES, Rule, Target, every

MAX_NAME, MAX_WORDS, MAX_WEIGHT = 60, 200, 1_000
_FIELDS = (
    *("name", "enabled", "cls", "countries", "carriers", "prefixes", "segment_id", "share_bp", "strategy"),
    "pool_id",
)


def get(rule_id: int) -> Rule:
    """The rule of a number.  Raises `Refusal` (404)."""
    found = next((rule for rule in every() if rule.id == rule_id), None)
    if found is None:
        raise Refusal(_("There is no rule %(id)s any more.", id=rule_id), field="rule", status=404)
    return found


def add(given: Mapping[str, Any], targets: Sequence[Target], *, at: int | None = None, who: str = "") -> Rule:
    """Make a rule, the last one or at place `at` (from 0).  Raises `Refusal` with the field at fault."""
    values, targets = _checked(given), _targets(targets)
    with database.write_tx():
        ids = [rule.id for rule in every()]
        made = RouteRule.create(
            **onlyonce.new_id("route_rule"), **values, position=len(ids), created_at=clock.now_ms()
        )
        _store_targets(made.id, targets)
        ids.insert(len(ids) if at is None else max(0, min(at, len(ids))), made.id)
        _order(ids)
        audit.record(who, "route.add", values["name"], _told(values, targets))
    return get(made.id)


def edit(rule_id: int, given: Mapping[str, Any], targets: Sequence[Target], *, who: str = "") -> Rule:
    """Change a rule; what is not given stays.  Raises `Refusal`."""
    before = get(rule_id)
    values = _checked({**{name: getattr(before, name) for name in _FIELDS}, **given})
    targets = _targets(targets)
    with database.write_tx():
        RouteRule.update(**values).where(RouteRule.id == rule_id).execute()
        database.execute("DELETE FROM route_target WHERE rule_id = ?", (rule_id,))
        _store_targets(rule_id, targets)
        audit.record(who, "route.edit", values["name"], _told(values, targets))
    return get(rule_id)


def switch(rule_id: int, on: bool, *, who: str = "") -> None:
    """Let a rule decide, or not."""
    rule = get(rule_id)
    with database.write_tx():
        RouteRule.update(enabled=on).where(RouteRule.id == rule_id).execute()
        audit.record(who, "route.on" if on else "route.off", rule.name)


def move(rule_id: int, by: int, *, who: str = "") -> None:
    """Up (-1) or down (+1) in the order; at an end nothing happens."""
    with database.write_tx():
        ids = [rule.id for rule in every()]
        rule = get(rule_id)
        at = ids.index(rule_id)
        to = max(0, min(at + by, len(ids) - 1))
        if to != at:
            ids.insert(to, ids.pop(at))
            _order(ids)
            audit.record(who, "route.move", rule.name, f"{at + 1} → {to + 1}")


def remove(rule_id: int, *, who: str = "") -> Rule:
    """Remove a rule; returns what it was."""
    rule = get(rule_id)
    with database.write_tx():
        database.execute("DELETE FROM route_target WHERE rule_id = ?", (rule_id,))
        database.execute("DELETE FROM route_rule WHERE id = ?", (rule_id,))
        onlyonce.gone("route_rule", rule_id)
        audit.record(who, "route.remove", rule.name)
    return rule


def _order(ids: Iterable[int]) -> None:
    database.executemany(
        "UPDATE route_rule SET position = ? WHERE id = ?", [(at, id_) for at, id_ in enumerate(ids)]
    )


def _store_targets(rule_id: int, targets: Sequence[Target]) -> None:
    for at, target in enumerate(targets):
        RouteTarget.create(rule_id=rule_id, account_id=target.account_id, position=at, weight=target.weight)


def _told(values: Mapping[str, Any], targets: Sequence[Target]) -> str:
    return f"{values['strategy']}: {', '.join(f'{target.account_id}×{target.weight}' for target in targets)}"


# --- checks -------------------------------------------------------------------------------------------


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    name = str(given.get("name", "")).strip()
    if not 1 <= len(name) <= MAX_NAME:
        raise Refusal(_("A rule needs a name of 1 to %(max)s characters.", max=MAX_NAME), field="name")
    cls = given.get("cls", ANY)
    if cls != ANY and cls not in list(Cls):
        raise Refusal(_("%(text)s is no class of messages.", text=repr(cls)), field="cls")
    strategy = given.get("strategy", "order")
    if strategy not in STRATEGIES:
        raise Refusal(
            _("%(text)s is no way to choose an account; there are %(names)s.",
              text=repr(strategy), names=", ".join(STRATEGIES)),
            field="strategy",
        )  # fmt: skip
    share = given.get("share_bp", FULL_BP)
    if not 1 <= share <= FULL_BP:
        raise Refusal(_("A share is above 0 and at most 100 percent."), field="share")
    for field, model, sentence in (
        ("segment_id", Segment, _("There is no such segment.")),
        ("pool_id", SenderPool, _("There is no such pool of senders.")),
    ):
        id_ = given.get(field)
        if id_ is not None and not model.select().where(model.id == id_).exists():
            raise Refusal(sentence, field=field)
    return {
        "name": name, "enabled": bool(given.get("enabled", True)), "cls": int(cls),
        "countries": _joined(countries(given.get("countries", ()))),
        "carriers": _joined(_each(given.get("carriers", ()), str.casefold)),
        "prefixes": _joined(_each(given.get("prefixes", ()), _prefix)),
        "segment_id": given.get("segment_id"), "share_bp": share, "strategy": strategy,
        "pool_id": given.get("pool_id"),
    }  # fmt: skip


def countries(given: Iterable[str]) -> list[str]:
    """Country codes in capitals.  Raises `Refusal`."""
    return _each(given, _country)


def _country(text: str) -> str:
    code = text.upper()
    if not re.fullmatch("[A-Z]{2}", code):
        raise Refusal(_("%(text)s is no country code such as CN or US.", text=repr(text)), field="countries")
    return code


def _prefix(text: str) -> str:
    digits = re.sub(r"[\s().-]", "", text)
    if not re.fullmatch(r"\+?[0-9]{1,15}", digits):
        raise Refusal(
            _("%(text)s is no beginning of a number such as +86139.", text=repr(text)), field="prefixes"
        )
    return digits if digits.startswith("+") else f"+{digits}"


def _each(given: Iterable[str], made: Callable[[str], str]) -> list[str]:
    found = list(dict.fromkeys(made(text.strip()) for text in given if text.strip()))
    if len(found) > MAX_WORDS or any(len(text) > MAX_NAME for text in found):
        raise Refusal(
            _("At most %(max)s entries of %(chars)s characters.", max=MAX_WORDS, chars=MAX_NAME), field="name"
        )
    return found


def _joined(texts: Iterable[str]) -> str:
    return "\n".join(texts)


def _targets(given: Sequence[Target]) -> list[Target]:
    if not given:
        raise Refusal(_("A rule needs at least one account."), field="targets")
    known = {account.id for account in Account.select(Account.id)}
    seen = set()
    for target in given:
        if target.account_id not in known:
            raise Refusal(_("There is no account %(id)s.", id=target.account_id), field="targets")
        if target.account_id in seen:
            raise Refusal(_("Each account stands in a rule once."), field="targets")
        if not 1 <= target.weight <= MAX_WEIGHT:
            raise Refusal(_("A weight is a whole number from 1 to %(max)s.", max=MAX_WEIGHT), field="targets")
        seen.add(target.account_id)
    return list(given)
