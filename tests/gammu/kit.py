"""What the tests of the modem share."""

from __future__ import annotations

from datetime import UTC, datetime

from core import ReceiptSink

#: The dummy phone gives this reference to every part.
MARK = 255
AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


class Sink(ReceiptSink):
    """Keeps what it is given, or fails first."""

    def __init__(self, fail=0):
        self.items: list = []
        self.fail = fail

    def put(self, items):
        if self.fail:
            self.fail -= 1
            raise RuntimeError("the disk is full")
        self.items += items
