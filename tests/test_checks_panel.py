"""Running all checks: isolated from each other, sorted, translated."""

import pytest

from core import ContentCheck, Draft, Finding, hookimpl, i18n
from core.content import drafts


def add_check(rt, check, name="extra"):
    class Plugin:
        @hookimpl
        def register_checks(self):
            return [check]

    rt.plugins.register(Plugin(), name)


def test_the_four_bundled_checks_are_found(rt_sqlite):
    assert {"parts", "fields", "optout", "signature"} <= rt_sqlite.plugins.checks.keys()


def test_findings_come_worst_first(rt_sqlite):
    findings = drafts.check(rt_sqlite, drafts.draft(rt_sqlite, "It’s {{first_name}}'s sale", "mass", "en"))
    levels = [drafts.LEVELS.index(finding.level) for finding in findings]
    assert levels == sorted(levels) and len(findings) >= 3
    assert [finding.code for finding in drafts.blocks(findings)] == ["optout.absent"]


@pytest.mark.parametrize("trouble", [RuntimeError("no"), TypeError("no")])
def test_a_check_that_raises_says_so_and_hides_nobody_else(rt_sqlite, trouble):
    class Broken(ContentCheck):
        name = "broken"

        def check(self, draft):
            raise trouble

    before = drafts.check(rt_sqlite, Draft(text="Sale", sample="Sale"))
    add_check(rt_sqlite, Broken)
    after = drafts.check(rt_sqlite, Draft(text="Sale", sample="Sale"))
    assert [f.code for f in after if f.code not in {f.code for f in before}] == ["broken.failed"]
    assert len(after) == len(before) + 1


def test_a_check_with_an_unknown_level_is_a_failed_check(rt_sqlite):
    class Odd(ContentCheck):
        name = "odd"

        def check(self, draft):
            return [Finding("fatal", "odd.x", "?")]

    add_check(rt_sqlite, Odd)
    findings = drafts.check(rt_sqlite, Draft(text="Sale", sample="Sale"))
    assert "odd.failed" in [finding.code for finding in findings]


def test_a_slow_check_is_named_in_the_log(rt_sqlite, caplog, monkeypatch):
    ticks = iter(range(1000))
    monkeypatch.setattr(drafts, "perf_counter", lambda: next(ticks) / 10)
    drafts.check(rt_sqlite, Draft(text="Sale", sample="Sale"))
    assert "took 100 ms" in caplog.text


class Slow(ContentCheck):
    """Takes as long as the clock it is given says."""

    name = "slow"

    def __init__(self, now):
        self.now, self.asked = now, 0

    def check(self, draft):
        self.asked += 1
        self.now[0] += 0.2
        return [Finding("warn", "slow.found", "Look twice.")]


@pytest.fixture
def slow(rt_sqlite, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(drafts, "perf_counter", lambda: now[0])
    check = Slow(now)
    add_check(rt_sqlite, check)
    return check


def test_a_slow_check_rests_while_people_type_and_is_asked_again_later(rt_sqlite, slow):
    def codes(**how):
        return [f.code for f in drafts.check(rt_sqlite, Draft(text="Sale", sample="Sale"), **how)]

    assert "slow.found" in codes(typing=True)
    for _key in range(5):
        assert "slow.skipped" in (said := codes(typing=True)) and "slow.found" not in said
    assert slow.asked == 1
    assert "slow.found" in codes(), "the check of a campaign asks it all the same"
    slow.now[0] += 0.2 * drafts.REST + 0.1
    assert "slow.found" in codes(typing=True)


def test_the_editor_says_which_check_it_left_out(client, slow):
    form = {"name": "Sale", "cls": "mass", "lang": "en", "text-en": "Sale"}
    shown = [
        client.post("/templates/check?only=panel", data=form, headers={"HX-Request": "true"}).get_data(
            as_text=True
        )
        for _key in range(2)
    ]
    assert "Look twice." in shown[0] and "Look twice." not in shown[1]
    assert "The check slow is slow and skipped while you type" in shown[1]


def test_findings_speak_the_readers_language(rt_sqlite):
    with i18n.use("zh_Hans"):
        findings = drafts.check(rt_sqlite, drafts.draft(rt_sqlite, "全场八折", "mass", "zh"))
    assert any("退订" in finding.message for finding in findings)


def test_the_made_up_person_fills_every_known_name(rt_sqlite):
    from core.content import values

    text = "".join(f"{{{{{name}}}}} " for name in values.known_names(rt_sqlite))
    for lang in ("en", "zh", "de", "tr", "fr", "xx"):
        assert drafts.preview(rt_sqlite, text, lang).problem == ""
