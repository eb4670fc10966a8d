"""The base of the forms plugins have."""

from __future__ import annotations

from wtforms import Form as WTForm


class Form(WTForm):
    """Base of the settings form of a provider, segmenter, metric …; plain WTForms."""
