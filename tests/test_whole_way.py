"""From a customer file to a measured campaign by command line alone, against a gateway on a real socket.

`cooee up` runs as a user starts it; every step is a command of its own.  The gateway's log is the oracle.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter

import pytest

from tests.servers import cooee_up, wait_for
from tests.shop import TEXT, Shop, connect, listening

PEOPLE = 240


def customers() -> tuple[str, dict[str, dict]]:
    """The file, and what it says by E.164 number."""
    people = {}
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["手机号", "姓名", "城市", "同意营销"])
    for i in range(PEOPLE):
        phone, name = f"1381234{i:04d}", f"客户{i}" if i % 7 else ""
        city, agrees = ("上海", "北京", "广州")[i % 3], i % 5 != 0
        people[f"+86{phone}"] = {"name": name, "city": city, "agrees": agrees}
        writer.writerow([phone, name, city, "是" if agrees else "否"])
    return out.getvalue(), people


@pytest.fixture(params=["small", "large"])
def shop(request, tmp_path):
    """An instance as most have it (all in SQLite), and one on PostgreSQL and Redis."""
    if request.param == "small":
        queue = f"sqlite:///{tmp_path / 'queue.db'}"
        return Shop(request.getfixturevalue("sqlite_instance") | {"COOEE_QUEUE_URL": queue})
    queue = request.getfixturevalue("redis_server")
    return Shop(request.getfixturevalue("postgres_instance") | {"COOEE_QUEUE_URL": queue})


def test_a_file_becomes_a_measured_campaign(shop, tmp_path):
    text, people = customers()
    file = tmp_path / "客户.csv"
    file.write_bytes(text.encode("gb18030"))
    with listening() as sink, cooee_up(shop.env) as base:
        shop.env["COOEE_PUBLIC_URL"] = base
        done = shop.json("contact", "import", file, "--region", "CN", "--consent-source", "till")
        assert (done["rows"], done["created"], done["rejected"]) == (PEOPLE, PEOPLE, 0)

        stopped = next(phone for phone, who in people.items() if who["city"] == "上海" and who["agrees"])
        shop("suppress", "add", stopped)
        rule = {
            "all": [
                {"segmenter": "attribute", "field": "city", "op": "eq", "value": "上海"},
                {"segmenter": "consent", "class": "mass", "state": "yes"},
            ]
        }
        shop("segment", "add", "shanghai", "--rule", "-", stdin=json.dumps(rule))
        wanted = {phone for phone, who in people.items() if who["city"] == "上海" and who["agrees"]}
        assert shop.json("segment", "count", "shanghai")["count"] == len(wanted)

        shop("template", "add", "sunday", "--class", "mass", "--lang", "zh", "--text-file", "-", stdin=TEXT)
        connect(shop, sink, "gateway")
        campaign = shop.json(
            "campaign", "add", "Sunday", "--segment", "shanghai", "--template", "sunday", "--account", "gateway",
            "--holdout", "5", "--option", "quiet_hours=off", "--option", "window=20",
        )["id"]  # fmt: skip
        plan = shop.json("campaign", "check", campaign)
        assert plan["audience"] == len(wanted) and plan["excluded"] == {"suppressed": 1}

        shop("campaign", "launch", campaign)
        shop("campaign", "wait", campaign, "--timeout", "60")
        wait_for(lambda: not shop.json("campaign", "show", campaign)["counts"]["accepted"], 60, 0.5)
        shown = shop.json("campaign", "show", campaign)
        rows = list(csv.DictReader(io.StringIO(shop("campaign", "messages", campaign, "--format", "csv"))))
        verified = shop("verify")

    texts = sink.texts
    by_state = Counter(row["state"] for row in rows)
    assert {state: n for state, n in shown["counts"].items() if n} == dict(by_state)
    assert sum(shown["counts"].values()) == shown["audience"] == len(wanted)
    # Of 64 people chance may keep nobody aside; the dry run knew how many.
    assert by_state["skipped"] == 1
    assert plan["messages"] + by_state["holdout"] + by_state["skipped"] == len(wanted)

    texted = {row["phone"] for row in rows if row["state"] in ("delivered", "undelivered")}
    assert set(texts) == texted and len(texted) == plan["messages"]
    assert all(len(copies) == 1 for copies in texts.values()), "someone was texted twice"
    kept = {row["phone"] for row in rows if row["state"] in ("holdout", "skipped")}
    assert not kept & set(texts) and stopped not in texts
    assert all(people[phone]["agrees"] and people[phone]["city"] == "上海" for phone in texts)
    assert texts == {
        p: [f"【可乐店】{people[p]['name'] or '您好'}，本周日全场八折。拒收请回复R"] for p in texted
    }

    delivered = shown["metrics"]["delivered"]
    assert delivered["numerator"] == by_state["delivered"] and delivered["denominator"] == len(texted)
    assert delivered["interval"][0] < delivered["value"] < delivered["interval"][1]
    assert all(line.startswith("ok") for line in verified.splitlines())


def test_the_preview_is_the_text_that_is_sent(shop, tmp_path):
    file = tmp_path / "one.csv"
    file.write_text("phone,name\n+8613800138000,王芳\n")
    shop("contact", "import", file, "--consent", "mass", "--consent-source", "till")
    shop("template", "add", "sunday", "--class", "mass", "--lang", "zh", "--text-file", "-", stdin=TEXT)
    assert "【可乐店】王芳，本周日全场八折。拒收请回复R" in shop(
        "template", "preview", "sunday", "--as", "+8613800138000"
    )
