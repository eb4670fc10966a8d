"""A dry run that is kept: it holds while the campaign stays as it is, and big ones are a job."""

import json

from core.db.models import CampaignCheck
from core.sending import checking, drafts, dryrun, launch, people
from tests import campaign_kit as kit
from tests.dryrun_kit import draft


def test_a_kept_report_holds_for_the_campaign_as_it_stands(rt):
    kit.crowd(rt, 30)
    campaign_id = draft(rt)
    checking.check(rt, campaign_id)
    row, report = checking.kept(rt, drafts.get(campaign_id))
    assert row.state == "done"
    fresh = dryrun.run(rt, campaign_id)
    report.at = report.start_at = report.finish_at = fresh.at = fresh.start_at = fresh.finish_at = 0
    report.spans = fresh.spans = []
    assert report == fresh
    drafts.edit(rt, campaign_id, "ann", holdout_bp=300)
    assert checking.kept(rt, drafts.get(campaign_id)) == (None, None)


def test_a_check_on_the_command_line_is_the_check_of_the_pages(rt, cli):
    kit.crowd(rt, 30)
    campaign_id = draft(rt)
    assert checking.kept(rt, drafts.get(campaign_id)) == (None, None)
    assert cli("campaign", "check", str(campaign_id)).exit_code == 0
    row, report = checking.kept(rt, drafts.get(campaign_id))
    assert row.state == "done" and report.audience == 30
    launch.launch(rt, campaign_id)
    assert cli("campaign", "check", str(campaign_id)).exit_code == 0
    assert CampaignCheck.get_by_id(campaign_id).at == row.at


def test_a_big_audience_is_checked_by_a_job_with_progress(rt, monkeypatch):
    kit.crowd(rt, 100)
    monkeypatch.setattr(checking, "INLINE", 50)
    monkeypatch.setattr(dryrun, "CHUNK", 20)
    campaign_id = draft(rt)
    checking.check(rt, campaign_id)
    row, report = checking.kept(rt, drafts.get(campaign_id))
    assert (row.state, row.done, row.total, report) == ("running", 0, people.last_contact(), None)
    seen = []
    real = checking._row
    monkeypatch.setattr(checking, "_row", lambda *a, **k: (seen.append(k.get("done")), real(*a, **k)))
    checking.job(rt, campaign_id)
    row, report = checking.kept(rt, drafts.get(campaign_id))
    assert row.state == "done"
    assert report.audience == 100
    assert [n for n in seen if n] == [20, 40, 60, 80, 100]


def test_a_job_that_is_refused_says_why(rt_sqlite):
    campaign_id = kit.campaign(rt_sqlite, templates=[])
    checking.job(rt_sqlite, campaign_id)
    row = CampaignCheck.get_by_id(campaign_id)
    assert row.state == "failed"
    assert "no text yet" in row.error
    json.dumps(row.report)
