"""The result of a campaign: the same figures on the page, in the file and on the command line."""

import csv
import io

from core.db.codes import State
from tests.measure_kit import campaign, messages, sent


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
    assert "Final: no receipt can change" in page


def test_while_receipts_may_come_the_page_says_so(client):
    id_ = campaign()
    messages(id_, [sent(State.accepted)])
    assert "receipts may still change" in client.get(f"/campaigns/{id_}/result").get_data(as_text=True)


def test_a_campaign_before_its_launch_has_an_empty_page(client):
    assert "has not been launched" in client.get(f"/campaigns/{campaign()}/result").get_data(as_text=True)


def test_two_texts_are_compared(client):
    id_ = campaign()
    from core.db import database
    from core.db.models import Variant

    with database.write_tx():
        for idx in (0, 1):
            Variant.insert({"campaign_id": id_, "idx": idx, "weight": 5000}).execute()
    messages(id_, [sent(State.delivered, 1, variant=v % 2) for v in range(100)])
    page = client.get(f"/campaigns/{id_}/result").get_data(as_text=True)
    assert "Which text was better?" in page and "Text B" in page


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
