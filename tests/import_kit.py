"""A file of contacts, importing it, and what became of its people."""

from __future__ import annotations

from core.audience import consent, fields, labels, suppression
from core.audience.importing import batch
from core.db import database

HEADER = "phone,name,city,tier,birthday,consent\n"
FIRST = HEADER + (
    "13800138000,Ann,上海,gold,1990-03-01,yes\n"
    "13900139000,Bob,北京,silver,1990-02-30,no\n"
    "138 0013 8000,,广州,,,\n"
    "12345,Nobody,上海,gold,,yes\n"
    "13700137000,=cmd,,gold,2001/12/31,\n"
)


def taken(rt, tmp_path, text: str, name: str = "people.csv", **rules):
    """Import a file; its report."""
    path = tmp_path / name
    path.write_text(text, "utf-8")
    options = batch.prepare(rt, path, region="CN", **rules)
    batch_id = batch.begin(rt, options, path=path, file_name=name, who="test")
    batch.run(rt, batch_id)
    return batch.report(batch_id)


def contact(rt, number: str):
    """(name, city, tier, consent bits, opt-out bits, label bits) of a number, or None."""
    city, tier = fields.get("city"), fields.get("tier")
    row = database.one(
        f"SELECT c.name, p.{city.column}, p.{tier.column}, p.consent_bits, p.optout_bits, p.label_bits, c.id "
        "FROM contact c JOIN profile p ON p.contact_id = c.id WHERE c.phone_bidx = ?",
        (rt.keys.blind_index(number),),
    )
    if row is None:
        return None
    names = {f.key: {code: text for text, code in fields.choices(f).items()} for f in (city, tier)}
    return (
        row[0],
        names["city"].get(row[1]),
        names["tier"].get(row[2]) if tier.kind == "choice" else row[2],
        *row[3:],
    )


def counts(report):
    """(rows, created, updated, unchanged, duplicates, rejected, notes) of a report."""
    return tuple(
        report[name]
        for name in ("rows", "created", "updated", "unchanged", "duplicates", "rejected", "notes")
    )


def sound():
    """The ledger, the suppression list and the labels agree with the profiles."""
    assert (consent.check(), suppression.check(), labels.check()) == (None, None, None)
