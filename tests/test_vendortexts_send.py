"""The whole way: a mapped template is launched, merged and sent through both vendors on a local socket."""

from __future__ import annotations

import json
from itertools import count

import pytest

from core import Refusal, VendorSignature, VendorTemplate
from core.content import templates
from core.content.vendortexts import store
from core.db import database
from core.db.codes import Cls
from core.sending import batch, direct, drafts, dryrun, expand, launch, receipts, snapshot
from tests import campaign_kit, send_kit
from tests import vendor_kit as kit
from tests.gateway import answer, gateway

BODY = '【可乐店】{{first_name|default:"朋友"}}，本周日全场八折，到店出示{{name}}即可。拒收请回复R'
ALIYUN = VendorTemplate(
    "SMS_1", "${nick}，本周日全场八折，到店出示${code}即可。拒收请回复R", kind="mass", state="approved"
)
TENCENT = VendorTemplate("100", "{1}，本周日全场八折，到店出示{2}即可。拒收请回复R", state="approved")
TENCENT_KEYS = {"secret_id": "AKID", "secret_key": "s3cret", "sdk_app_id": "1400", "variable_max": "12"}
VENDORS = {
    "aliyun": (ALIYUN, {"key_id": "LTAI", "key_secret": "s3cret"}, ("nick", "code")),
    "tencent": (TENCENT, TENCENT_KEYS, ("1", "2")),
}  # fmt: skip
NAMES = ["王小雅", "李雷", "韩梅梅"]


class Vendor:
    """Either vendor, taking whatever comes; `heard` are (number, template, signature, values)."""

    def __init__(self):
        self.heard, self.serial = [], count(1)

    def __call__(self, call, _connection):
        if "x-acs-action" in call.headers:
            return self.aliyun(call)
        body = call.json
        for number in body["PhoneNumberSet"]:
            self.heard.append((number, body["TemplateId"], body["SignName"], body["TemplateParamSet"]))
        rows = [
            {"SerialNo": f"s{next(self.serial)}", "PhoneNumber": n, "Fee": 1, "Code": "Ok"}
            for n in body["PhoneNumberSet"]
        ]
        return answer(200, {"Response": {"SendStatusSet": rows}})

    def aliyun(self, call):
        code = call.args["TemplateCode"]
        if call.headers["x-acs-action"] == "SendBatchSms":
            columns = [
                json.loads(call.form[name])
                for name in ("PhoneNumberJson", "SignNameJson", "TemplateParamJson")
            ]
            rows = list(zip(*columns, strict=True))
        else:
            rows = [
                (
                    call.args["PhoneNumbers"],
                    call.args["SignName"],
                    json.loads(call.args.get("TemplateParam", "{}")),
                )
            ]
        for number, mark, params in rows:
            self.heard.append((f"+86{number}", code, mark, list(params.values())))
        return answer(200, {"Code": "OK", "BizId": f"b{next(self.serial)}"})


@pytest.fixture(params=list(VENDORS))
def shop(request, rt):
    """(account, template of ours, what was heard), the vendor up and the template approved."""
    rt.settings.http_allow = "127.0.0.1"
    there, settings, _names = VENDORS[request.param]
    heard = Vendor()
    with gateway(heard) as gate:
        account = kit.account_of(rt, request.param, {**settings, "endpoint": gate.url})
        kit.approve(rt, account, there)
        ours = templates.create(rt, "周末", "mass", {"zh": BODY}, "mei")
        yield account, ours, heard


def mapped(rt, account, ours, names=None) -> None:
    there, _settings, names = VENDORS[account.provider]
    params = dict(zip(names, ('{{first_name|default:"朋友"}}', "{{name}}"), strict=True))
    store.put(rt, ours, "zh", account.id, there.code, kit.SHOP, params, "mei")


def campaign(rt, account, ours) -> int:
    for contact in send_kit.crowd(rt, len(NAMES)):
        with database.write_tx():
            database.execute(
                "UPDATE contact SET name = ? WHERE id = ?", (NAMES[(contact - 1) % len(NAMES)], contact)
            )
    return drafts.add(
        rt, name="Weekend", segment_id=campaign_kit.segment(), account_id=account.id, templates=[(ours, 1)],
        options={"approve": "off", "quiet_hours": "off"},
    )  # fmt: skip


def launched(rt, id_: int) -> None:
    launch.launch(rt, id_)
    expand.run(rt, id_)


def test_each_person_reads_their_own_words_in_the_approved_template(rt, shop):
    account, ours, heard = shop
    mapped(rt, account, ours)
    made = campaign(rt, account, ours)
    report = dryrun.run(rt, made)
    assert not report.blocks, report.findings
    launched(rt, made)
    send_kit.send_all(rt, made)
    assert send_kit.states(made) == {"accepted": 3}
    code = VENDORS[account.provider][0].code
    assert {row[1:3] for row in heard.heard} == {(code, kit.SHOP)}
    assert sorted(row[3][1] for row in heard.heard) == sorted(NAMES)
    assert len({row[0] for row in heard.heard}) == 3
    texts = {row[0] for row in database.query("SELECT body FROM message_text")}
    assert {text[:5] for text in texts} == {"【可乐店】"}
    assert any("到店出示王小雅即可" in text for text in texts)
    send_kit.whole(rt)


def test_a_text_without_a_mapping_is_not_launched(rt, shop):
    account, ours, heard = shop
    made = campaign(rt, account, ours)
    report = dryrun.run(rt, made)
    assert "vendortext.unmapped" in [f["code"] for f in report.findings if f["level"] == "block"]
    with pytest.raises(Refusal, match=VENDORS[account.provider][0].code):
        launch.launch(rt, made)
    assert heard.heard == []


@pytest.mark.parametrize("state", ["pending", "rejected", "paused"])
def test_a_template_that_is_not_approved_is_not_launched(rt, shop, state):
    account, ours, _heard = shop
    mapped(rt, account, ours)
    kit.approve(rt, account, VENDORS[account.provider][0]._replace(state=state, reason="文案不合规"))
    made = campaign(rt, account, ours)
    with pytest.raises(Refusal, match="still reviewing" if state == "pending" else "文案不合规"):
        launch.launch(rt, made)


def test_a_signature_that_is_not_approved_is_not_launched(rt, shop):
    account, ours, _heard = shop
    mapped(rt, account, ours)
    there = VENDORS[account.provider][0]
    kit.approve(rt, account, there, signatures=(VendorSignature(kit.SHOP, "pending"),))
    with pytest.raises(Refusal, match=kit.SHOP):
        launch.launch(rt, campaign(rt, account, ours))


def test_every_account_a_campaign_may_use_must_have_the_text(rt, shop):
    account, ours, _heard = shop
    made = campaign(rt, account, ours)
    drafts.edit(rt, made, account_id=account.id)
    with database.write_tx():
        database.execute("UPDATE campaign SET account_id = NULL WHERE id = ?", (made,))
    from core.sending import findings

    told = findings.of_texts(rt, drafts.get(made), {})
    assert any(f.level == "block" and f.code == "vendortext.unmapped" for f in told)


def test_an_approval_taken_back_pauses_the_campaign_and_loses_nobody(rt, shop):
    account, ours, heard = shop
    mapped(rt, account, ours)
    made = campaign(rt, account, ours)
    launched(rt, made)
    kit.approve(rt, account, VENDORS[account.provider][0]._replace(state="paused"))
    send_kit.send_all(rt, made)
    assert heard.heard == []
    assert send_kit.states(made) == {"ready": 3}
    state, reason = database.one("SELECT state, reason FROM campaign WHERE id = ?", (made,))
    assert state == "paused" and "paused" in reason
    send_kit.whole(rt)


def test_a_mapping_changed_after_the_launch_changes_nothing_of_it(rt, shop):
    account, ours, heard = shop
    mapped(rt, account, ours)
    made = campaign(rt, account, ours)
    launched(rt, made)
    _there, _settings, names = VENDORS[account.provider]
    store.put(rt, ours, "zh", account.id, _there.code, kit.SHOP, dict.fromkeys(names, "X"), "mei")
    send_kit.send_all(rt, made)
    assert {row[3][1] for row in heard.heard} == set(NAMES)


def test_a_changed_mapping_is_another_campaign_to_approve(rt, shop):
    account, ours, _heard = shop
    made = campaign(rt, account, ours)
    before = snapshot.take(rt, drafts.get(made))
    mapped(rt, account, ours)
    after = snapshot.take(rt, drafts.get(made))
    kit.approve(rt, account, VENDORS[account.provider][0]._replace(words="别的词"))
    assert len({before, after, snapshot.take(rt, drafts.get(made))}) == 3


def test_a_value_the_vendor_refuses_leaves_out_that_person_only(rt, shop):
    account, ours, heard = shop
    mapped(rt, account, ours)
    made = campaign(rt, account, ours)
    with database.write_tx():
        database.execute("UPDATE contact SET name = ? WHERE name = '李雷'", ("很长的名字" * 8,))
    launched(rt, made)
    send_kit.send_all(rt, made)
    assert send_kit.states(made) == {"accepted": 2, "skipped": 1}
    assert ("vendor_value",) in database.query("SELECT reason FROM message WHERE reason <> ''")
    assert len(heard.heard) == 2


def test_a_single_text_goes_as_the_template_whose_words_it_has(rt, shop):
    account, _ours, heard = shop
    there, _settings, names = VENDORS[account.provider]
    code = VendorTemplate(
        "200",
        "您的验证码为" + ("${code}" if account.provider == "aliyun" else "{1}") + "，5分钟内有效。",
        state="approved",
    )
    kit.approve(rt, account, there, code)
    made = direct.send(rt, "+8613800138000", Cls.notice, "您的验证码为123456，5分钟内有效。", account.id)
    batch.send(rt, made["campaign_id"])
    assert heard.heard == [("+8613800138000", "200", kit.SHOP, ["123456"])]
    assert direct.show(rt, made["message_id"])["text"] == f"【{kit.SHOP}】您的验证码为123456，5分钟内有效。"


def test_a_single_text_no_template_has_is_refused_in_one_sentence(rt, shop):
    account, _ours, heard = shop
    for chosen in (account.id, None):
        with pytest.raises(Refusal, match="approved templates only"):
            direct.send(rt, "+8613800138000", Cls.notice, "随便写的话", chosen)
    assert heard.heard == []
    assert receipts.apply(rt) == 0
