"""All a plugin author imports: `from core import Provider, Result, hookimpl`.

Names are looked up when they are first used, so that `import core` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "core.contract.hookspecs": ("hookimpl", "hookspec"),
    "core.contract.errors": (
        "Ambiguous", "BadConfig", "BadResponse", "CooeeError", "Forged", "ProviderError", "Refusal",
        "Refused", "Throttled", "Unreachable",
    ),
    "core.contract.kinds": ("KINDS",),
    "core.gateway": ("Gateway",),
    "core.i18n": ("Words",),
    "core.contract.types": (
        "AtVendor", "Balance", "CLASSES", "ContentCheck", "Draft", "FieldInfo", "Finding", "Form", "Found", "Hours",
        "Inbound", "Job", "MenuItem", "Metric", "MetricValue", "NumberFacts", "NumberIntelligence",
        "OPTED_OUT", "Outgoing", "Panel", "Provider", "REVIEWS", "Receipt", "ReceiptSink", "Result", "Rule",
        "Scope", "SegmentContext", "Segmenter", "VendorSignature", "VendorTemplate", "VendorText",
        "WebhookRequest",
    ),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)

if TYPE_CHECKING:
    from core.contract.errors import *  # noqa: F403
    from core.contract.hookspecs import hookimpl, hookspec  # noqa: F401
    from core.contract.types import *  # noqa: F403
    from core.i18n import Words  # noqa: F401


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'core' has no attribute {name!r}")
    found = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = found
    return found
