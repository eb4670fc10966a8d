"""Alibaba Cloud Short Message Service (阿里云短信), Dysmsapi 2017-05-25.

SendSms, SendBatchSms, QuerySendDetails, QuerySmsTemplateList, QuerySmsSignList, CreateSmsTemplate: SDK
alibabacloud_dysmsapi20170525 4.6.0 and help.aliyun.com/document_detail/101346 (codes), 101347 (codes of
receipts), 101867 (pushes), 2806243 (variables); QueryAccountBalance: BssOpenApi 2017-12-14.  Read 2026-11-22.

No idempotency: a call without an answer is in doubt.  Texts with one template travel up to 100 a call, which
has one BizId: a message's id is that and a keyed hash of its number, so that no number stands in the table.
Refused is a call as a whole; when the code is about one number, each text is sent again by itself.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone

from wtforms import BooleanField, IntegerField, StringField
from wtforms import validators as v

from core import (
    BadConfig,
    BadResponse,
    Balance,
    Inbound,
    Outgoing,
    ProviderError,
    Receipt,
    Result,
    Throttled,
    hookimpl,
)
from core.gateway import micros, parsed
from core.i18n import _l
from plugins.providers._aliyun import signed
from plugins.providers._aliyun_templates import AliyunTemplates, json_text
from plugins.providers._china import HOME, SECRET, ChinaForm, at_home, told, vendor_of

VERSION, BSS_VERSION = "2017-05-25", "2017-12-14"
#: Numbers a SendBatchSms takes; rows a page of details.
BATCH, PAGE = 100, 50
#: Times are those of clocks in China.
CHINA = timezone(timedelta(hours=8))

#: `SendStatus` of QuerySendDetails.
STATUS = {1: "accepted", 2: "undelivered", 3: "delivered"}
ERRORS = {
    # answers
    "isv.MOBILE_NUMBER_ILLEGAL": "number",
    "isv.MOBILE_COUNT_OVER_LIMIT": "other",
    "isv.BUSINESS_LIMIT_CONTROL": "limit",
    "isv.DAY_LIMIT_CONTROL": "account", "isv.MONTH_LIMIT_CONTROL": "account",
    "isv.AMOUNT_NOT_ENOUGH": "account", "isv.OUT_OF_SERVICE": "account",
    "isv.ACCOUNT_NOT_EXISTS": "account", "isv.ACCOUNT_ABNORMAL": "account",
    "isv.PRODUCT_UN_SUBSCRIPT": "account", "isv.PRODUCT_UNSUBSCRIBE": "account",
    "isp.RAM_PERMISSION_DENY": "account", "isv.DENY_IP_RANGE": "account",
    "InvalidAccessKeyId.NotFound": "account", "InvalidAccessKeyId.Inactive": "account",
    "SignatureDoesNotMatch": "account", "IncompleteSignature": "account", "Forbidden.RAM": "account",
    "NoPermission": "account",
    "isv.SMS_SIGN_ILLEGAL": "content", "isv.SMS_SIGNATURE_ILLEGAL": "content",
    "isv.SIGN_STATE_ILLEGAL": "content", "isv.SMS_SIGNATURE_SCENE_ILLEGAL": "content",
    "isv.SMS_TEMPLATE_ILLEGAL": "content", "isv.SMS_CONTENT_ILLEGAL": "content",
    "isv.SMS_CONTENT_MISMATCH_TEMPLATE_TYPE": "content", "isv.BLACK_KEY_CONTROL_LIMIT": "content",
    "isv.TEMPLATE_MISSING_PARAMETERS": "content", "isv.TEMPLATE_PARAMS_ILLEGAL": "content",
    "isv.PARAM_LENGTH_LIMIT": "content", "isv.PARAM_NOT_SUPPORT_URL": "content",
    "isv.INVALID_PARAMETERS": "content", "isv.INVALID_JSON_PARAM": "content",
    "isv.EXTEND_CODE_ERROR": "content", "isv.UNSUPPORTED_CONTENT": "content",
    "isv.DOMESTIC_NUMBER_NOT_SUPPORTED": "route",
    # receipts
    "INVALID_NUMBER": "handset", "MOBILE_NOT_ON_SERVICE": "handset", "MOBLLE_TERMINAL_ERROR": "handset",
    "MOBILE_TERMINAL_ERROR": "handset", "MOBILE_ACCOUNT_ABNORMAL": "handset",
    "MK:0001": "number", "CB:0001": "number", "CB:0053": "number", "MK:0005": "handset", "MK:0013": "handset",
    "MK:0010": "handset", "MK:0023": "handset",
    "MOBILE_IN_BLACK": "blocked", "DB:0144": "blocked", "MBBLACK": "blocked", "DBBLACK": "blocked",
    "USER_REJECT": "optout",
    "MOBILE_SEND_LIMIT": "limit", "DB:0142": "limit", "IB:0008": "temporary", "IS_CLOSE": "temporary",
    "CONTENT_KEYWORD": "content", "CONTENT_ERROR": "content", "MK:0115": "content", "PARAMS_ILLEGAL": "content",
    "NO_ROUTE": "route", "SP_NOT_BY_INTER_SMS": "route",
}  # fmt: skip
#: Kinds of a code that is about one number of a call.
PERSONAL = frozenset({"number", "optout", "blocked", "handset", "limit"})
#: What stands for a text whose call was refused for another's sake.
APART = Result("retry", code="apart", reason="The call was refused for one of its numbers.")


class Settings(ChinaForm):
    key_id = StringField(_l("AccessKey ID"), [v.InputRequired()])
    key_secret = StringField(_l("AccessKey secret"), [v.InputRequired()], render_kw=SECRET)
    poll = BooleanField(
        _l("Ask for receipts"),
        default=False,
        description=_l("One call a text; only where pushes cannot reach us."),
    )
    variable_max = IntegerField(
        _l("Characters of a variable at most"), [v.NumberRange(1, 500)], default=35, description=_l("As the console says.")
    )  # fmt: skip
    endpoint = StringField(_l("Address of the API"), default="https://dysmsapi.aliyuncs.com")
    balance_endpoint = StringField(_l("Address for the balance"), default="https://business.aliyuncs.com")


class Aliyun(AliyunTemplates):
    """One AccessKey of Alibaba Cloud."""

    name = "aliyun"
    group = "china"
    title = _l("Alibaba Cloud SMS")
    about = _l(
        "Approved templates and signatures, mainland and abroad; receipts by push or on request, replies."
    )
    Form = Settings
    ERRORS = ERRORS
    per_request = BATCH
    window = BATCH
    polls_by_number = True
    poll_every_s = 60

    def __init__(self, settings, callback_url=""):
        super().__init__(settings, callback_url)
        self.can_poll = settings["poll"]

    # --- sending --------------------------------------------------------------------------------------

    def call(self, action: str, query, form=None, endpoint: str = "", version: str = VERSION):
        """A signed request."""
        given = self.settings
        where = endpoint or given["endpoint"]
        return signed(where, given["key_id"], given["key_secret"], action, version, query, form)

    def alike(self, message: Outgoing):
        return vendor_of(message).template, at_home(message.to)

    def request(self, messages: Sequence[Outgoing]):
        vendors = [vendor_of(message) for message in messages]
        code = vendors[0].template
        if len(messages) > 1:
            form = {
                "PhoneNumberJson": json_text([_number(message.to) for message in messages]),
                "SignNameJson": json_text([vendor.signature for vendor in vendors]),
                "TemplateParamJson": json_text([dict(vendor.params) for vendor in vendors]),
            }
            return self.call("SendBatchSms", {"TemplateCode": code}, form)
        query = {"PhoneNumbers": _number(messages[0].to), "TemplateCode": code, "OutId": messages[0].ref}
        if vendors[0].signature:
            query["SignName"] = vendors[0].signature
        if vendors[0].params:
            query["TemplateParam"] = json_text(dict(vendors[0].params))
        return self.call("SendSms", query)

    def send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
        results = list(super().send(messages))
        apart = [at for at, result in enumerate(results) if result is APART]
        if apart:
            # The refusal proves that nothing of these was sent, so they may go again at once.
            self.per_request = 1
            try:
                again: Sequence[Result] = super().send([messages[at] for at in apart])
            except ProviderError as error:
                again = [Result("retry", reason=str(error), after_s=error.after_s or 10.0)] * len(apart)
            finally:
                self.per_request = BATCH
            for at, result in zip(apart, again, strict=True):
                results[at] = result
        return results

    def taken(self, messages: Sequence[Outgoing], data) -> Sequence[Result]:
        code, reason = str(data["Code"]), self.plain(data.get("Message", ""))
        if code == "OK":
            biz = str(data["BizId"])
            return [Result("accepted", provider_id=self._id(biz, message.to)) for message in messages]
        if len(messages) > 1 and self.kind(code) in PERSONAL:
            return [APART] * len(messages)
        if code not in self.errors:
            # isp.SYSTEM_ERROR and what nobody has seen yet prove nothing.
            return [Result("unknown", code=code[:60], reason=reason)] * len(messages)
        return [self.refusal(code, reason)] * len(messages)

    def fault(self, data):
        if isinstance(data, dict) and data.get("Code"):
            return str(data["Code"]), str(data.get("Message", ""))
        return "", ""

    def declined(self, response, data) -> Result:
        code, reason = self.fault(data)
        if code.startswith("Throttling"):
            raise Throttled(self.plain(reason or code), after_s=response.retry_after_s)
        return super().declined(response, data)

    def _id(self, biz: str, number: str) -> str:
        tag = hmac.digest(self.settings["key_secret"].encode(), _number(number).encode(), "sha256")[:6].hex()
        return f"{biz}.{tag}"

    # --- receipts and replies -------------------------------------------------------------------------

    def webhook_reply(self, request):
        return 200, "application/json", '{"code":0,"msg":"ok"}'

    def parse_webhook(self, request) -> Iterator[Receipt | Inbound]:
        return told(request.body, self._inbound if request.kind == "inbound" else self._receipt)

    def _receipt(self, row) -> Receipt:
        if not isinstance(row["success"], bool):
            raise ValueError("success")
        return self._told(
            "delivered" if row["success"] else "undelivered", row.get("out_id"), str(row["biz_id"]),
            str(row["phone_number"]), row.get("report_time"), row.get("err_code"), row.get("err_msg"),
            row.get("sms_size"),
        )  # fmt: skip

    def _told(self, state, out_id, biz, number, at, code, reason=None, size=None) -> Receipt:
        failed = state == "undelivered"
        return Receipt(
            state, str(out_id) if out_id else None, self._id(biz, number) if biz else None, _time(at),
            str(code)[:60] if failed and code else None,
            self.plain(reason) if failed and reason else None,
            int(size) if size and str(size).isdecimal() else None,
        )  # fmt: skip

    def _inbound(self, row) -> Inbound:
        number = str(row["phone_number"])
        key = row.get("sequence_id")
        return Inbound(
            _e164(number), str(row["content"]), str(row.get("dest_code") or ""), str(key) if key else None,
            _time(row.get("send_time")),
        )  # fmt: skip

    def poll(self, refs) -> Iterator[Receipt]:
        requests, asked = [], []
        for ref, provider_id, number, at in refs:
            query = {
                "PhoneNumber": _number(number), "SendDate": at.astimezone(CHINA).strftime("%Y%m%d"),
                "PageSize": str(PAGE), "CurrentPage": "1",
            }  # fmt: skip
            biz = (provider_id or "").rpartition(".")[0]
            if biz:
                query["BizId"] = biz
            asked.append((ref, provider_id, biz))
            requests.append(self.call("QuerySendDetails", query))
        answers = self.http().send_many(requests)
        for (ref, provider_id, biz), answer in zip(asked, answers, strict=True):
            data = None if isinstance(answer, ProviderError) else parsed(answer.body)
            if not isinstance(data, dict) or data.get("Code") != "OK":
                continue
            for row in (data.get("SmsSendDetailDTOs") or {}).get("SmsSendDetailDTO") or ():
                ours = row.get("OutId") == ref or bool(biz)
                if ours and (state := STATUS.get(row.get("SendStatus"))):
                    told = self._told(state, ref, "", "", row.get("ReceiveDate"), row.get("ErrCode"))
                    yield told._replace(provider_id=provider_id)

    def balance(self) -> Balance | None:
        request = self.call("QueryAccountBalance", {}, None, self.settings["balance_endpoint"], BSS_VERSION)
        try:
            data = self.ask(request)
        except BadConfig as error:
            if "HTTP 403" in str(error):
                # Keys for texts often may do nothing else, which is no reason to halt.
                raise BadResponse(
                    "This key may not read the balance; AliyunBSSReadOnlyAccess lets it."
                ) from None
            raise
        if not isinstance(data, dict) or not isinstance(data.get("Data"), dict):
            raise BadResponse(f"No balance was told: {self.plain(self.fault(data)[1])}")
        amount = str(data["Data"].get("AvailableAmount", "")).replace(",", "")
        left = micros(amount)
        if left is None:
            raise BadResponse("The balance is no amount.")
        return Balance(-left if amount.startswith("-") else left, str(data["Data"].get("Currency") or "CNY"))


# --- small parsers --------------------------------------------------------------------------------------


def _number(number: str) -> str:
    """As Aliyun wants it: 11 digits at home, country and number abroad.  Its own spelling stays as it is."""
    return number.removeprefix(HOME).removeprefix("+")


def _e164(number: str) -> str:
    """A number of Aliyun with plus: 11 digits that begin with 1 are of the mainland."""
    digits = number.removeprefix("+")
    return f"{HOME}{digits}" if len(digits) == 11 and digits.startswith("1") else f"+{digits}"


def _time(text) -> datetime | None:
    try:
        return datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
    except ValueError:
        return None


@hookimpl
def register_providers():
    return [Aliyun]
