"""What the pages of routes show: rules in words, the form of a rule, and why a message went its way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from wtforms import DecimalField, SelectField, StringField, TextAreaField
from wtforms import validators as v

from core.contract.errors import Refusal
from core.db.codes import Cls
from core.db.models import Account, RouteRule, Segment, Sender
from core.i18n import _, _l
from core.sending import accounts
from core.sending.routes import awaited, decision, senders
from core.sending.routes.rules import ANY, FULL_BP, STRATEGIES, Rule, Target
from core.web.format import money, pct
from core.web.forms import Form, choices, tidy

#: Words of a list: a comma in any script, or a line of its own.
_SPLIT = re.compile(r"[,，、;；\n]+")


class RuleForm(Form):
    """A rule; its accounts stand beside it (`targets`)."""

    name = StringField(_l("Name of the rule"), [v.InputRequired(), v.Length(max=60)], filters=[tidy])
    cls = SelectField(_l("Class"), coerce=int)
    countries = StringField(
        _l("Countries"), [v.Optional(), v.Length(max=1000)], filters=[tidy],
        description=_l("Two letters each, such as CN, HK; empty for all."),
    )  # fmt: skip
    carriers = TextAreaField(
        _l("Carriers"), [v.Optional(), v.Length(max=4000)], render_kw={"rows": 2},
        description=_l("Names as they stand on a contact's page, such as 中国移动; empty for all."),
    )  # fmt: skip
    prefixes = TextAreaField(
        _l("Numbers that begin with"), [v.Optional(), v.Length(max=4000)], render_kw={"rows": 2},
        description=_l("With country code, such as +86139; empty for all."),
    )  # fmt: skip
    segment = SelectField(_l("Segment"), coerce=int)
    share = DecimalField(
        _l("Share in percent"), [v.Optional()], default=100, places=None,
        description=_l("How many of the messages that fit it takes; the rest go on to the next rule."),
    )  # fmt: skip
    strategy = SelectField(_l("How it chooses"))
    pool = SelectField(_l("Senders"), coerce=int)


def rule_form(rule: Rule | None = None) -> RuleForm:
    """The form, filled with a rule."""
    values: dict[str, Any] = {}
    if rule is not None:
        values = {
            "name": rule.name, "cls": rule.cls, "countries": ", ".join(rule.countries),
            "carriers": "\n".join(rule.carriers), "prefixes": "\n".join(rule.prefixes),
            "segment": rule.segment_id or 0, "share": Decimal(rule.share_bp) / 100, "strategy": rule.strategy,
            "pool": rule.pool_id or 0,
        }  # fmt: skip
    form = RuleForm(data=values)
    form.cls.choices = choices([(ANY, _("any class")), *((int(cls), class_word(cls)) for cls in Cls)])
    form.segment.choices = choices(
        [(0, _("everyone")), *Segment.select(Segment.id, Segment.name).order_by(Segment.name).tuples()]
    )
    form.strategy.choices = choices((key, title) for key, (title, _does) in STRATEGIES.items())
    form.pool.choices = choices(
        [(0, _("the account's own sender")), *((p.id, p.name) for p in senders.pools())]
    )
    return form


def given(form: RuleForm) -> dict[str, Any]:
    """What was typed, as `editing.add` takes it.  Raises `Refusal`."""
    share = 100 if form.share.data is None else form.share.data
    return {
        "name": form.name.data or "", "cls": form.cls.data, "countries": listed(form.countries.data),
        "carriers": listed(form.carriers.data), "prefixes": listed(form.prefixes.data),
        "segment_id": form.segment.data or None, "share_bp": round(share * 100),
        "strategy": form.strategy.data, "pool_id": form.pool.data or None,
    }  # fmt: skip


def listed(text: str | None) -> list[str]:
    """Words between commas or lines."""
    return [word.strip() for word in _SPLIT.split(text or "") if word.strip()]


def targets(typed: Mapping[str, str]) -> list[Target]:
    """The accounts that were given a place, in that order.  Raises `Refusal`."""
    placed = []
    for account in accounts.every():
        place, weight = (
            typed.get(f"place-{account.id}", "").strip(),
            typed.get(f"weight-{account.id}", "1").strip(),
        )
        if not place:
            continue
        if not place.isdecimal() or not (weight or "1").isdecimal():
            raise Refusal(_("Place and weight are whole numbers."), field="targets")
        placed.append((int(place), account.name, Target(account.id, int(weight or "1"))))
    return [target for _place, _name, target in sorted(placed, key=lambda entry: entry[:2])]


def seats(rule: Rule | None, typed: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Every account with its place in a rule, for the form: those that are typed, else those of the rule."""
    places = {t.account_id: (str(at), str(t.weight)) for at, t in enumerate(rule.targets if rule else (), 1)}
    return [
        {
            "id": account.id, "name": account.name, "state": accounts.state_of(account),
            "place": typed.get(f"place-{account.id}", "") if typed is not None else places.get(account.id, ("", ""))[0],
            "weight": typed.get(f"weight-{account.id}", "1") if typed is not None else places.get(account.id, ("", "1"))[1],
        }
        for account in accounts.every()
    ]  # fmt: skip


# --- words --------------------------------------------------------------------------------------------


def class_word(cls: Cls | str) -> str:
    """A class in a word."""
    name = cls if isinstance(cls, str) else cls.name
    return {"otp": _("code"), "notice": _("notice"), "mass": _("marketing"), "voice": _("voice")}[name]


def conditions(rule: Rule, segments: Mapping[int, str]) -> list[str]:
    """What a rule asks, a phrase each; empty for a rule that fits everyone."""
    told = []
    if rule.cls != ANY:
        told.append(class_word(Cls(rule.cls)))
    if rule.countries:
        told.append(", ".join(rule.countries))
    if rule.carriers:
        told.append(", ".join(rule.carriers))
    if rule.prefixes:
        told.append(_("numbers %(prefixes)s…", prefixes=", ".join(rule.prefixes)))
    if rule.segment_id is not None:
        name = segments.get(rule.segment_id)
        told.append(_("in “%(name)s”", name=name) if name else _("in a segment that was deleted"))
    if rule.share_bp < FULL_BP:
        told.append(
            _("%(share)s of them", share=pct(rule.share_bp / FULL_BP, 2 if rule.share_bp % 100 else 0))
        )
    return told


def misses(word: str) -> str:
    """Why a rule does not fit a number, in words."""
    return {
        "off": _("The rule is switched off."),
        "class": _("It is for another class."),
        "country": _("It is for other countries."),
        "carrier": _("It is for other carriers."),
        "prefix": _("The number begins differently."),
        "segment": _("The contact is not in its segment."),
        "share": _("The dice left this message to the next rule."),
    }[word]


def reason(word: str, code: Any = None) -> str:
    """Why an account was not taken, in words."""
    if word == decision.REFUSED:
        if code == "no_receipt":
            return _("no receipt came from there")
        return _("refused the route (%(code)s)", code=code or "–")
    return {
        "class": _("not allowed for this class"),
        "papers": _("without papers for marketing"),
        "off": _("switched off"),
        "halted": _("halted"),
        "rests": _("rests after failures"),
        "canary": _("on watch: gets only a small share"),
        "later": _("stands further back"),
        "dearer": _("dearer"),
        "lower": _("arrives less often"),
        "share": _("the dice chose another"),
        "no_sender": _("no sender of the pool is free"),
        "on": _("works"),
        "": "",
    }.get(word, word)


def how(word: str) -> str:
    """How an account was chosen, in words."""
    if word in STRATEGIES:
        return str(STRATEGIES[word][0])
    return {"first": _("The first account that works"), "hook": _("A plugin chose it")}.get(word, word)


def figure(how_word: str, value: Any, currency: str = "") -> str:
    """The price or arrival a choice was made by; "" for others."""
    if value is None:
        return ""
    if how_word in ("cheapest", "dearer"):
        return money(value, currency, 4) if value else _("no price known")
    return pct(value) if how_word in ("arrival", "lower") else ""


# --- a message ----------------------------------------------------------------------------------------


def of_message(message_id: int) -> dict[str, Any] | None:
    """Why a message went its way, for its page; None when rules had no say and there is no second text."""
    found, (first, second) = decision.of(message_id), awaited.pair_of(message_id)
    if found is None:
        return {"first": first, "second": second, "decision": None} if first or second else None
    names = dict(Account.select(Account.id, Account.name).tuples())
    rule = RouteRule.get_or_none(RouteRule.id == found.rule_id) if found.rule_id else None
    sender = Sender.get_or_none(Sender.id == found.sender_id) if found.sender_id else None
    return {
        "first": first,
        "second": second,
        "decision": found,
        "rule": rule.name if rule else _("a rule that was deleted") if found.rule_id else _("no rule fits"),
        "rule_id": rule.id if rule else None,
        "how": how(found.how),
        "figure": figure(found.how, found.value),
        "account": names.get(found.account_id, "–"),
        "sender": sender.sender if sender else _("a sender that was deleted") if found.sender_id else "",
        "out": [
            (names.get(id_, "–"), reason(word, value), figure(word, value)) for id_, word, value in found.out
        ],
    }
