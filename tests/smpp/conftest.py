"""Fixtures of SMPP."""

from __future__ import annotations

import pytest

from plugins.providers import _smpp_flight, _smpp_link
from tests.smpp.kit import smsc


@pytest.fixture
def server():
    """A scripted SMSC."""
    with smsc() as one:
        yield one


@pytest.fixture
def quick(monkeypatch):
    """A carrier's pauses take no time."""
    monkeypatch.setattr(_smpp_flight, "PAUSE_S", 0.02)
    monkeypatch.setattr(_smpp_flight, "PAUSE_MOST_S", 0.05)
    monkeypatch.setattr(_smpp_link, "AGAIN_S", 0.01)
