"""What a trial of some size tells, costs and takes: the figures beside its form and on the last step."""

from __future__ import annotations

from collections import Counter
from typing import Any

from core import clock
from core.db.models import Trial
from core.measure.arrival import trial_maths
from core.measure.trials import costs, phones, plan, schedule
from core.runtime import Runtime

#: Margins offered, as shares.
MARGINS = (0.10, 0.05, 0.03, 0.02, 0.01)


def figures(rt: Runtime, trial: Trial, wanted: plan.Plan) -> dict[str, Any]:
    """What a trial of this size tells, costs and takes."""
    found = phones.of(rt, trial.id)
    n_rounds = plan.rounds(wanted, len(found))
    texts = (
        schedule.make(wanted, found, n_rounds, trial.seed, clock.now_ms())
        if found and wanted.accounts
        else []
    )
    each = costs.of(wanted, texts)
    least = min((one.texts for one in each), default=0)
    return {
        "needed": plan.size(wanted), "n_phones": len(found), "n_rounds": n_rounds, "costs": each, "least": least,
        "total": costs.total(each), "names": plan.accounts(trial.id), "texts": texts,
        "parts": sum(one.parts for one in each), "unpriced": any(one.micros is None for one in each),
        "begins": texts[0].due_at if texts else None, "ends": max((t.until_at for t in texts), default=None),
        "half": plan.half_width(wanted.promise, least) if least else None,
        "says": plan.says(least) if least else "",
        "sizes": [(margin, trial_maths.size_for(wanted.promise, margin)) for margin in MARGINS],
        "pairs": [(points, trial_maths.mcnemar_size(0.01, 0.01 + points / 100)) for points in (10, 5, 3)],
        "hours": sorted(Counter(t.hours for t in texts).items()),
    }  # fmt: skip
