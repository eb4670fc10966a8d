"""The phones of a trial: whose they are, and who says what arrived there.

Only phones whose owners agreed: that is said once for all of them, and written into the consent ledger when the
trial starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.audience import consent, contacts, numbers, suppression
from core.audience.phones import Phone as Number
from core.contract.errors import CooeeError, Refusal
from core.contract.types import NumberFacts
from core.db import database
from core.db.codes import Cls
from core.db.models import TrialNumber
from core.i18n import _
from core.measure.trials import plan
from core.security import audit
from core.security.crypto import mask
from core.sending import direct
from core.zones import zones_of

if TYPE_CHECKING:
    from core.runtime import Runtime

MAX = 500
OWNER_MAX = 60
#: Words of a pasted line that say: texts at night are welcome.
_NIGHT = frozenset({"night", "夜间", "夜"})


@dataclass(frozen=True, slots=True)
class Phone:
    """One phone as pages show it; `number` is masked, '' once its contact is erased; `blocked`: it may get no
    notices, so nothing would arrive."""

    id: int
    contact_id: int
    number: str
    country: str
    carrier: str
    zone: str
    owner: str
    seed_account_id: int | None
    seed: str
    night: bool
    blocked: bool


def of(rt: Runtime, trial_id: int) -> list[Phone]:
    """The phones of a trial, in the order they were entered."""
    rows = database.query(
        "SELECT n.id, n.contact_id, c.phone_enc, c.phone_bidx, n.country, n.carrier, n.zone, n.owner, "
        "n.seed_account_id, a.name, n.night FROM trial_number n LEFT JOIN contact c ON c.id = n.contact_id "
        "LEFT JOIN account a ON a.id = n.seed_account_id WHERE n.trial_id = ? ORDER BY n.id",
        (trial_id,),
    )
    held = suppression.masks([bytes(row[3]) for row in rows if row[3] is not None])
    return [
        Phone(
            id_, contact, mask(rt.keys.open_number(sealed)) if sealed else "", country, carrier, zone, owner,
            seed_id, seed or "", bool(night), bool(bidx and held.get(bytes(bidx), 0) & Cls.notice.bit),
        )
        for id_, contact, sealed, bidx, country, carrier, zone, owner, seed_id, seed, night in rows
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class New:
    """A phone to add; `seed_account_id` and `night` as of `Phone`."""

    phone: Number
    owner: str = ""
    seed_account_id: int | None = None
    night: bool = False


def add(rt: Runtime, trial_id: int, text: str, who: str) -> int:
    """Add phones from lines "number, owner, seed account or night"; returns how many were new.

    All or none.  Raises `Refusal` that names the line.
    """
    return keep(rt, trial_id, read(rt, text), who)


def read(rt: Runtime, text: str) -> list[New]:
    """The phones of such lines.  Raises `Refusal` that names the line."""
    seeds = {name.casefold(): id_ for id_, name in database.query("SELECT id, name FROM account")}
    found = []
    for line_no, line in enumerate(text.splitlines(), 1):
        cells = [
            cell.strip(" \t\"'")
            for cell in line.replace("\t", ",").replace("，", ",").replace(";", ",").split(",")
        ]
        if not cells[0] or (line_no == 1 and not any(c.isdigit() for c in cells[0])):
            continue
        try:
            phone = contacts.number(rt, cells[0])
        except Refusal as refusal:
            raise Refusal(_("Line %(n)s: %(why)s", n=line_no, why=str(refusal)), field="phones") from None
        owner, seed, night = (cells[1][:OWNER_MAX] if len(cells) > 1 else ""), None, False
        for cell in filter(None, cells[2:]):
            if cell.casefold() in _NIGHT:
                night = True
            elif cell.casefold() in seeds:
                seed = seeds[cell.casefold()]
            else:
                raise Refusal(
                    _(
                        "Line %(n)s: “%(text)s” is no account and not the word night.",
                        n=line_no,
                        text=cell[:40],
                    ),
                    field="phones",
                )
        found.append(New(phone, owner, seed, night))
    if not found:
        raise Refusal(_("Enter at least one number, each on a line of its own."), field="phones")
    _few(len(found))
    return found


def keep(rt: Runtime, trial_id: int, found: Sequence[New], who: str) -> int:
    """Add phones to a draft; returns how many were new.  All or none.  Raises `Refusal`."""
    plan.opened(trial_id)
    _few(len(found) + database.scalar("SELECT COUNT(*) FROM trial_number WHERE trial_id = ?", (trial_id,)))
    facts = _facts(rt, [one.phone.e164 for one in found])
    new = 0
    for one, fact in zip(found, facts, strict=True):
        contact_id = direct.contact(rt, one.phone)
        country = one.phone.country
        zone = fact.zones[0] if fact.zones else zones_of(country, rt.settings.default_region)[0]
        with database.write_tx():
            if database.scalar(
                "SELECT 1 FROM trial_number WHERE trial_id = ? AND contact_id = ?", (trial_id, contact_id)
            ):
                continue
            TrialNumber.create(
                trial_id=trial_id, contact_id=contact_id, country=country, carrier=fact.carrier, zone=zone,
                owner=one.owner, seed_account_id=one.seed_account_id, night=one.night,
            )  # fmt: skip
            new += 1
    with database.write_tx():
        audit.record(who, "trial.phones", f"trial:{trial_id}", f"{new} added")
    return new


def _few(n: int) -> None:
    if n > MAX:
        raise Refusal(_("A trial takes at most %(n)s phones.", n=MAX), field="phones")


def _facts(rt: Runtime, e164: Sequence[str]) -> list[NumberFacts]:
    """What is known of numbers; nothing of any when the source cannot be asked now."""
    asked = numbers.source(rt)
    try:
        return list(asked.facts(e164)) if asked else [NumberFacts()] * len(e164)
    except CooeeError:
        return [NumberFacts()] * len(e164)


def change(trial_id: int, number_id: int, *, owner: str, seed_account_id: int | None, night: bool) -> None:
    """Who looks at a phone, and whether night is welcome there.  Raises `Refusal`."""
    plan.opened(trial_id)
    if seed_account_id is not None and not database.scalar(
        "SELECT 1 FROM account WHERE id = ?", (seed_account_id,)
    ):
        raise Refusal(_("There is no account %(id)s.", id=seed_account_id), field="seed", status=404)
    with database.write_tx():
        database.execute(
            "UPDATE trial_number SET owner = ?, seed_account_id = ?, night = ? WHERE id = ? AND trial_id = ?",
            (owner.strip()[:OWNER_MAX], seed_account_id, night, number_id, trial_id),
        )


def remove(trial_id: int, number_id: int) -> None:
    """Take a phone out of a draft."""
    plan.opened(trial_id)
    with database.write_tx():
        database.execute("DELETE FROM trial_number WHERE id = ? AND trial_id = ?", (number_id, trial_id))


def write_consent(rt: Runtime, trial: str, trial_id: int, who: str) -> list[consent.Event]:
    """That the owners agreed to test texts, into the ledger; inside `write_tx()`, under `chain.lock`.

    Give the result to `consent.announce` after the commit.
    """
    events = [
        consent.Event(
            contact_id, bytes(bidx), Cls.notice, "opt_in", "trial",
            wording=_("The owner of this phone agreed to the test texts of a trial."),
            evidence={"trial": trial_id, "name": trial, "said_by": who}, who=who,
        )
        for contact_id, bidx in database.query(
            "SELECT c.id, c.phone_bidx FROM trial_number n JOIN contact c ON c.id = n.contact_id WHERE n.trial_id = ?",
            (trial_id,),
        )
    ]  # fmt: skip
    consent.record(rt, events)
    return events
