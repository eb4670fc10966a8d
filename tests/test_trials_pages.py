"""The pages of trials: the wizard from its first step to the start, results, ticks, verdicts, the owner's page."""

from __future__ import annotations

import re

import pytest

from core.db import database
from core.measure.trials import links, plan, report, run
from plugins.providers import simulator
from tests import trials_kit as kit

BASE = "/providers/trials"


def _text(answer) -> str:
    return answer.get_data(as_text=True)


@pytest.fixture
def sent(app, rt_sqlite, monkeypatch):
    """A trial of two accounts on four phones of people, all texts out."""
    monkeypatch.setattr(simulator, "RECEIPT_S", (0.01, 0.05))
    rt = rt_sqlite
    of = kit.simulators(rt, 2, price=45_000, accept_rate=1, deliver_rate=1, handset="")
    trial = kit.draft(rt, of, 4, texts=12, functions=("delivery", "receipts", "unicode", "sender", "rate"))
    run.start(rt, trial, "ann@example.com")
    kit.due(trial)
    kit.send(rt, trial)
    return trial


def test_before_any_trial_the_page_explains_why_one_tries(client):
    page = _text(client.get(BASE))
    assert "Why try a provider?" in page and "fewer than 14 % fail" in page


def test_the_wizard_leads_from_the_first_step_to_a_running_trial(client, rt_sqlite):
    of = kit.simulators(rt_sqlite, 2, price=45_000)
    answer = client.post(f"{BASE}/new", data={"name": "Spring", "functions": ["delivery", "long", "inbound"]})
    assert answer.location.endswith("/accounts")
    trial = int(re.search(r"/(\d+)/accounts", answer.location)[1])
    assert client.post(f"{BASE}/{trial}/accounts", data={"accounts": of}).location.endswith("/phones")
    client.post(f"{BASE}/{trial}/phones/add", data={"phones": kit.lines(6)})
    page = _text(client.get(f"{BASE}/{trial}/phones"))
    assert "Owner 3" in page and "中国移动" in page and "+8613800130000" not in page
    refused = client.post(f"{BASE}/{trial}/phones", data={})
    assert refused.status_code == 422 and "owners of the phones agreed" in _text(refused)
    assert client.post(f"{BASE}/{trial}/phones", data={"agreed": "on"}).location.endswith("/hours")
    hours = {"windows": ["10", "19"], "per_window": "3"}
    assert client.post(f"{BASE}/{trial}/hours", data=hours).location.endswith("/size")
    figures = _text(
        client.get(f"{BASE}/{trial}/size/figures?promise=95&margin=10", headers={"HX-Request": "true"})
    )
    assert "<html" not in figures and "CNY" in figures.replace("¥", "CNY") and "± 10 points" in figures
    size = {"promise": "95", "margin": "10", "texts": "24", "lang": "zh", "prefix": "【Cooee】"}
    assert client.post(f"{BASE}/{trial}/size", data=size).location.endswith("/confirm")
    page = _text(client.get(f"{BASE}/{trial}/confirm"))
    assert "【Cooee】Cooee 测试 K7F2-93" in page and "48" in page
    assert client.post(f"{BASE}/{trial}/start").location.endswith(f"{BASE}/{trial}")
    assert plan.get(trial).state == "running"
    assert len(kit.texts(trial, "id")) == 48
    page = _text(client.get(f"{BASE}/{trial}"))
    assert "of 48 texts are out" in page and "every 3s" in page
    assert "<html" not in _text(client.get(f"{BASE}/{trial}", headers={"HX-Request": "true"}))


@pytest.mark.parametrize(
    "step, data, says",
    [
        ("functions", {"name": "x", "functions": []}, "at least one thing"),
        ("functions", {"name": "", "functions": ["long"]}, "needs a name"),
        ("accounts", {}, "at least one account"),
        ("accounts", {"accounts": [99]}, "no account 99"),
        ("phones/add", {"phones": "12"}, "Line 1"),
        ("phones/add", {"phones": "+8613800138000,Li,whoever"}, "is no account"),
        ("hours", {"windows": []}, "at least one time"),
        ("hours", {"windows": ["10"], "per_window": "many"}, "cannot be read as one number"),
        ("hours", {"windows": ["10"], "start": "soon"}, "is no day"),
        ("size", {"margin": "90"}, "Choose a share"),
        ("size", {"texts": "100000"}, "Choose a number"),
        ("size", {"prefix": "{x}"}, "no braces"),
    ],
)
def test_what_makes_no_sense_is_said_beside_the_form(client, rt_sqlite, step, data, says):
    trial = kit.draft(rt_sqlite, kit.simulators(rt_sqlite, 1), 2)
    answer = client.post(f"{BASE}/{trial}/{step}", data=data)
    assert answer.status_code in (404, 422) and says in _text(answer)


def test_a_started_trial_has_no_steps(client, sent):
    assert client.get(f"{BASE}/{sent}/size").status_code == 409
    assert client.post(f"{BASE}/{sent}/hours", data={"windows": ["10"]}).status_code == 409


def test_a_viewer_reads_and_changes_nothing(login, sent):
    viewer = login("viewer")
    page = _text(viewer.get(f"{BASE}/{sent}/arrived"))
    assert "/arrived/" in page and "Link for its owner" in page and links_in(page) == []
    for path in ("pause", "cancel", "verdict", "check", "arrived/1", "start"):
        assert viewer.post(f"{BASE}/{sent}/{path}").status_code == 403
    assert viewer.get(f"{BASE}/new").status_code == 403


def links_in(page: str) -> list[str]:
    return re.findall(r"/arrived/(\d+\.\d+\.[0-9a-f]{30})", page)


def test_ticks_become_figures_and_the_verdict_stands_on_the_account(client, rt_sqlite, sent):
    [number] = database.one("SELECT id FROM trial_number ORDER BY id LIMIT 1")
    page = _text(client.get(f"{BASE}/{sent}/arrived/{number}"))
    ids = re.findall(r'name="how-(\d+)"', page)
    assert len(ids) == 6
    data = {
        f"how-{ids[0]}": "yes",
        f"sender-{ids[0]}": "other",
        f"how-{ids[1]}": "damaged",
        f"body-{ids[1]}": "??",
    }
    client.post(f"{BASE}/{sent}/arrived/{number}", data=data | {"rest": "1"})
    told = report.make(rt_sqlite, sent)
    assert sum(line.figures.arrival.n for line in told.lines) == 6
    assert sum(line.figures.arrival.k for line in told.lines) == 2
    assert sum(line.figures.false.k for line in told.lines) == 4
    assert sum(line.figures.replaced.k for line in told.lines) == 1
    account = told.lines[0].id
    client.post(
        f"{BASE}/{sent}/verdict", data={"account": account, "verdict": "bad", "note": "false receipts"}
    )
    client.post(
        f"{BASE}/{sent}/check",
        data={"account": account, "function": "rate", "result": "pass", "note": "40 a second"},
    )
    found = {"account": account, "function": "support", "result": "fail", "note": "5 days"}
    client.post(f"{BASE}/{sent}/check", data=found)
    page = _text(client.get(f"{BASE}/{sent}"))
    assert "false receipts" in page and "40 a second" in page and "5 days" in page
    card = _text(client.get(f"{BASE}/account/{account}/card", headers={"HX-Request": "true"}))
    assert "do not take it" in card and "false receipts" in card
    paper = _text(client.get(f"{BASE}/{sent}/print"))
    assert "do not take it" in paper and "exact McNemar" in paper
    file = _text(client.get(f"{BASE}/{sent}/texts.csv"))
    assert len(file.strip().splitlines()) == 25 and "+8613800130000" not in file


def test_an_owner_opens_the_link_without_signing_in_and_ticks(app, client, rt_sqlite, sent):
    [number] = database.one("SELECT id FROM trial_number ORDER BY id LIMIT 1")
    code = links.token(rt_sqlite, number)
    phone = app.test_client()
    page = _text(phone.get(f"/arrived/{code}"))
    ids = re.findall(r'name="how-(\d+)" value="yes"', page)
    assert len(ids) == 6 and "Sim A" not in page and "1380013" not in page
    assert database.scalar("SELECT COUNT(*) FROM trial_text WHERE seen <> ''") == 0  # looking changes nothing
    answer = phone.post(f"/arrived/{code}", data={f"how-{one}": "yes" for one in ids[:5]} | {"rest": "1"})
    assert answer.status_code == 303 and "Thank you" in _text(phone.get(answer.location))
    seen = dict(
        database.query("SELECT seen, COUNT(*) FROM trial_text WHERE number_id = ? GROUP BY seen", (number,))
    )
    assert seen == {"yes": 5, "no": 1}
    foreign = phone.post(f"/arrived/{code}", data={}, headers={"Origin": "https://elsewhere.example"})
    assert foreign.status_code == 403


def test_a_wrong_an_old_and_a_strangers_code_open_nothing(app, client, rt_sqlite, sent):
    numbers = [row[0] for row in database.query("SELECT id FROM trial_number ORDER BY id")]
    code = links.token(rt_sqlite, numbers[0])
    phone = app.test_client()
    client.post(f"{BASE}/{sent}/arrived/{numbers[0]}/link")
    head, count, seal = code.split(".")
    for bad in (code, f"{numbers[1]}.{count}.{seal}", f"{head}.2.{seal}", "1.1.é", "x", "1.1.", "9" * 70):
        assert phone.get(f"/arrived/{bad}").status_code == 404
        assert phone.post(f"/arrived/{bad}").status_code == 404
    assert phone.get(f"/arrived/{links.token(rt_sqlite, numbers[0])}").status_code == 200
    # A text of another phone cannot be ticked through this link.
    [other] = database.one("SELECT id FROM trial_text WHERE number_id = ? LIMIT 1", (numbers[1],))
    phone.post(f"/arrived/{links.token(rt_sqlite, numbers[0])}", data={f"how-{other}": "no"})
    assert database.scalar("SELECT seen FROM trial_text WHERE id = ?", (other,)) == ""


@pytest.mark.parametrize(
    "path, data, says",
    [
        ("check", {"function": "rate", "result": "splendid"}, "“splendid” is not one of pass, fail"),
        ("check", {"function": "charm", "result": "pass"}, "“charm” is not one of"),
        (
            "check",
            {"function": "rate", "result": "pass", "note": "x" * 2_001},
            "at most 2000 characters, not 2001",
        ),
        ("verdict", {"verdict": "great"}, "“great” is not one of"),
        ("verdict", {"verdict": "good", "note": "好" * 2_001}, "at most 2000 characters, not 2001"),
    ],
)
def test_an_unknown_result_or_a_note_too_long_is_refused_with_a_sentence(
    client, rt_sqlite, sent, path, data, says
):
    account = report.make(rt_sqlite, sent).lines[0].id
    page = client.post(f"{BASE}/{sent}/{path}", data={"account": account} | data, follow_redirects=True)
    assert says in _text(page)
    assert database.scalar("SELECT COUNT(*) FROM trial_check") == 0
    assert database.scalar("SELECT COUNT(*) FROM trial_account WHERE verdict <> ''") == 0


def test_a_long_note_is_kept_whole(client, rt_sqlite, sent):
    account, note = report.make(rt_sqlite, sent).lines[0].id, "好" * 2_000
    client.post(f"{BASE}/{sent}/verdict", data={"account": account, "verdict": "good", "note": f" {note} "})
    assert database.scalar("SELECT note FROM trial_account WHERE verdict = 'good'") == note


@pytest.mark.parametrize(
    "more, says",
    [
        ({"how": "perhaps"}, "“perhaps” is not one of yes, damaged, no"),
        ({"how": "damaged", "body": "x" * 2_001}, "at most 2000 characters, not 2001"),
        ({"how": "yes", "sender": "x" * 61}, "at most 60 characters, not 61"),
    ],
)
def test_what_cannot_be_said_of_a_text_is_refused_beside_it(client, rt_sqlite, sent, more, says):
    [number] = database.one("SELECT id FROM trial_number ORDER BY id LIMIT 1")
    [text_id, *_rest] = re.findall(r'name="how-(\d+)"', _text(client.get(f"{BASE}/{sent}/arrived/{number}")))
    data = {f"{name}-{text_id}": value for name, value in more.items()}
    answer = client.post(f"{BASE}/{sent}/arrived/{number}", data=data)
    assert answer.status_code == 422 and says in _text(answer)
    assert database.scalar("SELECT COUNT(*) FROM trial_text WHERE seen_by = 'person'") == 0


def test_acts_twice_and_on_what_is_not_there(client, rt_sqlite):
    trial = kit.draft(rt_sqlite, kit.simulators(rt_sqlite, 1), 2, texts=2)
    client.post(f"{BASE}/{trial}/start")
    client.post(f"{BASE}/{trial}/start")
    client.post(f"{BASE}/{trial}/pause")
    client.post(f"{BASE}/{trial}/pause")
    assert plan.get(trial).state == "paused"
    client.post(f"{BASE}/{trial}/cancel")
    assert plan.get(trial).state == "cancelled"
    for path in ("", "/print", "/texts.csv", "/arrived", "/arrived/1"):
        assert client.get(f"{BASE}/999{path}").status_code == 404
    assert client.get(f"{BASE}/{trial}/arrived/999").status_code == 404
    assert client.post(f"{BASE}/{trial}/verdict", data={"verdict": "great", "account": 1}).status_code == 303
