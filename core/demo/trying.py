"""What was found out before: a trial of three accounts on nine phones, and the papers of two companies."""

from __future__ import annotations

import random
from datetime import date, timedelta

from core import clock
from core.db import database
from core.db.models import Account, Trial
from core.demo import words
from core.demo.providers import DIRECT, MAIN, RESELLER, WORLD
from core.i18n import _, _l
from core.measure.trials import phones, plan, promises, report, run
from core.runtime import Runtime
from core.sending import prices
from core.sending.dossiers import files, store, verdict

_TEXTS = 126
_PHONES = {
    "+8613910001101": _l("Wang (office)"),
    "+8613910001102": _l("Li (warehouse)"),
    "+8615010001103": _l("Zhao (shop)"),
    "+8618610001104": _l("Chen (office)"),
    "+8613010001105": _l("Sun (Hangzhou)"),
    "+8618610001106": _l("Zhou (home)"),
    "+8618910001107": _l("Wu (shop)"),
    "+8613310001108": _l("Xu (office)"),
    "+8618910001109": _l("Ma (Chengdu)"),
}
#: Account → (arrival, receipts that lie, damaged or other sender, median seconds).
_TRUTH = {
    DIRECT: (0.985, 0.0, 0.0, 2.5),
    MAIN: (0.97, 0.005, 0.0, 4.0),
    RESELLER: (0.88, 0.09, 0.05, 14.0),
}
_VERDICTS = {
    DIRECT: ("good", _l("Everything promised was kept; support answered within ten minutes.")),
    MAIN: ("good", _l("Good everywhere; a little slower in the evening.")),
    RESELLER: ("limits", _l("Receipts that are not true, and the sender changes. Only for notices that may be late.")),
}  # fmt: skip
#: Account → (company, countries, {paper: (number, issuer, days until it expires)}); a paper without days holds for good.
_PAPERS = {
    DIRECT: (
        _l("Example Line Services Co., Ltd."), ["CN"],
        {
            "any/contract": ("K-2026-014", _l("Kola and Example Line"), 290),
            "any/support": (_l("+86 21 5550 0101, day and night"), "", None),
            "CN/licence": ("91310000MA1EXAMPLE", _l("Shanghai Administration for Market Regulation"), None),
            "CN/vats": ("B2-20220000", _l("MIIT"), 24),
            "CN/code": ("106901235", _l("MIIT"), 620),
            "CN/terms": ("PIPL-3", _l("Example Line"), 290),
            "CN/signature": ("【可乐店】", _l("Kola"), 290),
        },
    ),
    RESELLER: (
        _l("Example Wholesale Texts Co., Ltd."), ["CN"],
        {
            "any/contract": ("W-77", _l("Kola and Example Wholesale"), 120),
            "CN/licence": ("91440300MA5EXAMPLE", _l("Shenzhen Administration for Market Regulation"), None),
            "CN/vats": ("B2-20190000", _l("MIIT"), -8),
        },
    ),
    WORLD: (
        _l("Example World Gateway B.V."), ["DE", "FR", "GB"],
        {
            "any/contract": ("MSA 2025-11", _l("Example World Gateway"), 700),
            "EU/terms": ("DPA 3", _l("Example World Gateway"), 700),
            "EU/processors": (_l("list of 2026-09"), _l("Example World Gateway"), None),
            "GB/terms": (_l("DPA 3, annex GB"), _l("Example World Gateway"), 700),
            "GB/processors": (_l("list of 2026-09"), _l("Example World Gateway"), None),
        },
    ),
}  # fmt: skip
_JUDGED = {
    DIRECT: ("passed", _l("All papers seen in the registers."), None),
    RESELLER: (
        "conditions",
        _l("Its permit has run out; the new one is promised. No mass texts until then."),
        30,
    ),
}
#: When that was: days before the present, and the time of day.
JUDGED_ON = {DIRECT: ((59, "11:10"),), RESELLER: ((5, "15:30"),)}
_PDF = (
    "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%% {}\n%%EOF\n"
)


def papers(rt: Runtime, account: Account, key: str, today: date) -> int:
    """The dossier of an account with papers that expire so long after `today`; its id."""
    who, (company, countries, known) = words.who(), _PAPERS[key]
    dossier_id = store.begin(account.id, str(company), countries, who)
    for paper, (number, issuer, days) in known.items():
        expires = "" if days is None else (today + timedelta(days=days)).isoformat()
        file = files.looked_at(f"{paper.replace('/', '-')}.pdf", _PDF.format(f"{company}: {paper}").encode())
        given = {"number": str(number), "issuer": str(issuer), "holder": str(company), "expires": expires}
        store.save(rt, dossier_id, paper, given, who, [file])
        if key == DIRECT:
            store.check(dossier_id, paper, who)
    return dossier_id


def judge_papers(dossier_id: int, key: str, today: date) -> None:
    """What somebody decided of the papers of an account: passed, or with conditions."""
    word, note, days = _JUDGED[key]
    until = "" if days is None else (today + timedelta(days=days)).isoformat()
    verdict.give(dossier_id, word, str(note), until, words.who())


def trial(rt: Runtime, by: dict[str, Account], chance: random.Random) -> int:
    """A trial from now on, with what its phones will have seen; its id."""
    who = words.who()
    trial_id = plan.create(
        _("Three ways to China"), who, accounts=[by[key].id for key in _TRUTH], texts=_TEXTS, lang="zh",
        prefix="【可乐店】", agreed=True, functions=["delivery", "receipts", "unicode", "long", "sender", "support"],
    )  # fmt: skip
    with database.write_tx():
        Trial.update(seed=chance.getrandbits(62)).where(Trial.id == trial_id).execute()
    phones.add(rt, trial_id, "\n".join(f"{number}, {owner}" for number, owner in _PHONES.items()), who)
    run.start(rt, trial_id, who)
    _become(trial_id, by, chance)
    return trial_id


def judge(trial_id: int, by: dict[str, Account]) -> None:
    """The trial is over, and somebody decides about each account."""
    who = words.who()
    with database.write_tx():
        Trial.update(state="done", finished_at=clock.now_ms()).where(Trial.id == trial_id).execute()
    for key, (word, note) in _VERDICTS.items():
        report.decide(trial_id, by[key].id, word, str(note), who)
    promises.say(trial_id, by[DIRECT].id, "support", "pass", _("answered by telephone after 8 minutes"), who)
    promises.say(trial_id, by[RESELLER].id, "support", "fail", _("no answer within two working days"), who)


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
             body if came else "", ("10690000" if hurt and kind == "plain" else sender) if came else "", words.who(), id_)
        )  # fmt: skip
    with database.write_tx():
        database.executemany(
            "UPDATE trial_text SET state = ?, reason = ?, parts = ?, cost_micros = ?, submitted_at = ?, receipt_at = ?, "
            "seen = ?, seen_by = ?, seen_body = ?, seen_sender = ?, noted_by = ? WHERE id = ?",
            rows,
        )
