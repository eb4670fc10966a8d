"""What pages say."""

from __future__ import annotations


def text(answer, status: int = 200) -> str:
    """The text of an answer, which must have this status."""
    said = answer.get_data(as_text=True)
    assert answer.status_code == status, said[:2000]
    return said
