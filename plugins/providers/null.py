"""A provider that accepts everything at once and tells nothing more; for benchmarks.

Nothing leaves the machine, so nothing can be in doubt: every reference may be given again.
"""

from __future__ import annotations

from collections.abc import Sequence

from core import Outgoing, Provider, Result, hookimpl
from core.i18n import _l

#: One shared answer: a benchmark of everything but the provider.
ACCEPTED = Result("accepted")


class Null(Provider):
    """Accepts everything."""

    name = "null"
    title = _l("Nothing (for benchmarks)")
    about = _l("Accepts everything at once and tells nothing more.")
    batch_size = 500
    window = 500
    idempotency_ttl_s = 10 * 365 * 86_400
    echoes_reference = True

    def send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
        return [ACCEPTED] * len(messages)


@hookimpl
def register_providers():
    return [Null]
