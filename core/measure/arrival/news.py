"""Telling people of a drop: one sentence, and a mail to the administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import i18n, mail
from core.db import database
from core.i18n import _
from core.measure.arrival.store import Alarm

if TYPE_CHECKING:
    from core.runtime import Runtime


def reason(made: Alarm) -> str:
    """What was seen and what was usual, in the language in use."""
    usual = round(made.baseline * 100, 1)
    values = {"arrived": made.arrived, "sent": made.sent, "usual": usual, "silent": made.silent}
    if made.carrier:
        return _(
            "To %(carrier)s only %(arrived)s of %(sent)s texts arrived in time where %(usual)s %% usually do; "
            "%(silent)s have no receipt.",
            carrier=made.carrier, **values,
        )  # fmt: skip
    return _(
        "Only %(arrived)s of %(sent)s texts arrived in time where %(usual)s %% usually do; "
        "%(silent)s have no receipt.",
        **values,
    )


def tell(rt: Runtime, made: Alarm) -> None:
    """Write to every administrator, where this server can send mail; each in their language."""
    if not mail.configured(rt):
        return
    name = database.scalar("SELECT name FROM account WHERE id = ?", (made.account_id,))
    for address, language in database.query(
        "SELECT u.email, u.language FROM user_account u JOIN user_role ur ON ur.user_id = u.id "
        "JOIN role r ON r.id = ur.role_id WHERE r.name = 'admin' AND u.active = ?",
        (True,),
    ):
        with i18n.use(language or rt.settings.language):
            if made.carrier:
                what = _("Routing takes other accounts for this carrier where they arrive better.")
            else:
                what = _("It gets 1 % of the texts it would get until these show that it is well again.")
            subject = _("Arrival through %(name)s has dropped", name=name)
            url = f"{rt.settings.public_url}/providers/arrival?account={made.account_id}"
            mail.send_later(rt, address, subject, f"{reason(made)}\n{what}\n\n{url}\n")
