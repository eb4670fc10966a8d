"""People of two countries, a campaign to them, and what really becomes of it."""

from collections import Counter

from core import clock
from core.db import database
from core.db.codes import LineType
from core.db.models import Field
from core.sending import drafts, expand, launch, render
from core.sending.item import Item
from core.sending.prices import Prices
from tests import campaign_kit as kit

ZH = "【可乐店】{{honorific}}，您常买的护肤系列本周日全场八折，满200再减30，仅限11月22日。k.la/Xp7vQ2mT9a 拒收请回复R"
EN = "Cola: {{first_name}}, 20% off skin care in {{city}} this Sunday only. Reply STOP to opt out"


def mixed_crowd(rt) -> None:
    """People of two countries and languages, with and without names and cities, some not to be texted."""
    city = Field.get(Field.key == "city")
    with database.write_tx():
        database.execute(
            "INSERT INTO field_choice (field_id, code, text) VALUES (?, 1, 'Bristol')", (city.id,)
        )
    names = ["王芳", "欧阳娜娜", "李", None, "Anna Smith", "Şule Yılmaz", "Bob O’Hara"]
    for n in range(140):
        name = names[n % 7]
        country, language = ("CN", "zh") if n % 7 < 4 else ("GB", "en")
        kit.person(
            rt, n, name=name, country=country, language=language,
            consent=0 if n % 11 == 0 else kit.MASS, blocked=kit.MASS if n % 13 == 0 else 0,
            line=LineType.fixed if n % 17 == 0 else LineType.mobile,
            **({city.column: 1} if n % 5 else {}),
        )  # fmt: skip


def draft(rt, **given) -> int:
    account = kit.account(rt, "priced", price=45_000)
    with database.write_tx():
        database.execute(
            "INSERT INTO price (account_id, country, cls, micros_per_part, currency, from_at) "
            "VALUES (?, 'GB', -1, 300000, 'CNY', 0)",
            (account,),
        )
    templates = [(kit.template("offer", default="zh", zh=ZH, en=EN), 2), (kit.template("short"), 1)]
    return kit.campaign(rt, account_id=account, templates=templates, **given)


def really(rt, campaign_id: int) -> dict:
    """Launch, expand, and merge every ready message the way the send path does."""
    launch.launch(rt, campaign_id)
    expand.run(rt, campaign_id)
    rows = database.query(
        "SELECT m.id, m.contact_id, m.variant, m.state, m.reason, p.country, p.language FROM message m "
        "JOIN profile p ON p.contact_id = m.contact_id WHERE m.campaign_id = ?",
        (campaign_id,),
    )
    items = [
        Item(id_, contact, variant, 0, None, 0, None, country=country, language=language)
        for id_, contact, variant, state, _reason, country, language in rows
        if state == 0
    ]
    refused = render.fill(rt, render.Words(rt, campaign_id), items, direct=False)
    out = {item.id for item, _reason in refused}
    good = [item for item in items if item.id not in out]
    excluded = Counter(row[4] for row in rows if row[4]) + Counter(reason for _item, reason in refused)
    campaign = drafts.get(campaign_id)
    prices = Prices(campaign.account_id, campaign.cls, clock.now_ms())
    return {
        "audience": len(rows),
        "excluded": dict(excluded),
        "holdout": sum(row[3] == 11 for row in rows),
        "messages": len(good),
        "parts": sum(item.parts for item in good),
        "parts_of": dict(Counter(item.parts for item in good)),
        "encodings": dict(Counter(item.encoding for item in good)),
        "cost": sum(item.parts * prices.micros(item.country) for item in good),
        "variants": dict(Counter(item.variant for item in good)),
        "longest": max((item.parts, len(item.text)) for item in good),
    }
