"""Sixty replies in people's own words: every opt-out is caught or held, nobody else is suppressed."""

from __future__ import annotations

import pytest

from core.audience import intents, keywords
from core.audience.keywords import Words

#: (text, what it must come to): stop is obeyed at once, held waits for a person, "" changes nothing.
ENGLISH = [
    ("Please take me off your list", "stop"),
    ("leave me alone", "stop"),
    ("Stop texting me!!", "stop"),
    ("please stop", "stop"),
    ("I don’t want these messages anymore", "stop"),
    ("Do not contact me again.", "stop"),
    ("remove my number from your database please", "stop"),
    ("lose my number", "stop"),
    ("Why won't you stop texting me?", "stop"),
    ("I would like to unsubscribe from this list", "stop"),
    ("no more texts pls", "stop"),
    ("I no longer wish to receive your promotional messages", "stop"),
    ("Hi, could you please delete me from the system? Thanks", "stop"),
    ("I hereby revoke my consent", "stop"),
    ("Wrong number", "held"),
    ("You have the wrong person, this isn't Carla", "held"),
    ("I never signed up for this", "held"),
    ("how do I unsubscribe?", "held"),
    ("not interested", "held"),
    ("If you text me once more my lawyer will call you", "held"),
    # traps
    ("won't stop buying, love it", ""),
    ("don't stop the deals", ""),
    ("Omg stop, these are gorgeous 😍", ""),
    ("Can I stop by the store tomorrow?", ""),
    ("How do I cancel my order?", ""),
    ("please don't take me off the list!", ""),
    ("I'd never unsubscribe, keep them coming", ""),
    ("Is the bus stop near your shop?", ""),
    ("no thanks, maybe next time", ""),
    ("When does the sale end?", ""),
]
CHINESE = [
    ("别再发了", "stop"),
    ("不要再给我发短信", "stop"),
    ("请勿打扰", "stop"),
    ("麻烦把我从名单里删掉，谢谢", "stop"),
    ("我要退订", "stop"),
    ("帮我取消订阅吧", "stop"),
    ("我不想再收到你们的短信了", "stop"),
    ("别烦我了！", "stop"),
    ("你们能不能不要天天给我发广告", "stop"),
    ("请删除我的手机号", "stop"),
    ("再发就投诉你们", "stop"),
    ("拒绝接收任何营销短信", "stop"),
    ("滚", "stop"),
    ("停止发送这些垃圾短信", "stop"),
    ("发错人了", "held"),
    ("我不是王芳", "held"),
    ("怎么退订？", "held"),
    ("不感兴趣", "held"),
    ("你们这是骚扰", "held"),
    ("谁让你们给我发的", "held"),
    # traps
    ("不要停", ""),
    ("别忘了给我发券", ""),
    ("千万别停，优惠多多", ""),
    ("我不会退订的，很喜欢", ""),
    ("别发错颜色了，我要红色", ""),
    ("不要发顺丰，发中通就行", ""),
    ("我的快递怎么还没发", ""),
    ("记得给我发新品信息", ""),
    ("不用了谢谢，下次再买", ""),
    ("怎么取消订单？", ""),
]


def meant(text: str, country: str) -> str:
    """As an inbound text is read: the keywords first, then its own words."""
    return Words.of(keywords.DEFAULTS).intent(text, country) or intents.read(text).intent


def test_there_are_thirty_in_each_language():
    assert len(ENGLISH) == len(CHINESE) == 30
    assert (
        {wanted for _text, wanted in ENGLISH} == {wanted for _text, wanted in CHINESE} == {"stop", "held", ""}
    )


@pytest.mark.parametrize(("text", "wanted"), ENGLISH)
def test_an_english_reply_means(text, wanted):
    assert meant(text, "US") == wanted, intents.read(text)


@pytest.mark.parametrize(("text", "wanted"), CHINESE)
def test_a_chinese_reply_means(text, wanted):
    assert meant(text, "CN") == wanted, intents.read(text)


MORE_STOPS = [
    "quit messaging me", "Stop sending me ads", "stop these messages", "take me off this list now",
    "Get me off your mailing list", "I want out", "opt me out", "please unsubscribe me", "STOP STOP STOP please",
    "Dont text me anymore", "never text this number again", "just leave me alone already", "fuck off",
    "ok stop it now, stop messaging me", "I don't want to hear from you", "stop spamming my phone",
    "不要再发了", "别给我发信息了", "以后不要给我发消息", "別再發了".replace("別", "别").replace("發", "发"),
    "把我的号码删了", "不要再打扰我", "别发了", "请不要再发送任何短信", "不需要再收到短信", "我申请退订短信",
]  # fmt: skip
MORE_KEPT = [
    "I can't stop wearing these boots", "love this, don't ever stop", "Yes", "ok", "1", "Where are you located?",
    "Stop by for coffee?", "I'll be there at the end of May", "My order arrived, thanks!", "do you take returns?",
    "can you send me the size chart", "Please send me more offers", "I quit smoking thanks to you",
    "Never stop sending me coupons", "Don't text me before 9am", "non-stop fun", "whose number is this?",
    "Thanks for the list of stores", "remove the red one from my order please", "I left my phone at your shop",
    "还有优惠吗", "好的", "收到", "发一下地址", "不要红色的", "别家更便宜", "可以发到公司吗", "我要两件",
    "请发顺丰", "短信收到了", "没收到短信", "取消上次的预约", "多发点优惠券", "停车方便吗", "不用发票", "尺码发错了",
]  # fmt: skip


@pytest.mark.parametrize("text", MORE_STOPS)
def test_more_ways_to_say_stop(text):
    assert meant(text, "CN") == "stop", intents.read(text)


@pytest.mark.parametrize("text", MORE_KEPT)
def test_ordinary_answers_change_nothing(text):
    assert meant(text, "CN") == "", intents.read(text)


def test_a_long_or_odd_text_is_read_without_harm():
    for text in (
        "",
        " ",
        "\u200b",
        "stop " * 5_000,
        "别" * 5_000,
        "a" * 4_000 + " stop texting me",
        "😀" * 500,
    ):
        assert intents.read(text).intent in ("", "stop", "held")
