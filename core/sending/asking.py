"""Double opt-in: ask a person by text whether they agree; a yes, or the page behind the link, confirms.

The question is a notice (it answers a sign-up), goes the way of every single message, and says nothing that
sells.  It stands in the ledger as `ask` before it leaves, so that an early yes counts.  Nobody is asked more
often than `ASKS` times in `WINDOW_MS`, nor twice within `APART_MS`; an unanswered question is void after the
setting `double_opt_in_days` (`consent.pending`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core import clock, i18n
from core.audience import chain, consent, kinds, suppression
from core.contract.errors import Refusal
from core.db import database, settings
from core.db.codes import MARKETING, Cls
from core.db.models import Account
from core.i18n import _, _n
from core.sending import direct

if TYPE_CHECKING:
    from core.runtime import Runtime

ASKS, WINDOW_MS, APART_MS = 3, 7 * clock.DAY_MS, 10 * clock.MINUTE_MS
#: Setting with the words of the question by language; `{brand}` becomes the name of the brand.
TEXTS = "double_opt_in_texts"
DEFAULT_TEXTS = {
    "en": "{brand}: reply YES or tap {{confirm_link}} to get our offers by text. Reply STOP to hear nothing more. "
    "If you did not sign up, ignore this.",
    "zh": "【{brand}】回复“是”或点击 {{confirm_link}} 即同意接收优惠短信。如非本人操作，请忽略本短信。",
}
TEXT_MAX = 500


def texts() -> dict[str, str]:
    """The words in force, by language."""
    return DEFAULT_TEXTS | settings.get(TEXTS, {})


def set_texts(given: dict[str, str]) -> None:
    """Keep the words, inside the caller's `write_tx`; an empty one means the default.  Raises `Refusal`."""
    for lang, text in given.items():
        if len(text) > TEXT_MAX:
            raise Refusal(_("The question has at most %(max)s characters.", max=TEXT_MAX), field=lang)
    settings.put(TEXTS, {lang: text.strip() for lang, text in given.items() if text.strip()})


def question(language: str) -> str:
    """The question for a person of this language."""
    known = texts()
    lang = i18n.pick_language(known, language, "en")
    return known[lang].replace("{brand}", settings.get("brand", "") or "Cooee")


def ask(
    rt: Runtime, contact_id: int, cls: Cls, *, source: str, who: str, account_id: int | None = None
) -> dict[str, Any]:
    """Ask a contact to confirm; returns the message as `direct.show` does.

    1. Refuses where no question may be asked: a class without consent, a yes that stands, a suppressed
       number, too many questions, no account.
    2. Writes `ask` with the words to the ledger, then gives the text to the single messages.
    """
    if cls not in MARKETING:
        raise Refusal(_("Class %(name)s needs no consent.", name=cls.name), field="class")
    if not kinds.clean(source):
        raise Refusal(_("Say where this comes from."), field="source")
    if not Account.select().where(Account.enabled == True).exists():  # noqa: E712
        raise Refusal(_("There is no account to send through; add one under Providers."), field="account")
    row = database.one(
        "SELECT c.phone_bidx, c.phone_enc, p.language FROM contact c JOIN profile p ON p.contact_id = c.id "
        "WHERE c.id = ?",
        (contact_id,),
    )
    if row is None:
        raise Refusal(_("This contact does not exist any more."), status=404)
    bidx, words = bytes(row[0]), question(row[2] or "")
    event = consent.Event(contact_id, bidx, cls, "ask", kinds.clean(source), words, who=who)
    database.retry_locked(_note, rt, event)
    consent.announce(rt, [event])
    asked = database.scalar(
        "SELECT MAX(id) FROM consent_event WHERE contact_id = ? AND action = 'ask'", (contact_id,)
    )
    return direct.send(
        rt, rt.keys.open_number(row[1]), Cls.notice, words, account_id, key=f"double opt-in {asked}", who=who
    )


def _note(rt: Runtime, event: consent.Event) -> None:
    with database.write_tx():
        chain.lock(rt)  # two clerks at once ask once
        _may_ask(event)
        consent.record(rt, [event])


def _may_ask(event: consent.Event) -> None:
    if consent.state(event.contact_id)[event.cls].status == "opted_in":
        raise Refusal(_("This contact agreed already."), status=409)
    if suppression.of(event.phone_bidx):
        raise Refusal(_("This number is on the list never to text; it cannot be asked."), status=409)
    now = clock.now_ms()
    asked = [
        row[0]
        for row in database.query(
            "SELECT at FROM consent_event WHERE contact_id = ? AND action = 'ask' AND at > ? ORDER BY at",
            (event.contact_id, now - WINDOW_MS),
        )
    ]
    if asked and now - asked[-1] < APART_MS:
        raise Refusal(
            _n(
                "They were asked %(n)s minute ago; wait ten.",
                "They were asked %(n)s minutes ago; wait ten.",
                (now - asked[-1]) // 60_000,
            ),
            status=429,
        )
    if len(asked) >= ASKS:
        raise Refusal(
            _("They were asked %(n)s times within seven days; that is enough.", n=len(asked)), status=429
        )
