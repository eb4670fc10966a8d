"""Tencent Cloud: the table of cases, its signature against the vendor's own code, groups, polls, templates."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tencentcloud.common.abstract_client import AbstractClient

from core import (
    BadConfig,
    Balance,
    Forged,
    Inbound,
    Receipt,
    Refused,
    VendorSignature,
    VendorTemplate,
    VendorText,
    WebhookRequest,
)
from core.db import database
from core.db.codes import Cls, State
from core.sending import batch, direct
from plugins.providers import _tencent
from plugins.providers.tencent import Tencent
from tests import vendor_kit as kit
from tests.adapters.cases import LONG, PLAIN, UNICODE, Refusal, Told, VendorCases, called, seconds
from tests.gateway import Call, answer, drop, gateway

ID, SECRET = "AKID-testid", "tencent-s3cret"
CHINA_TIME = datetime(2026, 11, 21, 2, 0, 5, tzinfo=UTC)


def of(**said) -> bytes:
    return answer(200, {"Response": {**said, "RequestId": "1"}})


def error(code: str, words="no 13800138000") -> bytes:
    return of(Error={"Code": code, "Message": words})


def row(number: str, code="Ok", serial="", **more) -> dict:
    serial = serial or (f"5000:{number}" if code == "Ok" else "")
    return {"SerialNo": serial, "PhoneNumber": number, "Fee": 1, "Code": code, "Message": "send", **more}


def one(code: str) -> bytes:
    return of(SendStatusSet=[row(PLAIN.to, code)])


def report(**changed) -> WebhookRequest:
    told = {
        "user_receive_time": "2026-11-21 10:00:05",
        "nationcode": "86",
        "mobile": "13800138000",
        "report_status": "SUCCESS",
        "errmsg": "DELIVRD",
        "description": "用户短信送达成功",
        "sid": "2019:1",
    }
    return called(json.dumps([told | changed]))


REPLY = {
    "extend": "06",
    "mobile": "13800138000",
    "nationcode": "86",
    "sign": "可乐店",
    "text": "R",
    "time": 1763690400,
}


def templates(call: Call, page: int = 2) -> bytes:
    """Two pages of templates at home, none abroad; one signature."""
    body = call.json
    if call.headers["x-tc-action"] == "DescribeSmsSignList":
        home = [{"SignName": kit.SHOP, "StatusCode": 0, "ReviewReply": ""}]
        return of(DescribeSignListStatusSet=home if not body["International"] else [])
    if body["International"]:
        return of(DescribeTemplateStatusSet=[])
    rows = [
        {"TemplateId": 1000 + i, "TemplateContent": "您好{1}", "StatusCode": -1, "ReviewReply": "缺少退订"}
        for i in range(100 if not body["Offset"] else 3)
    ]
    return of(DescribeTemplateStatusSet=rows)


class TestTencent(VendorCases):
    provider = Tencent
    settings = {"secret_id": ID, "secret_key": SECRET, "sdk_app_id": "1400006666"}
    secrets = (SECRET,)
    plain, unicode, long = (kit.said(message, "100", "1") for message in (PLAIN, UNICODE, LONG))
    throttled = error("RequestLimitExceeded", "Your request rate is too fast.")
    bad_credentials = error("AuthFailure.SignatureFailure", f"wrong {SECRET}")
    refusals = (
        Refusal("no number", one("InvalidParameterValue.IncorrectPhoneNumber"), "rejected",
                "InvalidParameterValue.IncorrectPhoneNumber"),
        Refusal("opted out", one("FailedOperation.PhoneNumberInBlacklist"), "rejected",
                "FailedOperation.PhoneNumberInBlacklist"),
        Refusal("too often", one("LimitExceeded.PhoneNumberThirtySecondLimit"), "retry",
                "LimitExceeded.PhoneNumberThirtySecondLimit"),
        Refusal("at night", one("FailedOperation.MarketingSendTimeConstraint"), "retry",
                "FailedOperation.MarketingSendTimeConstraint"),
        Refusal("words", one("FailedOperation.ContainSensitiveWord"), "rejected",
                "FailedOperation.ContainSensitiveWord"),
        Refusal("link in a variable", error("InvalidParameterValue.ProhibitedUseUrlInTemplateParameter"), "rejected",
                "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter"),
        Refusal("its own failure", one("InternalError.Timeout"), "unknown", "InternalError.Timeout"),
        Refusal("its own failure as a whole", error("InternalError.OtherError"), "unknown", "InternalError.OtherError"),
        Refusal("no package left", one("FailedOperation.InsufficientBalanceInSmsPackage"), "rejected",
                "FailedOperation.InsufficientBalanceInSmsPackage"),
    )  # fmt: skip
    receipts = (
        Told("delivered", report(), "delivered"),
        Told("failed", report(report_status="FAIL", errmsg="MK:0010"), "undelivered", "MK:0010"),
    )
    inbound = (
        (called(json.dumps(REPLY), kind="inbound"),
         Inbound(PLAIN.to, "R", "06", None, datetime(2025, 11, 21, 2, tzinfo=UTC))),
    )  # fmt: skip
    balances = (
        (
            of(
                SmsPackagesStatisticsSet=[
                    {"PackageAmount": 1000, "CurrentUsage": 100, "PackageExpiredTime": seconds(-86_400)},
                    {"PackageAmount": 500, "CurrentUsage": 0, "PackageExpiredTime": seconds(86_400)},
                    {"PackageAmount": 70, "CurrentUsage": 70, "PackageExpiredTime": seconds(-86_400)},
                ]
            ),
            Balance(units=900),
        ),
    )

    def good(self, call):
        return of(SendStatusSet=[row(number) for number in call.json["PhoneNumberSet"]])

    def read(self, call):
        body = call.json
        assert (body["SmsSdkAppId"], body["SignName"]) == ("1400006666", kit.SHOP)
        return [(number, body["TemplateParamSet"][0]) for number in body["PhoneNumberSet"]]

    def test_a_text_whose_answer_was_lost_is_in_doubt_and_never_sent_again(self, rt_sqlite):
        rt_sqlite.settings.http_allow = "127.0.0.1"
        with gateway(drop) as gate:
            account = kit.account_of(rt_sqlite, "tencent", self.settings | {"endpoint": gate.url})
            kit.approve(rt_sqlite, account, VendorTemplate("100", "Hello", state="approved"))
            made = direct.send(rt_sqlite, PLAIN.to, Cls.notice, "Hello", account.id)
            for _round in range(3):
                batch.send(rt_sqlite, made["campaign_id"])
                with database.write_tx():
                    database.execute("UPDATE message SET not_before = 0")
        assert len(gate.calls) == 1
        assert database.scalar("SELECT state FROM message") == State.in_doubt

    # --- what only Tencent Cloud has ------------------------------------------------------------------

    def test_the_same_template_and_values_travel_two_hundred_a_call(self):
        messages = self.many(450)
        results, calls = self.sent(lambda call, _c: self.good(call), messages)
        assert sorted(len(call.json["PhoneNumberSet"]) for call in calls) == [50, 200, 200]
        assert [result.provider_id for result in results] == [f"5000:{message.to}" for message in messages]

    def test_other_values_travel_apart_and_in_the_order_of_the_variables(self):
        vendor = VendorText("100", kit.SHOP, {"2": "B", "10": "J", "1": "A"})
        other = self.plain._replace(ref="X", vendor=vendor)
        _results, calls = self.sent(lambda call, _c: self.good(call), [self.plain, other, self.unicode])
        assert len(calls) == 3
        assert ["A", "B", "J"] in [call.json["TemplateParamSet"] for call in calls]

    def test_each_number_has_its_own_result_in_whatever_order(self):
        messages = self.many(4)
        codes = ["Ok", "FailedOperation.PhoneNumberInBlacklist", "Ok", "LimitExceeded.PhoneNumberDailyLimit"]
        rows = [row(message.to, code) for message, code in zip(messages, codes, strict=True)][::-1]
        results, _calls = self.sent(lambda *_: of(SendStatusSet=rows), messages)
        assert [result.outcome for result in results] == ["accepted", "rejected", "accepted", "retry"]
        assert [result.parts for result in results] == [1, None, 1, None]

    def test_a_package_that_ends_within_a_call_keeps_what_was_taken(self):
        messages = self.many(2)
        rows = [row(messages[0].to), row(messages[1].to, "FailedOperation.InsufficientBalanceInSmsPackage")]
        results, _calls = self.sent(lambda *_: of(SendStatusSet=rows), messages)
        assert [result.outcome for result in results] == ["accepted", "rejected"]
        assert Tencent.ERRORS[results[1].code] == "account"

    def test_a_number_the_answer_forgot_is_in_doubt(self):
        results, _calls = self.sent(lambda *_: of(SendStatusSet=[row(self.plain.to)]), self.many(2))
        assert {result.outcome for result in results} == {"unknown"}

    def test_a_poll_brings_receipts_and_replies(self):
        def act(call, _connection):
            if call.headers["x-tc-action"] == "PullSmsSendStatus":
                return of(PullSmsSendStatusSet=[
                    {"SerialNo": "2019:1", "ReportStatus": "FAIL", "Description": "MK:0001", "UserReceiveTime": 1763690400},
                    {"SerialNo": "2019:2", "ReportStatus": ""},
                ])  # fmt: skip
            return of(PullSmsReplyStatusSet=[
                {"PhoneNumber": PLAIN.to, "ReplyContent": "退订", "ExtendCode": "", "ReplyTime": 1763690400}])  # fmt: skip

        at = datetime(2025, 11, 21, 2, tzinfo=UTC)
        with gateway(act) as gate:
            provider = self.made(gate.url, poll="y")
            assert (provider.can_poll, provider.polls_inbound) == (True, True)
            assert list(provider.poll([])) == [
                Receipt("undelivered", None, "2019:1", at, "MK:0001", "MK:0001"),
                Inbound(PLAIN.to, "退订", "", None, at),
            ]
            provider.close()

    def test_a_poll_that_is_not_opened_is_told(self):
        with gateway(lambda *_: error("UnauthorizedOperation.RequestPermissionDeny", "no")) as gate:
            provider = self.made(gate.url, poll="y")
            with pytest.raises(BadConfig):
                list(provider.poll([]))
            provider.close()

    def test_calls_of_strangers_are_refused_when_addresses_are_named(self):
        provider = self.made(push_from="119.28.0.0/16")
        asked = report()
        fields = {name: getattr(asked, name) for name in asked.__slots__}
        provider.verify_webhook(WebhookRequest(**fields | {"remote": "119.28.1.1"}))
        with pytest.raises(Forged):
            provider.verify_webhook(WebhookRequest(**fields | {"remote": "8.8.8.8"}))

    def test_the_answer_is_the_one_tencent_waits_for(self):
        assert json.loads(self.made().webhook_reply(report())[2]) == {"result": 0, "errmsg": "OK"}

    def test_templates_and_signatures_are_listed_page_by_page(self):
        with gateway(lambda call, _c: templates(call)) as gate:
            provider = self.made(gate.url)
            found = list(provider.vendor_templates())
            assert len(found) == 103
            assert (found[0].code, found[0].state, found[0].reason) == ("1000", "rejected", "缺少退订")
            assert list(provider.vendor_signatures()) == [VendorSignature(kit.SHOP, "approved")]
            provider.close()

    def test_words_are_handed_in_for_review_and_a_no_is_told(self):
        answers = iter([
            of(AddTemplateStatus={"TemplateId": "1110"}),
            error("InvalidParameterValue.MarketingTemplateWithoutUnsubscribe", "退订"),
        ])  # fmt: skip
        with gateway(lambda *_: next(answers)) as gate:
            provider = self.made(gate.url)
            draft = VendorTemplate("", "您好{1}", "周末", "mass")
            assert provider.submit_template(draft, kit.SHOP, "会员促销") == "1110"
            assert gate.calls[0].json["SmsType"] == 1
            with pytest.raises(Refused, match="退订"):
                provider.submit_template(draft, kit.SHOP, "")
            provider.close()

    def test_values_a_variable_cannot_have(self):
        provider = self.made()
        assert provider.value_problem("otp", "123456") == ""
        assert provider.value_problem("otp", "12a456") and provider.value_problem("otp", "1234567")
        assert provider.value_problem("mass", "王小雅") == ""
        assert provider.value_problem("mass", "七个字太长了吧") and provider.value_problem("mass", "")
        assert "link" in provider.value_problem("", "http://a.cn")
        assert self.made(variable_max="12").value_problem("mass", "七个字太长了吧") == ""


# --- the signature ----------------------------------------------------------------------------------------


@settings(max_examples=100, derandomize=True)
@given(st.binary(max_size=2000), st.integers(1_500_000_000, 2_500_000_000))
def test_the_signature_is_that_of_the_vendors_own_library(body, at_s):
    day = datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d")
    headers = {
        "Content-Type": _tencent.JSON,
        "Host": "sms.tencentcloudapi.com",
        "X-TC-Timestamp": str(at_s),
    }
    request = SimpleNamespace(method="POST", uri="/", header=headers, data=body)
    theirs = AbstractClient._get_tc3_signature(None, None, request, day, "sms", SECRET)
    ours = _tencent.authorization(ID, SECRET, "sms.tencentcloudapi.com", body, at_s)
    assert ours == (
        f"TC3-HMAC-SHA256 Credential={ID}/{day}/sms/tc3_request, SignedHeaders=content-type;host, Signature={theirs}"
    )


def test_the_signature_is_that_of_the_documents_example():
    """cloud.tencent.com/document/api/382/52067: DescribeInstances of another service, with fixed keys."""
    body = rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
    made = _tencent.authorization(
        "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE", "cvm.tencentcloudapi.com", body,
        1551113065, "cvm",
    )  # fmt: skip
    assert made.endswith("Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168")
