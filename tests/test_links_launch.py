"""From the words of a template to a short link of each person's own."""

from __future__ import annotations

import pytest

from core.content import links as content
from core.content import parts
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.db.models import Link
from core.sending import direct, drafts, dryrun, launch, links, messages, render, snapshot
from tests import campaign_kit as kit
from tests import click_kit, send_kit
from tests.click_kit import SHOP, Sent

WAY = "【Cooee】拒收请回复R "
MANY = WAY + " ".join(f"https://a{n}.example" for n in range(13))


def test_everyone_gets_links_of_their_own(rt, monkeypatch):
    sent = Sent(rt, monkeypatch, n=20)
    codes = [url.rsplit("/", 1)[1] for at in range(20) for url in sent.urls(at)]
    assert len(codes) == len(set(codes)) == 40
    rows = send_kit.rows(sent.campaign, "id, contact_id")
    assert {links.open_token(rt.keys, code) for code in codes} == {
        (row[0], n) for row in rows for n in (0, 1)
    }
    assert all("shop.example" not in message.text for message in sent.tape.sent)
    frozen = Link.select().where(Link.campaign_id == sent.campaign).order_by(Link.idx)
    assert [(link.idx, link.kind, link.url) for link in frozen] == [
        (0, "web", SHOP),
        (1, "web", "http://b.example/x"),
    ]
    assert all(link.expires_at == link.created_at + 180 * 86_400_000 for link in frozen)


def test_links_alone_are_not_kept_with_each_message(rt, monkeypatch):
    sent = Sent(rt, monkeypatch, n=5)
    assert database.scalar("SELECT COUNT(*) FROM message_text") == 0
    row = messages.page(rt, messages.Filter(campaign_id=sent.campaign)).rows[0]
    assert messages.words(rt, row) == (
        next(m.text for m in sent.tape.sent if m.ref == _ref(rt, row.id)), True,
    )  # fmt: skip


def _ref(rt, message_id: int) -> str:
    from core.ids import References

    return References(rt.keys).of(message_id)


def test_links_beside_fields_are_merged_for_each_person(rt, monkeypatch):
    body = WAY + 'Hi {{first_name|default:"you"}}: https://a.example/1 {{optout_link}} {{preferences_link}}'
    sent = Sent(rt, monkeypatch, n=3, body=body)
    assert all(len(sent.urls(at)) == 3 for at in range(3))
    assert database.scalar("SELECT COUNT(*) FROM message_text") == 3
    kinds = database.query(
        "SELECT idx, kind, expires_at FROM link WHERE campaign_id = ? ORDER BY idx", (sent.campaign,)
    )
    assert [row[:2] for row in kinds] == [(0, "web"), (13, "optout"), (14, "preferences")]
    assert [row[2] is None for row in kinds] == [False, True, True]


def test_the_same_address_in_two_languages_is_one_link(rt_sqlite, monkeypatch):
    template = kit.template("both", en=click_kit.TEXT, zh=f"【可乐】看{SHOP} 拒收请回复R")
    sent = Sent(rt_sqlite, monkeypatch, n=2, templates=[(template, 1)])
    assert database.scalar("SELECT COUNT(*) FROM link WHERE campaign_id = ?", (sent.campaign,)) == 2
    texts = drafts.texts(drafts.get(sent.campaign))[0]
    assert texts["en"][0] == click_kit.TEXT
    assert SHOP in texts["zh"][0]


def test_the_dry_run_counts_what_is_then_sent(rt):
    body = WAY + "Winter sale, twenty percent off: https://shop.example/" + "long/" * 30
    campaign, _account = send_kit.setup(
        rt, tape := send_kit.Tape(), n=4, templates=[(kit.template("l", en=body), 1)]
    )
    again = drafts.duplicate(campaign)
    report = dryrun.run(rt, again)
    send_kit.send_all(rt, campaign)
    sent = [parts.count(message.text, cn=True)[1] for message in tape.sent]
    assert report.parts == sum(sent) == sum(row[0] for row in send_kit.rows(campaign, "parts"))
    assert parts.count(body, cn=True)[1] > sent[0]
    assert {len(message.text) for message in tape.sent} == {len(report.samples[0]["text"])}


def test_a_campaign_may_leave_its_addresses_alone(rt_sqlite, monkeypatch):
    sent = Sent(rt_sqlite, monkeypatch, n=2, options={"links": "off"})
    assert {message.text for message in sent.tape.sent} == {click_kit.TEXT}
    assert database.scalar("SELECT COUNT(*) FROM link") == 0


def test_one_time_codes_are_left_alone(rt_sqlite):
    campaign = kit.campaign(
        rt_sqlite, templates=[(kit.template("c", Cls.otp, en="Code 1 https://a.example/x"), 1)]
    )
    kit.person(rt_sqlite, 1)
    launch.launch(rt_sqlite, campaign, "ann@example.com")
    assert database.scalar("SELECT COUNT(*) FROM link") == 0
    assert database.scalar("SELECT body FROM variant_text") == "Code 1 https://a.example/x"


@pytest.mark.parametrize(
    ("body", "word"), [(WAY + "https://user:pw@a.example/x", "user name"), (MANY, "13 different links")]
)
def test_a_launch_with_links_nobody_can_follow_is_refused_whole(rt, body, word):
    campaign = kit.campaign(rt, templates=[(kit.template("x", en=body), 1)], options={"approve": "off"})
    kit.person(rt, 1)
    with pytest.raises(Refusal, match=word):
        launch.launch(rt, campaign, "ann@example.com")
    assert drafts.get(campaign).state == "draft"
    assert (
        database.scalar("SELECT COUNT(*) FROM link")
        == database.scalar("SELECT COUNT(*) FROM variant_text")
        == 0
    )


def test_what_was_approved_is_what_is_frozen(rt, monkeypatch):
    sent = Sent(rt, monkeypatch, n=2)
    campaign = drafts.get(sent.campaign)
    assert snapshot.take(rt, campaign) == campaign.snapshot


def test_a_changed_schedule_makes_its_links_anew(rt_sqlite):
    kit.person(rt_sqlite, 1)
    campaign = kit.campaign(
        rt_sqlite, templates=[(kit.template("x", en=click_kit.TEXT), 1)], at="2099-01-01T10:00", options={"approve": "off"}
    )  # fmt: skip
    assert launch.launch(rt_sqlite, campaign, "ann@example.com") == "scheduled"
    drafts.edit(rt_sqlite, campaign, templates=[(kit.template("y", en=WAY + "https://only.example"), 1)])
    launch.launch(rt_sqlite, campaign, "ann@example.com")
    rows = database.query("SELECT url, expires_at > 4070000000000 FROM link")
    assert [(url, bool(late)) for url, late in rows] == [("https://only.example", True)]


def test_a_link_host_of_its_own_makes_links_shorter(rt_sqlite):
    rt_sqlite.settings.link_url = "https://k.la"
    try:
        assert content.example(rt_sqlite.settings) == "https://k.la/x7Kp2mQ9aBc"
        assert links.Maker(rt_sqlite).columns(["@0"], [1 << 61])["@0"][0].startswith("https://k.la/")
    finally:
        rt_sqlite.settings.link_url = ""


def test_a_text_without_links_is_still_shared_by_all(rt_sqlite, monkeypatch):
    sent = Sent(rt_sqlite, monkeypatch, n=3, body=WAY + "Hello")
    words = render.Words(rt_sqlite, sent.campaign)
    assert words._compiled((0, "en")).text.static
    assert words._maker is None


def test_a_single_message_has_links_of_its_own(rt):
    kit.account(rt, price=1)
    kit.person(rt, 1)
    shown = direct.send(
        rt, "+8613800000001", "notice", "Confirm: {{confirm_link}} or {{optout_link}}", key="k1"
    )
    confirm, optout = (word.rsplit("/", 1)[1] for word in shown["text"].split() if "/l/" in word)
    person = links.person_of(rt, confirm)
    assert (person.message_id, person.kind) == (shown["message_id"], "confirm")
    assert links.person_of(rt, optout).kind == "optout"
    again = direct.send(
        rt, "+8613800000001", "notice", "Confirm: {{confirm_link}} or {{optout_link}}", key="k1"
    )
    assert again["message_id"] == shown["message_id"]
