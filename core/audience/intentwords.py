"""The patterns of opt-outs in free text, as data of `AS_OF`; `intents` says how they are used.

After the words people used in Spoke's and Twilio's lists and in Chinese carriers' complaint forms
(12321.cn).  Every line has a case in tests/test_consent_intents.py.
"""

# ruff: noqa: E501 - a pattern is read as one line

from __future__ import annotations

import re
from collections.abc import Mapping

AS_OF = "2026-11-21"

_THINGS = (
    r"(?:text|txt|message|msg|sms|ad|promo|promotion|offer|deal|notification|alert|reminder|advert|spam|stuff|thing|crap)s?"
    r"(?: messages?| texts?| sms)?"
)
_SOME = r"(?:(?:any|all|these|those|this|the|your|such|more|so many|me|us|any more|anymore|further|of|damn|stupid|annoying|marketing|promotional|spam) )*"
_SEND = r"(?:text(?:ing)?|messag(?:e|ing)|sms(?:ing)?|send(?:ing)?|spam(?:ming)?|contact(?:ing)?|bother(?:ing)?|call(?:ing)?|harass(?:ing)?|bug(?:ging)?|writ(?:e|ing)|disturb(?:ing)?)"
_ME = r"(?: (?:to )?(?:me|us|my phone|my number|this number|this phone|here))?"
_OFF = r"(?:from|off|off of|out of|of)"
_LIST = r"(?:your|the|this|that|any|all)(?: \w+){0,2} (?:list|lists|database|system|records|file|files|group)"
_WISH = r"(?:i (?:want|wish|would like|need|like|have)|id like|i wanna|wanna) (?:you )?(?:to )?"

#: Clauses that are an opt-out when they say nothing else.
SURE_EN: Mapping[str, str] = {
    # "please stop", "stop stop stop", "just unsubscribe"
    "en.word": r"(?:(?:stop|stopall|stop all|unsubscribe|unsub|opt out|optout|revoke) ?)+",
    # "stop texting me", "quit sending these ads", "cease all messages"
    "en.stop-sending": rf"(?:stop|quit|cease|end)(?: {_SEND})?{_ME} {_SOME}{_THINGS}",
    "en.stop-doing": rf"(?:stop|quit|cease) {_SEND}{_ME}",
    # "do not text me", "never contact this number again", "don't send me any more messages"
    "en.do-not": rf"(?:do not|dont|never|no need to|no longer)(?: ever)? {_SEND}{_ME}(?: {_SOME}{_THINGS})?",
    # "why won't you stop texting me"
    "en.why": rf"(?:why )?(?:wont|dont|cant|will|can|could|would) you(?: please| not)? stop {_SEND}{_ME}(?: {_SOME}{_THINGS})?",
    # "take me off your list", "remove my number", "delete me from the system", "lose my number"
    "en.remove": rf"(?:take|remove|delete|drop|get|erase|cut|scratch) (?:me|us|my \w+(?: number)?|this (?:number|phone))(?: {_OFF}(?: {_LIST}| here| this| it| {_SOME}{_THINGS})?)?",
    "en.lose": r"(?:lose|forget|erase|delete|block) my (?:number|phone|contact|info)",
    # "I want to unsubscribe", "I would like to be removed", "I'm opting out"
    "en.wish": rf"(?:{_WISH}|im |i am |i )(?:unsubscrib(?:e|ing)|unsub|opt(?:ing)? out|out|be (?:removed|taken off|unsubscribed)|stop (?:receiving|getting|this|these|it)|revoke)(?: .{{0,40}})?",
    "en.opt": rf"(?:opt(?: me| us)? out|sign(?: me| us)? (?:off|out)|unsub(?:scribe)?(?: me| us| my (?:number|phone)| this number)?)(?: (?:of|from) (?:{_SOME}{_THINGS}|{_LIST}|this|it|everything|all|here))?",
    # "leave me alone", "go away", "get lost"
    "en.alone": r"(?:just )?(?:leave (?:me|us) (?:alone|be)|go away|get lost|piss off|fuck off|f off|buzz off|let me be|bugger off)",
    # "no more texts", "enough with the ads"
    "en.no-more": rf"(?:no more|enough(?: of| with)?|enough already with) {_SOME}{_THINGS}",
    # "I don't want these messages", "I no longer wish to receive your texts"
    "en.not-want": rf"i (?:do not|dont|no longer|never) (?:want|wish|need|wanna|like)(?: to)?(?: (?:get|receive|see|hear|have|be sent|getting|receiving))?(?: from you)? {_SOME}{_THINGS}",
    "en.not-hear": r"i (?:do not|dont|no longer) (?:want|wish)(?: to)? (?:hear from|be (?:contacted|texted|messaged) by) (?:you|your company|this number)",
    "en.consent": r"i (?:hereby )?(?:revoke|withdraw|take back|cancel) (?:my )?(?:consent|permission|subscription)",
}
#: Words that may be an opt-out among others, or say something else; a person decides.
HELD_EN: Mapping[str, str] = {
    "en.cancel": r"^(?:cancel|end|quit|stop (?:it|this|that)|enough|no more|done|i quit)$",
    "en.wrong": r"\bwrong (?:number|person|phone|guy)\b|\bnot (?:my|the right) number\b|\byou have the wrong\b|\bno longer (?:his|her|their) (?:number|phone)\b",
    "en.never-signed": r"\b(?:never|did not|didnt) (?:sign(?:ed)? up|subscribe[d]?|ask(?:ed)? for (?:this|these)|agree[d]? to)\b",
    "en.not-interested": r"^(?:im |i am )?(?:not|no longer|never) interested$",
    "en.spam": r"^(?:this is |its |thats |you are |youre |such |more )?(?:spam|spammers?|a scam|scam|harassment)$|\breport(?:ed|ing)? (?:you|this|it)\b|\b(?:lawyer|attorney|legal action|sue you|complaint|do not call (?:list|registry))\b",
    "en.off": r"\b(?:take|get|remove) me (?:off|from)\b|\bremove my (?:name|number)\b|\blose my number\b",
    "en.stop": rf"\bstop {_SEND}\b|\bleave me alone\b|\bno more (?:texts|messages|sms)\b|\bstop (?:these|the|your|all) (?:texts|messages|sms|ads|spam)\b",
    "en.out": r"\bunsubscribe\b|\bunsub\b|\bopt(?:ing)? (?:me )?out\b",
    "en.contact": r"\b(?:do not|dont|never) (?:contact|text|message|sms) (?:me|us|this number)\b(?! (?:before|after|at|on|until|during|between|if)\b)",
}
#: The opposite of what the words look like; such a clause is not looked at further.
GUARDS_EN = (
    r"\b(?:dont|do not|wont|will not|cant|cannot|can not|never|didnt|did not|wouldnt|not|nobody|no one|please dont|why would i|why should i)"
    r"(?: \w+){0,3} (?:stop|stopping|unsubscribe|unsub|unsubscribing|opt out|opting out|quit|quitting|take me off|remove me|leave me|cancel)\b",
    r"\b(?:stop by|stop in|stop over|bus stop|one stop|non stop|nonstop|stopped by|stop at|stop and (?:shop|see|get)|stop thinking|stop loving|stop buying|stop smiling|stop wearing|stop using|stop eating)\b",
    r"\b(?:how|when|where|can|could|did|may|should)\b.*\b(?:order|subscription box|appointment|booking|delivery|refund|membership|payment|reservation)\b",
    r"\b(?:leave (?:it|them|the)|send me|keep sending|keep them coming|keep (?:me|texting|it))\b",
)
#: What people say who are pleased; then a lone "stop" is an exclamation.
PLEASED = re.compile(
    r"\b(?:love|loving|lovely|great|amazing|awesome|gorgeous|beautiful|haha+|lol|lmao|omg|yay|cute|perfect|best|obsessed|thank you so much)\b|[😍🥰❤😂🤣🎉👍]"
)

_WHOM = r"(?:我|我们|本人|俺|这个号码|这个号|这号|此号|本号码?|我的?手机|我的?号码?|人)"
_NO = r"(?:别|不要|勿|不用|不必|甭|停止|禁止|请勿|不准|不许|莫|休要)"
_AGAIN = r"(?:再|在|继续|老是|老|总是|总|一直|随便|乱|天天|每天|整天|一天到晚)*"
_SENDING = r"(?:发送|发来|发过来|发|推送|推|打扰|骚扰|联系|群发|轰炸|烦)"
_WHAT = r"(?:你们|你|您|贵司|贵公司|这些|这种|这类|此类|那些|任何|所有|类似|一切|什么|的|垃圾|营销|推广|促销|广告|骚扰|推销|商业|活动|优惠|短信息|短信|信息|消息|讯息|推送|通知|东西|内容|给|到|过来|来)*"
_WORDS = r"(?:短信息|短信|信息|消息|讯息|广告|推送|推销|通知)"
_TAIL = r"(?:了|啦|吧|啊|呀|哈|嘛|呢|行不行|行吗|好吗|好不好|可以吗|谢谢|哦|噢)*"

SURE_ZH: Mapping[str, str] = {
    # 退订 / 我要退订 / 帮我取消订阅
    "zh.word": rf"(?:我|给我|帮我|替我|把我)?(?:要|想|想要|申请|要求|需要|选择|现在|马上|立即|立刻)*(?:给我|帮我|把我)?(?:退订|退訂|取消订阅|取消推送|拒收|停发|取消关注){_WHAT}{_TAIL}",
    # 别再发了 / 不要再给我发短信 / 请勿打扰 / 别烦我了
    "zh.do-not": rf"{_NO}{_AGAIN}(?:给|向|跟|往|对|来)?{_WHOM}?{_AGAIN}{_SENDING}{_WHOM}?{_WHAT}{_WHOM}?{_TAIL}",
    # 把我从名单里删掉 / 删除我的号码 / 把我移出
    "zh.remove": rf"(?:把|将|请把)?(?:我|我的|本人的?|这个)?(?:手机号码?|电话号码?|号码|电话|名字|信息|资料|联系方式)?(?:从.{{0,12}})?(?:给我|都|全)?(?:删了|删掉|删除|删|移除|移出|去掉|除名|剔除|拉黑|注销){_WHOM}?(?:的?(?:手机号码?|电话号码?|号码|电话|名字|信息|资料|联系方式))?(?:你们?|的)*(?:名单|列表|数据库|系统|通讯录)?(?:里|中)?{_TAIL}",
    # 不想再收到你们的短信 / 拒绝接收广告
    "zh.not-want": rf"(?:我)?(?:真的|再也|已经|一点都|根本)*(?:不想|不愿意?|不希望|不需要|不要|拒绝|谢绝|不再想?){_AGAIN}(?:收到|接收|接到|接受|收|看到|看|被){_WHAT}{_WORDS}{_WHAT}{_TAIL}",
    # 再发就投诉 / 再发我拉黑了
    "zh.threat": rf"(?:你们?|要是|如果)*(?:再|还){_AGAIN}(?:给我)?(?:发|骚扰|打扰|推送){_WHAT}(?:我)?(?:就|要|马上|直接)*(?:投诉|举报|报警|拉黑|起诉|告).{{0,6}}",
    # 滚 / 离我远点
    "zh.away": rf"(?:滚|滚蛋|滚开|走开|离我远点|别来烦我|放过我|别找我|不要找我){_TAIL}",
}
HELD_ZH: Mapping[str, str] = {
    "zh.wrong": r"(?:发|打|找|弄|搞)错(?:人|号|对象|了?(?:人|号码))|号码(?:错|不对|换人)|不是(?:本人|机主|他本人|她本人)|^(?:我|这)(?:不是|不叫)[^的吗么]{2,4}$|(?:换|不是我的?|已经换)号码?了?$|不认识(?:你|你们)|^你(?:是|们是)?谁(?:啊|呀)?凭什么",
    "zh.no": r"^(?:我)?(?:不感兴趣|没兴趣|没有兴趣|不需要|用不着|够了|受够了|有完没完|烦不烦|烦死(?:人|我)?|没完没了)(?:了|啊|呀|吗)*$",
    "zh.complain": r"12321|骚扰|(?:要|会|去)?(?:投诉|举报|报警)(?:你|你们|了|的)|消费者协会|律师函|侵犯.{0,6}隐私|谁(?:让|允许|同意)你们?(?:给我)?发|(?:从没|没有?|从来没)(?:订阅|注册|同意)过",
    "zh.stop": rf"(?:别|不要|勿)(?:再)?(?:给我)?发.{{0,6}}{_WORDS}|别(?:再)?(?:烦|打扰|骚扰)我|垃圾短信|不想(?:再)?收(?:到)?.{{0,8}}{_WORDS}",
    "zh.out": r"退订|退訂|取消订阅|拒收|拉黑",
}
GUARDS_ZH = (
    r"(?:别|不要|不想|不会|不能|没有?|不用|舍不得|千万别|怎么会|为什么要|为啥要|何必)(?:要|去|想|给我|把我)?(?:停|退订|退訂|取消|拉黑|删|拒收)",
    r"别忘|不要忘|勿忘|记得(?:给我)?发|继续(?:给我)?发|多(?:给我)?发|常(?:给我)?发|(?:别|不要)(?:再)?(?:给我)?(?:发错|发货|发顺丰|发快递|发圆通|发中通|发韵达|发申通|发邮政|漏发|少发|晚发|发晚|发漏|发少|发一样)",
    r"订单|快递|包裹|退款|退货|换货|预约",
)

SPLIT_EN = re.compile(r"[.!?;,\n:()\"…~|/-]+| but | and | because | or i(?= )| so please ")
SPLIT_ZH = re.compile(r"[。！？!?,，、；;：:\n…~.()（）\"“”]+")
POLITE_EN = re.compile(
    r"^(?:(?:please|pls|plz|kindly|hi|hello|hey|ok|okay|so|now|just|sorry|yes|no(?! more| longer)|dear|sir|team|guys|thanks|thank you|seriously|again|"
    r"can you|could you|would you|will you|can u|you need to|you must|you should|i said|i told you to|i am asking you to|i want you to|i need you to|"
    r"i would like you to|im asking you to|for the last time|from now on|omg|god|man|dude|ffs|wtf|jesus) )+"
)
AFTER_EN = re.compile(
    r"(?: (?:please|pls|plz|now|thanks|thank you|thx|ty|ok|okay|already|asap|immediately|at once|right now|today|again|ever|ever again|any more|anymore|"
    r"any longer|forever|for good|for ever|at all|sir|guys|seriously|man|dude|permanently|everyday|every day|all the time|all day))+$"
)
POLITE_ZH = re.compile(
    r"^(?:请你们?|请您|请|麻烦|拜托|求求|求|你们|您|你|能不能|可不可以|可以|能|我说|赶紧|赶快|马上|立刻|立即|以后|今后|从今以后|真的|都说了|说了|再次|亲|都|就|那|好|嗯|喂)+(?=.)"
)
