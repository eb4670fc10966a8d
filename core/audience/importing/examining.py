"""What is wrong with a row: why it is not taken, and which of its cells make no sense."""

from __future__ import annotations

from collections.abc import Sequence

from core.audience import phones
from core.audience.importing import places
from core.audience.importing.plan import Plan, too_wide
from core.audience.importing.values import BAD, converter


def examine(row: Sequence[str], plan: Plan) -> tuple[str, list[int]]:
    """(why a row would be rejected or "", indexes of cells that make no sense), for a preview."""
    at_country = plan.index_of("country")
    region = (places.country(row[at_country]) if at_country is not None else None) or plan.region
    bad = []
    for column in plan.ordered():
        text = row[column.index]
        if column.kind != "choice" and converter(column)[text] is BAD:
            bad.append(column.index)
    taken = phones.parse(row[plan.index_of("phone")], region) and not too_wide(row, plan.width)
    return ("" if taken else reject_reason(row, plan)), bad


def reject_reason(row: Sequence[str], plan: Plan) -> str:
    """Why a row was not taken, as a code and its value, e.g. "invalid_number:12345"."""
    raw = row[plan.index_of("phone")].strip()
    if too_wide(row, plan.width):
        return f"too_many_cells:{len(row)}/{plan.width}"
    at_country = plan.index_of("country")
    country = row[at_country].strip() if at_country is not None else ""
    if raw and country and not places.country(country):
        return f"unknown_country:{country[:40]}"
    return number_reason(raw, places.country(country) or plan.region)


def number_reason(raw: str, region: str) -> str:
    """Why a cell is no valid number of a region, likewise."""
    raw = raw.strip()
    if not raw:
        return "no_number"
    if _is_mangled(raw):
        return f"mangled_number:{raw[:40]}"
    if not any(character.isdigit() for character in raw):
        return f"not_a_number:{raw[:40]}"
    if not region and not raw.lstrip().startswith(("+", "＋", "00")):
        return f"no_country:{raw[:40]}"
    return f"invalid_number:{raw[:40]}" + (f"/{region}" if region else "")


def _is_mangled(raw: str) -> bool:
    """1.38001E+10: what a spreadsheet makes of a long number."""
    head, _mark, tail = raw.upper().partition("E+")
    return tail.isdigit() and head.replace(".", "").replace(",", "").isdigit()
