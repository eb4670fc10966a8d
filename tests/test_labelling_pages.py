"""Pages of labels and their rules: a marketer makes, counts, runs and deletes; a viewer looks only."""

from __future__ import annotations

import pytest
import time_machine

from core.audience import labels
from core.audience.labelling import rules, running
from core.audience.segments import store
from core.db import database, settings
from tests import labelling_kit as kit
from tests.labelling_kit import did
from tests.pages import text

HX = {"HX-Request": "true"}
BUYER = {"kind": "counted", "label": "Buyer", "type": "purchase", "measure": "count", "op": "at_least",
         "amount": "1", "within_days": "0", "keep_days": "0"}  # fmt: skip


@pytest.fixture
def crowd(rt_sqlite, app):
    with time_machine.travel(kit.NOW, tick=True):
        ids = kit.crowd(rt_sqlite)
        kit.record(rt_sqlite, [did("purchase", who, 1, amount=5, category="tea") for who in ids[:3]])
        yield ids


@pytest.fixture
def marketer(login, crowd):
    return login("marketer")


def test_an_empty_page_offers_five_rules_and_each_opens_filled_in(marketer):
    page = text(marketer.get("/contacts/labels"))
    links = {part.split('"')[0] for part in page.split('href="') if "ready=" in part.split('"')[0]}
    assert len(links) == 5
    for link in links:
        form = text(marketer.get(link))
        assert "Would carry the label now" in form and "people" in form


def test_a_rule_is_counted_before_it_is_saved(marketer, crowd):
    card = text(marketer.post("/contacts/labels/rules/count", data=BUYER, headers=HX))
    assert "<html" not in card and "3 get it" in card and "0 lose it" in card
    assert "people with at least 1 × purchase" in card and "+86138****8000" in card and "1 event" in card
    whole = text(marketer.post("/contacts/labels/rules/count", data=BUYER))
    assert "<html" in whole and "3 get it" in whole and 'value="Buyer"' in whole
    assert (rules.all_rules(), kit.carried()) == ([], set())


def test_a_rule_is_saved_run_and_seen(rt_sqlite, marketer, crowd):
    saved = marketer.post("/contacts/labels/rules", data=BUYER)
    rule = rules.all_rules()[0]
    assert saved.status_code == 303 and saved.headers["Location"].endswith(
        f"/contacts/labels/rules/{rule.id}"
    )
    running.full(rt_sqlite)
    store.save(rt_sqlite, "Buyers <b>", {"segmenter": "label", "label": "Buyer"}, "test")
    page = text(marketer.get("/contacts/labels"))
    assert "50.0 %" in page and "by rule 3" in page and "Buyers &lt;b&gt;" in page and "stale" not in page
    label = labels.find("Buyer")
    one = text(marketer.get(f"/contacts/labels/{label.id}"))
    assert (
        "people with at least 1 × purchase" in one and "Latest changes" in one and "Buyers &lt;b&gt;" in one
    )
    assert "Its labels" in text(marketer.get(f"/contacts/labels/rules/{rule.id}"))


def test_wrong_values_keep_the_form_and_stand_beside_their_field(marketer):
    page = text(
        marketer.post("/contacts/labels/rules", data={**BUYER, "amount": "lots", "within_days": "7"}), 422
    )
    assert "“lots” is not a number" in page and 'value="lots"' in page and 'id="f-amount-error"' in page
    assert 'value="7"' in page
    assert "1 to 60 characters" in text(
        marketer.post("/contacts/labels/rules", data={**BUYER, "label": ""}), 422
    )
    text(marketer.post("/contacts/labels/rules", data=BUYER), 303)
    assert "sets such labels already" in text(marketer.post("/contacts/labels/rules", data=BUYER), 422)


def test_every_kind_has_a_form_that_counts(marketer, rt_sqlite):
    with database.write_tx():
        database.execute("INSERT INTO category (name) VALUES ('shoes')")
    saved = store.save(rt_sqlite, "all", {"all": []}, "test")
    given = {"bought_not": {"thing": "tea", "other": "shoes"}, "segment": {"segment": str(saved.id)}}
    for key, kind in rules_kinds().items():
        form = text(marketer.get(f"/contacts/labels/rules/new/{key}"))
        assert str(kind.title) in form
        typed = {"kind": key, "label": "x", **_typed(form), **given.get(key, {})}
        card = text(marketer.post("/contacts/labels/rules/count", data=typed, headers=HX))
        assert "get it" in card, (key, card)


def rules_kinds():
    from core.audience.labelling.facts import KINDS

    return KINDS


def _typed(page: str) -> dict[str, str]:
    """What a browser would send of the inputs and selects of the form."""
    from html.parser import HTMLParser

    class Reader(HTMLParser):
        def __init__(self):
            super().__init__()
            self.found, self.select, self.in_main = {}, None, False

        def handle_starttag(self, tag, attrs):
            attrs = dict(attrs)
            if tag == "input" and attrs.get("name") and attrs.get("type", "text") == "text":
                self.found[attrs["name"]] = attrs.get("value", "")
            elif tag == "select":
                self.select = attrs["name"]
            elif tag == "option" and self.select and ("selected" in attrs or self.select not in self.found):
                self.found[self.select] = attrs.get("value", "")

        def handle_endtag(self, tag):
            if tag == "select":
                self.select = None

    reader = Reader()
    reader.feed(page)
    return reader.found


def test_a_rule_is_changed_switched_and_deleted(rt_sqlite, marketer, crowd):
    marketer.post("/contacts/labels/rules", data=BUYER)
    rule = rules.all_rules()[0]
    running.full(rt_sqlite)
    at = f"/contacts/labels/rules/{rule.id}"
    text(marketer.post("/contacts/labels/rules", data={**BUYER, "rule_id": str(rule.id), "amount": "2"}), 303)
    assert rules.get(rule.id).params["amount"] == 2
    text(marketer.post(f"{at}/switch", data={"on": "0"}), 303)
    assert not rules.get(rule.id).enabled and "stale" in text(marketer.get("/contacts/labels"))
    text(marketer.post(f"{at}/switch", data={"on": "1"}), 303)
    assert rules.get(rule.id).enabled
    text(marketer.post(f"{at}/run"), 303)
    text(marketer.post(f"{at}/delete", data={"confirm": "other"}), 422)
    assert rules.all_rules()
    text(marketer.post(f"{at}/delete", data={"confirm": "Buyer", "take": "1"}), 303)
    assert (rules.all_rules(), kit.carried()) == ([], set())
    text(marketer.post(f"{at}/delete", data={"confirm": "Buyer"}), 404)


def test_someone_kept_off_is_shown_and_allowed_again(rt_sqlite, marketer, crowd):
    marketer.post("/contacts/labels/rules", data=BUYER)
    running.full(rt_sqlite)
    label = labels.find("Buyer")
    text(marketer.post(f"/contacts/{crowd[0]}/labels/{label.id}/remove"), 303)
    page = text(marketer.get(f"/contacts/labels/{label.id}"))
    assert "Kept off by hand" in page and "marketer@shop.example" in page
    assert "Label taken off" in text(marketer.get(f"/contacts/{crowd[0]}/timeline?kind=label"))
    text(marketer.post(f"/contacts/labels/{label.id}/allow", data={"contact": str(crowd[0])}), 303)
    assert "Kept off by hand" not in text(marketer.get(f"/contacts/labels/{label.id}"))
    text(marketer.post(f"/contacts/labels/{label.id}/allow", data={"contact": "999999"}), 404)


def test_a_viewer_sees_labels_and_rules_and_changes_nothing(rt_sqlite, login, marketer):
    marketer.post("/contacts/labels/rules", data=BUYER)
    rule, label = rules.all_rules()[0], labels.find("Buyer")
    viewer = login("viewer")
    for path in ("/contacts/labels", f"/contacts/labels/{label.id}", f"/contacts/labels/rules/{rule.id}"):
        page = text(viewer.get(path))
        assert "Save the rule" not in page and "Run now" not in page and "New rule" not in page
    at = f"/contacts/labels/rules/{rule.id}"
    for path in ("/contacts/labels/rules/new", "/contacts/labels/rules/new/counted"):
        assert viewer.get(path).status_code == 403
    for path in ("/contacts/labels/rules", "/contacts/labels/rules/count", f"{at}/switch", f"{at}/run", f"{at}/delete",
                 f"/contacts/labels/{label.id}/allow"):  # fmt: skip
        assert viewer.post(path, data=BUYER).status_code == 403, path
        assert marketer.get(path).status_code in (404, 405) or path.endswith("/rules"), path
    assert rules.get(rule.id).enabled


def test_what_is_not_there_is_said(marketer):
    for path in ("/contacts/labels/999", "/contacts/labels/rules/999", "/contacts/labels/rules/new/nothing"):
        assert marketer.get(path).status_code == 404, path
    assert marketer.post("/contacts/labels/rules/count", data={"kind": "nothing"}).status_code == 404


def test_growth_names_the_day_it_was_and_ends_with_today_as_it_stands(login, crowd, app):
    label = labels.create("VIP")
    with database.write_tx():
        labels.put(label, crowd[:2])
        today = kit.NOW_MS // 86_400_000
        for back, people in ((2, 4), (1, 5), (0, 1)):
            database.execute(
                "INSERT INTO label_day (label_id, day, added, removed, people) VALUES (?, ?, 0, 0, ?)",
                (label.id, today - back, people),
            )
    settings.put("zone", "America/Los_Angeles")
    page = text(login("viewer").get(f"/contacts/labels/{label.id}"))
    for words in ("19 Nov 2026: 4 VIP", "20 Nov 2026: 5 VIP", "21 Nov 2026: 2 VIP"):
        assert words in page
    assert "18 Nov 2026" not in page and ": 1 VIP" not in page
