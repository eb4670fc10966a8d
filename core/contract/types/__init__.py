"""The objects of the contract: what plugins give and what they get.

They are immutable and carry plain values only; those made once a message are named tuples, made in a
fifth of a dataclass's time.  Phone numbers are E.164 with `+`, times are aware
UTC datetimes, money is integer micro-units with an ISO 4217 currency, shares are 0..1.
"""

from core.contract.types.audience import (
    FieldInfo,
    NumberFacts,
    NumberIntelligence,
    SegmentContext,
    Segmenter,
)
from core.contract.types.content import ContentCheck, Draft, Finding
from core.contract.types.form import Form
from core.contract.types.measure import Metric, MetricValue, Scope
from core.contract.types.messages import (
    CLASSES,
    OPTED_OUT,
    Balance,
    Found,
    Inbound,
    Outgoing,
    Receipt,
    Result,
    VendorText,
    WebhookRequest,
)
from core.contract.types.provider import Provider, ReceiptSink
from core.contract.types.rules import Hours, Rule
from core.contract.types.show import Job, MenuItem, Panel
from core.contract.types.vendor import REVIEWS, AtVendor, VendorSignature, VendorTemplate

__all__ = [
    "CLASSES", "OPTED_OUT", "AtVendor", "Balance", "ContentCheck", "Draft", "FieldInfo", "Finding", "Form", "Found",
    "Hours", "Inbound", "Job", "MenuItem", "Metric", "MetricValue", "NumberFacts", "NumberIntelligence",
    "Outgoing", "Panel", "Provider", "REVIEWS", "Receipt", "ReceiptSink", "Result", "Rule", "Scope",
    "SegmentContext", "Segmenter", "VendorSignature", "VendorTemplate", "VendorText", "WebhookRequest",
]  # fmt: skip
