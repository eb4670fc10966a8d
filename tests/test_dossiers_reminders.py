"""Somebody hears of a paper before it expires: by mail once a step, and on the Overview."""

from __future__ import annotations

import email
import email.policy

import pytest
from aiosmtpd.controller import Controller

from core.db import database
from core.measure import overview
from core.security import users
from core.sending.dossiers import reminders, standing, store, verdict
from tests import dossier_kit as kit
from tests.dossier_kit import WHO
from tests.people import PASSWORD
from tests.servers import free_port


class Box:
    """A mail server that keeps what it is given, or refuses it while `full`."""

    def __init__(self):
        self.letters, self.full = [], False

    async def handle_DATA(self, _server, _session, envelope):
        if self.full:
            return "452 come back later"
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.letters.append((envelope.rcpt_tos[0], letter["Subject"], letter.get_content()))
        return "250 kept"


@pytest.fixture
def box(rt):
    """A real mail server, an administrator and a marketer."""
    made = Box()
    server = Controller(made, hostname="127.0.0.1", port=free_port())
    server.start()
    users.add("test", "boss@shop.example", "admin", PASSWORD)
    users.add("test", "ann@shop.example", "marketer", PASSWORD)
    rt.settings.smtp_url = f"smtp://127.0.0.1:{server.port}"
    yield made
    server.stop()


def at(made: int, days: int) -> None:
    """As many days are left."""
    with database.write_tx():
        database.execute("UPDATE paper SET expires = ? WHERE kind = 'licence'", (kit.day(days),))


def begun(rt, days: int = 200) -> int:
    made = kit.begin(rt)
    kit.put(rt, made, "CN/licence", kit.day(days))
    return made


def test_admins_get_one_mail_at_60_30_7_and_0_days_however_often_it_runs(rt, box):
    made = begun(rt)
    heard = []
    for days in (61, 60, 59, 31, 30, 29, 8, 7, 3, 1, 0):
        # Time goes by: what was said stays said about the same last day.
        at(made, days)
        with database.write_tx():
            database.execute("UPDATE paper_reminder SET due = ?", (kit.day(days),))
        before = len(box.letters)
        reminders.run(rt)
        reminders.run(rt)
        if len(box.letters) > before:
            heard.append(days)
            assert len(box.letters) == before + 1
    assert heard == [60, 30, 7, 0]
    assert {to for to, _subject, _text in box.letters} == {"boss@shop.example"}
    assert (
        "Business licence" in box.letters[0][2]
        and "/papers" in box.letters[0][2]
        and "60 days left" in box.letters[0][2]
    )
    assert "its last day" in box.letters[-1][2]


def test_a_paper_found_late_is_said_once_not_four_times(rt, box):
    begun(rt, 5)
    assert reminders.run(rt) == 1
    assert reminders.run(rt) == 0
    assert len(box.letters) == 1


def test_several_papers_make_one_mail(rt, box):
    made = begun(rt, 20)
    kit.put(rt, made, "CN/vats", kit.day(25))
    reminders.run(rt)
    assert len(box.letters) == 1
    assert box.letters[0][1].startswith("Cooee: 2 papers")


def test_a_mail_the_server_refuses_is_tried_again_and_then_not_any_more(rt, box):
    begun(rt, 5)
    box.full = True
    assert reminders.run(rt) == 0
    box.full = False
    assert reminders.run(rt) == 1
    assert reminders.run(rt) == 0
    assert len(box.letters) == 1


def test_a_renewed_paper_is_not_reminded_of_and_later_is_again(rt, box):
    made = begun(rt, 20)
    reminders.run(rt)
    store.save(rt, made, "CN/licence", {"expires": kit.day(400)}, WHO)
    reminders.run(rt)
    assert len(box.letters) == 1
    store.save(rt, made, "CN/licence", {"expires": kit.day(21)}, WHO)
    reminders.run(rt)
    assert len(box.letters) == 2, "another last day is another reminder"


def test_conditions_that_end_are_reminded_of(rt, box):
    verdict.give(begun(rt), "conditions", "renewal under way", kit.day(6), WHO)
    reminders.run(rt)
    assert "passed with conditions" in box.letters[0][2]


def test_everybody_reads_it_in_their_language(rt, box):
    with database.write_tx():
        database.execute("UPDATE user_account SET language = 'zh_Hans' WHERE email = 'boss@shop.example'")
    begun(rt, 5)
    reminders.run(rt)
    assert "到期" in box.letters[0][1]


def test_without_a_mail_server_the_overview_still_says_it(rt):
    assert reminders.wants() == []
    made = begun(rt, 20)
    assert reminders.run(rt) == 0
    (want,) = [need for need in overview.needs() if need.kind == "papers"]
    assert want.tone == "warn" and "20 days left" in want.detail
    at(made, -1)
    (want,) = [need for need in overview.needs() if need.kind == "papers"]
    assert want.tone == "bad" and "expired" in want.detail


def test_the_overview_names_accounts_left_out_and_verdicts_that_fell(rt):
    kit.account(rt, "bare")
    made = kit.begin(rt, kit.account(rt, "fallen"))
    papers = kit.passed(rt, made)
    kit.ask_for_papers()
    store.take_back(made, papers["CN/licence"], WHO)
    titles = [want.title for want in reminders.wants()]
    assert len(titles) == 2
    assert any("fell" in title for title in titles)
    assert any("bare" in title for title in titles)
    assert standing.get(made).verdict.word == "void"
