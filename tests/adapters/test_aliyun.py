"""Aliyun: the table of cases, its signature against the vendor's own code, batches, polls, templates."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from alibabacloud_openapi_util.client import Client as Theirs
from hypothesis import given, settings
from hypothesis import strategies as st

from core import (
    BadConfig,
    BadResponse,
    Balance,
    Forged,
    Inbound,
    Receipt,
    Refused,
    VendorSignature,
    VendorTemplate,
    WebhookRequest,
)  # fmt: skip
from core.db import database
from core.db.codes import Cls, State
from core.sending import batch, direct
from plugins.providers import _aliyun
from plugins.providers.aliyun import Aliyun
from tests import vendor_kit as kit
from tests.adapters.cases import LONG, PLAIN, UNICODE, Refusal, Told, VendorCases, called
from tests.gateway import answer, drop, gateway

KEY, SECRET = "LTAI-testkey", "aliyun-s3cret"
BIZ = "900619746936498440^0"
NUMBER = PLAIN.to.removeprefix("+86")


def no(code: str, words="13800138000 isv", status=200) -> bytes:
    return answer(status, {"Code": code, "Message": words, "RequestId": "8906582E"})


def report(**changed) -> WebhookRequest:
    row = {
        "phone_number": NUMBER, "send_time": "2026-11-21 10:00:00", "report_time": "2026-11-21 10:00:05",
        "success": True, "err_code": "DELIVERED", "err_msg": "", "sms_size": "2", "biz_id": BIZ, "out_id": "R1",
    }  # fmt: skip
    return called(json.dumps([row | changed]))


UP = {
    "phone_number": NUMBER,
    "content": "R",
    "send_time": "2026-11-21 10:00:00",
    "dest_code": "123",
    "sequence_id": 7,
}


class TestAliyun(VendorCases):
    provider = Aliyun
    settings = {"key_id": KEY, "key_secret": SECRET}
    secrets = (SECRET,)
    plain, unicode, long = (kit.said(message, "SMS_1", "text") for message in (PLAIN, UNICODE, LONG))
    throttled = no("Throttling.User", "Request was denied due to user flow control.", 400)
    bad_credentials = no("InvalidAccessKeyId.NotFound", f"no key {SECRET}", 404)
    refusals = (
        Refusal("no number", no("isv.MOBILE_NUMBER_ILLEGAL"), "rejected", "isv.MOBILE_NUMBER_ILLEGAL"),
        Refusal("too often", no("isv.BUSINESS_LIMIT_CONTROL"), "retry", "isv.BUSINESS_LIMIT_CONTROL"),
        Refusal("signature", no("isv.SMS_SIGN_ILLEGAL"), "rejected", "isv.SMS_SIGN_ILLEGAL"),
        Refusal("template", no("isv.SMS_TEMPLATE_ILLEGAL"), "rejected", "isv.SMS_TEMPLATE_ILLEGAL"),
        Refusal(
            "link in a variable", no("isv.PARAM_NOT_SUPPORT_URL"), "rejected", "isv.PARAM_NOT_SUPPORT_URL"
        ),
        Refusal("its own failure", no("isp.SYSTEM_ERROR"), "unknown", "isp.SYSTEM_ERROR"),
        Refusal("a code nobody knows", no("isv.NEW_CODE"), "unknown", "isv.NEW_CODE"),
    )
    receipts = (
        Told("delivered", report(), "delivered"),
        Told("off", report(success=False, err_code="MOBILE_NOT_ON_SERVICE"), "undelivered", "MOBILE_NOT_ON_SERVICE"),
        Told("of a batch", report(success=False, err_code="MK:0001", out_id=""), "undelivered", "MK:0001"),
    )  # fmt: skip
    inbound = (
        (
            called(json.dumps([UP]), kind="inbound"),
            Inbound(PLAIN.to, "R", "123", "7", datetime(2026, 11, 21, 2, tzinfo=UTC)),
        ),
    )
    balances = (
        (answer(200, {"Success": True, "Data": {"AvailableAmount": "1,234.56", "Currency": "CNY"}}),
         Balance(1_234_560_000, "CNY")),
        (answer(200, {"Data": {"AvailableAmount": "-3.00", "Currency": "CNY"}}), Balance(-3_000_000, "CNY")),
    )  # fmt: skip

    def made(self, url="", **given):
        return super().made(url, **({"balance_endpoint": url} if url else {}), **given)

    def good(self, call):
        return answer(200, {"Code": "OK", "Message": "OK", "BizId": BIZ, "RequestId": "1"})

    def read(self, call):
        if "PhoneNumberJson" in call.form:
            numbers, params = (
                json.loads(call.form["PhoneNumberJson"]),
                json.loads(call.form["TemplateParamJson"]),
            )
            assert json.loads(call.form["SignNameJson"]) == [kit.SHOP] * len(numbers)
        else:
            numbers, params = [call.args["PhoneNumbers"]], [json.loads(call.args["TemplateParam"])]
            assert (call.args["SignName"], call.args["TemplateCode"]) == (kit.SHOP, "SMS_1")
        plus = [
            "+86" + n if len(n) == 11 and n[0] == "1" and n != UNICODE.to[1:] else "+" + n for n in numbers
        ]
        return [(number, one["text"]) for number, one in zip(plus, params, strict=True)]

    def test_a_text_whose_answer_was_lost_is_in_doubt_and_never_sent_again(self, rt_sqlite):
        rt_sqlite.settings.http_allow = "127.0.0.1"
        with gateway(drop) as gate:
            account = kit.account_of(rt_sqlite, "aliyun", self.settings | {"endpoint": gate.url})
            kit.approve(rt_sqlite, account, VendorTemplate("SMS_1", "Hello", state="approved"))
            made = direct.send(rt_sqlite, PLAIN.to, Cls.notice, f"【{kit.SHOP}】Hello", account.id)
            for _round in range(3):
                batch.send(rt_sqlite, made["campaign_id"])
                with database.write_tx():
                    database.execute("UPDATE message SET not_before = 0")
        assert len(gate.calls) == 1
        assert database.scalar("SELECT state FROM message") == State.in_doubt

    # --- what only Aliyun has -------------------------------------------------------------------------

    def test_one_template_travels_a_hundred_a_call_and_the_numbers_are_not_in_the_ids(self):
        results, calls = self.sent(lambda call, _c: self.good(call), self.many(130))
        assert sorted(len(self.read(call)) for call in calls) == [30, 100]
        assert len({result.provider_id for result in results}) == 130
        assert all(result.provider_id.startswith(f"{BIZ}.") for result in results)
        assert not any(m.to[3:] in r.provider_id for m, r in zip(self.many(130), results, strict=True))

    def test_home_and_abroad_and_other_templates_travel_apart(self):
        other = self.plain._replace(ref="X", vendor=self.plain.vendor._replace(template="SMS_2"))
        _results, calls = self.sent(lambda call, _c: self.good(call), [self.plain, self.unicode, other])
        assert len(calls) == 3

    def test_a_receipt_finds_its_message_in_a_batch(self):
        results, _calls = self.sent(lambda call, _c: self.good(call), self.many(3))
        request = report(out_id="", phone_number=self.many(3)[1].to.removeprefix("+86"))
        (receipt,) = self.made().parse_webhook(request)
        assert receipt.provider_id == results[1].provider_id
        assert (receipt.ref, receipt.parts, receipt.at) == (
            None,
            2,
            datetime(2026, 11, 21, 2, 0, 5, tzinfo=UTC),
        )

    def test_a_batch_refused_for_one_number_goes_again_one_by_one(self):
        bad = self.many(3)[1].to.removeprefix("+86")

        def act(call, _connection):
            if "PhoneNumberJson" in call.form or call.args.get("PhoneNumbers") == bad:
                return no("isv.MOBILE_NUMBER_ILLEGAL")
            return self.good(call)

        results, calls = self.sent(act, self.many(3))
        assert [result.outcome for result in results] == ["accepted", "rejected", "accepted"]
        assert len(calls) == 4

    def test_a_batch_refused_and_then_unreachable_is_tried_later(self):
        def act(call, _connection):
            return no("isv.BUSINESS_LIMIT_CONTROL") if "PhoneNumberJson" in call.form else self.throttled

        results, _calls = self.sent(act, self.many(3))
        assert [result.outcome for result in results] == ["retry"] * 3

    def test_a_text_without_a_template_never_leaves(self):
        results, calls = self.sent(lambda call, _c: self.good(call), [PLAIN, self.plain])
        assert [(r.outcome, r.code) for r in results] == [("rejected", "no_template"), ("accepted", None)]
        assert len(calls) == 1

    def test_money_that_is_used_up_halts_the_account(self):
        with pytest.raises(BadConfig):
            self.sent(lambda *_: no("isv.AMOUNT_NOT_ENOUGH"), self.many(2))

    def test_a_poll_asks_by_number_and_day(self):
        row = {
            "SendStatus": 2,
            "ErrCode": "MK:0010",
            "OutId": "R1",
            "PhoneNum": NUMBER,
            "ReceiveDate": "2026-11-21 10:00:05",
        }
        rows = {
            "Code": "OK",
            "SmsSendDetailDTOs": {"SmsSendDetailDTO": [row, row | {"OutId": "else", "SendStatus": 3}]},
        }
        with gateway(lambda *_: answer(200, rows)) as gate:
            provider = self.made(gate.url, poll="y")
            assert provider.can_poll
            late = datetime(2026, 11, 20, 17, tzinfo=UTC)  # the 21st in China
            told = list(provider.poll([("R1", None, PLAIN.to, late)]))
            assert told == [
                Receipt("undelivered", "R1", None, datetime(2026, 11, 21, 2, 0, 5, tzinfo=UTC), "MK:0010")
            ]
            assert (gate.calls[0].args["SendDate"], gate.calls[0].args["PhoneNumber"]) == ("20261121", NUMBER)
            list(provider.poll([("R1", f"{BIZ}.abc", PLAIN.to, late)]))
            assert gate.calls[1].args["BizId"] == BIZ
            provider.close()

    def test_calls_of_strangers_are_refused_when_addresses_are_named(self):
        provider = self.made(push_from="47.1.2.0/24, 2001:db8::1")
        provider.verify_webhook(WebhookRequest(**as_dict(report(), remote="47.1.2.9")))
        provider.verify_webhook(WebhookRequest(**as_dict(report(), remote="::ffff:47.1.2.9")))
        for remote in ("47.1.3.9", "", "nonsense"):
            with pytest.raises(Forged):
                provider.verify_webhook(WebhookRequest(**as_dict(report(), remote=remote)))

    def test_the_answer_is_the_one_aliyun_waits_for(self):
        assert json.loads(self.made().webhook_reply(report())[2]) == {"code": 0, "msg": "ok"}

    def test_templates_and_signatures_are_listed_page_by_page(self):
        def act(call, _connection):
            page = int(call.args["PageIndex"])
            if call.headers["x-acs-action"] == "QuerySmsSignList":
                return answer(200, {"Code": "OK", "SmsSignList": [
                    {"SignName": kit.SHOP, "AuditStatus": "AUDIT_STATE_PASS", "Reason": {}}]})  # fmt: skip
            rows = [
                {"TemplateCode": f"SMS_{page}_{i}", "TemplateContent": "验证码${code}", "OuterTemplateType": i % 4,
                 "AuditStatus": "AUDIT_STATE_NOT_PASS", "Reason": {"RejectInfo": "文案不合规", "RejectSubInfo": "见规范"}}
                for i in range(50 if page == 1 else 3)
            ]  # fmt: skip
            return answer(200, {"Code": "OK", "SmsTemplateList": rows})

        with gateway(act) as gate:
            provider = self.made(gate.url)
            found = list(provider.vendor_templates())
            assert len(found) == 53
            assert [one.kind for one in found[:4]] == ["otp", "notice", "mass", ""]
            assert [one.abroad for one in found[:4]] == [False, False, False, True]
            assert (found[0].state, found[0].reason) == ("rejected", "文案不合规; 见规范")
            assert list(provider.vendor_signatures()) == [VendorSignature(kit.SHOP, "approved")]
            provider.close()

    def test_words_are_handed_in_for_review_and_a_no_is_told(self):
        answers = iter(
            [answer(200, {"Code": "OK", "TemplateCode": "SMS_9"}), no("isv.PRODUCT_UNSUBSCRIBE", "no")]
        )
        with gateway(lambda *_: next(answers)) as gate:
            provider = self.made(gate.url)
            draft = VendorTemplate("", "您好${name}，券${code}", "周末", "mass")
            assert provider.submit_template(draft, kit.SHOP, "会员促销") == "SMS_9"
            sent = gate.calls[0].args
            assert (sent["TemplateType"], sent["RelatedSignName"]) == ("2", kit.SHOP)
            assert json.loads(sent["TemplateRule"]) == {"name": "name", "code": "other_number2"}
            with pytest.raises(Refused):
                provider.submit_template(draft, kit.SHOP, "")
            provider.close()

    def test_values_a_variable_cannot_have(self):
        provider = self.made(variable_max="5")
        assert provider.value_problem("otp", "123456") == ""
        assert provider.value_problem("otp", "12") and provider.value_problem("otp", "一二三四")
        assert provider.value_problem("mass", "王小雅") == ""
        assert provider.value_problem("mass", "123456") and provider.value_problem("mass", "")

    def test_a_key_that_may_not_read_the_balance_is_no_halt(self):
        with pytest.raises(BadResponse):
            self.ask_balance(no("NotAuthorized", "", 403))


def as_dict(request: WebhookRequest, **changed) -> dict:
    return {name: getattr(request, name) for name in request.__slots__} | changed


# --- the signature ----------------------------------------------------------------------------------------


def test_the_signature_is_that_of_the_documents_example():
    """help.aliyun.com/document_detail/2593177, fixed parameters."""
    digest = hashlib.sha256(b"").hexdigest()
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com", "x-acs-action": "RunInstances", "x-acs-content-sha256": digest,
        "x-acs-date": "2023-10-26T10:22:32Z", "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }  # fmt: skip
    query = _aliyun.encoded(
        {"RegionId": "cn-shanghai", "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}
    )
    made = _aliyun.authorization("YourAccessKeyId", "YourAccessKeySecret", "POST", query, headers, digest)
    assert made.endswith("Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0")


@settings(max_examples=100, derandomize=True)
@given(
    st.dictionaries(st.from_regex(r"[A-Za-z]{1,9}", fullmatch=True), st.text()),
    st.dictionaries(st.from_regex(r"x-acs-[a-z]{1,9}", fullmatch=True), st.from_regex(r"[!-~]{1,20}", fullmatch=True)),
    st.binary(),
)  # fmt: skip
def test_the_signature_is_that_of_the_vendors_own_library(query, headers, body):
    headers = {"host": "dysmsapi.aliyuncs.com", **headers}
    digest = hashlib.sha256(body).hexdigest()
    request = SimpleNamespace(method="POST", pathname="/", query=query, headers=headers)
    theirs = Theirs.get_authorization(request, "ACS3-HMAC-SHA256", digest, KEY, SECRET)
    assert _aliyun.authorization(KEY, SECRET, "POST", _aliyun.encoded(query), headers, digest) == theirs
