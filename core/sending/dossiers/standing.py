"""What state each paper is in, and whether the verdict still holds.

All of it follows from the rows and today's date, so a paper that expires tonight is expired tonight, whether
or not a job ran.  A paper holds through its last day, in the zone of the house (UTC where none is set).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from core import clock
from core.db import database, settings
from core.sending.dossiers import needs
from core.sending.dossiers.needs import Need

#: "Expiring" begins so many days before the last one.
SOON_DAYS = 60
#: States in which a paper counts.
HOLDS = frozenset({"present", "checked", "expiring"})


@dataclass(frozen=True, slots=True)
class File:
    """One file of a paper; `removed_at` once it was taken back."""

    id: int
    name: str
    kind: str
    size: int
    sha256: str
    uploaded_by: str
    uploaded_at: int
    removed_by: str = ""
    removed_at: int | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper of a dossier, there or not.  `asked` False: no country of the dossier asks for it any more.

    `state`: missing, present, checked, expiring or expired; `left` days until its last one.
    """

    need: Need
    state: str
    left: int | None
    asked: bool = True
    id: int | None = None
    number: str = ""
    issuer: str = ""
    holder: str = ""
    issued: str = ""
    expires: str = ""
    register: str = ""
    note: str = ""
    checked_by: str = ""
    checked_at: int | None = None
    files: tuple[File, ...] = ()
    taken_back: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`word`: "" (none), passed, conditions, failed or void; of a void one `was`, `why` (expired, removed,
    countries, until) and the `papers` it fell with."""

    word: str
    was: str = ""
    note: str = ""
    until: str = ""
    by: str = ""
    at: int | None = None
    why: str = ""
    papers: tuple[str, ...] = ()
    void_at: int | None = None

    @property
    def good(self) -> bool:
        """May mass texts go this way?"""
        return self.word in ("passed", "conditions")


@dataclass(frozen=True, slots=True)
class Dossier:
    """A company's papers as they stand today."""

    id: int
    company: str
    countries: tuple[str, ...]
    accounts: tuple[tuple[int, str, str], ...]
    papers: tuple[Paper, ...]
    verdict: Verdict

    @property
    def lacking(self) -> list[Paper]:
        """Required papers that do not hold."""
        return [one for one in self.papers if one.asked and one.need.required and one.state not in HOLDS]

    def paper(self, key: str) -> Paper | None:
        """The paper of a key."""
        return next((one for one in self.papers if one.need.key == key), None)


def today() -> date:
    """The date in the zone of the house."""
    return clock.now().astimezone(ZoneInfo(settings.get("zone") or "UTC")).date()


def state_of(need: Need, row: Mapping[str, Any], files: Iterable[Any], now: date) -> tuple[str, int | None]:
    """(state, days left) of a paper with these values and files."""
    there = bool(list(files)) or (not need.document and bool(row.get("number") or row.get("note")))
    left = (date.fromisoformat(row["expires"]) - now).days if row.get("expires") else None
    if not there:
        return "missing", left
    if left is not None and left < 0:
        return "expired", left
    if left is not None and left <= SOON_DAYS:
        return "expiring", left
    return ("checked" if row.get("checked_at") else "present"), left


# --- reading ------------------------------------------------------------------------------------------

_PAPER = (
    "id", "dossier_id", "area", "kind", "number", "issuer", "holder", "issued", "expires", "register", "note",
    "checked_by", "checked_at",
)  # fmt: skip
_FILE = ("id", "name", "kind", "size", "sha256", "uploaded_by", "uploaded_at", "removed_by", "removed_at")


def every() -> list[Dossier]:
    """All dossiers, by company."""
    return _read("")


def get(dossier_id: int) -> Dossier | None:
    """One dossier."""
    return next(iter(_read(" WHERE d.id = ?", (dossier_id,))), None)


def of_account(account_id: int) -> Dossier | None:
    """The dossier that stands for an account."""
    found = database.scalar("SELECT dossier_id FROM dossier_account WHERE account_id = ?", (account_id,))
    return None if found is None else get(found)


def _read(where: str, params: tuple = ()) -> list[Dossier]:
    heads = database.query(
        "SELECT d.id, d.company, d.countries, d.verdict, d.note, d.until, d.stood, d.judged_by, d.judged_at, d.void, "
        f"d.void_at FROM dossier d{where} ORDER BY d.company, d.id",
        params,
    )
    if not heads:
        return []
    accounts: dict[int, list] = {}
    for dossier_id, *account in database.query(
        "SELECT x.dossier_id, a.id, a.name, a.provider FROM dossier_account x JOIN account a ON a.id = x.account_id "
        f"JOIN dossier d ON d.id = x.dossier_id{where} ORDER BY a.name",
        params,
    ):
        accounts.setdefault(dossier_id, []).append(tuple(account))
    papers: dict[int, dict[str, dict]] = {}
    for row in database.query(
        f"SELECT {', '.join('p.' + name for name in _PAPER)} FROM paper p "
        f"JOIN dossier d ON d.id = p.dossier_id{where} ORDER BY p.id",
        params,
    ):
        made = dict(zip(_PAPER, row, strict=True))
        papers.setdefault(made["dossier_id"], {})[needs.key_of(made["area"], made["kind"])] = made
    files: dict[int, list[File]] = {}
    for paper_id, *row in database.query(
        f"SELECT f.paper_id, {', '.join('f.' + name for name in _FILE)} FROM paper_file f "
        f"JOIN paper p ON p.id = f.paper_id JOIN dossier d ON d.id = p.dossier_id{where} ORDER BY f.id",
        params,
    ):
        files.setdefault(paper_id, []).append(File(*row))
    now, known = today(), needs.every()
    return [
        _made(head, accounts.get(head[0], []), papers.get(head[0], {}), files, known, now) for head in heads
    ]


def _made(
    head: tuple, accounts: list, rows: Mapping[str, dict], files: Mapping[int, list[File]], known: list[Need], now: date
) -> Dossier:  # fmt: skip
    countries = tuple(code for code in head[2].split(",") if code)
    asked = needs.of(countries, known)
    keys = {one.key for one in asked}
    papers = [_paper(one, rows.get(one.key), files, now) for one in asked]
    by_key = {one.key: one for one in known}
    for key, row in rows.items():
        if key not in keys:
            old = by_key.get(key) or Need(row["area"], row["kind"], key, required=False, own=True)
            made = _paper(old, row, files, now, asked=False)
            if made.state != "missing":
                papers.append(made)
    return Dossier(head[0], head[1], countries, tuple(accounts), tuple(papers), _verdict(head, papers, now))


def _paper(
    need: Need, row: dict | None, files: Mapping[int, list[File]], now: date, *, asked: bool = True
) -> Paper:
    if row is None:
        return Paper(need, "missing", None, asked)
    found = files.get(row["id"], [])
    kept = tuple(one for one in found if one.removed_at is None)
    state, left = state_of(need, row, kept, now)
    values = {name: row[name] for name in _PAPER if name not in ("dossier_id", "area", "kind")}
    gone = tuple(one for one in found if one.removed_at is not None)
    return Paper(need, state, left, asked, **values, files=kept, taken_back=gone)


def _verdict(head: tuple, papers: list[Paper], now: date) -> Verdict:
    word, note, until, stood, by, at, void, void_at = head[3:]
    if not word:
        return Verdict("")
    fell = json.loads(void) if void else _fell(word, until, json.loads(stood), papers, now)
    if fell is None:
        return Verdict(word, word, note, until, by, at)
    return Verdict("void", word, note, until, by, at, fell["why"], tuple(fell["papers"]), void_at)


def _fell(word: str, until: str, stood: list[str], papers: list[Paper], now: date) -> dict[str, Any] | None:
    """What a verdict fell with, though nobody wrote it down yet; None while it holds."""
    if word == "failed":
        return None
    if until and date.fromisoformat(until) < now:
        return {"why": "until", "papers": []}
    lost = [
        one
        for one in papers
        if one.asked and one.need.required and one.need.key in stood and one.state not in HOLDS
    ]
    if not lost:
        return None
    why = "expired" if all(one.state == "expired" for one in lost) else "removed"
    return {"why": why, "papers": [one.need.key for one in lost]}
