"""Another SMPP server not of this project: Jasmin's, which hands texts on to an SMSC that shows what it understood.

It is not needed to work on the project, so where it is not installed the tests are skipped and say how to get it
(bench/peers/README.md has more).
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from bench.peers import jasmin
from bench.peers.rig import Missing
from plugins.providers import _smpp_text
from tests.servers import wait_for
from tests.smpp.kit import Sink, deliver_body, made, many, receipt_text, smsc

TEXTS = {
    "gsm7": ("Winter sale @ Cooee: 20% off {boots}, £5 or €6 off scarves", 1),
    "ucs2": ("【Cooee】本周全场八折，凭短信到店使用", 1),
    "long gsm7": ("Winter sale @ Cooee: 20% off {boots} until Sunday, €5 off. " * 4, 2),
    "long ucs2": ("【Cooee】本周全场八折，凭短信到店使用。" * 6, 2),
}


@pytest.fixture
def behind_jasmin():
    """The port of Jasmin's SMPP server, and the SMSC it sends to, which sends a receipt for each text."""
    with ExitStack() as stack:
        server = stack.enter_context(smsc())

        def accept_and_report(session, submit):
            server.accept(session, submit)
            body = deliver_body(
                receipt_text(f"m{len(server.submits)}"), source=submit.dest, dest=submit.source, esm_class=4
            )
            session.deliver(body)

        server.act = accept_and_report
        try:
            _peer, ports = stack.enter_context(jasmin.running(server.port, receipts=True))
        except Missing as error:
            pytest.skip(str(error))
        yield ports["smpps_port"], server


def test_texts_through_jasmin_arrive_whole_and_are_reported(behind_jasmin):
    """One test for all alphabets: some ports of Jasmin cannot be chosen, so only one of it runs at a time."""
    for what, (text, parts) in TEXTS.items():
        encoding = "ucs2" if "ucs2" in what else "gsm7"
        arrives_whole(*behind_jasmin, text, parts, encoding)


def arrives_whole(port: int, server, text: str, parts: int, encoding: str) -> None:
    before, sink = len(server.submits), Sink()
    provider = made(port, sink, system_id="bench", password="bench", source_addr="1069")
    try:
        messages = many(5, text, encoding=encoding, parts=parts)
        results = provider.send(messages)
        assert [result.outcome for result in results] == ["accepted"] * 5
        wait_for(lambda: len(server.submits) == before + 5 * parts, 20)
        wait_for(lambda: len(sink.items) == 5 * parts, 60)
    finally:
        provider.close()
    assert read(server.submits[before:]) == {message.to[1:]: text for message in messages}
    assert {receipt.state for receipt in sink.items} == {"delivered"}
    given = {part for result in results for part in result.provider_id.split()}
    assert {receipt.provider_id for receipt in sink.items} <= given


def read(submits) -> dict[str, str]:
    """Recipient → what a handset shows."""
    pieces: dict[str, dict[int, str]] = {}
    for submit in submits:
        octets, number = submit.text, 1
        if submit.esm_class & 0x40:
            number, octets = octets[5], octets[6:]
        pieces.setdefault(submit.dest, {})[number] = _smpp_text.decode(octets, submit.data_coding)
    return {to: "".join(found[number] for number in sorted(found)) for to, found in pieces.items()}
