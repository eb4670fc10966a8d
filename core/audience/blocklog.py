"""A journal of the suppression list outside the database, so that a restore violates no later STOP.

`instance/journal/blocks.log`, append-only, one line a change, on the disk before the transaction commits:

    + <epoch ms> <reason> <classes> <blind index> …     suppressed
    - <epoch ms> <reason,reason> 0 <blind index> …      released

A line whose transaction then failed does no harm: after a restore somebody is blocked who said so anyway.
Blind indexes only; without the key of this instance they name nobody.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core import clock

FILE = "blocks.log"


@dataclass(frozen=True, slots=True)
class Change:
    """One line: `added` or released."""

    added: bool
    at: int
    reasons: tuple[str, ...]
    classes: int
    phone_bidxs: tuple[bytes, ...]


def write(
    folder: Path, added: bool, reasons: Iterable[str], classes: int, phone_bidxs: Iterable[bytes]
) -> None:
    """Append one change and wait until it is on the disk."""
    sign, numbers = "+" if added else "-", " ".join(bytes(bidx).hex() for bidx in phone_bidxs)
    line = f"{sign} {clock.now_ms()} {','.join(reasons)} {classes} {numbers}\n".encode()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(folder / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line)
        os.fdatasync(file)
    finally:
        os.close(file)


def since(folder: Path, at: int) -> Iterator[Change]:
    """Changes made at or after an instant (epoch ms), in order; an unfinished last line is left out."""
    file = folder / FILE
    if not file.exists():
        return
    for line in file.read_bytes().split(b"\n")[:-1]:
        sign, when, reasons, classes, *numbers = line.decode().split(" ")
        if int(when) >= at:
            bidxs = tuple(bytes.fromhex(number) for number in numbers)
            yield Change(sign == "+", int(when), tuple(reasons.split(",")), int(classes), bidxs)
