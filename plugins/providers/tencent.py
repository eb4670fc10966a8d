"""Tencent Cloud SMS (腾讯云短信), API 2021-01-11.

SendSms, PullSmsSendStatus, PullSmsReplyStatus, SmsPackagesStatistics: SDK tencentcloud_sdk_python_sms 3.1.153
and cloud.tencent.com/document/product/382 (pushes: 37809, 42907).  Read 2026-11-22.

No idempotency: a call without an answer is in doubt.  Numbers at home (or all abroad) that get the same template
with the same values travel up to 200 a call; each number has a result of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from wtforms import BooleanField, IntegerField, StringField
from wtforms import validators as v

from core import (
    BadResponse,
    Balance,
    Inbound,
    Outgoing,
    Receipt,
    Result,
    Throttled,
    clock,
    hookimpl,
)
from core.i18n import _l
from plugins.providers._china import SECRET, ChinaForm, at_home, told, vendor_of
from plugins.providers._tencent import signed
from plugins.providers._tencent_errors import ERRORS
from plugins.providers._tencent_templates import PAGE, TencentTemplates

VERSION = "2021-01-11"
#: Numbers a call takes; bytes of SessionContext; pages of one poll.
BATCH, CONTEXT, PULLS = 200, 511, 20

STATUS = {"SUCCESS": "delivered", "FAIL": "undelivered"}


class Settings(ChinaForm):
    """The keys of one SMS application."""

    secret_id = StringField("SecretId", [v.InputRequired()])
    secret_key = StringField("SecretKey", [v.InputRequired()], render_kw=SECRET)
    sdk_app_id = StringField(
        "SdkAppId", [v.InputRequired()], description=_l("Of the SMS application, e.g. 1400006666.")
    )
    region = StringField(_l("Region"), default="ap-guangzhou")
    poll = BooleanField(
        _l("Ask for receipts and replies"),
        default=False,
        description=_l("Tencent Cloud must have opened pulling for the application; each is told once."),
    )
    variable_max = IntegerField(
        _l("Characters of a variable at most"),
        [v.NumberRange(1, 500)],
        default=6,
        description=_l("As the console says; 6 for applications opened since 2024-01-25."),
    )
    endpoint = StringField(_l("Address of the API"), default="https://sms.tencentcloudapi.com")


class Tencent(TencentTemplates):
    """One SMS application of Tencent Cloud."""

    name = "tencent"
    group = "china"
    title = _l("Tencent Cloud SMS")
    about = _l(
        "Approved templates and signatures, mainland and abroad; a result for each number, receipts, replies."
    )
    Form = Settings
    ERRORS = ERRORS
    per_request = BATCH
    window = BATCH
    polls_inbound = True
    poll_every_s = 30

    def __init__(self, settings, callback_url=""):
        super().__init__(settings, callback_url)
        self.can_poll = settings["poll"]

    # --- sending --------------------------------------------------------------------------------------

    def call(self, action: str, body: dict):
        """A signed request."""
        given = self.settings
        return signed(
            given["endpoint"], given["secret_id"], given["secret_key"], given["region"], action, VERSION,
            orjson.dumps(body),
        )  # fmt: skip

    def alike(self, message: Outgoing):
        vendor = vendor_of(message)
        return vendor.template, vendor.signature, tuple(sorted(vendor.params.items())), at_home(message.to)

    def request(self, messages: Sequence[Outgoing]):
        vendor = vendor_of(messages[0])
        refs = ",".join(message.ref for message in messages)
        body: dict[str, Any] = {
            "PhoneNumberSet": [message.to for message in messages],
            "SmsSdkAppId": self.settings["sdk_app_id"],
            "TemplateId": vendor.template,
            "TemplateParamSet": [vendor.params[name] for name in sorted(vendor.params, key=int)],
            "SessionContext": refs if len(refs) <= CONTEXT else messages[0].ref,
        }
        if vendor.signature:
            body["SignName"] = vendor.signature
        return self.call("SendSms", body)

    def taken(self, messages: Sequence[Outgoing], data) -> Sequence[Result]:
        said = data["Response"]
        if "Error" in said:
            code, reason = self.fault(data)
            if code.startswith("RequestLimitExceeded"):
                raise Throttled(self.plain(reason or code))
            return [self._refused(code, reason)] * len(messages)
        rows: dict[str, list[dict]] = {}
        for row in said["SendStatusSet"]:
            rows.setdefault(_e164(row.get("PhoneNumber", "")), []).append(row)
        return [self._one(rows[message.to].pop(0)) for message in messages]

    def _one(self, row: dict) -> Result:
        code = str(row["Code"])
        if code.lower() != "ok":
            reason = self.plain(row.get("Message", ""))
            if self.kind(code) == "account":
                # Others of the call may have gone: said of this text alone, the account is halted all the same.
                return Result("rejected", code=code[:60], reason=reason)
            return self._refused(code, reason)
        if not row["SerialNo"]:
            raise BadResponse("A number was taken without an id.")
        fee = row.get("Fee")
        return Result(
            "accepted", provider_id=str(row["SerialNo"]), parts=fee if type(fee) is int and fee else None
        )

    def _refused(self, code: str, reason: str) -> Result:
        if code not in self.errors:
            # InternalError.* and what nobody has seen yet prove nothing.
            return Result("unknown", code=code[:60], reason=self.plain(reason))
        return self.refusal(code, self.plain(reason))

    def fault(self, data):
        said = data.get("Response") if isinstance(data, dict) else None
        error = said.get("Error") if isinstance(said, dict) else None
        if not isinstance(error, dict):
            return "", ""
        return str(error.get("Code", "")), str(error.get("Message", ""))

    # --- receipts and replies -------------------------------------------------------------------------

    def webhook_reply(self, request):
        return 200, "application/json", '{"result":0,"errmsg":"OK"}'

    def parse_webhook(self, request) -> Iterator[Receipt | Inbound]:
        return told(request.body, self._reply if request.kind == "inbound" else self._receipt)

    def _receipt(self, row) -> Receipt:
        return self._told(row["report_status"], row["sid"], row.get("user_receive_time"), row.get("errmsg"),
                          row.get("description"))  # fmt: skip

    def _told(self, status, serial, at, code, why) -> Receipt:
        state = STATUS[str(status).upper()]
        failed = state == "undelivered"
        return Receipt(
            state, None, str(serial), _time(at), str(code)[:60] if failed and code else None,
            self.plain(why) if failed and why else None,
        )  # fmt: skip

    def _reply(self, row) -> Inbound:
        sender = f"+{row['nationcode']}{row['mobile']}"
        return Inbound(sender, str(row["text"]), str(row.get("extend") or ""), None, _time(row.get("time")))

    def poll(self, refs) -> Iterator[Receipt | Inbound]:
        """Each receipt and reply is told once, whosever it is; `refs` are not asked for."""
        for row in self._pull("PullSmsSendStatus", "PullSmsSendStatusSet"):
            if str(row.get("ReportStatus")).upper() in STATUS and row.get("SerialNo"):
                why = row.get("Description")
                yield self._told(row["ReportStatus"], row["SerialNo"], row.get("UserReceiveTime"), why, why)
        for row in self._pull("PullSmsReplyStatus", "PullSmsReplyStatusSet"):
            if row.get("PhoneNumber") and row.get("ReplyContent") is not None:
                yield Inbound(
                    _e164(row["PhoneNumber"]), str(row["ReplyContent"]), str(row.get("ExtendCode") or ""), None,
                    _time(row.get("ReplyTime")),
                )  # fmt: skip

    def _pull(self, action: str, name: str) -> Iterator[dict]:
        for _page in range(PULLS):
            body = {"Limit": PAGE, "SmsSdkAppId": self.settings["sdk_app_id"]}
            rows = [row for row in self.asked(action, body).get(name) or () if isinstance(row, dict)]
            yield from rows
            if len(rows) < PAGE:
                return

    def balance(self) -> Balance | None:
        now = clock.now()
        body = {
            "SmsSdkAppId": self.settings["sdk_app_id"], "Limit": 500, "Offset": 0,
            "BeginTime": "2017010100", "EndTime": now.strftime("%Y%m%d%H"),
        }  # fmt: skip
        left = 0
        for row in self.asked("SmsPackagesStatistics", body).get("SmsPackagesStatisticsSet") or ():
            if row.get("PackageExpiredTime", 0) > now.timestamp():
                left += max(0, int(row.get("PackageAmount", 0)) - int(row.get("CurrentUsage", 0)))
        return Balance(units=left)


# --- small parsers --------------------------------------------------------------------------------------


def _e164(number: Any) -> str:
    """A number of an answer with plus."""
    return f"+{str(number).removeprefix('+')}"


def _time(value: Any) -> datetime | None:
    """Epoch seconds of an answer, or "2015-10-17 08:03:04" of a push, which is time in China."""
    text = str(value or "").strip()
    try:
        if text.isdecimal():
            return datetime.fromtimestamp(int(text), UTC)
        return datetime.strptime(f"{text} +0800", "%Y-%m-%d %H:%M:%S %z")
    except (ValueError, OverflowError, OSError):
        return None


@hookimpl
def register_providers():
    return [Tencent]
