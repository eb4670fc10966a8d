"""People who sign in: adding, roles, disabling, resetting.

Whatever takes rights away also ends the person's sessions, in the same transaction; the last administrator
can be neither disabled nor demoted.
"""

from __future__ import annotations

import secrets
from typing import Any

from email_validator import EmailNotValidError, validate_email

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.db.models import OneTimeLink, Role, User, UserRoles
from core.i18n import _
from core.runtime import Runtime
from core.security import audit, links, passwords, roles, sessions


def tidy_email(email: str) -> str:
    """An e-mail address as it is stored: checked, lower case.  Raises `Refusal`."""
    try:
        return validate_email(email.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        raise Refusal(_("%(value)s is not an e-mail address.", value=repr(email)), field="email") from None


def find(email: str) -> User:
    """The person of an e-mail address; raises `Refusal` when there is none."""
    user = User.get_or_none(User.email == email.strip().lower())
    if user is None:
        raise Refusal(
            _("There is no person %(email)s; `cooee user list` shows all.", email=email),
            field="email",
            status=404,
        )
    return user


def any_admin() -> bool:
    """Is there an active administrator?  Without one the set-up link works."""
    return _active_admins() > 0


def nobody() -> bool:
    """Is there no account at all, as before the set-up?"""
    return not User.select().exists()


def add(who: str, email: str, role: str, password: str | None = None, name: str = "") -> User:
    """Add a person; without a password they get in by a one-time link (`invite`).

    Raises `Refusal` for a bad address, an unknown role, an easy password or a person who exists.
    """
    email, role = tidy_email(email), roles.check_role(role)
    hashed = passwords.hash_new(password, email) if password is not None else passwords.unusable()
    with database.write_tx():
        if User.get_or_none(User.email == email):
            raise Refusal(_("%(email)s exists already.", email=email), field="email")
        user = User.create(
            email=email,
            name=name.strip(),
            password=hashed,
            fs_uniquifier=secrets.token_hex(32),
            created_at=clock.now_ms(),
        )
        _give_role(user, role)
        audit.record(who, "person.add", email, role)
    return user


def ensure_admin(rt: Runtime, email: str, password: str) -> bool:
    """Make an administrator unless the address exists already; True when one was made."""
    if User.get_or_none(User.email == tidy_email(email)):
        return False
    add("cli", email, "admin", password)
    return True


def set_up(token: str, email: str, password: str, name: str = "") -> User:
    """Make the first administrator by the set-up link, which is spent.  Raises `Refusal`."""
    with database.write_tx():
        if any_admin():
            raise Refusal(_("This server is set up already. Sign in, or ask an admin."), status=404)
        link = links.use(token)
        if link.purpose != "setup":
            raise Refusal(_("This link was used or has expired. Ask for a new one."), status=404)
        return add("setup link", email, "admin", password, name)


def choose_password(token: str, password: str) -> User:
    """Set a password by a person's one-time link, which is spent; ends all sessions.  Raises `Refusal`."""
    with database.write_tx():
        link = links.use(token)
        user = User.get_or_none(User.id == link.user_id)
        if user is None or not user.active:
            raise Refusal(_("This link was used or has expired. Ask for a new one."), status=404)
        user.password = passwords.hash_new(password, user.email)
        user.save(only=[User.password])
        end_sessions(user)
        audit.record(user.email, "person.password", user.email, link.purpose)
    return user


def invite(rt: Runtime, who: str, user: User) -> str:
    """A one-time link for a person who has not chosen a password yet."""
    with database.write_tx():
        audit.record(who, "person.invite", user.email)
        return links.person_link(rt, user.id, "invite")


def reset(rt: Runtime, who: str, user: User, *, second_factor: bool = False) -> str:
    """Lock a person out until they choose a new password; returns the one-time link to give them.

    With `second_factor` their TOTP and recovery codes are taken off, too.
    """
    with database.write_tx():
        user.password = passwords.unusable()
        if second_factor:
            user.tf_primary_method = user.tf_totp_secret = user.mf_recovery_codes = None
        user.save(only=[User.password, User.tf_primary_method, User.tf_totp_secret, User.mf_recovery_codes])
        end_sessions(user)
        audit.record(who, "person.reset", user.email, "with second factor" if second_factor else "")
        return links.person_link(rt, user.id, "reset")


def set_role(who: str, user: User, role: str) -> None:
    """Change a person's role; their sessions end.  Raises `Refusal` for the last administrator."""
    roles.check_role(role)
    with database.write_tx():
        was = roles.role_of(user)
        if was == role:
            return
        if was == "admin":
            _keep_one_admin(user)
        UserRoles.delete().where(UserRoles.user == user.id).execute()
        _give_role(user, role)
        end_sessions(user)
        audit.record(who, "person.role", user.email, f"{was} → {role}")


def set_active(who: str, user: User, active: bool) -> None:
    """Disable a person, who is signed out at once, or let them in again."""
    with database.write_tx():
        if user.active == active:
            return
        if not active and roles.role_of(user) == "admin":
            _keep_one_admin(user)
        user.active = active
        user.save(only=[User.active])
        if not active:
            end_sessions(user)
            OneTimeLink.delete().where(OneTimeLink.user_id == user.id).execute()
        audit.record(who, "person.enable" if active else "person.disable", user.email)


def end_sessions(user: User) -> None:
    """Make every cookie of a person worthless: new session identity, no records."""
    user.fs_uniquifier = secrets.token_hex(32)
    user.save(only=[User.fs_uniquifier])
    sessions.end_all(user.id)


def listed() -> list[dict[str, Any]]:
    """All people with what the People page and `cooee user list` show."""
    rows = database.query(
        "SELECT u.id, u.email, u.name, u.active, u.tf_primary_method, u.last_seen_at, u.created_at, r.name "
        "FROM user_account u LEFT JOIN user_role ur ON ur.user_id = u.id "
        "LEFT JOIN role r ON r.id = ur.role_id ORDER BY u.email"
    )
    names = ("id", "email", "name", "active", "totp", "last_seen_at", "created_at", "role")
    people = [dict(zip(names, row, strict=True)) for row in rows]
    for person in people:
        person["active"], person["totp"] = bool(person["active"]), person["totp"] == "authenticator"
        person["state"] = (
            "disabled" if not person["active"] else "active" if person["last_seen_at"] else "invited"
        )
    return people


def _give_role(user: User, role: str) -> None:
    row, _made = Role.get_or_create(name=role)
    UserRoles.create(user=user.id, role=row.id)


def _active_admins() -> int:
    return database.scalar(
        "SELECT count(*) FROM user_account u JOIN user_role ur ON ur.user_id = u.id "
        "JOIN role r ON r.id = ur.role_id WHERE r.name = 'admin' AND u.active = ?",
        (True,),
    )


def _keep_one_admin(user: User) -> None:
    if user.active and _active_admins() <= 1:
        raise Refusal(_("%(email)s is the last admin; make somebody else an admin first.", email=user.email))
