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


def test_findings_speak_the_readers_language(rt_sqlite):
    with i18n.use("zh_Hans"):
        findings = drafts.check(rt_sqlite, drafts.draft(rt_sqlite, "全场八折", "mass", "zh"))
    assert any("退订" in finding.message for finding in findings)


def test_the_made_up_person_fills_every_known_name(rt_sqlite):
    from core.content import values

    text = "".join(f"{{{{{name}}}}} " for name in values.known_names(rt_sqlite))
    for lang in ("en", "zh", "de", "tr", "fr", "xx"):
        assert drafts.preview(rt_sqlite, text, lang).problem == ""
