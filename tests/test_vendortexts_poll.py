"""Polls of vendors that need the number, and of those that tell replies, too."""

from __future__ import annotations

import json

import pytest

from core import ids
from core.db import database, settings
from core.sending import accounts, receipts
from tests import campaign_kit
from tests import vendor_kit as kit
from tests.gateway import answer, gateway
from tests.receiving import messages, state_of


def due(account) -> None:
    settings.put(f"poll:{account.id}", {"at": 0, "after": 0})


@pytest.fixture
def asked(rt):
    """What the vendor is asked; `answers` by action."""
    rt.settings.http_allow = "127.0.0.1"
    calls, answers = [], {}

    def act(call, _connection):
        calls.append(call)
        action = call.headers.get("x-acs-action") or call.headers["x-tc-action"]
        return answer(200, answers[action](call))

    with gateway(act) as gate:
        yield gate.url, calls, answers


def test_aliyun_is_asked_with_the_number_and_its_answer_ends_the_message(rt, asked):
    url, calls, answers = asked
    keys = {"key_id": "LTAI", "key_secret": "s", "endpoint": url, "poll": "y"}
    account = kit.account_of(rt, "aliyun", keys)
    made = messages(rt, account, 3)
    people = [campaign_kit.person(rt, n) for n in range(3)]
    with database.write_tx():
        database.executemany(
            "UPDATE message SET contact_id = ? WHERE id = ?", list(zip(people, made, strict=True))
        )
    known = {ids.References(rt.keys).of(id_) for id_ in made}

    def details(call):
        rows = [{"SendStatus": 3, "OutId": ref, "ErrCode": "DELIVERED", "ReceiveDate": ""} for ref in known]
        return {"Code": "OK", "SmsSendDetailDTOs": {"SmsSendDetailDTO": rows}}

    answers["QuerySendDetails"] = details
    assert receipts.poll(rt, account.id) == 3
    assert set(state_of(made)) == {"delivered"}
    assert sorted(call.args["PhoneNumber"] for call in calls) == [f"138{n:08d}" for n in range(3)]


def test_tencent_tells_replies_although_nothing_waits_for_a_receipt(rt, asked):
    url, calls, answers = asked
    keys = {"secret_id": "A", "secret_key": "s", "sdk_app_id": "1", "endpoint": url, "poll": "y"}
    account = kit.account_of(rt, "tencent", keys)
    answers["PullSmsSendStatus"] = lambda _call: {"Response": {"PullSmsSendStatusSet": []}}
    answers["PullSmsReplyStatus"] = lambda _call: {
        "Response": {"PullSmsReplyStatusSet": [
            {"PhoneNumber": "+8613800138000", "ReplyContent": "谢谢", "ReplyTime": 1763690400}]}
    }  # fmt: skip
    for _time in range(2):
        due(account)
        receipts.poll(rt, account.id)
    assert database.query("SELECT body FROM inbound") == [("谢谢",)]
    assert [json.loads(call.body)["SmsSdkAppId"] for call in calls] == ["1"] * 4


def test_an_account_that_is_not_to_be_polled_is_left_alone(rt, asked):
    url, calls, _answers = asked
    account = kit.account_of(
        rt, "tencent", {"secret_id": "A", "secret_key": "s", "sdk_app_id": "1", "endpoint": url}
    )
    assert receipts.poll(rt, account.id) == 0
    assert not calls and not accounts.open_provider(rt, account).can_poll
