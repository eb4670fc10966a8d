"""Flask-Security-Too, set up for Cooee: sign-in, password change, TOTP and recovery codes.

What it lacks is added here: codes that work once over all processes, hashed recovery codes, limits on tries,
and server-side session records.  One-time links (set-up, invitation, reset) are ours: core/web/auth.py.
"""

from __future__ import annotations

import hmac
import json
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import qrcode
from flask import Flask, abort, current_app, g, request, session
from flask_login import user_logged_in, user_logged_out
from flask_principal import Principal
from flask_security import (
    MfRecoveryCodesUtil,
    PasswordUtil,
    PeeweeUserDatastore,
    Security,
    current_user,
    login_user,
    logout_user,
    password_changed,
    tf_disabled,
    tf_profile_changed,
)
from flask_security.totp import Totp
from flask_wtf import CSRFProtect
from markupsafe import Markup
from werkzeug.exceptions import TooManyRequests

from core.contract.errors import Refusal
from core.db import database
from core.db.models import Role, User, UserRoles
from core.i18n import _, _n
from core.runtime import Runtime
from core.security import audit, passwords, secondfactor, sessions, throttle, users
from core.web import held, secondstep
from core.web.access import public

#: POSTs that check a secret, each with how to find the account that is tried.
GUARDED = {
    "security.login": lambda: _typed_address(),
    "security.two_factor_token_validation": lambda: session.get("tf_user_id", ""),
    "security.mf_recovery": lambda: session.get("tf_user_id", ""),
    "security.verify": lambda: str(current_user.get_id()),
    "security.change_password": lambda: str(current_user.get_id()),
    "auth.send_link": lambda: _typed_address(),
    "auth.choose": lambda: (request.view_args or {}).get("token", ""),
    "auth.set_up": lambda: "setup",
}
#: Pages of Flask-Security that make no sense here: help by mail, and a choice among one method.
NOT_OFFERED = ("security.two_factor_rescue", "security.tf_select")
STEP_UP_S = 600


class _Datastore(PeeweeUserDatastore):
    """The datastore, writing like everything else."""

    def put(self, model: Any) -> Any:
        with database.write_tx():
            return super().put(model)

    def mf_set_recovery_codes(self, user: Any, rcs: list[str] | None) -> None:
        user.mf_recovery_codes = json.dumps(rcs) if rcs else None
        self.put(user)

    def tf_reset(self, user: Any) -> None:
        if secondfactor.demanded(user):
            raise Refusal(
                _("Your admins ask for a second step, so it stays on; a new phone is set up in its place."),
                status=403,
            )
        super().tf_reset(user)

    def mf_get_recovery_codes(self, user: Any) -> list[str]:
        return json.loads(user.mf_recovery_codes or "[]")


class _Passwords(PasswordUtil):
    """Our one rule for new passwords (core.security.passwords)."""

    def normalize(self, password: str) -> str:
        return passwords.normalize(password)

    def validate(self, password: str, is_register: bool, **kwargs: Any) -> tuple[list | None, str]:
        wrong = passwords.trouble(password, getattr(kwargs.get("user"), "email", ""))
        return [wrong] if wrong else None, self.normalize(password)


class _Codes(Totp):
    """TOTP whose codes work once, whatever process sees them first (RFC 6238 §5.2)."""

    def verify_totp(self, token: str, totp_secret: str, user: Any, window: int = 0) -> bool:
        return super().verify_totp(token, totp_secret, user, window) and g.pop("totp_fresh", False)

    def set_last_counter(self, user: Any, tmatch: Any) -> None:
        g.totp_fresh = throttle.once("totp", str(user.id), tmatch.counter)

    def generate_qrcode(self, username: str, totp: str) -> Markup:
        """The code as inline SVG: our content policy takes no data: addresses."""
        code = qrcode.QRCode(border=0)
        code.add_data(self.get_totp_uri(username, totp))
        rows = code.get_matrix()
        dots = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, on in enumerate(row) if on)
        return Markup(
            '<svg class="qr" viewBox="0 0 {0} {0}" role="img" aria-label="QR"><path d="{1}"/></svg>'
        ).format(len(rows), dots)


class _Recovery(MfRecoveryCodesUtil):
    """Recovery codes stored as hashes and spent by compare-and-set."""

    def get_recovery_codes(self, user: Any) -> list[str]:
        return []  # shown once, when they are made; only hashes are kept

    def check_recovery_code(self, user: Any, code: str) -> bool:
        """Spend the code: two requests with the same one cannot both succeed."""
        stored, wanted = user.mf_recovery_codes or "[]", self._encrypt_codes([code.strip().lower()])[0]
        left = [known for known in json.loads(stored) if not hmac.compare_digest(known, wanted)]
        if len(left) == len(json.loads(stored)):
            return False
        with database.write_tx():
            spent = database.execute(
                "UPDATE user_account SET mf_recovery_codes = ? WHERE id = ? AND mf_recovery_codes = ?",
                (json.dumps(left), user.id, stored),
            ).rowcount
            audit.record(user.email, "person.recovery_code", user.email, f"{len(left)} left")
        return spent == 1

    def delete_recovery_code(self, user: Any, code: str) -> bool:
        return True  # spent already, when it was checked

    def _encrypt_codes(self, codes: list[str]) -> list[str]:
        # 48 random bits each behind a password and five tries a minute: a fast hash is enough.
        return [sha256(code.encode()).hexdigest() for code in codes]


def init(app: Flask, rt: Runtime) -> None:
    """Configure Flask-Security on the application."""
    secure = urlsplit(rt.settings.public_url).scheme == "https"
    app.config.update(
        SECRET_KEY=_derived(rt, "session cookie"),
        SESSION_COOKIE_NAME="__Host-cooee" if secure else "cooee",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
        WTF_CSRF_SSL_STRICT=False,  # our referrer policy sends none; core.web.headers checks the origin
        WTF_CSRF_CHECK_DEFAULT=True,
        SECURITY_PASSWORD_SALT=_derived(rt, "passwords"),
        SECURITY_PASSWORD_SINGLE_HASH=True,
        SECURITY_PASSWORD_HASH="argon2",  # noqa: S106
        SECURITY_PASSWORD_SCHEMES=["argon2"],
        SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS={f"argon2__{k}": v for k, v in passwords.ARGON2.items()},
        SECURITY_PASSWORD_LENGTH_MIN=passwords.MIN_LENGTH,
        SECURITY_CHANGEABLE=True,
        SECURITY_SEND_PASSWORD_CHANGE_EMAIL=False,
        SECURITY_RETURN_GENERIC_RESPONSES=True,
        SECURITY_TWO_FACTOR=True,
        SECURITY_TWO_FACTOR_ENABLED_METHODS=["authenticator"],
        SECURITY_TWO_FACTOR_RESCUE_EMAIL=False,
        SECURITY_TWO_FACTOR_AUTHENTICATOR_VALIDITY=30,  # seconds a phone's clock may be off
        SECURITY_TWO_FACTOR_POST_SETUP_VIEW="account.index",
        SECURITY_TOTP_SECRETS={"1": _derived(rt, "totp")},
        SECURITY_TOTP_ISSUER="Cooee",
        SECURITY_MULTI_FACTOR_RECOVERY_CODES=True,
        SECURITY_MULTI_FACTOR_RECOVERY_CODES_N=10,
        SECURITY_API_ENABLED_METHODS=["session"],
        SECURITY_FRESHNESS=timedelta(seconds=STEP_UP_S),
        SECURITY_FRESHNESS_GRACE_PERIOD=timedelta(0),
        SECURITY_POST_LOGIN_VIEW="/",
        SECURITY_POST_LOGOUT_VIEW="/login",
        SECURITY_POST_CHANGE_VIEW="account.index",
        SECURITY_LOGOUT_METHODS=["POST"],
    )
    CSRFProtect(app)
    datastore = _Datastore(database.proxy, User, Role, UserRoles)
    security = Security(
        app,
        datastore,
        password_util_cls=_Passwords,
        totp_cls=_Codes,
        mf_recovery_codes_util_cls=_Recovery,
    )
    security.want_json(lambda _request: False)
    secondstep.init(security)
    security.login_context_processor(lambda: {"nobody": users.nobody()})
    for endpoint in NOT_OFFERED:
        app.view_functions[endpoint] = _not_found
    # Flask-Principal would read all roles on each request, scripts and pictures included; nobody asks it.
    before = app.before_request_funcs[None]
    before[:] = [step for step in before if not isinstance(getattr(step, "__self__", None), Principal)]
    # Only the session signs people in: no auth tokens, no basic auth.
    app.login_manager._request_callback = None
    app.before_request(_check_session)
    app.before_request(_limit_tries)
    for signal, receiver in (
        (user_logged_in, _on_login),
        (user_logged_out, _on_logout),
        (password_changed, _on_password),
        (tf_profile_changed, _on_second_factor),
        (tf_disabled, _off_second_factor),
    ):
        signal.connect(receiver, app)


def begin(user: User) -> None:
    """Sign in somebody who proved just now who they are, as the sign-in page does: a new session, an audit line."""
    login_user(user, authn_via=["password"])


def client_ip() -> str:
    """The address of the caller, through the configured number of proxies."""
    return request.remote_addr or ""


def client_net() -> str:
    """What limits count as one caller: see `throttle.network`."""
    return throttle.network(client_ip())


def _typed_address() -> str:
    """The address that is tried, as Flask-Security looks it up: full-width letters and dots are plain ones there."""
    typed = request.form.get("email", "").strip()
    try:
        return current_app.extensions["security"].mail_util.normalize(typed)
    except ValueError:
        return typed


@public
def _not_found(**_values: Any):
    return abort(404)


def _derived(rt: Runtime, purpose: str) -> str:
    return hmac.digest(rt.keys.session, f"cooee {purpose}".encode(), "sha256").hex()


def _check_session():
    """Before each request: a cookie without a living record is nobody's."""
    if request.endpoint in ("static", "vendor.file"):
        return
    if current_user.is_authenticated and not sessions.alive(current_user.id, session.get("sid")):
        logout_user()
        session.pop("sid", None)
        session[held.ENDED] = 1
    return


def _limit_tries() -> None:
    """Before a POST that checks a secret: count the try by address and by account, in the database."""
    account = GUARDED.get(request.endpoint or "")
    if account is None or request.method != "POST":
        return
    kind = request.endpoint
    wait_s = throttle.hit(f"{kind}:ip", client_net(), throttle.BY_IP)
    if who := account():
        wait_s = max(wait_s, throttle.hit(f"{kind}:account", who, throttle.BY_ACCOUNT))
    if wait_s:
        error = TooManyRequests(
            _n(
                "Too many tries. Wait %(n)s second, then try again.",
                "Too many tries. Wait %(n)s seconds, then try again.",
                wait_s,
            )
        )
        error.retry_after = wait_s
        raise error


def _on_login(app: Flask, user: User, **_more: Any) -> None:
    sessions.end(session.get("sid"))
    session.pop(held.ENDED, None)
    session["sid"] = sessions.start(user.id, client_ip(), request.user_agent.string)
    throttle.clear("security.login:account", user.email)
    with database.write_tx():
        audit.record(user.email, "person.sign_in", user.email)


def _on_logout(app: Flask, user: User, **_more: Any) -> None:
    sessions.end(session.pop("sid", None))


def _on_password(app: Flask, user: User, **_more: Any) -> None:
    sessions.end_all(user.id, but=session.get("sid"))
    with database.write_tx():
        audit.record(user.email, "person.password", user.email)


def _on_second_factor(app: Flask, user: User, **_more: Any) -> None:
    with database.write_tx():
        audit.record(user.email, "person.totp_on", user.email)


def _off_second_factor(app: Flask, user: User, **_more: Any) -> None:
    with database.write_tx():
        audit.record(user.email, "person.totp_off", user.email)
