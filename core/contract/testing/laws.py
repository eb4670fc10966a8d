"""Collecting the laws a class breaks, and what is logged while it is tried."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Broken(list[str]):
    """Collects broken laws."""

    def law(self, holds: Any, sentence: str) -> bool:
        """Note `sentence` unless the law holds; returns whether it does."""
        if not holds and sentence not in self:
            self.append(sentence)
        return bool(holds)

    def only(
        self, allowed: tuple[type[BaseException], ...], what: str, work: Callable[..., Any], *args: Any
    ) -> Any:
        """The result of `work`; raising anything but `allowed` breaks a law."""
        try:
            return work(*args)
        except allowed:
            return None
        except Exception as error:
            self.append(f"{what} raised {type(error).__name__}: {str(error)[:200]}")
            return None


def named(broken: Broken, cls: Any, base: type) -> bool:
    """Laws of every class a plugin registers; False when no other can be asked."""
    if not broken.law(
        isinstance(cls, type) and issubclass(cls, base), f"{cls!r} is no subclass of {base.__name__}"
    ):
        return False
    name = getattr(cls, "name", "")
    broken.law(
        name and name == name.lower() and name.isascii(), f"name {name!r} is empty or not lower-case ASCII"
    )
    broken.law(str(getattr(cls, "title", "")), "title is empty")
    return True


@contextmanager
def logs() -> Iterator[list[str]]:
    """The lines logged meanwhile, as they are before anything is masked."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler, root = Keep(), logging.getLogger()
    level = root.level
    root.handlers.insert(0, handler)  # before those that mask what they write
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
