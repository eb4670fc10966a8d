"""Which accounts stay out of mass texts for want of papers, and why.

Off until somebody switches it on (Settings → Sending rules).  Asked at launch, by routing, and at each claim.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.contract.errors import Refusal
from core.db import database, settings
from core.db.codes import Cls
from core.i18n import _
from core.sending.dossiers import standing

#: Setting: a provider without a passed dossier may not send mass texts.
KEY = "papers.for_mass"
#: Providers that reach nobody.
EXEMPT = frozenset({"simulator", "null"})


def asked_for(cls: int) -> bool:
    """Does a class ask for papers?"""
    return cls == Cls.mass and bool(settings.get(KEY, False))


def barred(cls: int) -> frozenset[int]:
    """Ids of the accounts that may not carry a class for want of papers.  Asked at each claim."""
    if not asked_for(cls):
        return frozenset()
    good = {account[0] for one in standing.every() if one.verdict.good for account in one.accounts}
    return frozenset(
        id_
        for id_, provider in database.query("SELECT id, provider FROM account")
        if id_ not in good and provider not in EXEMPT
    )


def refuse(cls: int, account_id: int | None) -> None:
    """Raise `Refusal` when a single message of this class finds no account with papers."""
    out = barred(cls)
    if not out:
        return
    named = (
        {account_id}
        if account_id
        else {row[0] for row in database.query("SELECT id FROM account WHERE enabled")}
    )
    if named <= out:
        raise Refusal(" ".join(why_barred(id_) for id_ in sorted(named)), field="account")


def why_barred(account_id: int) -> str:
    """Why an account may not carry mass texts: its name and what is missing, as a sentence."""
    name = database.scalar("SELECT name FROM account WHERE id = ?", (account_id,))
    found = standing.of_account(account_id)
    if found is None:
        return _("“%(name)s” may not send mass texts: it has no papers yet.", name=name)
    return _("“%(name)s” may not send mass texts: %(why)s", name=name, why=lacks(found))


def lacks(found: standing.Dossier) -> str:
    """What keeps a dossier from having passed, as a clause."""
    verdict = found.verdict
    if verdict.word == "void":
        return fell_words(found)
    if verdict.word == "failed":
        return _("its papers failed: %(note)s", note=verdict.note)
    if found.lacking:
        return _("these papers are missing or expired: %(papers)s.", papers=titles(found.lacking))
    return _("nobody has given a verdict on its papers yet.")


def fell_words(found: standing.Dossier) -> str:
    """Why a verdict fell, as a clause."""
    verdict = found.verdict
    known = {one.need.key: str(one.need.title) for one in found.papers}
    papers = ", ".join(known.get(key, key) for key in verdict.papers)
    words = {
        "expired": _("the verdict fell, because this expired: %(papers)s.", papers=papers),
        "removed": _("the verdict fell, because this is not there any more: %(papers)s.", papers=papers),
        "countries": _("the verdict fell, because other countries ask for more papers."),
        "until": _("the conditions of the verdict ended on %(day)s.", day=verdict.until),
    }
    return words[verdict.why]


def titles(papers: Iterable[standing.Paper]) -> str:
    """Names of papers in a row."""
    return ", ".join(str(one.need.title) for one in papers)
