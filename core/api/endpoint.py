"""One line of the table of endpoints, from which calls are checked, answered and documented."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.security import spending

if TYPE_CHECKING:
    from core.runtime import Runtime
    from core.security.spending import Purse
    from core.security.tokens import Token

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Param:
    """A value in the path or the query.  A path value that does not fit its schema is a 404."""

    name: str
    schema: Schema
    words: str
    where: str = "query"


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler gets: who calls, checked parameters, the checked body, the Idempotency-Key."""

    rt: Runtime
    token: Token
    params: Mapping[str, Any]
    body: Any = None
    key: str = ""

    @property
    def purse(self) -> Purse | None:
        """What the token may still spend today; None when it may spend without an end."""
        return spending.purse(self.token, self.rt.settings.zone)

    def may(self, scope: str) -> bool:
        """Has the token this scope, beside the one the endpoint asks for?"""
        return scope in self.token.scopes


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`work(call)` returns the value of the answer, sent as JSON with `status`.

    `path` is below /api/v1, its parameters as {name}.  `body` None: the call has none.  `bare`: it may come
    without, which reads as {}.  `row`: the body is a batch of these, a component of the document; the work looks
    at each by itself.  `atomic`: the work is one transaction, committed together with the kept answer; such work
    calls no hook and no network.
    """

    method: str
    path: str
    name: str
    summary: str
    scope: str
    work: Callable[[Call], Any]
    answer: Schema
    status: int = 200
    words: str = ""
    params: Sequence[Param] = ()
    body: Schema | None = None
    bare: bool = False
    row: str = ""
    example: Any = None
    atomic: bool = False

    @property
    def keyed(self) -> bool:
        """Takes an Idempotency-Key?"""
        return self.method == "POST"


#: Pages of lists.
LIMIT = Param("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "Rows of a page.")
LARGEST_ID = 2**53 - 1
ID = Param("id", {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}, "The id.", where="path")
