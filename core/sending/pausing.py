"""Why a campaign paused, and what an account said last: kept in English, shown in the reader's language.

The worker that stores such a sentence knows no reader, so the English one is kept, which commands and the API
give as it is, and recognised again when a page shows it.  What is not one of these stays as it was stored.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from core.i18n import _l, gettext, language, use

SENTENCES = {
    "hand": _l("Paused by hand."),
    "token": _l("Paused by the API token %(name)s."),
    "budget": _l("The budget of the campaign is used up."),
    "halted": _l("Account “%(name)s” is halted: %(why)s."),
    "failing": _l("Account “%(name)s” keeps failing: %(why)s."),
    "down": _l("Account “%(name)s” has taken nothing for %(minutes)s minutes: %(why)s."),
    "all_down": _l(
        "No account the campaign may use has taken anything for %(minutes)s minutes; the last error: %(why)s."
    ),
    "rejected": _l("%(n)s messages in a row were rejected: %(why)s."),
    "no_account": _l("There is no account to send through; add one under Providers."),
    "no_provider": _l(
        "No plugin offers the provider “%(provider)s” of account “%(name)s”: install it again or switch it on, "
        "restart Cooee, then switch the account on."
    ),
    "new_provider": _l(
        "No plugin offers the provider “%(provider)s” of account “%(name)s” yet: restart Cooee to use what was "
        "installed meanwhile (%(plugins)s), then switch the account on."
    ),
    "off": _l("Account “%(name)s” is switched off."),
    "words": _l(
        "The provider refuses the words of %(n)s messages (%(codes)s); look at the text before it goes on."
    ),
    "words_of": _l(
        "The provider refuses the words of %(n)s messages of text %(text)s (%(codes)s); look at the text before it goes on."
    ),
    "every_word": _l(
        "The provider refuses the words of every message of text %(text)s so far, %(n)s (%(codes)s); look at the "
        "text before it goes on."
    ),
    "code": _l("code %(codes)s"),
    "codes": _l("codes %(codes)s"),
    "gone": _l("a template that is gone"),
    # What core.http says of a call; it stands where the others say why.
    "unreached": _l("The gateway was not reached: %(why)s."),
    "incomplete": _l("No complete answer came: %(why)s."),
    "closed": _l("The connection was closed before an answer came."),
    "silent": _l("no answer"),
}


def say(key: str, **values: Any) -> str:
    """The sentence to store."""
    values = {name: str(value).rstrip(".") for name, value in values.items()}
    with use("en"):
        return str(SENTENCES[key]) % values if values else str(SENTENCES[key])


def tell(stored: str) -> str:
    """A stored sentence in the reader's language, and in it why, where that is one of these, too."""
    if language() == "en":
        return stored
    for english, pattern in _patterns():
        if found := pattern.fullmatch(stored):
            values = {name: tell(value.rstrip(".")).rstrip("。") for name, value in found.groupdict().items()}
            return gettext(english, **values)
    return stored


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    with use("en"):
        every = [str(sentence) for sentence in SENTENCES.values()]
    made = []
    for english in every:
        parts = re.split(r"%\((\w+)\)s", english.rstrip("."))
        parts[::2] = map(re.escape, parts[::2])
        parts[1::2] = [f"(?P<{name}>.+)" for name in parts[1::2]]
        made.append((english, re.compile("".join(parts) + r"\.?", re.DOTALL)))
    return made
