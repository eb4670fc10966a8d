"""Settings → Classes and Settings → One-time codes, as pages and on the command line."""

from __future__ import annotations

import json

import pytest

from core.db import classes, database, settings
from core.sending import accounts
from core.sending.otp import alarms, guard, rules, wording
from tests.otp_kit import Phone, ask, later, opened

FORM = {
    "lane": "1", "latest_min": "60", "every_account": "y", "words_for": "", "start": "", "end": "", "price": "",
    "must": "", "never": "", "cap_day": "", "cap_week": "", "max_parts": "", "second_after_s": "",
}  # fmt: skip


@pytest.mark.parametrize("name", ["otp", "notice", "mass", "voice"])
def test_every_class_has_its_page_and_saving_it_changes_nothing(client, name):
    before = classes.of(name)
    page = client.get(f"/settings/classes/{name}")
    assert page.status_code == 200
    data = FORM | {"lane": str(before.lane), "latest_min": str(before.latest_s // 60)}
    assert client.post(f"/settings/classes/{name}", data=data).status_code == 303
    assert classes.of(name) == before


def test_a_class_is_changed_on_its_page(client, rt_sqlite):
    account = accounts.create(rt_sqlite, "main", "null", {}).id
    given = FORM | {
        "start": "08:00", "end": "20:00", "cap_day": "2", "cap_week": "5", "price": "0.05", "consent": "y",
        "must": "Parcel\n包裹", "no_link": "y", "max_parts": "2", "words_for": "CN", "second_after_s": "90",
        "accounts": [str(account)],
    }  # fmt: skip
    del given["every_account"]
    assert client.post("/settings/classes/notice", data=given).status_code == 303
    made = classes.of("notice")
    assert made == classes.Rules(
        lane=1, hours=(480, 1200), cap_day=2, cap_week=5, price_max_micros=50_000, accounts=frozenset({account}),
        must=("Parcel", "包裹"), no_link=True, max_parts=2, words_for="CN", consent=True, latest_s=3600,
        second_after_s=90,
    )  # fmt: skip
    page = client.get("/settings/classes/notice").get_data(as_text=True)
    assert 'value="08:00"' in page and "包裹" in page


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"lane": "3"}, "served before"), ({"cap_day": "0"}, "must be"), ({"start": "20:00", "end": "08:00"}, "hours"),
     ({"latest_min": ""}, "within how many")],
)  # fmt: skip
def test_what_makes_no_sense_is_said_beside_the_form(client, change, sentence):
    answer = client.post("/settings/classes/otp", data=FORM | {"lane": "0"} | change)
    assert answer.status_code == 422
    assert sentence in answer.get_data(as_text=True)


def test_the_words_for_china_are_one_click(client):
    assert client.post("/settings/classes/otp/preset").status_code == 303
    assert classes.of("otp").must[0] == "验证码" and classes.of("otp").no_link
    assert client.post("/settings/classes/mass/preset").status_code == 404


def test_figures_blocks_and_alarms_of_codes_and_allowing_again(client, rt_sqlite):
    opened(adjacent=3)
    Phone(rt_sqlite)
    empty = client.get("/settings/otp").get_data(as_text=True)
    assert "No code was asked for" in empty
    for n in range(3):
        try:
            ask(rt_sqlite, f"+861380013800{n}")
        except guard.Limited as limited:
            assert limited.reason == "adjacent"
    page = client.get("/settings/otp").get_data(as_text=True)
    assert "+8613800…" in page and "Neighbouring numbers ask for codes" in page
    assert "Neighbouring numbers ask for codes" in client.get("/").get_data(as_text=True)
    assert client.post("/settings/otp/allow", data={"prefix": "8613800"}).status_code == 303
    assert guard.blocked() == []
    assert client.post("/settings/otp/seen").status_code == 303 and alarms.unseen() == []
    later(11)


def test_rules_of_codes_are_changed_on_their_page(client):
    from dataclasses import asdict

    given = {k: str(v) for k, v in asdict(rules.Rules()).items()} | {"countries": "cn, US", "ttl_s": "120"}
    assert client.get("/settings/otp/rules").status_code == 200
    assert client.post("/settings/otp/rules", data=given).status_code == 303
    assert rules.of().countries == ("CN", "US") and rules.of().ttl_s == 120
    assert settings.get("otp") == {"countries": ["CN", "US"], "ttl_s": 120}
    wrong = client.post("/settings/otp/rules", data=given | {"countries": "Narnia"})
    assert wrong.status_code == 422 and "NARNIA" in wrong.get_data(as_text=True)
    assert client.post("/settings/otp/rules", data=given | {"length": "99"}).status_code == 422


def test_words_of_codes_are_changed_on_their_page(client):
    assert client.get("/settings/otp/texts").get_data(as_text=True).count("<textarea") == 2 * len(
        wording.TEXTS
    )
    data = {"lang": "en", "text": "{{code}} is it", "call": wording.TEXTS["en"][2]}
    assert client.post("/settings/otp/texts", data=data).status_code == 303
    assert wording.texts()["en"] == ("{{code}} is it", wording.TEXTS["en"][2])
    assert settings.get("otp.texts") == {"en": {"text": "{{code}} is it"}}
    wrong = client.post("/settings/otp/texts", data=data | {"text": "no code in here"})
    assert wrong.status_code == 422 and "no code in here" in wrong.get_data(as_text=True)


def test_only_those_who_edit_settings_may_change_any_of_it(login):
    viewer = login("viewer")
    assert viewer.get("/settings/otp").status_code == 200
    for url in ("/settings/classes/otp", "/settings/otp/rules", "/settings/otp/texts"):
        assert viewer.get(url).status_code == 403
        assert viewer.post(url, data={}).status_code == 403
    assert viewer.post("/settings/otp/allow", data={"prefix": "8613800"}).status_code == 403


def test_codes_on_the_command_line(cli, rt):
    phone = Phone(rt)
    made = json.loads(cli("otp", "send", "--to", "+8613800138000", "--length", "4", "--json").stdout)
    assert made["to"] == "+86138****8000"
    code = phone.code()
    wrong = cli("otp", "verify", made["id"], "xx", "--json")
    assert wrong.exit_code == 1 and json.loads(wrong.stdout) == {"verified": False, "attempts_left": 4}
    right = cli("otp", "verify", made["id"], code, "--json")
    assert right.exit_code == 0 and json.loads(right.stdout)["verified"]
    assert json.loads(cli("otp", "status", made["id"], "--json").stdout)["state"] == "verified"
    refused = cli("otp", "send", "--to", "+8613800138000")
    assert refused.exit_code == 1 and "a moment ago" in refused.stderr
    figures = json.loads(cli("otp", "status", "--json").stdout)
    assert (figures["sent"], figures["verified"], figures["refused"]) == (1, 1, 1)
    assert cli("otp", "allow", "+8613800").exit_code == 1
    with database.write_tx():
        database.execute(
            "INSERT INTO otp_block (prefix, country, reason, at, until, allowed_at, allowed_by) "
            "VALUES ('8613800', 'CN', 'run', 1, ?, 0, '')",
            (2**53,),
        )
    assert json.loads(cli("otp", "allow", "+8613800", "--json").stdout) == {"prefix": "+8613800"}


def test_classes_on_the_command_line(cli, rt):
    account = accounts.create(rt, "main", "null", {}).id
    assert set(json.loads(cli("class", "list", "--json").stdout)) == {"otp", "notice", "mass", "voice"}
    done = cli(
        "class", "set", "notice", "cap_day=3", "hours=08:00-20:00", "accounts=main", "never=FREE,WIN",
        "consent=on", "--json",
    )  # fmt: skip
    made = json.loads(done.stdout)
    assert made["cap_day"] == 3 and made["hours"] == [480, 1200] and made["accounts"] == [account]
    assert made["never"] == ["FREE", "WIN"] and made["consent"] is True
    assert json.loads(cli("class", "set", "notice", "cap_day=none", "--json").stdout)["cap_day"] is None
    for words in (("mass", "consent=off"), ("fax", "lane=1"), ("otp", "nonsense"), ("otp", "cap_day=many")):
        assert cli("class", "set", *words).exit_code == 1, words
    assert database.scalar("SELECT COUNT(*) FROM audit WHERE action = 'class.edit'") == 2
