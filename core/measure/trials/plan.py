"""What a trial shall find out: the plan of a draft, how many texts it needs, and what they say and cost.

Sizes: docs/measurement.md, trial sizes (Wilson; Connor for pairs).
"""

from __future__ import annotations

import json
import math
import secrets
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.db.models import Account, Trial, TrialAccount
from core.i18n import _, _n
from core.measure.arrival import trial_maths
from core.measure.trials import words
from core.security import audit

if TYPE_CHECKING:
    from core.runtime import Runtime

NAME_MAX = 80
ACCOUNTS_MAX = 6
TEXTS_MAX = 5_000
#: Hours of a trial: key → local minutes of day; `now` means one text after the other from the start on.
WINDOWS = {"10": (600, 720), "15": (900, 1020), "19": (1140, 1260), "night": (1320, 1440), "now": None}
#: Without a word of the phone's owner nothing is sent outside these minutes of its day.
DAYTIME = (480, 1260)
#: What one phone is asked to bear in one window, texts of each account.
PER_WINDOW_MAX = 10
OPEN = ("draft",)


@dataclass(frozen=True, slots=True)
class Plan:
    """`texts` are those of each account; `margin` and `promise` shares; `start` an ISO day, "" today."""

    functions: tuple[str, ...] = ("delivery", "receipts", "unicode", "long", "sender")
    accounts: tuple[int, ...] = ()
    windows: tuple[str, ...] = ("10", "15", "19")
    margin: float = 0.05
    promise: float = 0.95
    texts: int = 0
    per_window: int = 2
    prefix: str = ""
    lang: str = "en"
    start: str = ""
    agreed: bool = field(default=False)


def of(trial: Trial) -> Plan:
    """The plan of a trial."""
    kept = json.loads(trial.plan)
    return Plan(**{k: tuple(v) if isinstance(v, list) else v for k, v in kept.items()})


def get(trial_id: int) -> Trial:
    """The trial.  Raises `Refusal` (404)."""
    found = Trial.get_or_none(Trial.id == trial_id) if 0 <= trial_id < 1 << 31 else None
    if found is None:
        raise Refusal(_("There is no trial %(id)s.", id=trial_id), status=404)
    return found


def opened(trial_id: int) -> Trial:
    """The trial while it may be planned.  Raises `Refusal` (404, 409)."""
    trial = get(trial_id)
    if trial.state not in OPEN:
        raise Refusal(_("This trial was started; its plan is closed."), status=409)
    return trial


def create(name: str, who: str, **given: Any) -> int:
    """Make a draft; returns its id.  Raises `Refusal`."""
    plan = checked(Plan(), **given)
    with database.write_tx():
        made = Trial.create(
            name=_name(name),
            plan=_json(plan),
            seed=secrets.randbits(62),
            created_by=who,
            created_at=clock.now_ms(),
        )
        _keep_accounts(made.id, plan)
        audit.record(who, "trial.add", f"trial:{made.id}", made.name)
    return made.id


def change(trial_id: int, who: str, name: str | None = None, **given: Any) -> Plan:
    """Change the plan of a draft; what is not given stays.  Raises `Refusal`."""
    trial = opened(trial_id)
    plan = checked(of(trial), **given)
    with database.write_tx():
        changed = Trial.update(plan=_json(plan), name=trial.name if name is None else _name(name)).where(
            Trial.id == trial_id, Trial.state == "draft"
        )
        if changed.execute() != 1:
            raise Refusal(_("This trial was started; its plan is closed."), status=409)
        _keep_accounts(trial_id, plan)
        audit.record(who, "trial.edit", f"trial:{trial_id}")
    return plan


def checked(plan: Plan, **given: Any) -> Plan:
    """The plan with these values.  Raises `Refusal` that names the field."""
    made = replace(plan, **{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()})
    if unknown := set(made.functions) - set(words.FUNCTIONS):
        raise _unknown(unknown, words.FUNCTIONS, "functions")
    if unknown := set(made.windows) - set(WINDOWS):
        raise _unknown(unknown, WINDOWS, "windows")
    if not made.functions:
        raise Refusal(_("Choose at least one thing to find out."), field="functions")
    if not made.windows:
        raise Refusal(_("Choose at least one time of day."), field="windows")
    if "now" in made.windows and len(made.windows) > 1:
        raise Refusal(_("“At once” stands alone; take it or hours of the day."), field="windows")
    if len(set(made.accounts)) != len(made.accounts) or len(made.accounts) > ACCOUNTS_MAX:
        raise Refusal(_("Compare at most %(n)s accounts, each once.", n=ACCOUNTS_MAX), field="accounts")
    known = {row[0] for row in database.query("SELECT id FROM account")}
    for account in made.accounts:
        if account not in known:
            raise Refusal(_("There is no account %(id)s.", id=account), field="accounts", status=404)
    for name, low, high in (("margin", 0.005, 0.3), ("promise", 0.5, 0.999)):
        if not low <= getattr(made, name) <= high:
            raise Refusal(
                _(
                    "Choose a share from %(low)s %% to %(high)s %%.",
                    low=f"{low:.1%}"[:-1],
                    high=f"{high:.1%}"[:-1],
                ),
                field=name,
            )
    if not 0 <= made.texts <= TEXTS_MAX:
        raise Refusal(_("Choose a number from %(low)s to %(high)s.", low=1, high=TEXTS_MAX), field="texts")
    if not 1 <= made.per_window <= PER_WINDOW_MAX:
        raise Refusal(
            _("Choose a number from %(low)s to %(high)s.", low=1, high=PER_WINDOW_MAX), field="per_window"
        )
    if made.lang not in words.LANGS:
        raise _unknown({made.lang}, words.LANGS, "lang")
    if len(made.prefix) > 40 or "{" in made.prefix:
        raise Refusal(_("What stands in front has at most 40 characters and no braces."), field="prefix")
    if made.start:
        try:
            date.fromisoformat(made.start)
        except ValueError:
            raise Refusal(
                _("“%(text)s” is no day such as 2026-11-22.", text=made.start), field="start"
            ) from None
    return made


def _unknown(unknown: set[str], known: Any, field_name: str) -> Refusal:
    return Refusal(
        _("“%(name)s” is not one of %(known)s.", name=min(unknown), known=", ".join(known)), field=field_name
    )


def _name(name: str) -> str:
    tidy = name.strip()
    if not 1 <= len(tidy) <= NAME_MAX:
        raise Refusal(_("A trial needs a name of 1 to %(n)s characters.", n=NAME_MAX), field="name")
    return tidy


def _json(plan: Plan) -> str:
    return json.dumps(asdict(plan), ensure_ascii=False)


def _keep_accounts(trial_id: int, plan: Plan) -> None:
    TrialAccount.delete().where(TrialAccount.trial_id == trial_id).execute()
    for position, account in enumerate(plan.accounts):
        TrialAccount.create(trial_id=trial_id, account_id=account, position=position)


def accounts(trial_id: int) -> dict[int, str]:
    """{account: name} in the order of the plan; a removed account by its number."""
    return {
        id_: name or _("account %(id)s", id=id_)
        for id_, name in database.query(
            "SELECT t.account_id, a.name FROM trial_account t LEFT JOIN account a ON a.id = t.account_id "
            "WHERE t.trial_id = ? ORDER BY t.position",
            (trial_id,),
        )
    }


def usable(rt: Runtime) -> list[Account]:
    """Accounts that can take part."""
    return [
        account
        for account in Account.select().where(Account.enabled == True).order_by(Account.name)  # noqa: E712
        if account.provider in rt.plugins.providers
    ]


# --- how many ----------------------------------------------------------------------------------------


def size(plan: Plan) -> int:
    """Texts of each account for the precision the plan wants."""
    return trial_maths.size_for(plan.promise, plan.margin)


def size_pairs(discordance: tuple[float, float] = (0.01, 0.04)) -> int:
    """Pairs that tell two accounts apart where each loses another share on its own."""
    return trial_maths.mcnemar_size(*discordance)


def rounds(plan: Plan, n_phones: int) -> int:
    """How often every phone gets a text from each account."""
    return math.ceil((plan.texts or size(plan)) / n_phones) if n_phones else 0


def says(n: int) -> str:
    """What so many texts can tell, at best: "20 texts can only tell you: fewer than 14 % fail"."""
    return _n(
        "If %(n)s text arrives, that only tells you that fewer than %(share)s %% fail.",
        "If all of %(n)s texts arrive, that only tells you that fewer than %(share)s %% fail.",
        n,
        share=f"{math.ceil(trial_maths.zero_failures_bound(n) * 1000) / 10:g}",
    )


def half_width(share: float, n: int) -> float:
    """± of a share of n texts: half the Wilson interval."""
    low, high = trial_maths.wilson(round(share * n), n)
    return (high - low) / 2
