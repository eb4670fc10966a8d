"""The HTTP gateway provider as tests make it, and texts for it."""

from __future__ import annotations

from core import Outgoing
from core.http import Rules
from core.sending.accounts import checked
from plugins.providers.http import Http

REF, CALLBACK = "0123456789ABCDEF", "https://cooee.example/hooks/t/receipt"
PLAIN = Outgoing(REF, "+8613800138000", "Hello", "10690000")
UNICODE = Outgoing(REF, "+12025550123", '【店】"全场八折"\n😀 {to} & = % \\ </a>', "")
LONG = Outgoing(REF, "+447700900123", "long " * 300, "Shop")


def made(url: str = "https://gateway.example/send", **given) -> Http:
    """A provider with these settings that may call this machine."""
    provider = Http(checked(Http, {"url": url, **{k: str(v) for k, v in given.items()}}), CALLBACK)
    provider.outgoing = Rules(allow=("127.0.0.1",))
    return provider


def many(n: int) -> list[Outgoing]:
    """Texts of which each says something else."""
    return [Outgoing(f"R{i:015d}", f"+86138{i:08d}", f"text {i}", "S") for i in range(n)]
