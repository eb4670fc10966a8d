"""Switching the second step on, and Cooee's own sentences for what Flask-Security says.

The library throws the secret away at the first mistyped code and makes no recovery codes; this view keeps the
one and shows the other.
"""

from __future__ import annotations

from typing import Any

from flask import current_app, redirect, session, url_for
from flask_security import Security, TwoFactorVerifyCodeForm, current_user, tf_profile_changed
from flask_security.babel import FsDomain, is_lazy_string
from flask_security.tf_plugin import tf_clean_session
from flask_security.utils import check_and_get_token_status

from core.i18n import _, lazy
from core.web.access import WANTED, signed_in
from core.web.render import flash, page

METHOD = "authenticator"

_AGAIN = lazy("Type your password once more to go on.")
_WRONG_CODE = lazy("This code is wrong or was used already. Type the one your app shows now.")
_WRONG_PASSWORD = lazy("This is not your present password.")
_SIGN_IN = lazy("Sign in to see this page.")
_BEGIN_AGAIN = lazy("Sign in once more, with the password first.")
#: Message of Flask-Security → (our sentence, tone), for all that somebody can meet here.
MESSAGES = {
    "ANONYMOUS_USER_REQUIRED": (lazy("You are signed in already."), "info"),
    "DISABLED_ACCOUNT": (lazy("E-mail or password is wrong."), "bad"),
    "GENERIC_AUTHN_FAILED": (lazy("E-mail or password is wrong."), "bad"),
    "INVALID_CODE": (_WRONG_CODE, "bad"),
    "INVALID_INPUT": (lazy("This cannot be read; type it again."), "bad"),
    "INVALID_PASSWORD": (_WRONG_PASSWORD, "bad"),
    "INVALID_RECOVERY_CODE": (lazy("This recovery code is wrong or was used already."), "bad"),
    "INVALID_REDIRECT": (lazy("The link leads away from Cooee and was not followed."), "bad"),
    "LOGIN": (_SIGN_IN, "info"),
    "NO_RECOVERY_CODES_SETUP": (lazy("There are no recovery codes yet."), "info"),
    "PASSWORD_CHANGE": (lazy("The new password is set. Your other sessions are over."), "good"),
    "PASSWORD_IS_THE_SAME": (lazy("This is your present password; choose another one."), "bad"),
    "PASSWORD_NOT_PROVIDED": (lazy("Type the password."), "bad"),
    "REAUTHENTICATION_REQUIRED": (_AGAIN, "info"),
    "REAUTHENTICATION_SUCCESSFUL": (lazy("Thank you, it is you. Go on."), "good"),
    "REFRESH": (_AGAIN, "info"),
    "RETYPE_PASSWORD_MISMATCH": (lazy("The two passwords differ."), "bad"),
    "TWO_FACTOR_DISABLED": (lazy("The second step is off; the password alone opens your account."), "good"),
    "TWO_FACTOR_INVALID_TOKEN": (_WRONG_CODE, "bad"),
    "TWO_FACTOR_LOGIN_SUCCESSFUL": (lazy("You are signed in."), "good"),
    "TWO_FACTOR_METHOD_NOT_AVAILABLE": (lazy("Only an authenticator app can be the second step."), "bad"),
    "TWO_FACTOR_PERMISSION_DENIED": (_BEGIN_AGAIN, "bad"),
    "UNAUTHENTICATED": (_SIGN_IN, "info"),
    "UNAUTHORIZED": (lazy("Your role does not allow this."), "bad"),
}


class _Words(FsDomain):
    """Translations of the library, which would look our lazy sentences up in its own catalogue."""

    def gettext(self, string: Any, **variables: Any) -> str:
        if not is_lazy_string(string):
            return super().gettext(string, **variables)
        return str(string) % variables if variables else str(string)


def init(security: Security) -> None:
    """Put our view and our words in the library's place, once it is set up."""
    app = security.app
    security.i18n_domain = _Words(app)
    app.config.update({f"SECURITY_MSG_{key}": message for key, message in MESSAGES.items()})
    app.view_functions["security.two_factor_setup_validate"] = _validate


@signed_in
def _validate(token: str):
    """The first code of a new secret: on with it, and recovery codes; or the same form with what is wrong."""
    within = current_app.config["SECURITY_TWO_FACTOR_SETUP_WITHIN"]
    expired, invalid, state = check_and_get_token_status(token, "tf_setup", within)
    # Only the session that showed the secret, after a recent password, may switch it on.
    if expired or invalid or state["totp_secret"] != session.get("tf_totp_secret"):
        flash(_("This key is no longer valid. Set the second step up again."), "warn")
        return redirect(url_for("security.two_factor_setup"), 303)
    security: Security = current_app.extensions["security"]
    form = TwoFactorVerifyCodeForm()
    form.user, form.is_setup = current_user, True
    form.primary_method, form.tf_totp_secret = METHOD, state["totp_secret"]
    if not form.validate_on_submit():
        return _form(security, form, token)
    tf_clean_session()
    onwards = session.pop(WANTED, url_for("account.index"))
    security.datastore.tf_set(current_user, METHOD, state["totp_secret"], None)
    tf_profile_changed.send(current_app._get_current_object(), user=current_user, method=METHOD)
    flash(_("The second step is on. From now on each sign-in asks for a code of your app."))
    codes = security.mf_recovery_codes_util.create_recovery_codes(current_user)
    # `here` is where choosing a language leads; this address takes posts only.
    here = url_for("security.mf_recovery_codes")
    return page("security/mf_recovery_codes.html", recovery_codes=codes, here=here, onwards=onwards)


def _form(security: Security, form: TwoFactorVerifyCodeForm, token: str):
    shown = security.totp_factory.fetch_setup_values(form.tf_totp_secret, current_user)
    return page(
        "security/two_factor_setup.html", status=422, two_factor_verify_code_form=form, chosen_method=METHOD,
        state_token=token, authr_qrcode=shown["image"], authr_key=shown["key"],
        here=url_for("security.two_factor_setup"),
    )  # fmt: skip
