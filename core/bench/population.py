"""Made-up people for benchmarks and the demo, written set-based: a million in seconds."""

from __future__ import annotations

from core import clock
from core.db import database
from core.db.codes import Cls, LineType
from core.runtime import Runtime

_CHUNK = 50_000
#: Every 20th without consent, every 97th suppressed, every 211th a landline.
_NO_CONSENT, _BLOCKED, _FIXED = 20, 97, 211


def people(rt: Runtime, n: int) -> None:
    """Write `n` contacts with real encrypted Chinese mobile numbers, profiles and a consent mask."""
    now = clock.now_ms()
    cities = _cities()
    for start in range(1, n + 1, _CHUNK):
        ids = range(start, min(start + _CHUNK, n + 1))
        numbers = [f"+86139{i:08d}" for i in ids]
        sealed = rt.keys.seal_numbers(numbers)
        index = rt.keys.blind_index
        with database.write_tx():
            database.copy_rows(
                "contact",
                ("id", "phone_bidx", "phone_enc", "tail", "name", "source", "created_at", "updated_at"),
                [
                    (i, index(number), blob, i % 10_000, f"Person {i}", "bench", now - i * 1000, now)
                    for i, number, blob in zip(ids, numbers, sealed, strict=True)
                ],
            )
            database.copy_rows(
                "profile",
                (
                    "contact_id",
                    "country",
                    "language",
                    "line_type",
                    "consent_bits",
                    "blocked_bits",
                    "created_at",
                    cities[0],
                ),
                [
                    (
                        i,
                        "CN",
                        "zh_Hans",
                        LineType.fixed if i % _FIXED == 0 else LineType.mobile,
                        0 if i % _NO_CONSENT == 0 else Cls.mass.bit,
                        15 if i % _BLOCKED == 0 else 0,
                        now - i * 1000,
                        i % cities[1],
                    )
                    for i in ids
                ],
            )
    if database.is_postgres():
        database.execute("SELECT setval(pg_get_serial_sequence('contact', 'id'), ?)", (n,))
    database.execute("ANALYZE")


def _cities() -> tuple[str, int]:
    """(column of the city field, how many cities it now has)."""
    field_id, column = database.one("SELECT id, \"column\" FROM field WHERE key = 'city'")
    names = ("上海", "北京", "南京", "广州", "成都", "杭州", "武汉", "深圳", "西安", "重庆")
    with database.write_tx():
        database.executemany(
            "INSERT INTO field_choice (field_id, code, text) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [(field_id, code, name) for code, name in enumerate(names)],
        )
    return column, len(names)
