"""The result of a campaign: the same figures on the page, in the file and on the command line."""

import csv
import io

from core import clock
from core.db import database
from core.db.codes import State
from core.db.models import ConsentEvent, Variant
from core.measure import stats
from core.sending import prices
from tests.measure_kit import campaign, kit, messages, sent


def autumn() -> int:
    id_ = campaign("Autumn <b>sale</b>")
    messages(
        id_,
        [sent(State.delivered, 1, cost=45_000)] * 90
        + [sent(State.undelivered, 3, reason="absent")] * 10
        + [{"state": State.skipped, "reason": "no_consent", "parts": 0}] * 20,
    )
    return id_


def test_the_page_shows_shares_with_their_denominators(client):
    page = client.get(f"/campaigns/{autumn()}/result").get_data(as_text=True)
    assert "90.0 %" in page and "90 of 100" in page
    assert "Phone off or out of reach" in page and "Without consent" in page
    assert "Autumn &lt;b&gt;sale&lt;/b&gt;" in page
    assert "every receipt is in, but opt-outs count for 72 hours" in page


def test_a_result_is_final_once_neither_a_receipt_nor_an_opt_out_can_come(client):
    id_ = campaign()
    messages(id_, [sent(State.delivered, 1, ago_h=74)])
    assert "Final: no receipt and no opt-out" in client.get(f"/campaigns/{id_}/result").get_data(as_text=True)


def test_while_receipts_may_come_the_page_says_so(client):
    id_ = campaign()
    messages(id_, [sent(State.accepted)])
    assert "receipts may still change" in client.get(f"/campaigns/{id_}/result").get_data(as_text=True)


def test_a_campaign_before_its_launch_has_an_empty_page(client):
    assert "has not been launched" in client.get(f"/campaigns/{campaign()}/result").get_data(as_text=True)


def arms(outs: tuple[int, int], n: int = 400, ago_h: float = 80) -> int:
    """A campaign of two texts, each to so many people, of whom so many said stop the hour after."""
    at = clock.now_ms() - int((ago_h - 1) * clock.HOUR_MS)
    id_ = campaign(launched_at=at - 2 * clock.HOUR_MS)
    with database.write_tx():
        for idx in (0, 1):
            Variant.insert({"campaign_id": id_, "idx": idx, "weight": 5000}).execute()
    messages(id_, [sent(State.delivered, 1, variant=v % 2, ago_h=ago_h, contact=v + 1) for v in range(2 * n)])
    with database.write_tx():
        for variant, out in enumerate(outs):
            for k in range(out):
                ConsentEvent.insert(
                    contact_id=2 * k + variant + 1,
                    phone_bidx=b"x",
                    cls=2,
                    action="opt_out",
                    source="keyword",
                    at=at,
                ).execute()
    return id_


def compared(client, id_: int) -> str:
    page = client.get(f"/campaigns/{id_}/result").get_data(as_text=True)
    return page[page.index("Which text was better?") :]


def test_two_texts_are_compared_with_the_interval_of_their_difference(client):
    page = compared(client, arms((20, 4)))
    low, high = stats.newcombe(4, 400, 20, 400)
    assert f"{100 * low:+.2f} … {100 * high:+.2f}" in page and "-4.00" in page and high < 0
    assert "Text B is better than text A" in page
    assert '400<br><small class="dim">100.0 %<br>99.0 % – 100.0 %</small>' in page


def test_the_first_text_may_be_the_better_one(client):
    assert "Text A is better than text B" in compared(client, arms((4, 20)))


def test_texts_whose_interval_holds_no_difference_are_too_early_to_call(client):
    low, high = stats.newcombe(4, 400, 9, 400)
    assert low < 0 < high
    page = compared(client, arms((9, 4)))
    assert "too early to say" in page and "is better" not in page


def test_nothing_is_called_before_every_opt_out_has_come(client):
    page = compared(client, arms((20, 4), ago_h=20))
    assert "opt-outs count for 72 hours" in page and "is better" not in page


def test_too_few_people_give_no_difference(client):
    page = compared(client, arms((5, 0), n=20))
    assert "too early to say" in page and "25.00" not in page


def test_delivery_in_figures_has_intervals(client):
    page = client.get(f"/campaigns/{autumn()}/result").get_data(as_text=True)
    low, high = stats.wilson(10, 100)
    table = page[page.index("Delivery in figures") :]
    assert f"{100 * low:.1f} % – {100 * high:.1f} %" in table


def test_the_file_holds_the_figures_of_the_page(client):
    answer = client.get(f"/campaigns/{autumn()}/result.csv")
    rows = {
        row["figure"]: row
        for row in csv.DictReader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff")))
    }
    assert (rows["delivered"]["numerator"], rows["delivered"]["denominator"]) == ("90", "100")
    assert rows["state:skipped"]["numerator"] == "20"
    assert "attachment" in answer.headers["Content-Disposition"]


def test_an_unknown_campaign_is_not_found(client):
    assert client.get("/campaigns/999/result").status_code == 404
    assert client.post("/campaigns/1/result").status_code == 405


def test_a_viewer_may_read_but_not_export(login):
    id_ = autumn()
    viewer = login("viewer")
    assert viewer.get(f"/campaigns/{id_}/result").status_code == 200
    assert viewer.get(f"/campaigns/{id_}/result.csv").status_code == 403


def test_each_step_of_the_funnel_has_its_interval(client):
    page = client.get(f"/campaigns/{autumn()}/result").get_data(as_text=True)
    low, high = stats.wilson(90, 100)
    assert f"90  ·  90.0 % ({100 * low:.1f} – {100 * high:.1f} %)" in page


def test_a_share_of_a_hundred_is_grey_and_one_of_a_thousand_is_not(client):
    some, many = campaign(), campaign()
    messages(some, [sent(State.delivered, 1)] * 100)
    messages(many, [sent(State.delivered, 1, contact=n) for n in range(200, 1_200)])
    assert '<p class="v dim">100.0 %' in client.get(f"/campaigns/{some}/result").get_data(as_text=True)
    assert '<p class="v dim">' not in client.get(f"/campaigns/{many}/result").get_data(as_text=True)


def test_the_file_tells_the_cost_of_each_currency(client, rt_sqlite):
    for n, currency in ((1, "CNY"), (2, "GBP")):
        assert kit.account(rt_sqlite, name=f"gw {n}") == n
        prices.put(n, [prices.Line(45_000, currency)])
    id_ = campaign()
    rows = [sent(State.delivered, 1, cost=45_000)] * 3 + [sent(State.delivered, 1, cost=90_000, account=2)]
    messages(id_, rows)
    answer = client.get(f"/campaigns/{id_}/result.csv")
    lines = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
    costs = {line["currency"]: line["value"] for line in lines if line["figure"] == "cost"}
    assert costs == {"CNY": "135000", "GBP": "90000"}
