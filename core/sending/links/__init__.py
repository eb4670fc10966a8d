"""Short links: codes, links frozen at launch, and whose link it is."""

from core.sending.links.build import Maker, freeze, wanted
from core.sending.links.people import Person, person_of
from core.sending.links.tokens import Tokens, open_token, token

__all__ = [
    "Maker", "Person", "Tokens", "freeze", "open_token", "person_of", "token", "wanted",
]  # fmt: skip
