"""The vendor's bill beside what we sent: read, matched message by message, differences listed."""

from core.sending.invoices.listing import FINDINGS as FINDINGS
from core.sending.invoices.listing import every as every
from core.sending.invoices.listing import export as export
from core.sending.invoices.listing import get as get
from core.sending.invoices.listing import page as page
from core.sending.invoices.listing import remove as remove
from core.sending.invoices.taking import take as take
