"""Kinds of values on the command line: each says in one sentence what cannot be used and what can."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click


class _Number(click.ParamType):
    """A number from `least` to `most`, where they are given."""

    name = "number"
    _wanted = ""
    #: What a database can hold.
    _LEAST, _MOST = -(2**63), 2**63 - 1

    def __init__(self, least: float = _LEAST, most: float = _MOST) -> None:
        self.least, self.most = least, most

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """The range, for the help of an option: `1..365`."""
        ends = ["" if end in (self._LEAST, self._MOST) else str(end) for end in (self.least, self.most)]
        return "..".join(ends) if any(ends) and isinstance(param, click.Option) else None

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            number = self._read(value)
        except ValueError:
            number = math.nan  # which no comparison takes
        if not self.least <= number <= self.most:
            self.fail(f"{str(value)!r} cannot be used: give a {self._wanted}{self._span()}.", param, ctx)
        return number

    def _read(self, value: Any) -> float:
        raise NotImplementedError

    def _span(self) -> str:
        if self.most != self._MOST:
            return f" from {self.least} to {self.most}"
        return "" if self.least == self._LEAST else f" of {self.least} or more"


class Whole(_Number):
    """A whole number."""

    _wanted = "whole number"

    def _read(self, value: Any) -> int:
        return int(value)


class Finite(_Number):
    """A number that may have decimals; never "nan" nor "inf"."""

    _wanted = "number"

    def _read(self, value: Any) -> float:
        return float(value)


class RowId(click.types.IntParamType):
    """The id of something stored: what no database could hold is a wrong use, not a number to look for."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number = super().convert(value, param, ctx)
        except click.BadParameter:
            number = -1
        if not 0 <= number < 2**63:
            self.fail(f"{str(value)!r} is no id: give the number that the list shows, such as 7.", param, ctx)
        return number


class Source(click.Path):
    """The path of a file to read."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)
        self.name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        _check_file(self, value, param, ctx)
        return super().convert(value, param, ctx)


class Opened(click.File):
    """A file opened for reading; `-` is standard input."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value != "-":
            _check_file(self, value, param, ctx)
        return super().convert(value, param, ctx)


WHOLE = Whole()
ROW_ID = RowId()
SOURCE = Source()


def _check_file(
    kind: click.ParamType, value: Any, param: click.Parameter | None, ctx: click.Context | None
) -> None:
    path = Path(value)
    if path.is_dir():
        kind.fail(f"{str(value)!r} is a folder: name a file in it.", param, ctx)
    if not path.exists():
        place = "" if path.is_absolute() else f" in {Path.cwd()}"
        kind.fail(f"There is no file {str(value)!r}{place}: check the path.", param, ctx)
