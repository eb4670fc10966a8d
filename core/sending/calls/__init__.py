"""The log of every call of a provider, with secrets, numbers and words masked.

A window of a send is one row, written in the transaction that records its results; a batch of webhooks is one
row an account, written in the transaction that applies it, and one more for each call nobody understood.
What was said on the wire is kept only where something went wrong.
"""

from core.sending.calls.asking import asked as asked
from core.sending.calls.rows import Call as Call
from core.sending.calls.rows import of_window as of_window
from core.sending.calls.rows import webhooks as webhooks
from core.sending.calls.rows import write as write
from core.sending.calls.saying import listen as listen
from core.sending.calls.saying import mask_for as mask_for
from core.sending.calls.saying import trace as trace
