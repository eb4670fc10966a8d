"""The words around a code, by language; people change them under Settings → One-time codes.

In China a text with a code says so in one of the words carriers look for, and carries no link (facts: Aliyun,
Tencent, 2026-11-21), so a number there gets Chinese words unless the caller asks for others.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.content.languages import language, pick_language
from core.contract.errors import Refusal
from core.db import database, settings
from core.i18n import _
from core.secrecy import MASK
from core.security import audit

KEY = "otp.texts"
TEXT_MAX = 300
#: Language → (its own name, words of the text, words of the call).  {{code}} is there once at least.
TEXTS: dict[str, tuple[str, str, str]] = {
    "en": ("English", "Your code is {{code}}. It is good for {{minutes}} minutes. Do not share it with anyone.",
           "Hello. Your code is: {{code}}. Once more: {{code}}. Goodbye."),
    "zh-Hans": ("简体中文", "您的验证码是{{code}}，{{minutes}}分钟内有效。请勿告诉他人。",
                "您好，您的验证码是：{{code}}。再说一遍：{{code}}。再见。"),
    "zh-Hant": ("繁體中文", "您的驗證碼是{{code}}，{{minutes}}分鐘內有效。請勿告訴他人。",
                "您好，您的驗證碼是：{{code}}。再說一遍：{{code}}。再見。"),
    "de": ("Deutsch", "Ihr Code lautet {{code}}. Er gilt {{minutes}} Minuten. Geben Sie ihn nicht weiter.",
           "Guten Tag. Ihr Code lautet: {{code}}. Noch einmal: {{code}}. Auf Wiederhören."),
    "fr": ("Français", "Votre code est {{code}}. Il est valable {{minutes}} minutes. Ne le donnez pas.",
           "Bonjour. Votre code est : {{code}}. Je répète : {{code}}. Au revoir."),
    "es": ("Español", "Su código es {{code}}. Vale {{minutes}} minutos. No lo comparta con nadie.",
           "Hola. Su código es: {{code}}. Repito: {{code}}. Adiós."),
    "pt": ("Português", "O seu código é {{code}}. Vale {{minutes}} minutos. Não o partilhe com ninguém.",
           "Olá. O seu código é: {{code}}. Repito: {{code}}. Adeus."),
    "it": ("Italiano", "Il tuo codice è {{code}}. Vale {{minutes}} minuti. Non darlo a nessuno.",
           "Salve. Il tuo codice è: {{code}}. Ripeto: {{code}}. Arrivederci."),
    "tr": ("Türkçe", "Kodunuz {{code}}. {{minutes}} dakika geçerli. Kimseyle paylaşmayın.",
           "Merhaba. Kodunuz: {{code}}. Tekrar ediyorum: {{code}}. Hoşça kalın."),
    "ru": ("Русский", "Ваш код: {{code}}. Он действует {{minutes}} мин. Никому его не сообщайте.",
           "Здравствуйте. Ваш код: {{code}}. Повторяю: {{code}}. До свидания."),
    "ja": ("日本語", "認証コードは{{code}}です。{{minutes}}分間有効です。誰にも教えないでください。",
           "認証コードは、{{code}}、です。もう一度、{{code}}、です。"),
    "ko": ("한국어", "인증번호는 {{code}}입니다. {{minutes}}분간 유효합니다. 타인에게 알려주지 마세요.",
           "인증번호는 {{code}} 입니다. 다시 한번, {{code}} 입니다."),
    "id": ("Bahasa Indonesia", "Kode Anda {{code}}. Berlaku {{minutes}} menit. Jangan berikan kepada siapa pun.",
           "Halo. Kode Anda: {{code}}. Sekali lagi: {{code}}. Sampai jumpa."),
    "vi": ("Tiếng Việt", "Mã của bạn là {{code}}. Có hiệu lực trong {{minutes}} phút. Không chia sẻ với ai.",
           "Xin chào. Mã của bạn là: {{code}}. Nhắc lại: {{code}}. Tạm biệt."),
    "ar": ("العربية", "رمزك هو {{code}}. صالح لمدة {{minutes}} دقائق. لا تشاركه مع أحد.",
           "مرحبا. رمزك هو: {{code}}. مرة أخرى: {{code}}."),
}  # fmt: skip
#: Countries with a language of their own here, where the caller names none.
_HOME = {"CN": "zh-Hans", "TW": "zh-Hant", "HK": "zh-Hant", "MO": "zh-Hant"}
_FIELDS = ("{{code}}", "{{minutes}}", "{{brand}}")


def choose(locale: str, country: str, fallback: str) -> str:
    """The language of a text: as asked, else the country's, else the instance's.  Raises `Refusal`."""
    if not locale:
        return _HOME.get(country) or pick_language(TEXTS, fallback.replace("_", "-"), "en")
    tag = language(locale)
    if tag.startswith("zh"):
        return "zh-Hant" if tag in ("zh-TW", "zh-HK", "zh-MO", "zh-Hant") else "zh-Hans"
    return pick_language(TEXTS, tag, "en")


def texts() -> dict[str, tuple[str, str]]:
    """{language: (text, call)} as they are used: changed ones over those that come with Cooee."""
    changed = settings.get(KEY, {})
    return {
        lang: tuple(
            changed.get(lang, {}).get(name) or words for name, words in (("text", text), ("call", call))
        )
        for lang, (_name, text, call) in TEXTS.items()
    }


def change(lang: str, text: str, call: str, who: str = "") -> None:
    """Change the words of a language; empty ones are again those that come with Cooee.  Raises `Refusal`."""
    if lang not in TEXTS:
        raise Refusal(_("There are no texts in %(lang)s.", lang=lang), field="lang", status=404)
    new = {name: check(words, name) for name, words in (("text", text), ("call", call)) if words.strip()}
    new = {name: words for name, words in new.items() if words != TEXTS[lang][1 if name == "text" else 2]}
    with database.write_tx():
        kept = settings.get(KEY, {}) | {lang: new}
        settings.put(KEY, {name: words for name, words in kept.items() if words})
        audit.record(who, "otp.texts", lang)


def check(text: str, field: str = "text") -> str:
    """Words fit to carry a code; raises `Refusal`."""
    words = text.strip()
    if len(words) > TEXT_MAX:
        raise Refusal(_("The words have at most %(max)s characters.", max=TEXT_MAX), field=field)
    rest = words
    for name in _FIELDS:
        rest = rest.replace(name, "")
    if "{{code}}" not in words or "{{" in rest or "}}" in rest:
        raise Refusal(
            _("The words hold {{code}}, may hold {{minutes}} and {{brand}}, and no other field."), field=field
        )
    if MASK in words:
        raise Refusal(_("The words hold no %(mask)s; that stands for the code.", mask=MASK), field=field)
    return words


def fill(words: str, values: Mapping[str, str]) -> str:
    """Words with the mask where the code belongs; the code itself comes on the way to the wire."""
    for name, value in values.items():
        words = words.replace(f"{{{{{name}}}}}", value)
    return words.replace("{{code}}", MASK)


def signed(words: str, lang: str, brand: str) -> str:
    """Words that say who is writing: 【brand】 in Chinese, "brand: " elsewhere."""
    if not brand or brand in words or "{{brand}}" in words:
        return words
    return f"【{brand}】{words}" if lang.startswith("zh") else f"{brand}: {words}"
