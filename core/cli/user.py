"""`cooee user`: people who sign in."""

from __future__ import annotations

import sys

import click

from core import clock
from core.cli.common import emit, json_option, pass_rt, table, whoami
from core.contract.errors import Refusal
from core.runtime import Runtime
from core.security import secondfactor, users
from core.security.roles import ROLES


@click.group("user")
def command() -> None:
    """Users: people who sign in, their roles and passwords.

    Example: cooee user add li@shop.example --role marketer
    """


@command.command("add")
@click.argument("email")
@click.option("--role", required=True, help=f"One of {', '.join(ROLES)}.")
@click.option("--name", default="", help="How pages call this person.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@json_option
@pass_rt
def add(rt: Runtime, email: str, role: str, name: str, password_stdin: bool, as_json: bool) -> None:
    """Add a person; without a password a one-time link to choose one is printed.

    Example: cooee user add li@shop.example --role marketer
    """
    password = sys.stdin.readline().rstrip("\n") if password_stdin else None
    user = users.add(whoami(), email, role, password, name)
    link = None if password is not None else users.invite(rt, whoami(), user)
    human = f"{user.email} added as {role}."
    if link:
        human += f" Give them this link; it works once, for 7 days:\n{link}"
    emit({"email": user.email, "role": role, "link": link}, as_json, human)


@command.command("list")
@json_option
@pass_rt
def list_(rt: Runtime, as_json: bool) -> None:
    """Everyone with role, state and when they were last seen.

    Example: cooee user list --json
    """
    people = [
        {
            "email": p["email"],
            "name": p["name"],
            "role": p["role"],
            "state": p["state"],
            "totp": p["totp"],
            "last_seen_at": clock.from_ms(p["last_seen_at"]).isoformat() if p["last_seen_at"] else None,
        }
        for p in users.listed()
    ]
    rows = [
        (p["email"], p["role"], p["state"], "yes" if p["totp"] else "no", p["last_seen_at"] or "never")
        for p in people
    ]
    emit(people, as_json, table(rows, ("email", "role", "state", "TOTP", "last seen")))


@command.command("disable")
@click.argument("email")
@json_option
@pass_rt
def disable(rt: Runtime, email: str, as_json: bool) -> None:
    """Sign a person out everywhere and keep them out.

    Example: cooee user disable li@shop.example
    """
    user = users.find(email)
    users.set_active(whoami(), user, False)
    emit({"email": user.email, "state": "disabled"}, as_json, f"{user.email} is disabled and signed out.")


@command.command("enable")
@click.argument("email")
@json_option
@pass_rt
def enable(rt: Runtime, email: str, as_json: bool) -> None:
    """Let a disabled person in again.

    Example: cooee user enable li@shop.example
    """
    user = users.find(email)
    users.set_active(whoami(), user, True)
    emit({"email": user.email, "state": "active"}, as_json, f"{user.email} may sign in again.")


@command.command("reset")
@click.argument("email")
@click.option("--second-factor", is_flag=True, help="Take off TOTP and recovery codes, too.")
@json_option
@pass_rt
def reset(rt: Runtime, email: str, second_factor: bool, as_json: bool) -> None:
    """Void a person's password and print a one-time link to choose a new one.

    Example: cooee user reset li@shop.example
    """
    user = users.find(email)
    if not user.active:
        raise Refusal(f"{user.email} is disabled; `cooee user enable {user.email}` first.", field="email")
    link = users.reset(rt, whoami(), user, second_factor=second_factor)
    emit(
        {"email": user.email, "link": link},
        as_json,
        f"{user.email} is signed out everywhere. This link works once, for 24 hours:\n{link}",
    )


@command.command("role")
@click.argument("email")
@click.argument("role")
@json_option
@pass_rt
def role(rt: Runtime, email: str, role: str, as_json: bool) -> None:
    """Change a person's role; their sessions end.

    Example: cooee user role li@shop.example approver
    """
    user = users.find(email)
    users.set_role(whoami(), user, role)
    emit({"email": user.email, "role": role}, as_json, f"{user.email} is now {role}.")


@command.command("second-factor")
@click.argument("who", required=False, type=click.Choice(list(secondfactor.POLICIES)))
@json_option
@pass_rt
def second_factor(rt: Runtime, who: str | None, as_json: bool) -> None:
    """Say who must have a second step at sign-in, or show who must.

    powers: whoever may launch, export, or change credentials, settings or people.  Whoever must and has none is
    led to set it up before anything else.

    Example: cooee user second-factor powers
    """
    if who:
        secondfactor.choose(whoami(), who)
    people = users.listed()
    missing = secondfactor.missing(people)
    emails = [person["email"] for person in people if person["id"] in missing]
    human = f"Second step: {secondfactor.policy()}."
    if emails:
        human += f" Must still set it up: {', '.join(emails)}."
    emit({"second_factor": secondfactor.policy(), "missing": emails}, as_json, human)
