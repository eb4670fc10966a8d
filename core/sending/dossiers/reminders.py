"""Before a paper expires somebody hears of it: on the Overview, and by mail 60, 30 and 7 days before and at the end.

A reminder is a row a person, paper, last day and step; it is claimed before its mail is sent, and freed when the
mail server surely did not take it.  So running twice, or on two workers, mails once; a process killed between
the two loses a mail, and the Overview still says it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from core import clock, i18n, mail
from core.db import database
from core.db.codes import Cls
from core.i18n import _, _n
from core.sending.dossiers import barring, changing, standing
from core.sending.dossiers.standing import Dossier

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Days before the last one.
STEPS = (0, 7, 30, 60)
#: A mail the server refuses is tried so often, once an hour.
TRIES = 24


@dataclass(frozen=True, slots=True)
class Want:
    """Something about papers that waits for a person: a tone, a sentence, and the account to look at."""

    tone: str
    title: str
    detail: str
    account_id: int


def run(rt: Runtime) -> int:
    """Periodic: note verdicts that fell, then remind; how many mails went."""
    found = standing.every()
    for one in found:
        if one.verdict.word == "void" and one.verdict.void_at is None:
            with changing.changing(one.id):
                pass
    if not mail.configured(rt):
        return 0
    people = database.query(
        "SELECT u.email, u.language FROM user_account u JOIN user_role ur ON ur.user_id = u.id "
        "JOIN role r ON r.id = ur.role_id WHERE r.name = 'admin' AND u.active = ? ORDER BY u.email",
        (True,),
    )
    due = [(one.id, thing, last, step) for one in found if one.accounts for thing, last, step in coming(one)]
    with database.write_tx():
        database.executemany(
            "INSERT INTO paper_reminder (dossier_id, thing, due, step, email, tries) VALUES (?, ?, ?, ?, ?, 0) "
            "ON CONFLICT DO NOTHING",
            [(*each, email) for each in due for email, _language in people],
        )
    return sum(_mail(rt, email, language, set(due)) for email, language in people)


def coming(found: Dossier) -> list[tuple[str, str, int]]:
    """(paper or "verdict", last day, step) of what has begun to end; the latest step only."""
    now = standing.today()
    ends = [
        (one.need.key, one.expires)
        for one in found.papers
        if one.asked and one.expires and one.state != "missing"
    ]
    if found.verdict.word == "conditions":
        ends.append(("verdict", found.verdict.until))
    made = []
    for thing, last in ends:
        left = (date.fromisoformat(last) - now).days
        step = next((step for step in STEPS if left <= step), None)
        if step is not None:
            made.append((thing, last, step))
    return made


def _mail(rt: Runtime, email: str, language: str, due: set[tuple]) -> int:
    """One mail to one person about all that is due for them; 1 when it went."""
    with database.write_tx():
        rows = [
            row
            for row in database.query(
                "SELECT dossier_id, thing, due, step FROM paper_reminder WHERE email = ? AND mailed_at IS NULL "
                "AND tries < ?",
                (email, TRIES),
            )
            # What was renewed or outrun by the next step since is not said any more.
            if row in due and _claim(row, email)
        ]
    if not rows:
        return 0
    with i18n.use(language or rt.settings.language):
        subject, text = _words(rt, rows)
    if mail.send(rt, email, subject, text):
        return 1
    with database.write_tx():
        database.executemany(
            "UPDATE paper_reminder SET mailed_at = NULL WHERE dossier_id = ? AND thing = ? AND due = ? AND step = ? "
            "AND email = ?",
            [(*row, email) for row in rows],
        )
    return 0


def _claim(row: tuple, email: str) -> bool:
    return (
        database.execute(
            "UPDATE paper_reminder SET mailed_at = ?, tries = tries + 1 WHERE dossier_id = ? AND thing = ? AND due = ? "
            "AND step = ? AND email = ? AND mailed_at IS NULL",
            (clock.now_ms(), *row, email),
        ).rowcount
        == 1
    )


def _words(rt: Runtime, rows: list[tuple]) -> tuple[str, str]:
    found = {one.id: one for one in standing.every()}
    lines = []
    for dossier_id, thing, last, _step in sorted(rows, key=lambda row: row[2]):
        one = found[dossier_id]
        url = f"{rt.settings.public_url}/providers/{one.accounts[0][0]}/papers"
        lines.append(f"{one.company}: {title(one, thing)} – {when(last)}\n{url}\n")
    subject = _n(
        "Cooee: %(n)s paper of a provider expires", "Cooee: %(n)s papers of providers expire", len(rows)
    )
    closing = _("Renew it in time: when a required paper expires, the verdict on the provider falls.")
    return subject, "\n".join([*lines, closing, ""])


def title(found: Dossier, thing: str) -> str:
    """What a reminder is about."""
    if thing == "verdict":
        return _("passed with conditions")
    one = found.paper(thing)
    return str(one.need.title if one else thing)


def when(last: str) -> str:
    """How far the last day is."""
    left = (date.fromisoformat(last) - standing.today()).days
    if left < 0:
        return _("expired after %(day)s", day=last)
    if left == 0:
        return _("today is its last day")
    return _n("%(n)s day left, until %(day)s", "%(n)s days left, until %(day)s", left, day=last)


def wants() -> list[Want]:
    """For the Overview: what expires or has, verdicts that fell, accounts kept out of mass texts."""
    made = []
    for one in standing.every():
        if not one.accounts:
            continue
        account_id = one.accounts[0][0]
        if one.verdict.word == "void":
            made.append(
                Want(
                    "bad",
                    _("The verdict on the papers of “%(name)s” fell", name=one.company),
                    barring.lacks(one),
                    account_id,
                )
            )
        ends = coming(one)
        if ends:
            over = any(date.fromisoformat(last) < standing.today() for _thing, last, _step in ends)
            words = "; ".join(f"{title(one, thing)}: {when(last)}" for thing, last, _step in ends)
            made.append(
                Want(
                    "bad" if over else "warn",
                    _("Papers of “%(name)s” expire", name=one.company),
                    words,
                    account_id,
                )
            )
    known = {want.account_id for want in made}
    barred = barring.barred(Cls.mass)
    made += [
        Want("bad", _("“%(name)s” is left out of mass texts", name=name), barring.why_barred(id_), id_)
        for id_, name in database.query("SELECT id, name FROM account WHERE enabled ORDER BY name")
        if id_ in barred and id_ not in known
    ]
    return made
