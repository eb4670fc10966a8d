"""From a report to a segment: the offers count what the campaign's messages say, and open in the builder."""

from __future__ import annotations

import json
import re
from html import unescape
from urllib.parse import parse_qs, urlparse

import pytest

from core import clock
from core.audience import labels, segments
from core.db import database
from core.db.codes import EventType, State
from core.db.models import Campaign, Clicked, Event, HeldReply, InboundText, Link, Profile
from core.web import segmentsfrom
from tests import measure_kit as kit
from tests.segment_people import add, crowd, world

HOUR = 3_600_000


@pytest.fixture
def sent(rt):
    """A campaign to ten people, and what became of it; returns (campaign, {offer: how many})."""
    return _sent(rt)


def _sent(rt):
    world()
    ids = [add(rt, crowd(1, 1)[0] | {"labels": {}, "optout_bits": 0}, i) for i in range(1, 13)]
    now = clock.now_ms()
    states = [State.delivered] * 6 + [State.undelivered, State.rejected, State.in_doubt, State.skipped]
    campaign_id, other = kit.campaign("Autumn <sale>"), kit.campaign("Other")
    kit.messages(
        campaign_id,
        [kit.sent(state, contact=contact_id) for contact_id, state in zip(ids, states, strict=False)],
    )
    kit.messages(other, [kit.sent(State.delivered, contact=ids[10])])
    with database.write_tx():
        link = Link.create(campaign_id=campaign_id, idx=0, url="https://shop.example/", created_at=now)
        followed = {
            "campaign_id": campaign_id,
            "link_id": link.id,
            "first_at": now - HOUR,
            "last_at": now,
            "n": 2,
        }
        for contact_id in ids[:3]:
            Clicked.create(contact_id=contact_id, **followed)
        for contact_id in (ids[0], ids[4], ids[11]):
            Event.create(
                contact_id=contact_id, key_hash=7, type=EventType.purchase, at=now - HOUR, amount_micros=5
            )
        for who, body, intent in ((ids[5], "nice", ""), (ids[3], "退订", "stop"), (ids[4], "again?", "held")):
            InboundText.create(
                account_id=1, contact_id=who, phone_bidx=b"x", phone_enc=b"x", body=body, intent=intent,
                dedupe=body.encode(), received_at=now - HOUR,
            )  # fmt: skip
        Profile.update(optout_bits=4).where(Profile.contact_id.in_([ids[3], ids[10]])).execute()
        labels.put(labels.find("vip"), [ids[4]])
    campaign = Campaign.get_by_id(campaign_id)
    return campaign, {
        "Delivered, not clicked": {ids[3], ids[4], ids[5]},
        "Clicked, not bought": {ids[1], ids[2]},
        "Bought": {ids[0], ids[4]},
        "Bought, with the label “vip”": {ids[4]},
        "Replied": {ids[5]},
        "Replied that they want no more": {ids[3], ids[4]},
        "Received it, and opted out by now": {ids[3]},
        "Failed": {ids[6], ids[7]},
        "Not reached": {ids[6], ids[7], ids[8]},
    }


def people_of(rt, rule):
    sql, params = segments.where_sql(rt, rule)
    return {row[0] for row in database.query(f"SELECT contact_id FROM profile WHERE {sql}", params)}


def test_each_offer_means_the_people_the_messages_say(rt, sent):
    campaign, wanted = sent
    made = {offer.title: people_of(rt, offer.rule) for offer in segmentsfrom.offered(campaign, "vip")}
    assert made == wanted


def test_a_reply_belongs_to_the_last_text_before_it(rt, sent):
    campaign, _wanted = sent
    earlier, now = kit.campaign("Earlier"), clock.now_ms()
    got = [row[0] for row in database.query(
        "SELECT contact_id FROM message WHERE campaign_id = ? AND state = 4 ORDER BY contact_id", (campaign.id,)
    )]  # fmt: skip
    kit.messages(earlier, [kit.sent(State.delivered, ago_h=30, contact=contact_id) for contact_id in got])
    replied = {"segmenter": "campaign", "campaign": earlier, "outcome": "replied"}
    assert people_of(rt, replied) == people_of(rt, replied | {"outcome": "refused"}) == set()
    with database.write_tx():
        InboundText.create(
            account_id=1, contact_id=got[0], phone_bidx=b"x", phone_enc=b"x", body="thanks", intent="",
            dedupe=b"before the second", received_at=now - 20 * HOUR,
        )  # fmt: skip
    assert people_of(rt, replied) == {got[0]}
    assert got[0] not in people_of(rt, replied | {"campaign": campaign.id})


def test_a_held_reply_is_counted_once_as_what_somebody_read_in_it(rt, sent):
    campaign, wanted = sent
    ((inbound, who),) = database.query("SELECT id, contact_id FROM inbound WHERE intent = 'held'")
    said = {"segmenter": "campaign", "campaign": campaign.id}
    for verdict, replied in (("held", False), ("out", False), ("kept", True), ("question", True)):
        with database.write_tx():
            database.execute("DELETE FROM held_reply")
            HeldReply.create(inbound_id=inbound, phone_bidx=b"x", pattern="again", state=verdict, held_at=1)
        assert (who in people_of(rt, said | {"outcome": "replied"})) is replied
        assert (who in people_of(rt, said | {"outcome": "refused"})) is not replied


def test_the_report_loads_the_counts_after_it_stands(app, rt_sqlite, client):
    campaign, wanted = _sent(rt_sqlite)
    fragment = client.get(f"/segments/from/{campaign.id}?label=vip", headers={"HX-Request": "true"})
    assert "<html" not in fragment.text
    found = re.findall(r"<td>([^<]+)</td><td class=\"num\">(\d+)</td>", fragment.text)
    assert {unescape(title): int(n) for title, n in found} == {
        title: len(ids) for title, ids in wanted.items()
    }
    assert "<html" in client.get(f"/segments/from/{campaign.id}").text
    assert client.get("/segments/from/999").status_code == 404


def test_one_click_opens_the_builder_with_rule_and_name(app, rt_sqlite, client):
    campaign, wanted = _sent(rt_sqlite)
    fragment = client.get(f"/segments/from/{campaign.id}?label=vip").text
    links = [unescape(url) for url in re.findall(r'href="(/segments/new\?[^"]+)"', fragment)]
    assert len(links) == len(wanted)
    for url in links:
        asked = parse_qs(urlparse(url).query)
        page = client.get(url)
        assert page.status_code == 200
        assert "unfinished" not in page.text
        assert 'name="kind-0_0" value="campaign"' in page.text
        rule = json.loads(asked["rule"][0])
        title = asked["name"][0].removeprefix("Autumn <sale>: ")
        assert people_of(rt_sqlite, rule) == wanted[title]
        assert "Autumn <sale>" not in page.text


def test_a_campaign_that_was_never_launched_offers_nothing_wrong(app, rt_sqlite, client):
    world()
    with database.write_tx():
        campaign = Campaign.create(name="Draft", cls=2, state="draft", created_at=1)
    page = client.get(f"/segments/from/{campaign.id}")
    assert page.status_code == 200
    assert "Traceback" not in page.text
