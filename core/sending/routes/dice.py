"""Shares without a counter: a number and a salt always throw the same."""

from __future__ import annotations

from core.sending.routes.rules import FULL_BP

_MASK = (1 << 64) - 1


def throw(number: int, salt: int) -> int:
    """0 to 9,999, evenly spread over numbers and independent between salts (finaliser of splitmix64)."""
    z = (number + salt * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return (z ^ (z >> 31)) % FULL_BP
