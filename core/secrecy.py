"""What people see of a text that carries a one-time code: everything but the code."""

from __future__ import annotations

import re

#: Stands for a code wherever a text with one is kept or shown.
MASK = "••••••"
#: A run of 4 to 10 letters and digits with a digit in it, or digits in groups as in 123-456.
_CODE = re.compile(
    r"(?<![A-Za-z0-9])(?:(?=[A-Za-z]*[0-9])[A-Za-z0-9]{4,10}|[0-9]{2,5}(?:[ -][0-9]{2,5}){1,3})(?![A-Za-z0-9])"
)


def shown(cls: int | str, text: str) -> str:
    """A text as pages and answers show it: in class otp whatever may be a code is masked."""
    return _CODE.sub(MASK, text) if cls in (0, "otp") and text else text
