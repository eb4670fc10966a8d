"""Programs that open links nobody tapped: previewers of messengers, scanners, crawlers, libraries.

A row is a piece of the User-Agent (any case), whose it is, and where that is documented.  As of 2026-11-22.
They change; so change the rows.  Also fetched by programs and not listed here on purpose: in-app browsers
(FBAN/FBAV, Instagram, MicroMessenger, WhatsApp's own tab), which are people.
"""

from __future__ import annotations

import re

AS_OF = "2026-11-22"

#: (piece of the User-Agent, who, source)
AUTOMATIC = (
    # Previews in messengers and networks.  Apple's Messages says it is Facebook's and Twitter's at once and
    # fetches from the phone's own address; nothing but this string tells it apart from a tap.
    ("facebookexternalhit", "Facebook, Apple Messages", "developers.facebook.com/docs/sharing/webmasters/web-crawlers"),
    ("facebot", "Facebook, Apple Messages", "developers.facebook.com/docs/sharing/webmasters/web-crawlers"),
    ("meta-external", "Meta", "developers.facebook.com/docs/sharing/webmasters/web-crawlers"),
    ("facebookcatalog", "Meta", "developers.facebook.com/docs/sharing/webmasters/web-crawlers"),
    ("twitterbot", "X, Apple Messages", "developer.x.com/en/docs/x-for-websites/cards"),
    ("telegrambot", "Telegram", "telegram.org/blog/link-preview"),
    ("slackbot", "Slack", "api.slack.com/robots"),
    ("slack-imgproxy", "Slack", "api.slack.com/robots"),
    ("discordbot", "Discord", "discord.com/developers/docs/reference"),
    ("linkedinbot", "LinkedIn", "linkedin.com/help/linkedin/answer/a6233775"),
    ("skypeuripreview", "Skype, Teams", "learn.microsoft.com/microsoftteams"),
    ("viber/", "Viber's preview", "developers.viber.com"),
    ("line-poker", "LINE", "help2.line.me/linebizwebcrawler"),
    ("linebot", "LINE", "help2.line.me/linebizwebcrawler"),
    ("kakaotalk-scrap", "KakaoTalk", "devtalk.kakao.com"),
    ("zalobot", "Zalo", "developers.zalo.me"),
    ("vkshare", "VK", "vk.com/dev"),
    ("pinterestbot", "Pinterest", "help.pinterest.com/article/pinterest-crawler"),
    ("redditbot", "Reddit", "support.reddithelp.com"),
    ("snap url preview", "Snapchat", "developers.snap.com/robots"),
    ("iframely", "Iframely", "iframely.com/docs/about"),
    ("embedly", "Embedly", "docs.embed.ly"),
    ("google-pagerenderer", "Google Messages", "developers.google.com/search/docs/crawling-indexing"),
    ("googlemessages", "Google Messages", "developers.google.com/search/docs/crawling-indexing"),
    ("bitlybot", "Bitly", "support.bitly.com"),
    # Search engines and models
    ("googlebot", "Google", "developers.google.com/search/docs/crawling-indexing/google-common-crawlers"),
    ("google-inspectiontool", "Google", "developers.google.com/search/docs/crawling-indexing/google-common-crawlers"),
    ("googleother", "Google", "developers.google.com/search/docs/crawling-indexing/google-common-crawlers"),
    ("google-safety", "Google", "developers.google.com/search/docs/crawling-indexing/google-special-case-crawlers"),
    ("google-read-aloud", "Google", "developers.google.com/search/docs/crawling-indexing/google-user-triggered-fetchers"),
    ("mediapartners-google", "Google", "developers.google.com/search/docs/crawling-indexing/google-special-case-crawlers"),
    ("bingpreview", "Bing", "bing.com/webmasters/help/which-crawlers-does-bing-use-8c184ec0"),
    ("bingbot", "Bing", "bing.com/webmasters/help/which-crawlers-does-bing-use-8c184ec0"),
    ("adidxbot", "Bing", "bing.com/webmasters/help/which-crawlers-does-bing-use-8c184ec0"),
    ("yandex.com/bots", "Yandex", "yandex.com/support/webmaster/robot-workings/check-yandex-robots"),
    ("baiduspider", "Baidu", "help.baidu.com/question?prod_id=99&class=476"),
    ("sogou web spider", "Sogou", "help.sogou.com/spider"),
    ("360spider", "360", "so.com/help/help_3_2.html"),
    ("bytespider", "ByteDance", "bytespider@bytedance.com in the string"),
    ("petalbot", "Huawei", "webmaster.petalsearch.com/site/petalbot"),
    ("yisouspider", "Shenma", "the string itself"),
    ("applebot", "Apple", "support.apple.com/en-us/119829"),
    ("duckduckbot", "DuckDuckGo", "duckduckgo.com/duckduckbot"),
    ("gptbot", "OpenAI", "platform.openai.com/docs/bots"),
    ("oai-searchbot", "OpenAI", "platform.openai.com/docs/bots"),
    ("chatgpt-user", "OpenAI", "platform.openai.com/docs/bots"),
    ("claudebot", "Anthropic", "support.anthropic.com/articles/8896518"),
    ("claude-user", "Anthropic", "support.anthropic.com/articles/8896518"),
    ("perplexity", "Perplexity", "docs.perplexity.ai/guides/bots"),
    ("amazonbot", "Amazon", "developer.amazon.com/amazonbot"),
    # Security scanners of mail, messages and networks
    ("barracuda", "Barracuda", "the string itself"),
    ("proofpoint", "Proofpoint", "the string itself"),
    ("mimecast", "Mimecast", "the string itself"),
    ("safelinks", "Microsoft Defender", "learn.microsoft.com/defender-office-365/safe-links-about"),
    ("trendmicro", "Trend Micro", "the string itself"),
    ("symantec", "Broadcom", "the string itself"),
    ("zscaler", "Zscaler", "the string itself"),
    ("paloalto", "Palo Alto Networks", "the string itself"),
    ("expanse, a palo alto", "Palo Alto Networks", "the string itself"),
    ("fortiguard", "Fortinet", "the string itself"),
    ("netcraft", "Netcraft", "the string itself"),
    ("virustotal", "VirusTotal", "the string itself"),
    ("urlscan", "urlscan.io", "urlscan.io/about"),
    ("phishtank", "PhishTank", "the string itself"),
    ("censysinspect", "Censys", "support.censys.io"),
    ("google-adwords", "Google", "developers.google.com/search/docs/crawling-indexing/google-special-case-crawlers"),
    # Archives, monitors, feeds, libraries and browsers without a screen
    ("ia_archiver", "Internet Archive", "archive.org"),
    ("archive.org_bot", "Internet Archive", "archive.org/details/archive.org_bot"),
    ("uptimerobot", "UptimeRobot", "uptimerobot.com/help"),
    ("pingdom", "Pingdom", "documentation.solarwinds.com"),
    ("statuscake", "StatusCake", "statuscake.com/kb"),
    ("ahrefsbot", "Ahrefs", "ahrefs.com/robot"),
    ("semrushbot", "Semrush", "semrush.com/bot"),
    ("mj12bot", "Majestic", "mj12bot.com"),
    ("dotbot", "Moz", "moz.com/help/moz-procedures/crawlers"),
    ("ccbot", "Common Crawl", "commoncrawl.org/ccbot"),
    ("headlesschrome", "Chrome without a screen", "developer.chrome.com/docs/chromium/headless"),
    ("phantomjs", "PhantomJS", "the string itself"),
    ("chrome-lighthouse", "Lighthouse", "developer.chrome.com/docs/lighthouse"),
    ("curl/", "curl", "everything.curl.dev"),
    ("wget/", "Wget", "gnu.org/software/wget"),
    ("python-", "Python", "docs.python-requests.org"),
    ("aiohttp/", "Python", "docs.aiohttp.org"),
    ("httpx/", "Python", "python-httpx.org"),
    ("go-http-client", "Go", "pkg.go.dev/net/http"),
    ("okhttp", "OkHttp", "square.github.io/okhttp"),
    ("java/", "Java", "docs.oracle.com/javase"),
    ("apache-httpclient", "Java", "hc.apache.org"),
    ("libwww-perl", "Perl", "metacpan.org/pod/LWP"),
    ("node-fetch", "Node", "github.com/node-fetch/node-fetch"),
    ("axios/", "Node", "axios-http.com"),
    ("got (http", "Node", "github.com/sindresorhus/got"),
    ("guzzlehttp", "PHP", "docs.guzzlephp.org"),
    ("postmanruntime", "Postman", "learning.postman.com"),
    ("dalvik/", "Android program without a browser", "source.android.com"),
    ("cfnetwork/", "Apple program without a browser", "developer.apple.com/documentation/cfnetwork"),
)  # fmt: skip
#: WhatsApp's preview is this and nothing around it; its in-app tab is a browser's own string.
_WHOLE = r"^whatsapp/[\d.]+( [ainw])?$"
#: What an honest program calls itself.
_GENERAL = r"bot\b|bot/|crawler|spider|scanner\b|\bscan\b|preview\b|\+https?://"

_KNOWN = re.compile(
    "|".join([*(re.escape(piece) for piece, _who, _source in AUTOMATIC), _WHOLE, _GENERAL]), re.IGNORECASE
)
#: CUBOT makes phones.
_PHONE_NAMES = re.compile(r"\bcubot\b", re.IGNORECASE)
_PHONE = re.compile(r"iphone|ipad|android|harmonyos|openharmony|\bmobile\b", re.IGNORECASE)


def is_automatic(agent: str) -> bool:
    """Does this User-Agent belong to a program that opens links by itself?"""
    return bool(_KNOWN.search(_PHONE_NAMES.sub("", agent)))


def is_phone(agent: str) -> bool:
    """Is it a browser of phones?  Those are frozen strings that thousands of people share."""
    return bool(_PHONE.search(agent)) and not is_automatic(agent)
