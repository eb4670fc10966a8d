"""The shipped list of papers: a summary by engineers of what is usually asked for, no legal advice.

`as_of` is the day a line was looked through; people change lines and add their own (`needs`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.i18n import _l

#: The day the shipped list was looked through.
AS_OF = "2026-11-22"
#: Groups of countries with papers of their own; "" is any country.
AREAS = ("", "CN", "US", "EU", "GB")


def key_of(area: str, kind: str) -> str:
    """The key of a paper."""
    return f"{area or 'any'}/{kind}"


@dataclass(frozen=True, slots=True)
class Need:
    """One paper an area asks for.

    `document`: a file is needed; else a number or a note will do.  `register`: where anybody can check it.
    `required`: without it no verdict "passed".  `own`: added by the house.
    """

    area: str
    kind: str
    title: Any
    why: Any = ""
    register: Any = ""
    source: Any = ""
    as_of: str = AS_OF
    required: bool = True
    document: bool = True
    own: bool = False

    @property
    def key(self) -> str:
        """As in addresses, files and on the command line: "CN/licence", "any/contract"."""
        return key_of(self.area, self.kind)


_PRACTICE = _l("good practice; no law of one country")
_OTHERS = _l("Who else sees the numbers: carriers, aggregators, clouds, and where.")
_NOBODY = _l("Nobody may process personal data for you without it.")
_TCR = _l("The Campaign Registry, through the vendor's console")
_A2P = _l("carrier rules for A2P 10DLC; CTIA")
_MIIT = _l("MIIT telecom business register, dxzhgl.miit.gov.cn")
SHIPPED = (
    Need("", "contract", _l("Contract"), _l("Who owes what, and how either side ends it."), source=_PRACTICE),
    Need(
        "",
        "terms",
        _l("Data-processing terms"),
        _l("Numbers of your people go to the vendor; this says what it may do with them."),
        source=_l("good practice; many countries ask for it"),
    ),
    Need(
        "",
        "prices",
        _l("Price list"),
        _l("What a part costs, and from when."),
        source=_PRACTICE,
        required=False,
    ),
    Need(
        "",
        "support",
        _l("Support contact"),
        _l("Whom to call when texts do not arrive, and at which hours."),
        source=_PRACTICE,
        required=False,
        document=False,
    ),
    Need(
        "CN",
        "licence",
        _l("Business licence 营业执照"),
        _l("The company exists, and its scope covers what it sells you."),
        _l("National Enterprise Credit Information Publicity System, gsxt.gov.cn"),
        _l("market registration rules of China"),
    ),
    Need(
        "CN",
        "vats",
        _l("Value-added telecom permit 增值电信业务经营许可证 (SP)"),
        _l(
            "Without it nobody may sell texts in China; the scope must name the SMS service and your provinces."
        ),
        _MIIT,
        _l("MIIT Order 42 (2017) on telecom business permits; MIIT Order 31 (2015) on SMS services"),
    ),
    Need(
        "CN",
        "code",
        _l("Number-code certificate 电信网码号资源使用证书 (106…)"),
        _l("The 106… numbers your texts come from belong to this holder."),
        _MIIT,
        _l("rules on telecom network number resources, MIIT"),
    ),
    Need(
        "CN",
        "terms",
        _l("Data-processing terms under PIPL 委托处理"),
        _l("An agreement on purpose, time, way, kinds of data and protection, before you hand numbers over."),
        source=_l("PIPL art. 21"),
    ),
    Need(
        "CN",
        "signature",
        _l("Signature authorisation 签名授权书"),
        _l("Carriers file each 【signature】 by real name; a vendor that sends for you needs your stamp."),
        source=_l("carriers' real-name filing of signatures, since 2025"),
    ),
    Need(
        "US",
        "brand",
        _l("10DLC brand registration"),
        _l("Your company as the carriers know it; the number of the registration."),
        _TCR,
        _A2P,
        document=False,
    ),
    Need(
        "US",
        "campaign",
        _l("10DLC campaign registration"),
        _l("What you send to whom, with your opt-in and opt-out words."),
        _TCR,
        _A2P,
        document=False,
    ),
    Need(
        "US",
        "terms",
        _l("Data-processing agreement"),
        _l("States such as California ask for terms with each service provider."),
        source=_l("CCPA and other state privacy laws"),
    ),
    Need("EU", "terms", _l("Data-processing agreement, GDPR art. 28"), _NOBODY, source=_l("GDPR art. 28")),
    Need("EU", "processors", _l("List of sub-processors"), _OTHERS, source=_l("GDPR art. 28(2) and (4)")),
    Need(
        "EU",
        "sender",
        _l("Sender-ID registration"),
        _l("Some countries deliver a name as sender only if it is registered."),
        _l("national registers, such as ComReg (IE), CNMC (ES), AGCOM (IT)"),
        _l("national telecom regulators"),
        required=False,
        document=False,
    ),
    Need(
        "GB", "terms", _l("Data-processing agreement, UK GDPR art. 28"), _NOBODY, source=_l("UK GDPR art. 28")
    ),
    Need("GB", "processors", _l("List of sub-processors"), _OTHERS, source=_l("UK GDPR art. 28(2) and (4)")),
    Need(
        "GB",
        "sender",
        _l("Sender-ID registration"),
        _l("A registered name is harder to imitate."),
        _l("MEF SMS SenderID Protection Registry"),
        _l("industry registry, voluntary"),
        required=False,
        document=False,
    ),
)
