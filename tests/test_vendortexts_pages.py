"""Pages and commands of vendor templates: choose one, fill its variables, hand one in, fetch the list."""

from __future__ import annotations

import json

import pytest

from core import VendorSignature, VendorTemplate
from core.content import templates
from core.content.vendortexts import store
from core.db import database
from core.sending import vendorsync
from tests import vendor_kit as kit
from tests.gateway import answer, gateway
from tests.template_kit import HX, body

BODY = "【可乐店】{{name}}，本周日八折。拒收请回复R"
THERE = VendorTemplate("SMS_1", "${nick}，本周日八折。拒收请回复R", "周日", "mass", "approved")
OTHER = VendorTemplate("SMS_2", "您的快递${no}到了", "快递", "notice", "rejected", "变量过多")


@pytest.fixture
def vendor(rt_sqlite):
    """What Aliyun answers next, by action."""
    rt_sqlite.settings.http_allow = "127.0.0.1"
    answers: dict[str, bytes] = {
        "QuerySmsTemplateList": answer(200, {"Code": "OK", "SmsTemplateList": [
            {"TemplateCode": "SMS_1", "TemplateContent": THERE.words, "TemplateName": "周日", "OuterTemplateType": 2,
             "AuditStatus": "AUDIT_STATE_PASS"},
            {"TemplateCode": "SMS_2", "TemplateContent": OTHER.words, "OuterTemplateType": 1,
             "AuditStatus": "AUDIT_STATE_NOT_PASS", "Reason": {"RejectInfo": "变量过多"}},
        ]}),
        "QuerySmsSignList": answer(200, {"Code": "OK", "SmsSignList": [
            {"SignName": kit.SHOP, "AuditStatus": "AUDIT_STATE_PASS"}]}),
        "CreateSmsTemplate": answer(200, {"Code": "OK", "TemplateCode": "SMS_9"}),
    }  # fmt: skip
    with gateway(lambda call, _c: answers[call.headers["x-acs-action"]]) as gate:
        answers["url"] = gate.url
        yield answers


@pytest.fixture
def account(rt_sqlite, vendor):
    return kit.account_of(
        rt_sqlite, "aliyun", {"key_id": "LTAI", "key_secret": "s", "endpoint": vendor["url"]}, "阿里云"
    )


@pytest.fixture
def ours(rt_sqlite):
    return templates.create(rt_sqlite, "周日", "mass", {"zh": BODY}, "mei")


def at(ours, more="") -> str:
    return f"/templates/{ours}/vendor{more}"


def test_the_tab_is_there_only_where_a_vendor_wants_it(client, rt_sqlite, ours, vendor):
    assert at(ours) not in body(client.get(f"/templates/{ours}"))
    page = body(client.get(at(ours)))
    assert "None of your accounts needs approved templates" in page
    kit.account_of(rt_sqlite, "aliyun", {"key_id": "LTAI", "key_secret": "s"})
    for path in (f"/templates/{ours}", f"/templates/{ours}/history", at(ours)):
        assert at(ours) in body(client.get(path))


def test_the_list_is_fetched_by_a_button_and_shows_why_one_was_refused(client, account):
    path = f"/providers/{account.id}/templates"
    assert "Fetch what the vendor has approved" in body(client.get(path))
    assert client.post(f"{path}/sync").status_code == 303
    page = body(client.get(path))
    assert "SMS_1" in page and "变量过多" in page and f"【{kit.SHOP}】" in page
    assert "SMS_2" not in body(client.get(f"{path}?state=approved"))
    assert path in body(client.get(f"/providers/{account.id}"))


def test_a_vendor_that_does_not_answer_is_told_and_nothing_is_forgotten(client, rt_sqlite, account, vendor):
    vendorsync.sync(rt_sqlite, account.id)
    vendor["QuerySmsTemplateList"] = answer(200, {"Code": "isp.RAM_PERMISSION_DENY", "Message": "no right"})
    page = body(client.post(f"/providers/{account.id}/templates/sync", follow_redirects=True))
    assert "no right" in page and "SMS_1" in page


def test_the_template_with_our_words_is_proposed_and_taken_with_one_click(client, rt_sqlite, account, ours):
    kit.approve(rt_sqlite, account, OTHER, THERE)
    page = body(client.get(at(ours)))
    assert 'value="SMS_1" selected' in page and 'value="{{name}}"' in page
    assert f"【{kit.SHOP}】王小雅，本周日八折。拒收请回复R" in page
    data = {"account": account.id, "lang": "zh", "code": "SMS_1", "signature": kit.SHOP, "p-nick": "{{name}}"}
    assert client.post(at(ours, "/map"), data=data).status_code == 303
    assert store.mappings(ours)["zh", account.id].params == {"nick": "{{name}}"}
    assert "Approved at 阿里云" in body(client.get(at(ours)))
    assert client.post(at(ours, "/unmap"), data=data).status_code == 303
    assert store.mappings(ours) == {}


def test_another_template_is_looked_at_before_it_is_taken(client, rt_sqlite, account, ours):
    kit.approve(rt_sqlite, account, OTHER, THERE)
    path = at(ours, f"?account={account.id}&lang=zh&code=SMS_2")
    part = body(client.get(path, headers=HX))
    assert "<html" not in part and "变量过多" in part and 'name="p-no"' in part
    assert "您的快递" in body(client.get(path))


REFUSED = [
    ({"code": "SMS_7"}, "has no template SMS_7"),
    ({"p-nick": ""}, "Say what fills the variable nick"),
    ({"p-nick": "{{nmae}}"}, "did you mean “name”"),
    ({"p-nick": "{{name"}, "never closed"),
]


@pytest.mark.parametrize(("changed", "says"), REFUSED)
def test_what_cannot_be_mapped_comes_back_with_the_reason(client, rt_sqlite, account, ours, changed, says):
    kit.approve(rt_sqlite, account, THERE)
    data = {"account": account.id, "lang": "zh", "code": "SMS_1", "signature": kit.SHOP, "p-nick": "{{name}}"}
    made = client.post(at(ours, "/map"), data=data | changed)
    assert made.status_code == 422 and says in body(made)
    assert store.mappings(ours) == {}


def test_other_addresses_than_there_are_are_not_found(client, rt_sqlite, account, ours):
    assert client.get(at(ours, f"?account={account.id}&lang=xx&code=SMS_1")).status_code == 404
    assert client.get(at(ours, "?account=99&lang=zh&code=SMS_1")).status_code == 404
    assert client.get("/templates/99/vendor").status_code == 404
    assert client.get("/providers/99/templates").status_code == 404
    null = kit.accounts.create(rt_sqlite, "null", "null", {})
    assert client.get(f"/providers/{null.id}/templates").status_code == 404


def test_a_text_is_handed_in_and_waits_for_the_review(client, rt_sqlite, account, ours, vendor):
    kit.approve(rt_sqlite, account)
    data = {"account": account.id, "lang": "zh", "note": "会员周末促销", "signature": kit.SHOP}
    page = body(client.post(at(ours, "/submit"), data=data, follow_redirects=True))
    assert "SMS_9" in page and "still reviewing" in page
    assert store.template(account.id, "SMS_9").words == "${name}，本周日八折。拒收请回复R"
    assert store.mappings(ours)["zh", account.id].params == {"name": "{{name}}"}
    vendor["CreateSmsTemplate"] = answer(200, {"Code": "isv.TEMPLATE_OVER_LIMIT", "Message": "已达上限"})
    again = client.post(at(ours, "/submit"), data=data)
    assert again.status_code == 422 and "已达上限" in body(again)


def test_those_who_may_only_look_see_no_buttons(login, account, ours, rt_sqlite):
    kit.approve(rt_sqlite, account, THERE)
    viewer = login("viewer")
    page = body(viewer.get(at(ours)))
    assert "SMS_1" in page and "Use this template" not in page and "Hand it in" not in page
    assert viewer.post(at(ours, "/map"), data={}).status_code == 403
    assert viewer.post(f"/providers/{account.id}/templates/sync").status_code == 403


# --- the job ----------------------------------------------------------------------------------------------


def test_the_hourly_job_asks_while_something_is_under_review(rt, monkeypatch):
    asked = []
    account = kit.account_of(rt, "aliyun", {"key_id": "LTAI", "key_secret": "s"})
    monkeypatch.setattr(vendorsync, "sync", lambda _rt, id_: asked.append(id_))
    monkeypatch.setattr(vendorsync, "last", lambda _id: {"at": vendorsync.clock.now_ms(), "error": ""})
    kit.approve(rt, account, THERE)
    vendorsync.due(rt)
    assert asked == []
    kit.approve(rt, account, THERE._replace(state="pending"))
    vendorsync.due(rt)
    kit.approve(rt, account, THERE, signatures=(VendorSignature("新店", "pending"),))
    vendorsync.due(rt)
    assert asked == [account.id] * 2


def test_what_is_gone_at_the_vendor_is_gone_here(rt):
    account = kit.account_of(rt, "tencent", {"secret_id": "A", "secret_key": "s", "sdk_app_id": "1"})
    kit.approve(rt, account, VendorTemplate("1", "您好{1}"), VendorTemplate("2", "再见"))
    kit.approve(rt, account, VendorTemplate("2", "再见", state="approved"), signatures=())
    assert [(one.code, one.state) for one in store.templates(account.id)] == [("2", "approved")]
    assert store.signatures(account.id) == []
    assert database.scalar("SELECT variables FROM vendor_template") == "[]"


# --- commands ---------------------------------------------------------------------------------------------


def test_the_commands_fetch_list_and_map(cli_sqlite, rt_sqlite, account, ours):
    assert cli_sqlite("vendor-template", "sync", "--account", "阿里云").output.startswith(
        "2 templates, 1 sig"
    )
    listed = json.loads(cli_sqlite("vendor-template", "list", "--account", "阿里云", "--json").output)
    assert [one["state"] for one in listed["templates"]] == ["approved", "rejected"]
    assert (
        "变量过多"
        not in cli_sqlite("vendor-template", "list", "--account", "阿里云", "--state", "approved").output
    )
    made = json.loads(cli_sqlite("vendor-template", "map", "周日", "--account", "阿里云", "--json").output)
    assert (made["code"], made["signature"], made["params"]) == ("SMS_1", kit.SHOP, {"nick": "{{name}}"})
    again = cli_sqlite(
        "vendor-template", "map", "周日", "--account", "阿里云", "--param", "nick={{first_name}}"
    )
    assert "nick = {{first_name}}" in again.output


def test_the_commands_say_what_they_cannot_do(cli_sqlite, rt_sqlite, account, ours):
    kit.accounts.create(rt_sqlite, "null", "null", {})
    for args, says in (
        (("list", "--account", "null"), "sends any text"),
        (("map", "周日", "--account", "阿里云"), "name one with --code"),
        (("map", "周日", "--account", "阿里云", "--code", "SMS_7"), "has no template SMS_7"),
        (("map", "周日", "--account", "阿里云", "--lang", "fr"), "has no text in fr"),
    ):
        told = cli_sqlite("vendor-template", *args)
        assert told.exit_code == 1 and says in told.output + (told.stderr or "")
