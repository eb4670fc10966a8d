"""Which column is which: headers in English, Chinese and a few other languages → standard keys.

What the words do not tell is told by the cells: without a phone header, the column most of whose cells are
valid numbers is the phone.  Every other column becomes a field whose key is its header.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from core.audience import keys, kinds, phones
from core.contract.errors import Refusal
from core.i18n import _, lazy

#: Standard keys, in the order of docs: interface.
STANDARD = ("phone", "name", "country", "language", "gender", "birthday", "city", "email", "consent")
#: Standard keys that are fields of the profile, with their kinds.
BUILTIN = {"gender": "choice", "birthday": "date", "city": "choice"}

_WORDS = {
    "phone": (
        "phone|mobile|mobilephone|mobileno|mobilenumber|phonenumber|phoneno|cell|cellphone|cellnumber|"
        "tel|telephone|telephonenumber|msisdn|gsm|handy|handynummer|mobil|mobilnummer|mobiltelefon|"
        "telefon|telefonnummer|rufnummer|portable|téléphone|cep|ceptelefonu|cepno|telefonno|手机|"
        "手机号|手机号码|手機|手機號|手機號碼|电话|电话号码|電話|電話號碼|联系电话|联系方式|联系手机|"
        "移动电话|号码|会员手机|会员手机号|收货手机|收货人手机|收货电话|注册手机|注册手机号|绑定手机|"
        "绑定手机号|手机号1|客户手机|客户电话"
    ),
    "name": (
        "name|fullname|customername|contactname|customer|contact|clientname|membername|recipient|"
        "vorname|ad|adsoyad|isim|nom|prénom|姓名|名字|名称|客户姓名|客户名称|客户|称呼|联系人|"
        "联系人姓名|收货人|收货人姓名|会员姓名|会员名|会员名称|真实姓名|用户姓名|firstname|givenname|"
        "昵称"
    ),
    "country": (
        "country|countrycode|countryregion|nation|land|pays|ülke|国家|國家|国家地区|国家代码|国别|"
        "所在国家|国家或地区|region|地区"
    ),
    "language": "language|lang|locale|preferredlanguage|sprache|langue|dil|语言|語言|语种|首选语言",
    "gender": "gender|sex|geschlecht|sexe|genre|cinsiyet|性别|性別|客户性别|会员性别",
    "birthday": (
        "birthday|birthdate|dateofbirth|dob|birth|bday|geburtstag|geburtsdatum|datedenaissance|"
        "doğumtarihi|出生日期|出生年月日|生日|出生年月|生辰|會員生日|会员生日|客户生日"
    ),
    "city": "city|town|ort|stadt|ville|şehir|il|城市|所在城市|所在市|市|居住城市|常住城市|收货城市|收货市",
    "email": (
        "email|emailaddress|mail|mailaddress|epost|eposta|邮箱|电子邮箱|电子邮件|邮件|邮箱地址|电邮|"
        "電子郵件|郵箱"
    ),
    "consent": (
        "consent|marketingconsent|consentmarketing|optin|marketingoptin|smsoptin|smsconsent|"
        "smsmarketingconsent|acceptsmarketing|acceptsmsmarketing|acceptssmsmarketing|marketing|"
        "marketingpermission|permission|subscribed|smssubscribed|agree|einwilligung|onay|consentement|"
        "同意营销|营销同意|同意|是否同意|是否同意营销|同意接收营销|同意接收短信|同意接收营销短信|"
        "接受营销|是否接受营销|营销许可|营销授权|短信同意|同意短信|短信营销同意|同意短信营销|同意收短信|接收短信|订阅|是否订阅|短信订阅|愿意接收短信"
    ),
}
#: What people read for a standard key.
TITLES = {
    "phone": lazy("Phone number"), "name": lazy("Name"), "country": lazy("Country"), "language": lazy("Language"),
    "gender": lazy("Gender"), "birthday": lazy("Birthday"), "city": lazy("City"), "email": lazy("E-mail"),
    "consent": lazy("Consent"),
}  # fmt: skip
#: How our own file of rejected rows begins, in each language of the interface; when it comes back mended,
#: these two say nothing about a person.
REJECTS_BEGIN = (("row", "reason"), ("行", "原因"))
#: Header word → (standard key, rank); a lower rank wins when two columns claim one key.
_KNOWN = {word: (key, rank) for key, words in _WORDS.items() for rank, word in enumerate(words.split("|"))}
_ASIDE = re.compile(r"[(（\[【].*?[)）\]】]")
#: Characters merge tags need for themselves.
_UNUSABLE = re.compile(r"[{}|\"']+")
_NOISE = re.compile(r"[\s_\-–./:：*＊#'\"“”]+")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file and where it goes.

    `to`: a standard key that is no field (phone, name, country, language, email, consent), "field", or
    "skip".  A field has `key` and `kind`; `style` is how its values are written (kinds.Guess).
    """

    index: int
    header: str
    to: str
    key: str = ""
    kind: str = ""
    style: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a JSON column."""
        return asdict(self)


def word_of(header: str) -> str:
    """A header without spaces, punctuation, case and what stands in brackets."""
    return _NOISE.sub("", _ASIDE.sub("", header)).lower()


def titles(header: Sequence[str]) -> list[str]:
    """Headers made usable: never empty, never twice."""
    made: list[str] = []
    for index, raw in enumerate(header):
        base = _UNUSABLE.sub(" ", kinds.clean(raw))[: keys.MAX_KEY - 5].strip() or f"column {index + 1}"
        title, again = base, 2
        while title in made:
            title, again = f"{base} ({again})", again + 1
        made.append(title)
    return made


def has_header(first: Sequence[str], region: str) -> bool:
    """A first row with a phone number in it is data, not a header."""
    return not any(any(map(str.isdigit, cell)) and phones.parse(cell, region) for cell in first)


def guess(
    header: Sequence[str], sample: Sequence[Sequence[str]], known: Mapping[str, str], region: str
) -> list[Column]:
    """Where each column goes, by its header and a sample of rows.

    `known` are the fields there are, key → kind.
    """
    names = titles(header)
    cells = [[row[i].strip() if i < len(row) else "" for row in sample] for i in range(len(names))]
    taken: dict[str, tuple[int, int]] = {}
    for index, name in enumerate(names):
        key, rank = _KNOWN.get(word_of(name), ("", 0))
        if key and (key not in taken or rank < taken[key][0]):
            taken[key] = (rank, index)
    by_index = {index: key for key, (_rank, index) in taken.items()}
    if "phone" not in taken:
        best = _phone_by_cells(cells, region)
        if best is not None:
            by_index[best] = "phone"
    ours = 2 if tuple(names[:2]) in REJECTS_BEGIN else 0
    return [
        Column(index, name, "skip")
        if index < ours
        else as_column(index, name, by_index.get(index, ""), cells[index], known)
        for index, name in enumerate(names)
    ]


def as_column(
    index: int, header: str, key: str, cells: Sequence[str], known: Mapping[str, str], kind: str = ""
) -> Column:
    """The column of a standard key, or of the field `key` (its header when empty)."""
    if key in STANDARD and key not in BUILTIN:
        return Column(index, header, key)
    key = key or header
    if key.lower() in keys.RESERVED:
        key = f"{key} (2)"
    found = kinds.guess(cells)
    kind = known.get(key) or BUILTIN.get(key) or kind or found.kind
    return Column(index, header, "field", key, kind, found.style if found.kind == kind else "")


def _phone_by_cells(cells: Sequence[Sequence[str]], region: str) -> int | None:
    best, most = None, 0.5
    for index, column in enumerate(cells):
        filled = [cell for cell in column[:300] if cell]
        share = sum(bool(phones.parse(cell, region)) for cell in filled) / len(filled) if filled else 0
        if share > most:
            best, most = index, share
    return best


def remap(
    columns: Sequence[Column],
    changes: Mapping[str, str],
    known: Mapping[str, str],
    sample: Sequence[Sequence[str]],
) -> list[Column]:
    """Apply corrections by hand, key → header (or `#3` for the third column); key "skip" leaves one out.

    Raises `Refusal` when there is no such column.
    """
    made = {column.index: column for column in columns}
    for key, wanted in changes.items():
        index = _find(columns, wanted)
        for other in made.values():
            if other.index != index and key in STANDARD and key in (other.to, other.key):
                made[other.index] = as_column(
                    other.index, other.header, "", _cells(sample, other.index), known
                )
        column = made[index]
        if key == "skip":
            made[index] = Column(index, column.header, "skip")
        else:
            made[index] = as_column(index, column.header, key, _cells(sample, index), known)
    return [made[index] for index in sorted(made)]


def _cells(sample: Sequence[Sequence[str]], index: int) -> list[str]:
    return [row[index] for row in sample if index < len(row)]


def _find(columns: Sequence[Column], wanted: str) -> int:
    for same in (str, str.lower, word_of):
        for column in columns:
            if same(column.header) == same(wanted):
                return column.index
    if wanted.startswith("#") and wanted[1:].isdigit() and 1 <= int(wanted[1:]) <= len(columns):
        return int(wanted[1:]) - 1
    raise Refusal(
        _(
            "There is no column “%(name)s”; the file has %(all)s.",
            name=wanted,
            all=", ".join(c.header for c in columns),
        ),
        field="map",
    )


def check(columns: Sequence[Column]) -> list[Column]:
    """Refuse a mapping without a phone or with one target twice."""
    targets = [column.key if column.to == "field" else column.to for column in columns if column.to != "skip"]
    if "phone" not in targets:
        raise Refusal(
            _("No column of phone numbers was found; say which it is, for instance --map phone=Mobile."),
            field="map",
        )
    for target in targets:
        if targets.count(target) > 1:
            raise Refusal(
                _("Two columns go to “%(key)s”; skip one of them.", key=TITLES.get(target, target)),
                field="map",
            )
    for column in columns:
        if column.to == "field":
            keys.check_key(column.key)
    return list(columns)
