"""`cooee token`: tokens of programs for the API."""

from __future__ import annotations

import click

from core import clock
from core.cli.common import ROW_ID, emit, json_option, pass_rt, table, whoami
from core.runtime import Runtime
from core.security import tokens


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
@click.argument("more", nargs=-1, metavar="[SCOPE]...")
@click.option(
    "--days", type=click.IntRange(0, tokens.MAX_DAYS), default=tokens.DEFAULT_DAYS, show_default=True,
    help="How long it works; 0 until it is revoked.",
)  # fmt: skip
@json_option
@pass_rt
def add(
    rt: Runtime, name: str, scopes: tuple[str, ...], more: tuple[str, ...], days: int, as_json: bool
) -> None:
    """Make a token and print it, this once.

    Example: cooee token add shop --scope contacts.write events.write
    """
    wanted = [scope for text in (*scopes, *more) for scope in text.split(",") if scope]
    text, made = tokens.create(whoami(), name, wanted, days)
    emit(_plain(made) | {"token": text}, as_json, text)
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
    rows = [_plain(token) for token in tokens.listed()]
    cells = [
        (
            r["id"],
            r["name"],
            r["prefix"] + "…",
            r["state"],
            " ".join(r["scopes"]),
            r["last_used_at"] or "never",
        )
        for r in rows
    ]
    emit(rows, as_json, table(cells, ("id", "name", "token", "state", "scopes", "last used")))


@command.command("revoke")
@click.argument("id", type=ROW_ID)
@json_option
@pass_rt
def revoke(rt: Runtime, id: int, as_json: bool) -> None:
    """End a token for good.

    Example: cooee token revoke 3
    """
    made = tokens.revoke(whoami(), id)
    emit(_plain(made), as_json, f"Token {made.id} ({made.name}) is revoked.")


def _plain(token: tokens.Token) -> dict:
    return {
        "id": token.id, "name": token.name, "prefix": token.prefix, "state": token.state,
        "scopes": [scope for scope in tokens.SCOPES if scope in token.scopes], "created_by": token.created_by,
        "created_at": _iso(token.created_at), "expires_at": _iso(token.expires_at),
        "last_used_at": _iso(token.last_used_at), "revoked_at": _iso(token.revoked_at),
    }  # fmt: skip


def _iso(ms: int | None) -> str | None:
    return clock.from_ms(ms).isoformat(timespec="seconds") if ms else None
