"""What was found out before: a trial of three accounts on nine phones, and the papers of two companies."""

from __future__ import annotations

import random
from datetime import timedelta

from core import clock
from core.db import database
from core.db.models import Account, Trial
from core.demo.providers import DIRECT, MAIN, RESELLER, WHO, WORLD
from core.measure.trials import phones, plan, promises, report, run
from core.runtime import Runtime
from core.sending import prices
from core.sending.dossiers import files, store, verdict

_BEGAN_D, _ENDED_D = 16, 11
_TEXTS = 126
_PHONES = """+8613910001101, Wang (office)
+8613910001102, Li (warehouse)
+8615010001103, Zhao (shop)
+8618610001104, Chen (office)
+8613010001105, Sun (Hangzhou)
+8618610001106, Zhou (home)
+8618910001107, Wu (shop)
+8613310001108, Xu (office)
+8618910001109, Ma (Chengdu)
"""
#: Account → (arrival, receipts that lie, damaged or other sender, median seconds).
_TRUTH = {
    DIRECT: (0.985, 0.0, 0.0, 2.5),
    MAIN: (0.97, 0.005, 0.0, 4.0),
    RESELLER: (0.88, 0.09, 0.05, 14.0),
}
_VERDICTS = {
    DIRECT: ("good", "Everything promised was kept; support answered within ten minutes."),
    MAIN: ("good", "Good everywhere; a little slower in the evening."),
    RESELLER: ("limits", "Receipts that are not true, and the sender changes. Only for notices that may be late."),
}  # fmt: skip
#: Account → (company, countries, {paper: (number, issuer, days until it expires)}); a paper without days holds for good.
_PAPERS = {
    DIRECT: (
        "Example Line Services Co., Ltd.", ["CN"],
        {
            "any/contract": ("K-2026-014", "Kola and Example Line", 290),
            "any/support": ("+86 21 5550 0101, day and night", "", None),
            "CN/licence": ("91310000MA1EXAMPLE", "Shanghai Administration for Market Regulation", None),
            "CN/vats": ("B2-20220000", "MIIT", 24),
            "CN/code": ("106901235", "MIIT", 620),
            "CN/terms": ("PIPL-3", "Example Line", 290),
            "CN/signature": ("【可乐店】", "Kola", 290),
        },
    ),
    RESELLER: (
        "Example Wholesale Texts Co., Ltd.", ["CN"],
        {
            "any/contract": ("W-77", "Kola and Example Wholesale", 120),
            "CN/licence": ("91440300MA5EXAMPLE", "Shenzhen Administration for Market Regulation", None),
            "CN/vats": ("B2-20190000", "MIIT", -8),
        },
    ),
    WORLD: (
        "Example World Gateway B.V.", ["DE", "FR", "GB"],
        {
            "any/contract": ("MSA 2025-11", "Example World Gateway", 700),
            "EU/terms": ("DPA 3", "Example World Gateway", 700),
            "EU/processors": ("list of 2026-09", "Example World Gateway", None),
            "GB/terms": ("DPA 3, annex GB", "Example World Gateway", 700),
            "GB/processors": ("list of 2026-09", "Example World Gateway", None),
        },
    ),
}  # fmt: skip
_JUDGED = {
    DIRECT: ("passed", "All papers seen in the registers.", None),
    RESELLER: (
        "conditions",
        "Its permit has run out; the new one is promised. No mass texts until then.",
        30,
    ),
}
_PDF = (
    "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%% {}\n%%EOF\n"
)


def papers(rt: Runtime, by: dict[str, Account]) -> None:
    """Three dossiers: one passed with a paper that runs out soon, one with conditions, one not judged yet."""
    today = clock.now().date()
    for name, (company, countries, known) in _PAPERS.items():
        dossier_id = store.begin(by[name].id, company, countries, WHO)
        for key, (number, issuer, days) in known.items():
            expires = "" if days is None else (today + timedelta(days=days)).isoformat()
            file = files.looked_at(f"{key.replace('/', '-')}.pdf", _PDF.format(f"{company}: {key}").encode())
            given = {"number": number, "issuer": issuer, "holder": company, "expires": expires}
            store.save(rt, dossier_id, key, given, WHO, [file])
            if name == DIRECT:
                store.check(dossier_id, key, WHO)
        if name in _JUDGED:
            word, note, days = _JUDGED[name]
            until = "" if days is None else (today + timedelta(days=days)).isoformat()
            verdict.give(dossier_id, word, note, until, WHO)


def trial(rt: Runtime, by: dict[str, Account], chance: random.Random) -> int:
    """A finished trial with its verdicts; its id."""
    names = list(_TRUTH)
    with clock.earlier(_BEGAN_D * clock.DAY_MS):
        trial_id = plan.create(
            "Three ways to China", WHO, accounts=[by[name].id for name in names], texts=_TEXTS, lang="zh",
            prefix="【可乐店】", agreed=True, functions=["delivery", "receipts", "unicode", "long", "sender", "support"],
        )  # fmt: skip
        with database.write_tx():
            Trial.update(seed=chance.getrandbits(62)).where(Trial.id == trial_id).execute()
        phones.add(rt, trial_id, _PHONES, WHO)
        run.start(rt, trial_id, WHO)
    _become(trial_id, by, chance)
    with clock.earlier(_ENDED_D * clock.DAY_MS):
        with database.write_tx():
            Trial.update(state="done", finished_at=clock.now_ms()).where(Trial.id == trial_id).execute()
        for name, (verdict, note) in _VERDICTS.items():
            report.decide(trial_id, by[name].id, verdict, note, WHO)
        promises.say(trial_id, by[DIRECT].id, "support", "pass", "answered by telephone after 8 minutes", WHO)
        promises.say(trial_id, by[RESELLER].id, "support", "fail", "no answer within two working days", WHO)
    return trial_id


def _become(trial_id: int, by: dict[str, Account], chance: random.Random) -> None:
    """What became of its texts, as the phones' owners ticked it."""
    truth = {by[name].id: known for name, known in _TRUTH.items()}
    price = {account: prices.price_of(account, "CN", 2)[0] for account in truth}
    rows = []
    for id_, account, kind, due, body, sender in database.query(
        "SELECT id, account_id, kind, due_at, body, sender FROM trial_text WHERE trial_id = ? ORDER BY id",
        (trial_id,),
    ):
        arrival, lies, damaged, median = truth[account]
        came, seconds = chance.random() < arrival, chance.lognormvariate(0, 0.7) * median
        delivered = came or chance.random() < lies / (1 - arrival)
        hurt, parts = came and chance.random() < damaged, 3 if kind == "long" else 1
        rows.append(
            ("delivered" if delivered else "failed", "" if delivered else "MK:0012", parts, price[account] * parts, due,
             due + int(seconds * 1000), "damaged" if hurt and kind != "plain" else "yes" if came else "no", "person",
             body if came else "", ("10690000" if hurt and kind == "plain" else sender) if came else "", WHO, id_)
        )  # fmt: skip
    with database.write_tx():
        database.executemany(
            "UPDATE trial_text SET state = ?, reason = ?, parts = ?, cost_micros = ?, submitted_at = ?, receipt_at = ?, "
            "seen = ?, seen_by = ?, seen_body = ?, seen_sender = ?, noted_by = ? WHERE id = ?",
            rows,
        )
