"""What people answered to the demo's past campaigns, by the way every answer takes: thanks, questions, stops."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import cycle
from operator import itemgetter

from core import clock
from core.audience import heldreplies
from core.contract.types import Inbound
from core.db import database
from core.db.codes import State
from core.demo import words
from core.demo.past import Past
from core.runtime import Runtime
from core.sending import inbound

#: Is it Chinese → what people write, and of what a person must read what that one says: who has had enough, who may
#: have, and who has not.
TEXTS = {
    True: {
        "stop": (("R", ""), ("退订", ""), ("TD", ""), ("别再发了", "")),
        "unsure": (
            ("发错人了，我不是会员", "kept"), ("我从来没同意过收这个", "out"), ("不需要，周末还打折吗？", "question"),
            ("没兴趣", "kept"), ("这个号码换人了", "out"), ("你们老骚扰我，是有什么活动吗？", "question"),
        ),
        "other": (("收到，谢谢", ""), ("请问门店几点关门？", ""), ("可以退换吗？", ""), ("好的，周末过去看看", "")),
    },
    False: {
        "stop": (("STOP", ""), ("Stop", ""), ("stop please", ""), ("unsubscribe", "")),
        "unsure": (
            ("Wrong number, Emma moved away. Are you the shop in Leeds?", "question"),
            ("I never signed up for this", "out"), ("Not interested", "kept"), ("You have the wrong person", "out"),
            ("This is spam", "out"),
        ),
        "other": (
            ("Thanks!", ""), ("Is this in the shops, too?", ""), ("Do you ship to Ireland?", ""), ("See you then", ""),
        ),
    },
}  # fmt: skip
#: Of the delivered, how many write something else.
_OTHERS = 0.004
#: Held replies of campaigns older than this were read, so many hours later; the others wait.
_READ_DAYS, _READ_H = 7, 16


class Replies:
    """The answers to campaigns; what people write comes in turn."""

    def __init__(self, rt: Runtime, past: Past, account_id: int):
        self._rt, self._past, self._account = rt, past, account_id
        self._in_turn = {key: {how: cycle(texts[how]) for how in texts} for key, texts in TEXTS.items()}

    def write(self, campaign_id: int, stops: Sequence[float], unsure: float, chance: random.Random) -> int:
        """Write what came in until now after a campaign; `stops` of the delivered end it, for each text, `unsure` may."""
        drawn = self._drawn(campaign_id, stops, unsure, chance)
        verdicts: dict[int, str] = {}
        applied = []
        with database.write_tx():
            for n, (at, sealed, text, verdict) in enumerate(sorted(drawn, key=itemgetter(0))):
                reply = Inbound(self._rt.keys.open_number(bytes(sealed)), text, id=f"demo-{campaign_id}-{n}")
                with clock.earlier(clock.now_ms() - at):
                    applied.append(inbound.apply(self._rt, self._account, [reply]))
                if verdict:
                    verdicts |= dict.fromkeys(applied[-1].ids, verdict)
        for done in applied:
            inbound.announce(self._rt, done)
        if self._past.now - clock.now_ms() > _READ_DAYS * clock.DAY_MS:
            self._past.at(clock.now_ms() + _READ_H * clock.HOUR_MS, self._read, verdicts)
        return len(drawn)

    def _drawn(
        self, campaign_id: int, stops: Sequence[float], unsure: float, chance: random.Random
    ) -> list[tuple]:
        """(when, sealed number, text, what a person will say of it) of those who answered.

        Nobody who was texted again since: nothing may have been marked for the wire after a stop.
        """
        made, now = [], clock.now_ms()
        for sealed, country, variant, final_at in database.query(
            "SELECT c.phone_enc, p.country, m.variant, m.final_at FROM message m JOIN contact c ON c.id = m.contact_id "
            "JOIN profile p ON p.contact_id = m.contact_id WHERE m.campaign_id = ? AND m.state = ? AND m.final_at < ? "
            "AND NOT EXISTS (SELECT 1 FROM message o WHERE o.contact_id = m.contact_id AND o.submitted_at > m.final_at) "
            "ORDER BY m.id",
            (campaign_id, int(State.delivered), now - clock.MINUTE_MS),
        ):
            draw, known = chance.random(), self._in_turn[country == "CN"]
            for how, share in (("stop", stops[variant]), ("unsure", unsure), ("other", _OTHERS)):
                draw -= share
                if draw < 0:
                    text, verdict = next(known[how])
                    late = int(chance.expovariate(1 / 50) * clock.MINUTE_MS) + 20_000
                    made.append((min(final_at + late, now), sealed, text, verdict))
                    break
        return made

    def _read(self, verdicts: dict[int, str]) -> None:
        """Somebody decides about the replies that are held."""
        for (inbound_id,) in database.query(
            "SELECT inbound_id FROM held_reply WHERE state = 'held' ORDER BY 1"
        ):
            if inbound_id in verdicts:
                heldreplies.decide(self._rt, inbound_id, verdicts[inbound_id], who=words.who())
