"""Plugins made of functions, and what the manager reports of them."""

from __future__ import annotations

import types

from core import Panel, Provider, hookimpl
from core.contract.manager import Plugins

A, B, FIRST, LAST = (Panel(name, f"{name}.html") for name in ("a", "b", "first", "last"))


def copy(function):
    return types.FunctionType(
        function.__code__, function.__globals__, closure=function.__closure__, argdefs=function.__defaults__
    )


def plugin(**functions) -> types.ModuleType:
    """A module with these functions, marked as hook implementations unless they are marked otherwise."""
    made = types.ModuleType("made")
    for name, function in functions.items():
        marked = hasattr(function, "cooee_impl") or not callable(function)
        setattr(made, name, function if marked else hookimpl(copy(function)))
    return made


def nothing():
    return []


def plugins(**modules) -> Plugins:
    made = Plugins([])
    for name, module in modules.items():
        made.register(module, name)
    return made


def of(made: Plugins, name: str) -> dict:
    return next(report for report in made.report() if report["name"] == name)


class Mine(Provider):
    name, title = "mine", "Mine"
