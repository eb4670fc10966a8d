"""`cooee campaign`: from a draft to its result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from core.cli import campaign_more, campaign_wait, params
from core.cli.campaign_more import iso, told
from core.cli.common import emit, json_option, many, pass_rt, progress, whoami
from core.contract.errors import Refusal


@click.group("campaign")
def command() -> None:
    """Campaigns: one text to one audience, checked, launched, measured.

    Example: cooee campaign add "Winter" --segment shanghai --template winter --account main --holdout 5
    """


@command.command("add")
@click.argument("name")
@click.option("--segment", required=True, help="Whom: the name of a segment.")
@click.option(
    "--template",
    "templates",
    required=True,
    multiple=True,
    help="What: the name of a template. Repeatable; several are compared.",
)
@click.option("--account", help="Through whom; without it as the routes say (`cooee route list`).")
@click.option(
    "--weight",
    "weights",
    type=params.Whole(1, 10_000),
    multiple=True,
    help="Share of each template, in their order. Repeatable.",
)
@click.option("--holdout", type=params.Finite(0, 90), default=0.0, help="Percent kept aside to measure.")
@click.option("--at", help="Start, ISO 8601; without an offset in the zone of the instance.")
@click.option("--until", help="Nothing is sent after this, ISO 8601.")
@click.option("--budget", type=params.Finite(0, 10**12), help="Pause when this much is spent.")
@click.option(
    "--option",
    "pairs",
    multiple=True,
    metavar="KEY=VALUE",
    help="window, rate, quiet_hours, approve, links, topic, zone or at. Repeatable.",
)
@json_option
@pass_rt
def add(
    rt, name: str, segment: str, templates: Sequence[str], account: str | None, weights: Sequence[int], holdout: float,
    at: str | None, until: str | None, budget: float | None, pairs: Sequence[str], as_json: bool,
) -> None:  # fmt: skip
    """Make a draft.

    Example: cooee campaign add Winter --segment sh --template a --template b --account main --holdout 5
    --option rate=50/s --json
    """
    from core.audience.segments import store
    from core.content.templates import find
    from core.sending import accounts, drafts, options
    from core.timing import zones

    if weights and len(weights) != len(templates):
        raise click.UsageError(
            f"{many(len(weights), 'weight')} for {many(len(templates), 'template')}; give one for each."
        )
    shares = weights or [1] * len(templates)
    chosen = options.pairs(pairs)
    given: dict[str, Any] = {
        "segment_id": store.get(segment).id,
        "templates": [(find(t).id, weight) for t, weight in zip(templates, shares, strict=True)],
        "account_id": accounts.get(account).id if account else None,
        "holdout_bp": round(holdout * 100),
        "options": chosen,
    }
    if at:
        given["at"] = at
    if until:
        given["not_after"] = zones.parse_at(until, chosen.get("zone") or rt.settings.zone)[0]
    if budget is not None:
        given["budget_micros"] = round(budget * 1_000_000)
    campaign_id = drafts.add(rt, name=name, who=whoami(), **given)
    emit(
        {"id": campaign_id},
        as_json,
        f"Campaign {campaign_id} is a draft; next: cooee campaign check {campaign_id}",
    )


@command.command("check")
@click.argument("id", type=params.ROW_ID)
@json_option
@pass_rt
def check(rt, id: int, as_json: bool) -> None:
    """The dry run: who, how many parts, what it costs, when it ends, and what stands in the way.

    Example: cooee campaign check 7 --json
    """
    from core.sending import checking, people

    total = people.last_contact()
    with progress(total, "Checking") as advance:
        seen = [0]

        def step(done: int, _total: int) -> None:
            advance(done - seen[0])
            seen[0] = done

        report = checking.run(rt, id, step)
    emit(_checked(report), as_json, _check_words(report))


def _costs(report) -> dict[str, float] | None:
    """Currency → amount; None where no text has a price, which is not the same as nothing."""
    if report.messages and report.unpriced == report.messages:
        return None
    return {currency: micros / 1_000_000 for currency, micros in report.costs.items() if currency or micros}


def _checked(report) -> dict[str, Any]:
    costs = _costs(report)
    return {
        "findings": report.findings,
        "audience": report.audience,
        "excluded": report.excluded,
        "holdout": report.holdout,
        "messages": report.messages,
        "parts": report.parts,
        "parts_histogram": report.parts_of,
        "encodings": report.encodings,
        "breakers": report.breakers,
        "missing": report.missing,
        "cost": None if costs is None or len(costs) > 1 else sum(costs.values(), 0.0),
        "currency": report.currency or None,
        "costs": costs or {},
        "unpriced": report.unpriced,
        "start_at": iso(report.start_at),
        "finish_at": iso(report.finish_at),
        "until": iso(report.not_after),
        "unreached": report.unreached,
        "samples": [
            {k: s[k] for k in ("kind", "text", "encoding", "units", "parts")} for s in report.samples
        ],
    }


def _check_words(report) -> str:
    lines = [f"{'in the segment':<28}{report.audience:>12,}"]
    lines += [f"{reason:<28}{-n:>12,}" for reason, n in report.excluded.items()]
    lines += [f"{'kept aside':<28}{-report.holdout:>12,}", f"{'will be texted':<28}{report.messages:>12,}"]
    costs = _costs(report)
    cost = "not known"
    if costs is not None:
        cost = (
            " or ".join(f"{amount:,.2f} {currency}".rstrip() for currency, amount in costs.items()) or "0.00"
        )
        if report.unpriced:
            cost += f", and {many(report.unpriced, 'text')} whose price is not known"
    lines += [f"{'parts':<28}{report.parts:>12,}", f"{'at most':<28}{cost:>12}"]
    if report.messages:
        lines += [f"ends about {iso(report.finish_at) or 'later than 60 days from now'}"]
    if report.not_after:
        lines += [f"nothing after {iso(report.not_after)}"]
    return "\n".join([*lines, *(f"[{f['level']}] {f['message']}" for f in report.findings)])


@command.command("launch")
@click.argument("id", type=params.ROW_ID)
@click.option("--key", help="The same key again is the same launch.")
@json_option
@pass_rt
def launch(rt, id: int, key: str | None, as_json: bool) -> None:
    """Start a campaign, or schedule it when its start lies ahead.

    Example: cooee campaign launch 7
    """
    from core.sending import launch as launching

    told(id, launching.launch(rt, id, whoami(), key=key), as_json)


@command.command("ask")
@click.argument("id", type=params.ROW_ID)
@json_option
@pass_rt
def ask(rt, id: int, as_json: bool) -> None:
    """Ask a second person to approve a draft.

    Example: cooee campaign ask 7
    """
    from core.sending import approval

    approval.ask(rt, id, whoami())
    told(id, "approval", as_json)


@command.command("approve")
@click.argument("id", type=params.ROW_ID)
@json_option
@pass_rt
def approve(rt, id: int, as_json: bool) -> None:
    """Approve somebody else's campaign, exactly as it stands.

    Example: cooee campaign approve 7
    """
    from core.sending import approval

    approval.approve(rt, id, whoami())
    told(id, "approved", as_json)


@command.command("pause")
@click.argument("id", type=params.ROW_ID)
@click.option("--reason", default="Paused by hand.", show_default=True, help="One sentence for the others.")
@json_option
@pass_rt
def pause(rt, id: int, reason: str, as_json: bool) -> None:
    """Stop sending for now; what is on the wire finishes.

    Example: cooee campaign pause 7
    """
    from core.sending import drafts, lifecycle

    if not lifecycle.pause(rt, drafts.own(id).id, reason, whoami()):
        raise Refusal(f"Campaign {id} is {drafts.get(id).state}; only one at work can be paused.")
    told(id, "paused", as_json)


@command.command("resume")
@click.argument("id", type=params.ROW_ID)
@click.option("--budget", type=params.Finite(0, 10**12), help="Pause only when this much is spent in all.")
@json_option
@pass_rt
def resume(rt, id: int, budget: float | None, as_json: bool) -> None:
    """Go on where a paused campaign stood, with a higher budget where it was used up.

    Example: cooee campaign resume 7 --budget 500
    """
    from core.sending import budgets, drafts, lifecycle

    if budget is not None:
        budgets.change(rt, id, budget, whoami(), approves=True)
    if not lifecycle.resume(rt, drafts.own(id).id, whoami()):
        raise Refusal(f"Campaign {id} is {drafts.get(id).state}; only a paused one can be resumed.")
    told(id, drafts.get(id).state, as_json)


@command.command("cancel")
@click.argument("id", type=params.ROW_ID)
@json_option
@pass_rt
def cancel(rt, id: int, as_json: bool) -> None:
    """End a campaign for good; what was not sent never will be.

    Example: cooee campaign cancel 7
    """
    from core.sending import drafts, lifecycle

    lifecycle.cancel(rt, drafts.own(id).id, whoami())
    click.echo(f"Campaign {id} is cancelled; what has not left will not be sent.", err=True)
    if as_json:
        told(id, "cancelled", True)


@command.command("duplicate")
@click.argument("id", type=params.ROW_ID)
@json_option
@pass_rt
def duplicate(rt, id: int, as_json: bool) -> None:
    """A new draft with the same audience, texts and account.

    Example: cooee campaign duplicate 7 --json
    """
    from core.sending import drafts

    made = drafts.duplicate(id, whoami())
    emit({"id": made}, as_json, f"Campaign {made} is a draft.")


@command.command("delete")
@click.argument("id", type=params.ROW_ID)
@json_option
@pass_rt
def delete(rt, id: int, as_json: bool) -> None:
    """Remove a draft.

    Example: cooee campaign delete 7
    """
    from core.sending import drafts

    drafts.delete(id, whoami())
    told(id, "deleted", as_json)


for looking in (
    campaign_more.list_,
    campaign_more.show,
    campaign_more.log_,
    campaign_more.messages,
    campaign_wait.wait,
):
    command.add_command(looking)
