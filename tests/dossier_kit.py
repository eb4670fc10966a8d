"""Papers for tests: a dossier with all it needs, and files that are what they say."""

from __future__ import annotations

from datetime import timedelta

from core.db import database, settings
from core.sending.dossiers import barring, files, standing, store, verdict

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
WHO = "admin@shop.example"


def day(days: int) -> str:
    """An ISO date so many days from today."""
    return (standing.today() + timedelta(days=days)).isoformat()


def account(rt, name: str = "Vendor", provider: str = "http") -> int:
    from tests import campaign_kit

    return campaign_kit.account(rt, name, provider)


def begin(
    rt, account_id: int | None = None, countries: tuple[str, ...] = ("CN",), company: str = "Vendor Ltd"
) -> int:
    return store.begin(account_id or account(rt), company, countries, WHO)


def pdf(name: str = "paper.pdf", salt: str = "") -> files.Upload:
    return files.looked_at(name, PDF + salt.encode())


def put(rt, dossier_id: int, key: str, expires: str = "", **values: str) -> int:
    """A paper with a file; the file's id."""
    given = values | ({"expires": expires} if expires else {})
    return store.save(rt, dossier_id, key, given, WHO, [pdf(f"{key.replace('/', '-')}.pdf", key)])[0]


def fill(rt, dossier_id: int, expires: str = "") -> dict[str, int]:
    """Every required paper; {key: file id}."""
    return {
        one.need.key: put(rt, dossier_id, one.need.key, expires) for one in standing.get(dossier_id).lacking
    }


def passed(rt, dossier_id: int, expires: str = "") -> dict[str, int]:
    """Filled and passed."""
    made = fill(rt, dossier_id, expires)
    verdict.give(dossier_id, "passed", "", "", WHO)
    return made


def ask_for_papers() -> None:
    """Switch the rule on."""
    settings.put(barring.KEY, True)


def paper(dossier_id: int, key: str) -> standing.Paper:
    return standing.get(dossier_id).paper(key)


def count(table: str) -> int:
    return database.scalar(f"SELECT COUNT(*) FROM {table}")
