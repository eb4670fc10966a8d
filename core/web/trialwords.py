"""The words of trials on pages: functions, hours, kinds of texts, results, verdicts, states."""

from __future__ import annotations

from core.i18n import _


def function(key: str) -> str:
    """What a provider promises."""
    return {
        "delivery": _("Texts arrive"), "receipts": _("Receipts are true"), "unicode": _("Every script and emoji"),
        "long": _("Long texts whole"), "sender": _("The sender's name is kept"), "inbound": _("Answers come in"),
        "optout": _("STOP comes in"), "rate": _("Texts a second"), "support": _("Support answers"),
    }[key]  # fmt: skip


def function_help(key: str) -> str:
    """How it is found out."""
    return {
        "delivery": _("How many of the texts are really seen on the phones."),
        "receipts": _("Does “delivered” mean that it is there? Receipts are held against the phones."),
        "unicode": _("Chinese, accents, Greek and an emoji, compared letter by letter."),
        "long": _("A text of two or three parts: does it come as one, complete, in order?"),
        "sender": _("The sender the phone shows, against the one that was ordered."),
        "inbound": _("Three phones are asked to answer; the answer must reach Cooee."),
        "optout": _(
            "One phone an account is asked to answer STOP, at the very end. It gets no more texts until it answers START."
        ),
        "rate": _("Somebody measures it and writes it down here."),
        "support": _("Ask them something; write down when and what they answered."),
    }[key]  # fmt: skip


def hours(key: str) -> str:
    """Hours of the day."""
    named = {"10": "10:00–12:00", "15": "15:00–17:00", "19": "19:00–21:00"}
    return named.get(key) or {"night": _("Night, 22:00–24:00"), "now": _("At once")}[key]


def kind(key: str) -> str:
    """What a text carries."""
    return {
        "plain": _("plain"), "unicode": _("every script"), "long": _("long"), "reply": _("asks for an answer"),
        "stop": _("asks for STOP"),
    }[key]  # fmt: skip


def result(key: str) -> tuple[str, str]:
    """(tone, word) of a promised function."""
    return {
        "pass": ("good", _("met")), "fail": ("bad", _("not met")), "open": ("warn", _("too early")),
        "none": ("plain", _("not tried")),
    }[key]  # fmt: skip


def verdict(key: str) -> tuple[str, str]:
    """(tone, word) of what a person decided."""
    return {
        "good": ("good", _("take it")), "limits": ("warn", _("with limits")), "bad": ("bad", _("do not take it")),
    }[key]  # fmt: skip


def state(key: str) -> tuple[str, str]:
    """(tone, word) of a trial."""
    return {
        "draft": ("plain", _("draft")), "running": ("info", _("running")), "paused": ("warn", _("paused")),
        "done": ("good", _("done")), "cancelled": ("plain", _("cancelled")),
    }[key]  # fmt: skip


def seen(key: str) -> tuple[str, str]:
    """(tone, word) of what became of a text."""
    return {
        "": ("plain", _("nobody looked")), "yes": ("good", _("arrived")), "damaged": ("warn", _("arrived damaged")),
        "no": ("bad", _("did not arrive")),
    }[key]  # fmt: skip
