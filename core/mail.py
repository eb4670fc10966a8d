"""Mail by the configured SMTP server: links to choose a password, and what administrators must hear of."""

from __future__ import annotations

import logging
import smtplib
import ssl
import threading
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from core.runtime import Runtime

log = logging.getLogger("cooee.mail")
TIMEOUT_S = 20


def configured(rt: Runtime) -> bool:
    """Can this server send mail?"""
    return bool(rt.settings.smtp_url)


def send_later(rt: Runtime, to: str, subject: str, text: str) -> threading.Thread:
    """Send one mail on a thread of its own, so that the time of an answer tells nothing; returns the thread.

    A failure is logged: the person asks again, or an administrator makes a link by hand.
    """
    thread = threading.Thread(target=send, args=(rt, to, subject, text), name="mail", daemon=True)
    thread.start()
    return thread


def send(rt: Runtime, to: str, subject: str, text: str) -> bool:
    """Send one mail now; False when the server did not take it, which is logged."""
    url = urlsplit(rt.settings.smtp_url)
    mail = EmailMessage()
    mail["From"] = rt.settings.mail_from or f"cooee@{urlsplit(rt.settings.public_url).hostname}"
    mail["To"], mail["Subject"] = to, subject
    mail.set_content(text)
    secure = url.scheme == "smtps"
    try:
        kind = smtplib.SMTP_SSL if secure else smtplib.SMTP
        with kind(
            url.hostname or "localhost", url.port or (465 if secure else 587), timeout=TIMEOUT_S
        ) as server:
            server.ehlo()
            if not secure and server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
            if url.username:
                server.login(unquote(url.username), unquote(url.password or ""))
            server.send_message(mail)
    except (OSError, smtplib.SMTPException) as error:
        log.error("mail to %s through %s failed: %s", to.split("@")[-1], url.hostname, error)
        return False
    return True
