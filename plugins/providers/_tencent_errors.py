"""Tencent Cloud's codes and what they mean.

Answers: SDK tencentcloud_sdk_python_sms 3.1.153 `v20210111/errorcodes.py`; codes all its APIs share:
cloud.tencent.com/document/api/382/38780; receipts: cloud.tencent.com/document/product/382/3771.  Read 2026-11-22.
"""

_FAILED, _WRONG, _LIMIT = "FailedOperation.", "InvalidParameterValue.", "LimitExceeded."
_DENIED, _NOT = "UnauthorizedOperation.", "UnsupportedOperation."

ERRORS = {
    # the number
    f"{_FAILED}PhoneNumberParseFail": "number",
    f"{_WRONG}IncorrectPhoneNumber": "number",
    f"{_FAILED}PhoneNumberInBlacklist": "optout",
    # limits
    f"{_FAILED}MarketingSendTimeConstraint": "limit",
    f"{_LIMIT}PhoneNumberThirtySecondLimit": "limit",
    f"{_LIMIT}PhoneNumberOneHourLimit": "limit",
    f"{_LIMIT}PhoneNumberDailyLimit": "limit",
    f"{_LIMIT}PhoneNumberSameContentDailyLimit": "limit",
    f"{_LIMIT}DeliveryFrequencyLimit": "limit",
    f"{_LIMIT}DailyLimit": "limit",
    f"{_LIMIT}GlobalSmsSendingRateLimit": "temporary",
    f"{_LIMIT}AppDailyLimit": "account",
    f"{_LIMIT}AppGlobalDailyLimit": "account",
    f"{_LIMIT}AppMainlandChinaDailyLimit": "account",
    f"{_LIMIT}AppCountryOrRegionDailyLimit": "route",
    f"{_LIMIT}AppCountryOrRegionInBlacklist": "route",
    # words, template, signature
    f"{_FAILED}ContainSensitiveWord": "content",
    f"{_FAILED}SignatureIncorrectOrUnapproved": "content",
    f"{_FAILED}TemplateIncorrectOrUnapproved": "content",
    f"{_FAILED}TemplateUnapprovedOrNotExist": "content",
    f"{_FAILED}TemplateParamSetNotMatchApprovedTemplate": "content",
    f"{_WRONG}ContentLengthLimit": "content",
    f"{_WRONG}ProhibitedUseUrlInTemplateParameter": "content",
    f"{_WRONG}TemplateParameterFormatError": "content",
    f"{_WRONG}TemplateParameterLengthLimit": "content",
    "InvalidParameter.DirtyWordFound": "content",
    # where to
    f"{_NOT}ChineseMainlandTemplateToGlobalPhone": "route",
    f"{_NOT}GlobalTemplateToChineseMainlandPhone": "route",
    f"{_NOT}ContainDomesticAndInternationalPhoneNumber": "route",
    f"{_NOT}UnsupportedRegion": "route",
    # the account
    f"{_FAILED}InsufficientBalanceInSmsPackage": "account",
    f"{_WRONG}SdkAppIdNotExist": "account",
    "InvalidParameter.AppidAndBizId": "account",
    f"{_DENIED}IndividualUserMarketingSmsPermissionDeny": "account",
    f"{_DENIED}RequestIpNotInWhitelist": "account",
    f"{_DENIED}RequestPermissionDeny": "account",
    f"{_DENIED}SdkAppIdIsDisabled": "account",
    f"{_DENIED}ServiceSuspendDueToArrears": "account",
    f"{_DENIED}SmsSdkAppIdVerifyFail": "account",
    "AuthFailure.InvalidSecretId": "account",
    "AuthFailure.SecretIdNotFound": "account",
    "AuthFailure.SignatureExpire": "account",
    "AuthFailure.SignatureFailure": "account",
    "AuthFailure.TokenFailure": "account",
    "AuthFailure.UnauthorizedOperation": "account",
    "AuthFailure.InvalidAuthorization": "account",
    "UnauthorizedOperation": "account",
    # the request as a whole: proof that nothing was sent, and nothing a repeat would change
    "InvalidParameter.InvalidParameters": "other",
    "InvalidParameter": "other",
    "InvalidParameterValue": "other",
    "MissingParameter": "other",
    "MissingParameter.EmptyPhoneNumberSet": "other",
    f"{_FAILED}FailResolvePacket": "other",
    f"{_FAILED}JsonParseFail": "other",
    f"{_LIMIT}PhoneNumberCountLimit": "other",
    # receipts
    "MK:0001": "number",
    "CB:0001": "number",
    "CB:0053": "number",
    "MK:0005": "handset",
    "MK:0013": "handset",
    "MK:0010": "handset",
    "MK:0023": "handset",
    "MK:0115": "content",
    "DB:0142": "limit",
    "DB:0144": "blocked",
    "MBBLACK": "blocked",
    "DBBLACK": "blocked",
    "IB:0008": "temporary",
}
