"""`cooee bench expand`: from the launch to a running campaign, beside a bare INSERT … SELECT.

The baseline copies the same people into a table of the same columns and indexes, in one statement of one
transaction: no lots, no reasons, no counters, no cursor.
"""

from __future__ import annotations

from typing import Any

from core import clock
from core.bench import clocked, figures, throwaway
from core.bench.population import people
from core.db import database
from core.db.codes import Cls
from core.db.models import Account, Segment, Template, TemplateText
from core.runtime import Runtime
from core.sending import drafts, dryrun, expand, launch

TEXT = "【Cooee】{{honorific}}，本周全场八折，仅限三天。拒收请回复R"


def run(n: int) -> dict[str, Any]:
    """Expand a campaign of `n` people with holdout and two variants; also the dry run over all of them."""
    with throwaway() as rt:
        people(rt, n)
        campaign_id = _campaign(rt)
        with clocked() as checked:
            report = dryrun.run(rt, campaign_id)
        bare = _baseline(n)
        launch.launch(rt, campaign_id, "bench")
        with clocked() as took:
            expand.run(rt, campaign_id)
        campaign = drafts.get(campaign_id)
        if campaign.state != "running" or campaign.audience != n or report.audience != n:
            raise RuntimeError(f"expanded {campaign.audience} of {n}, the dry run said {report.audience}")
        return figures(
            "expand", n, took, {"insert_select_per_second": bare}, took.per_second(n) / bare,
            dry_run_seconds=round(checked.seconds, 3), dry_run_per_second=checked.per_second(n),
        )  # fmt: skip


def _campaign(rt: Runtime) -> int:
    at = clock.now_ms()
    with database.write_tx():
        segment = Segment.create(name="everyone", rule='{"all": []}', created_at=at, updated_at=at)
        account = Account.create(name="null", provider="null", settings_enc=b"", token="bench", created_at=at)  # noqa: S106
        arms = []
        for name in "ab":
            row = {"name": name, "cls": Cls.mass, "default_lang": "zh", "created_at": at, "updated_at": at}
            template_id = Template.insert(row).execute()
            TemplateText.create(template_id=template_id, lang="zh", version=1, body=TEXT, created_at=at)
            arms.append((template_id, 1))
    return drafts.add(
        rt, name="bench", segment_id=segment.id, account_id=account.id, templates=arms, holdout_bp=500,
        options={"approve": "off"},
    )  # fmt: skip


def _baseline(n: int) -> int:
    """Rows a second of the bare statement into a table made like `message`."""
    columns = "id, campaign_id, contact_id, dedupe, variant, cls, state, attempt, not_before, account_id, parts, cost_micros"
    with database.write_tx():
        database.execute(
            "CREATE TABLE bare (id BIGINT PRIMARY KEY, campaign_id INTEGER, contact_id INTEGER, dedupe BIGINT, "
            "variant SMALLINT, cls SMALLINT, state SMALLINT, attempt SMALLINT, not_before BIGINT, "
            "account_id INTEGER, parts SMALLINT, cost_micros BIGINT)"
        )
        database.execute("CREATE UNIQUE INDEX bare_contact ON bare (campaign_id, contact_id, dedupe)")
        database.execute("CREATE INDEX bare_timeline ON bare (contact_id, id)")
        database.execute("CREATE INDEX bare_ready ON bare (campaign_id, not_before, id) WHERE state = 0")
    with clocked() as took, database.write_tx():
        database.execute(
            f"INSERT INTO bare ({columns}) "
            "SELECT contact_id + 1000000000, 1, contact_id, 0, 0, 2, 0, 0, 0, 0, 0, 0 FROM profile"
        )
    with database.write_tx():
        database.execute("DROP TABLE bare")
    return took.per_second(n)
