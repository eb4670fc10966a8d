"""Any SMSC by SMPP 3.4 (Short Message Peer to Peer Protocol Specification v3.4, issue 1.2, 1999).

One or more connections a process, each with its window of unanswered texts; receipts and inbound texts come
the same way and are answered when they are stored.  The codec is _smpp_pdu.py, the session
_smpp_session.py, words and receipts' texts _smpp_text.py, what is delivered to us _smpp_inbound.py, what
receipts say _smpp_receipts.py.

May be in doubt: texts that were given to the connection and never answered.  A refusal by command_status
proves that a text was not taken.  A long text that went as several parts, of which the SMSC took only some, is
in doubt as a whole: sending it again would send the first parts twice.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import count, groupby, repeat
from operator import add, attrgetter

from core import (
    BadConfig,
    Outgoing,
    Provider,
    Result,
    Throttled,
    Unreachable,
    clock,
    hookimpl,
)
from core.i18n import _l
from plugins.providers import _smpp_pdu as p
from plugins.providers import _smpp_text as t
from plugins.providers._smpp_connect import BIND_S, CONNECT_S
from plugins.providers._smpp_flight import LOST, UNSENT, Flight, Pacer
from plugins.providers._smpp_inbound import Deliverer
from plugins.providers._smpp_link import Link
from plugins.providers._smpp_receipts import Reader
from plugins.providers._smpp_session import Session
from plugins.providers._smpp_settings import Settings

#: Texts core marks at once: at least so many, and some times the windows.  A place an answer frees is then filled by
#: the read that brought it, and a commit is shared by more.  What waits here costs no doubt when a connection breaks.
MARKED, MARKED_TIMES = 500, 4
#: Fewer texts than this are not spread over several connections.
SPREAD_FROM = 16

_WORDS, _PARTS = attrgetter("text", "encoding", "sender"), attrgetter("parts")
#: A tuple as a `Result`, without the call of a Python function that naming its fields is.
_result = partial(tuple.__new__, Result)

#: command_status of refusals (5.1.3), and codes of receipts behind CMPP gateways (cnblogs.com 4238029 and
#: 5880631, read 2026-11-21).  The kinds are our reading; vendors use some of these loosely.
ERRORS = {
    **dict.fromkeys(("ESME_RINVDSTADR", "MK:0001", "CB:0001", "CB:0053"), "number"),
    **dict.fromkeys(("DBBLACK", "MBBLACK", "DB:0144"), "blocked"),
    **dict.fromkeys(
        ("ESME_RSYSERR", "ESME_RMSGQFUL", "ESME_RTHROTTLED", "ESME_RSUBMITFAIL", "ESME_RX_T_APPN", "ESME_RINVBNDSTS",
         "ESME_RALYBND", "ESME_RBINDFAIL", "ESME_RDELIVERYFAILURE", "ESME_RUNKNOWNERR", "IB:0008"),
        "temporary",
    ),
    **dict.fromkeys(("MK:0005", "MK:0010", "MK:0013", "MK:0023"), "handset"),
    "DB:0142": "limit",
    **dict.fromkeys(("ESME_RINVMSGLEN", "MK:0115"), "content"),
    **dict.fromkeys(
        ("ESME_RINVSRCADR", "ESME_RINVSRCTON", "ESME_RINVSRCNPI", "ESME_RINVDSTTON", "ESME_RINVDSTNPI",
         "ESME_RINVSERTYP"),
        "route",
    ),
    **dict.fromkeys(("ESME_RINVPASWD", "ESME_RINVSYSID", "ESME_RINVSYSTYP"), "account"),
}  # fmt: skip


class Smpp(Provider):
    """An SMSC or aggregator by SMPP."""

    name = "smpp"
    group = "own"
    title = _l("SMPP")
    about = _l(
        "Any carrier or aggregator that offers SMPP 3.4: the fastest way to send, with receipts and replies."
    )
    Form = Settings
    batch_size = 5_000
    flights = 3
    ERRORS = ERRORS

    def __init__(self, settings, callback_url=""):
        super().__init__(settings, callback_url)
        self.window = max(MARKED, MARKED_TIMES * settings["window"] * settings["binds"])
        if settings["rate_per_s"]:
            # What is given to us is on its way: not more than leaves within a second.
            self.window = max(1, min(self.window, int(settings["rate_per_s"])))
        self._ref_tag = int(settings["ref_tag"] or "0", 16)
        self.echoes_reference = bool(self._ref_tag)
        self._pacer = Pacer(settings["rate_per_s"] or 0.0)
        self._validity = p.relative_time(settings["validity_s"])
        #: Of a decimal or hexadecimal id, how each side writes it.
        self._bases = {"same": (0, 0), "hex_dec": (16, 10), "dec_hex": (10, 16)}[settings["msgid_base"]]
        self._receipt = Reader(self._ref_tag, self._bases[1], self.kind).read
        self._long_refs = count(id(self) >> 4)
        self._heads: dict[str, bytes] = {}
        self._links: list[Link] = []
        self._deliverer: Deliverer | None = None
        self._sink = None
        self._news, self._closed = threading.Condition(), False

    # --- connections ----------------------------------------------------------------------------------

    def open(self, sink):
        self._sink = sink
        with self._news:
            self._start()

    def close(self):
        with self._news:
            self._closed = True
            links, self._links = self._links, []
            deliverer, self._deliverer = self._deliverer, None
        if deliverer is not None:
            deliverer.close()
        for link in links:
            link.close()

    def _start(self) -> None:
        """Connect; also again where credentials had been refused and somebody sends all the same."""
        if self._deliverer is None:
            self._deliverer = Deliverer(self._sink, self._receipt, self._bases[1])
        roles = [p.BIND_TRANSCEIVER]
        if self.settings["bind"] != "transceiver":
            roles = [p.BIND_TRANSMITTER, p.BIND_RECEIVER]
        wanted = roles * self.settings["binds"]
        for at, role in enumerate(wanted):
            if at < len(self._links) and self._links[at].alive:
                continue
            self._links[at : at + 1] = [
                Link(
                    self.settings,
                    role,
                    self.outgoing,
                    self._pacer,
                    self._is_fatal,
                    self._deliverer.take,
                    self._changed,
                )
            ]

    def _is_fatal(self, status: int) -> bool:
        return self.kind(p.status_name(status)) == "account"

    def _changed(self) -> None:
        with self._news:
            self._news.notify_all()

    def _ready(self) -> list[Session]:
        """Sessions to send through, the least busy first; waits while one is being made."""
        until = clock.monotonic() + CONNECT_S + BIND_S
        with self._news:
            if self._closed:
                raise Unreachable("The connection was closed because the account's settings changed.")
            self._start()
            while True:
                links = [link for link in self._links if link.can_send]
                up = [session for link in links if (session := link.session) is not None]
                left_s = until - clock.monotonic()
                if up or left_s <= 0 or not any(link.trying for link in links):
                    break
                self._news.wait(left_s)
        if up:
            return sorted(up, key=lambda session: session.load) if len(up) > 1 else up
        errors = [link.error for link in links]
        raise next((error for error in errors if isinstance(error, BadConfig)), errors[0])

    # --- sending --------------------------------------------------------------------------------------

    def send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
        if not messages:
            return []
        sessions = self._ready()
        share = max(SPREAD_FROM, -(-len(messages) // len(sessions)))
        flying = []
        for session, at in zip(sessions, range(0, len(messages), share), strict=False):
            some = messages[at : at + share]
            bodies, counts = self._bodies(some)
            flight = Flight(bodies)
            flying.append((some, counts, flight, session.submit(flight)))
        results: list[Result] = []
        for some, counts, flight, sent in flying:
            if sent:
                flight.done.wait()
            results += self._results(some, counts, flight.told)
        pause_s = max(session.pause_s for session in sessions)
        return _settled(results, pause_s)

    def _bodies(self, messages: Sequence[Outgoing]) -> tuple[list[bytes], list[int]]:
        """Bodies of submit_sm, and how many each message has."""
        bodies: list[bytes] = []
        counts: list[int] = []
        # Most neighbours say the same in the same words.
        for _same, group in groupby(messages, _WORDS):
            alike = list(group)
            head, tails = self._head(alike[0].sender), self._tails(alike[0])
            starts = [head + m.to.removeprefix("+").encode("ascii", "replace") for m in alike]
            if len(tails) > 1:
                bodies += [start + tail for start in starts for tail in tails]
            elif self._ref_tag:
                ends = [tails[0] + p.tlv(self._ref_tag, m.ref.encode()) for m in alike]
                bodies += map(add, starts, ends)
            else:
                tail = tails[0]
                bodies += [start + tail for start in starts]
            counts += [len(tails)] * len(alike)
        return bodies, counts

    def _head(self, sender: str) -> bytes:
        head = self._heads.get(sender)
        if head is None:
            s, source = self.settings, sender or self.settings["source_addr"]
            ton, npi = p.address_kind(source)
            head = p.submit_head(
                s["service_type"], ton if s["source_ton"] is None else s["source_ton"],
                npi if s["source_npi"] is None else s["source_npi"], source.removeprefix("+"), s["dest_ton"], s["dest_npi"],
            )  # fmt: skip
            if len(self._heads) < 1_000:
                self._heads[sender] = head
        return head

    def _tails(self, message: Outgoing) -> list[bytes]:
        s = self.settings
        coding, octets = t.encode(message.text, message.encoding, s["data_coding"])
        receipt = {"final": 1, "failure": 2}.get(s["receipts"], 0)
        return t.tails(octets, coding, s["long"], next(self._long_refs), self._validity, receipt)

    def _results(
        self, messages: Sequence[Outgoing], counts: Sequence[int], told: Sequence
    ) -> Iterable[Result]:
        base = self._bases[0]
        if set(counts) == set(map(_PARTS, messages)) == {1} and set(map(type, told)) == {str} and all(told):
            ids = t.same_ids(told, base)
            return map(_result, zip(repeat("accepted"), ids, *repeat(repeat(None), 5)))
        return self._one_by_one(messages, counts, told)

    def _one_by_one(
        self, messages: Sequence[Outgoing], counts: Sequence[int], told: Sequence
    ) -> Iterator[Result]:
        base, at = self._bases[0], 0
        for message, n in zip(messages, counts, strict=True):
            what = told[at]
            if n == 1:
                result = (
                    Result("accepted", t.same_id(what, base) or None)
                    if type(what) is str
                    else self._refused(what)
                )
            else:
                result = self._together(told[at : at + n])
            if n != message.parts and self.settings["long"] != "payload":
                result = result._replace(parts=n)
            at += n
            yield result

    def _together(self, told: Sequence) -> Result:
        """Of several parts: all taken, none taken, or a doubt."""
        ids = [what for what in told if type(what) is str]
        if len(ids) == len(told):
            return Result("accepted", " ".join(t.same_id(id_, self._bases[0]) for id_ in ids).strip() or None)
        if ids or LOST in told:
            return Result("unknown", code="partly_sent" if ids else "no_answer")
        return self._refused(next((what for what in told if what != UNSENT), UNSENT))

    def _refused(self, what: int) -> Result:
        if what == LOST:
            return Result("unknown", code="no_answer")
        if what == UNSENT:
            return Result("retry", code="not_sent")
        name = p.status_name(what)
        try:
            return self.refusal(name, name, after_s=1.0 if what in p.THROTTLED else None)
        except BadConfig as error:
            return Result("retry", code="account", reason=str(error), after_s=60.0)


def _settled(results: list[Result], pause_s: float) -> list[Result]:
    """Raise when nothing at all was sent, so that core gives the whole call back; else each has its own."""
    codes = {result.code for result in results}
    if codes == {"not_sent"}:
        raise Unreachable("The connection broke before anything was sent.")
    if codes <= {"ESME_RTHROTTLED", "ESME_RMSGQFUL"}:
        raise Throttled("The SMSC is too busy.", after_s=max(1.0, pause_s))
    if codes == {"account"}:
        raise BadConfig(results[0].reason or "")
    return results


@hookimpl
def register_providers() -> Sequence[type[Provider]]:
    return [Smpp]
