"""A shop for the tests of campaigns' pages: people, a segment, two texts, an account, and a draft of them."""

from __future__ import annotations

from core.sending import drafts, snapshot
from tests import campaign_kit as kit

HX = {"HX-Request": "true"}


def shop(rt) -> dict:
    """60 people, 5 of them without consent, a segment, two texts, an account with a price."""
    for n in range(60):
        kit.person(
            rt,
            n,
            name=f"王芳{n}" if n % 2 else "欧阳娜娜",
            language="zh",
            consent=0 if n < 5 else kit.MASS,
        )
    return {
        "segment": kit.segment("Shanghai"),
        "first": kit.template(
            "first", default="zh", zh="【可乐店】{{honorific}}，本周日全场八折。拒收请回复R"
        ),
        "second": kit.template("second", default="zh", zh="【可乐店】{{name}}，周末见。拒收请回复R"),
        "account": kit.account(rt, "Route A", price=45_000),
        "rt": rt,
    }


def draft(shop: dict) -> int:
    """A campaign of the shop that is not launched yet."""
    return kit.campaign(
        shop["rt"], who="author@shop.example", segment_id=shop["segment"], account_id=shop["account"],
        templates=[(shop["first"], 1)],
    )  # fmt: skip


def seen(shop: dict, campaign_id: int) -> dict[str, str]:
    """What the buttons of the last page carry."""
    return {"snapshot": snapshot.take(shop["rt"], drafts.get(campaign_id))}


def text(answer) -> str:
    return answer.get_data(as_text=True)
