"""Numbers are looked up by a plugin, in chunks, once each."""

from __future__ import annotations

import json

import pytest

from core import NumberFacts, NumberIntelligence, Unreachable
from core.audience import contacts, erasing, numbers
from core.audience.numbers import Rules
from core.contract import testing
from core.db import database
from core.db.codes import LineType
from plugins.numbers.metadata import Metadata

SHANGHAI = "+8613900138000"


def rows() -> int:
    return database.scalar("SELECT COUNT(*) FROM number_info")


def test_a_chinese_mobile_number_tells_carrier_city_and_zone():
    [facts] = Metadata().facts([SHANGHAI])
    assert facts == NumberFacts("CN", "上海市", "中国移动", "mobile", ("Asia/Shanghai",))


def test_a_number_of_new_york_tells_its_zone_and_no_carrier():
    [facts] = Metadata().facts(["+12125550123"])
    assert (facts.country, facts.region, facts.carrier, facts.zones) == (
        "US", "New York, NY", "", ("America/New_York",),
    )  # fmt: skip


@pytest.mark.parametrize("number", ["+18005550123", "+447700900123", "nonsense", "+999"])
def test_what_nobody_knows_stays_empty(number):
    [facts] = Metadata().facts([number])
    assert (facts.region, facts.carrier, facts.zones, facts.alive) == ("", "", (), None)


def test_what_is_remembered_by_prefix_is_what_the_library_says():
    import phonenumbers
    from phonenumbers import carrier, timezone

    made = Metadata()
    asked = [f"+8613{n:03d}{n * 7 % 10_000:04d}{n % 100:02d}" for n in range(0, 1_000, 7)] * 2
    for number, facts in zip(asked, made.facts(asked), strict=True):
        if not facts.country:
            continue
        parsed = phonenumbers.parse(number)
        assert facts.carrier == carrier.name_for_number(parsed, "zh")
        assert facts.zones == timezone.time_zones_for_number(parsed)


def test_people_are_looked_up_once_and_the_next_run_goes_on_there(rt):
    one = contacts.create(rt, SHANGHAI)
    assert (numbers.fill(rt), numbers.fill(rt)) == (1, 0)
    found = numbers.of(one)
    assert (found["region"], found["carrier"], found["zones"], found["status"]) == (
        "上海市", "中国移动", ["Asia/Shanghai"], "ok",
    )  # fmt: skip
    two = contacts.create(rt, "+12125550123")
    assert numbers.fill(rt) == 1 and numbers.of(two)["line_type"] == "mobile_or_fixed"


def test_what_an_earlier_run_left_out_is_found_by_a_full_one(rt):
    one = contacts.create(rt, SHANGHAI)
    numbers.fill(rt)
    with database.write_tx():
        database.execute("DELETE FROM number_info WHERE contact_id = ?", (one,))
    assert numbers.fill(rt) == 0 and numbers.fill(rt, everyone=True) == 1


def test_more_than_a_chunk(rt_sqlite, monkeypatch):
    monkeypatch.setattr(numbers, "CHUNK", 3)
    for n in range(10):
        contacts.create(rt_sqlite, f"+86139001380{n:02d}")
    assert numbers.fill(rt_sqlite) == 10 and rows() == 10


class Service(NumberIntelligence):
    """A look-up that knows who is dead, once it can be reached."""

    name, title = "service", "Service"
    batch_size = 1
    away = False

    def facts(self, numbers):
        if self.away:
            raise Unreachable("away")
        return [NumberFacts("CN", alive=False) for _number in numbers]


def test_a_look_up_service_can_be_plugged_in_and_may_be_away(rt):
    one = contacts.create(rt, SHANGHAI)
    rt.plugins.numbers["service"] = service = Service()
    numbers.set_rules(Rules(source="service"))
    service.away = True
    assert numbers.fill(rt) == 0 and numbers.of(one) is None
    service.away = False
    assert numbers.fill(rt) == 1 and numbers.of(one)["status"] == "unreachable"
    assert testing.check_numbers(Service) == []


def test_a_source_that_is_gone_falls_back_to_the_bundled_one(rt_sqlite):
    numbers.set_rules(Rules(source="uninstalled"))
    assert numbers.source(rt_sqlite).name == "metadata"


class Wrong(NumberIntelligence):
    name, title = "wrong", "Wrong"

    def facts(self, numbers):
        return [NumberFacts("China", line_type="cell", zones=("CST",))] * 2


def test_the_contract_names_every_broken_law():
    broken = " ".join(testing.check_numbers(Wrong))
    for law in ("gave 2 facts", "'cell' is no line type", "'China' is no country", "no time zones"):
        assert law in broken


def test_what_is_known_of_a_number_goes_with_its_person(rt):
    one = contacts.create(rt, SHANGHAI)
    numbers.fill(rt)
    erasing.erase(rt, one, who="a@b.c")
    assert rows() == 0


def test_new_people_ask_for_a_look_up(rt_sqlite, monkeypatch):
    asked = []
    queued = type(rt_sqlite)(**{name: getattr(rt_sqlite, name) for name in ("settings", "plugins", "keys", "queue")},
                             enqueue=lambda *job: asked.append(job))  # fmt: skip
    numbers.due(queued)
    contacts.create(rt_sqlite, SHANGHAI)
    numbers.due(queued)
    numbers.fill(rt_sqlite)
    numbers.due(queued)
    assert asked == [("numbers",)]


def test_the_command_says_what_it_did(cli, rt):
    one = contacts.create(rt, SHANGHAI)
    done = json.loads(cli("contact", "check-numbers", "--json").output)
    assert (done["looked_up"], done["unreachable"], done["recycled"]) == (1, 0, 0)
    assert numbers.of(one)["line_type"] == LineType.mobile.name
