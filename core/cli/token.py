"""`cooee token`: tokens of programs for the API."""

from __future__ import annotations

import click

from core import clock
from core.cli import params
from core.cli.common import emit, json_option, pass_rt, table, whoami
from core.db import settings
from core.runtime import Runtime
from core.security import networks, spending, tokens
from core.sending import atmost


@click.group("token")
def command() -> None:
    """Tokens: what programs sign in with at the API.

    Example: cooee token add shop --scope contacts.write events.write
    """


@command.command("add")
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, required=True, help=f"One of {', '.join(tokens.SCOPES)}. Repeatable."
)
@click.argument("more", nargs=-1, metavar="[SCOPE | CIDR]...")
@click.option(
    "--days", type=params.Whole(0, tokens.MAX_DAYS), default=tokens.DEFAULT_DAYS, show_default=True,
    help="How long it works; 0 until it is revoked.",
)  # fmt: skip
@click.option(
    "--from", "sources", multiple=True, metavar="CIDR",
    help="An address or network it works from, such as 192.0.2.0/24 or 2001:db8::/32. Repeatable; by default all.",
)  # fmt: skip
@click.option(
    "--spend-cap", "cap", metavar="AMOUNT",
    help="What it may spend a day, such as 50 or “50 CNY”; docs/api.md says what is counted.",
)  # fmt: skip
@json_option
@pass_rt
def add(
    rt: Runtime, name: str, scopes: tuple[str, ...], more: tuple[str, ...], days: int, sources: tuple[str, ...],
    cap: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Make a token and print it, this once.

    Example: cooee token add shop --scope contacts.write events.write --from 192.0.2.0/24
    """
    words = [word for text in (*scopes, *more) for word in text.split(",") if word]
    # Words behind --from arrive among the scopes; no scope reads like an address.
    places = [place for text in sources for place in text.split(",")]
    places += [word for word in words if networks.is_one(word)]
    wanted = [word for word in words if not networks.is_one(word)]
    limit = None if cap is None else atmost.cap(cap)
    text, made = tokens.create(whoami(), name, wanted, days, sources=places, cap=limit)
    emit(_plain(made, {}) | {"token": text}, as_json, text)
    if not as_json:
        until = f"until {_iso(made.expires_at)}" if made.expires_at else "until it is revoked"
        click.echo(f"Token {made.id} works {until}; it is not shown again.", err=True)


@command.command("list")
@json_option
@pass_rt
def list_(rt: Runtime, as_json: bool) -> None:
    """All tokens, newest first, without their secrets.

    Example: cooee token list --json
    """
    every = tokens.listed()
    spent = spending.spent([token.id for token in every], settings.house_zone(rt.settings.zone))
    rows = [_plain(token, spent) for token in every]
    cells = [
        (
            r["id"],
            r["name"],
            r["prefix"] + "…",
            r["state"],
            " ".join(r["scopes"]),
            " ".join(r["networks"]) or "anywhere",
            _spent(r),
            r["last_used_at"] or "never",
        )
        for r in rows
    ]
    names = ("id", "name", "token", "state", "scopes", "from", "spent today", "last used")
    emit(rows, as_json, table(cells, names))


@command.command("revoke")
@click.argument("id", type=params.ROW_ID)
@json_option
@pass_rt
def revoke(rt: Runtime, id: int, as_json: bool) -> None:
    """End a token for good.

    Example: cooee token revoke 3
    """
    made = tokens.revoke(whoami(), id)
    spent = spending.spent([made.id], settings.house_zone(rt.settings.zone))
    emit(_plain(made, spent), as_json, f"Token {made.id} ({made.name}) is revoked.")


def _plain(token: tokens.Token, spent: dict[int, int]) -> dict:
    capped = token.cap_micros is not None
    return {
        "id": token.id, "name": token.name, "prefix": token.prefix, "state": token.state,
        "scopes": [scope for scope in tokens.SCOPES if scope in token.scopes], "created_by": token.created_by,
        "created_at": _iso(token.created_at), "expires_at": _iso(token.expires_at),
        "last_used_at": _iso(token.last_used_at), "revoked_at": _iso(token.revoked_at),
        "networks": list(token.networks), "spend_cap": token.cap_micros / spending.MICROS if capped else None,
        "spend_currency": token.cap_currency or None,
        "spent_today": spent.get(token.id, 0) / spending.MICROS if capped else None,
    }  # fmt: skip


def _spent(row: dict) -> str:
    """Today's part of the cap, for people."""
    if row["spend_cap"] is None:
        return ""
    return f"{row['spent_today']:g} of {row['spend_cap']:g} {row['spend_currency']}"


def _iso(ms: int | None) -> str | None:
    return clock.from_ms(ms).isoformat(timespec="seconds") if ms else None
