"""Dossiers and what is written in them.  Every change is one transaction, with its history beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience.phones import REGIONS
from core.contract.errors import Refusal
from core.db import database
from core.i18n import _
from core.security import audit
from core.sending import accounts
from core.sending.dossiers import files, needs, standing
from core.sending.dossiers.changing import changing, fall, need, note
from core.sending.dossiers.files import Upload
from core.sending.dossiers.standing import Dossier, Paper

if TYPE_CHECKING:
    from core.runtime import Runtime

#: What is written about a paper → characters at most.
TEXTS = {"number": 120, "issuer": 120, "holder": 160, "register": 300, "note": 2000}
DAYS = ("issued", "expires")


# --- the dossier --------------------------------------------------------------------------------------


def begin(account_id: int, company: str, countries: Iterable[str], who: str) -> int:
    """A new dossier for an account; its id.  Raises `Refusal`."""
    accounts.get(account_id)
    company, codes = _company(company), _countries(countries)
    with database.write_tx():
        made = database.scalar(
            "INSERT INTO dossier (company, countries, verdict, note, until, stood, judged_by, void, created_by, created_at) "
            "VALUES (?, ?, '', '', '', '[]', '', '', ?, ?) RETURNING id",
            (company, ",".join(codes), who, clock.now_ms()),
        )
        note(made, who, "begun", detail={"company": company, "countries": codes})
        _join(made, account_id, who)
    return made


def share(account_id: int, dossier_id: int, who: str) -> None:
    """Let the papers of the same company stand for another account, too.  Raises `Refusal`."""
    accounts.get(account_id)
    with changing(dossier_id):
        _join(dossier_id, account_id, who)


def _join(dossier_id: int, account_id: int, who: str) -> None:
    done = database.execute(
        "INSERT INTO dossier_account (account_id, dossier_id) VALUES (?, ?) ON CONFLICT (account_id) DO NOTHING",
        (account_id, dossier_id),
    ).rowcount
    if not done:
        raise Refusal(_("This account has papers already."), field="account", status=409)
    note(dossier_id, who, "joined", detail={"account": account_id})


def leave(account_id: int, who: str) -> None:
    """These papers stand for the account no more; they stay, for others and for later.  Raises `Refusal`."""
    found = of_account(account_id)
    with changing(found.id):
        database.execute("DELETE FROM dossier_account WHERE account_id = ?", (account_id,))
        note(found.id, who, "left", detail={"account": account_id})


def edit(dossier_id: int, company: str, countries: Iterable[str], who: str) -> None:
    """Change name and countries.  A country that asks for papers nobody judged makes the verdict void."""
    company, codes = _company(company), _countries(countries)
    with changing(dossier_id) as found:
        if (company, tuple(codes)) == (found.company, found.countries):
            return
        database.execute(
            "UPDATE dossier SET company = ?, countries = ? WHERE id = ?",
            (company, ",".join(codes), dossier_id),
        )
        note(dossier_id, who, "edited", detail={"company": company, "countries": codes})
        before = {one.need.key for one in found.papers if one.asked and one.need.required}
        now = need(dossier_id)
        more = [one.need.key for one in now.lacking if one.need.key not in before]
        if more:
            fall(dossier_id, "countries", tuple(more))


def of_account(account_id: int) -> Dossier:
    """The dossier of an account, or a `Refusal` (404)."""
    accounts.get(account_id)
    found = standing.of_account(account_id)
    if found is None:
        raise Refusal(_("This account has no papers yet."), status=404)
    return found


def _company(text: str) -> str:
    text = " ".join(text.split())
    if not 0 < len(text) <= 160:
        raise Refusal(_("Give the company's name, in at most 160 characters."), field="company")
    return text


def _countries(codes: Iterable[str]) -> list[str]:
    found = list(dict.fromkeys(code.strip().upper() for code in codes if code.strip()))
    unknown = [code for code in found if code not in REGIONS]
    if unknown:
        raise Refusal(
            _("%(code)s is no country; write two letters such as CN, US or DE.", code=repr(unknown[0][:20])),
            field="countries",
        )
    if not found:
        raise Refusal(_("Say at least one country the account serves, such as CN."), field="countries")
    return sorted(found)


# --- one paper ----------------------------------------------------------------------------------------


def paper(found: Dossier, key: str) -> Paper:
    """A paper of a dossier by its key, there or not.  Raises `Refusal` (404) for one nobody asks for."""
    one = found.paper(key)
    if one is None:
        one = Paper(needs.get(key), "missing", None, asked=False)
    return one


def save(
    rt: Runtime, dossier_id: int, key: str, given: Mapping[str, str], who: str, uploads: Iterable[Upload] = ()
) -> list[int]:
    """Write what is known of a paper and keep its files, all of it or nothing; ids of the files.

    What `given` leaves out stays.  Another number, holder, issuer or day, or another file, has to be checked
    again.  Raises `Refusal` with the field.
    """
    with changing(dossier_id) as found:
        old = paper(found, key)
        values = _values(old, given)
        uploads = list(uploads)
        changed = {
            name: [getattr(old, name), text] for name, text in values.items() if text != getattr(old, name)
        }
        if not changed and not uploads:
            return []
        id_ = _row(dossier_id, old)
        kept = [files.keep(rt, id_, upload, who) for upload in uploads]
        if changed:
            columns = ", ".join(f"{name} = ?" for name in changed)
            database.execute(
                f"UPDATE paper SET {columns} WHERE id = ?", (*(new for _old, new in changed.values()), id_)
            )
            note(dossier_id, who, "saved", key, changed)
        for upload in uploads:
            note(dossier_id, who, "uploaded", key, {"file": upload.name, "sha256": upload.sha256})
        if old.checked_at and (uploads or set(changed) - {"note", "register"}):
            _uncheck(dossier_id, id_, key, "system")
    return kept


def check(dossier_id: int, key: str, who: str, on: bool = True) -> None:
    """Somebody looked at the paper and, where there is a register, looked it up; or takes that back."""
    with changing(dossier_id) as found:
        one = paper(found, key)
        if one.id is None or one.state in ("missing", "expired"):
            raise Refusal(_("Only a paper that is there and has not expired can be checked."), status=409)
        if on == bool(one.checked_at):
            return
        if not on:
            _uncheck(dossier_id, one.id, key, who)
            return
        database.execute(
            "UPDATE paper SET checked_by = ?, checked_at = ? WHERE id = ?", (who, clock.now_ms(), one.id)
        )
        note(dossier_id, who, "checked", key)


def take_back(dossier_id: int, file_id: int, who: str) -> None:
    """Undo an upload: the file counts no more at once, and is gone for good after 30 days."""
    with changing(dossier_id) as found:
        one, file = _file(found, file_id, gone=False)
        database.execute(
            "UPDATE paper_file SET removed_at = ?, removed_by = ? WHERE id = ?",
            (clock.now_ms(), who, file_id),
        )
        note(dossier_id, who, "removed", one.need.key, {"file": file.name, "sha256": file.sha256})
        if one.checked_at:
            _uncheck(dossier_id, one.id, one.need.key, "system")


def put_back(dossier_id: int, file_id: int, who: str) -> None:
    """Undo taking back.  A verdict that fell meanwhile stays void."""
    with changing(dossier_id) as found:
        one, file = _file(found, file_id, gone=True)
        if any(kept.sha256 == file.sha256 for kept in one.files):
            raise Refusal(_("This very file is kept here already."), field="file", status=409)
        database.execute("UPDATE paper_file SET removed_at = NULL, removed_by = '' WHERE id = ?", (file_id,))
        note(dossier_id, who, "restored", one.need.key, {"file": file.name, "sha256": file.sha256})


def content(rt: Runtime, found: Dossier, file_id: int, who: str) -> tuple[str, str, bytes]:
    """(name, media type, content) of a file of this dossier; audited.  Raises `Refusal` (404)."""
    one, file = _file(found, file_id, gone=False)
    with database.write_tx():
        audit.record(who, "dossier.read", f"dossier:{found.id} {one.need.key}", file.name)
    return files.read(rt, file_id)


def events(dossier_id: int, key: str = "", most: int = 200) -> list[dict[str, Any]]:
    """The history, newest first; of one paper with its `key`."""
    where, params = (" AND thing = ?", (key,)) if key else ("", ())
    return [
        {"at": at, "who": who, "what": what, "paper": thing, "detail": json.loads(detail)}
        for at, who, what, thing, detail in database.query(
            f'SELECT "at", who, what, thing, detail FROM dossier_event WHERE dossier_id = ?{where} '
            "ORDER BY id DESC LIMIT ?",
            (dossier_id, *params, most),
        )
    ]


def _file(found: Dossier, file_id: int, *, gone: bool):
    for one in found.papers:
        for file in one.taken_back if gone else one.files:
            if file.id == file_id:
                return one, file
    raise Refusal(_("There is no such file; it may have been taken back."), status=404)


def _row(dossier_id: int, old: Paper) -> int:
    if old.id is not None:
        return old.id
    database.execute(
        "INSERT INTO paper (dossier_id, area, kind, number, issuer, holder, issued, expires, register, note, checked_by) "
        "VALUES (?, ?, ?, '', '', '', '', '', '', '', '') ON CONFLICT (dossier_id, area, kind) DO NOTHING",
        (dossier_id, old.need.area, old.need.kind),
    )
    return database.scalar(
        "SELECT id FROM paper WHERE dossier_id = ? AND area = ? AND kind = ?",
        (dossier_id, old.need.area, old.need.kind),
    )


def _uncheck(dossier_id: int, paper_id: int, key: str, who: str) -> None:
    database.execute("UPDATE paper SET checked_by = '', checked_at = NULL WHERE id = ?", (paper_id,))
    note(dossier_id, who, "unchecked", key)


def _values(old: Paper, given: Mapping[str, str]) -> dict[str, str]:
    unknown = sorted(set(given) - {*TEXTS, *DAYS})
    if unknown:
        raise Refusal(
            _(
                "A paper has no %(name)s; it has: %(known)s.",
                name=repr(unknown[0]),
                known=", ".join((*TEXTS, *DAYS)),
            ),
            field=unknown[0],
        )
    values = {name: given.get(name, getattr(old, name)).strip() for name in (*TEXTS, *DAYS)}
    for name, most in TEXTS.items():
        if len(values[name]) > most:
            raise Refusal(
                _("At most %(most)s characters, not %(n)s.", most=most, n=len(values[name])), field=name
            )
    for name in DAYS:
        values[name] = day(values[name], name)
    if values["issued"] and values["expires"] and values["expires"] < values["issued"]:
        raise Refusal(
            _("It would expire on %(expires)s, before it was issued on %(issued)s.",
              expires=values["expires"], issued=values["issued"]), field="expires",
        )  # fmt: skip
    return values


def day(text: str, field: str) -> str:
    """A date as ISO, "" for none.  Raises `Refusal`."""
    if not text:
        return ""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or not 1900 <= found.year <= 2200:
        raise Refusal(_("%(text)s is no date; write it as 2027-03-31.", text=repr(text[:20])), field=field)
    return found.isoformat()
