"""The closed list of errors a provider may raise, and what each does to the messages of the call.

A provider raises nothing else.  Whatever else escapes from it is treated as `Ambiguous`: what is not
proof of "not sent" may have been sent, and is never sent again by itself.
"""


class CooeeError(Exception):
    """Base of every error with one clear sentence for a person: the value and the remedy."""


class Refusal(CooeeError):
    """A request of a person or program is refused; nothing was changed.  CLI: exit 1; HTTP: 4xx.

    `field` names the input at fault where there is one; `status` is the HTTP status (default 422).
    """

    def __init__(self, sentence: str, *, field: str | None = None, status: int = 422):
        super().__init__(sentence)
        self.field = field
        self.status = status


class ProviderError(CooeeError):
    """Base of what `Provider.send` may raise for a whole call.  `after_s`: wait at least that long."""

    #: True when the error proves that no message of the call was accepted by the provider.
    proves_not_sent = False
    #: True when the message may go on the wire again after a pause.
    retry = False

    def __init__(self, sentence: str = "", *, after_s: float | None = None):
        super().__init__(sentence or self.__class__.__name__)
        self.after_s = after_s


class BadConfig(ProviderError):
    """Credentials or settings are wrong.  Nothing was sent; the account is halted until someone acts."""

    proves_not_sent = True


class Unreachable(ProviderError):
    """No connection, or it broke before a byte of the request was written.  Nothing was sent; retried."""

    proves_not_sent = True
    retry = True


class Throttled(ProviderError):
    """The provider declined for speed.  Nothing was sent; retried after `after_s` (default 1 s)."""

    proves_not_sent = True
    retry = True


class Refused(ProviderError):
    """The provider declined all messages of the call for good.  They become `rejected`."""

    proves_not_sent = True


class Ambiguous(ProviderError):
    """The request was (partly) written and no usable answer came.  The messages become `in_doubt`."""


class BadResponse(Ambiguous):
    """An answer came that cannot be understood (unparsable 2xx, wrong shape).  Treated as `Ambiguous`."""


class Forged(CooeeError):
    """A webhook call failed its signature or secret.  Answered with 403, nothing is stored."""
