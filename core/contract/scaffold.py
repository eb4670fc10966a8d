"""Working skeletons of plugins, each with a test that passes: a start that is never broken."""

from __future__ import annotations

import keyword
import re
import sys
from importlib import resources
from pathlib import Path

from core.contract.discovery import BUNDLED
from core.contract.errors import Refusal

KINDS = ("provider", "segmenter", "check", "metric")


def write(kind: str, name: str, folder: Path) -> list[Path]:
    """Write `<name>.py` and `test_<name>.py` into a folder; returns both.

    Raises `Refusal` for a bad name or when one of the files exists.
    """
    if kind not in KINDS:
        raise Refusal(f"{kind!r} is not one of {', '.join(KINDS)}.", field="kind")
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,39}", name) or keyword.iskeyword(name):
        raise Refusal(
            f"{name!r} is no name such as my_{kind}: lower-case letters, digits and _.", field="name"
        )
    if name in sys.stdlib_module_names or name in _bundled():
        raise Refusal(
            f"{name!r} is a module of Python or a plugin of Cooee already; choose another name.", field="name"
        )
    words = {
        "@NAME@": name,
        "@CLASS@": "".join(part.capitalize() for part in name.split("_")),
        "@TITLE@": name.replace("_", " ").capitalize(),
    }
    files = {folder / f"{name}.py": f"{kind}.txt", folder / f"test_{name}.py": f"test_{kind}.txt"}
    for file in files:
        if file.exists():
            raise Refusal(f"{file} exists already; choose another name or folder.", field="name")
    folder.mkdir(parents=True, exist_ok=True)
    for file, source in files.items():
        text = resources.files("core.contract").joinpath("skeletons", source).read_text("utf-8")
        for mark, word in words.items():
            text = text.replace(mark, word)
        file.write_text(text, "utf-8")
    return list(files)


def _bundled() -> set[str]:
    """Names of modules and plugins that come with Cooee."""
    return {
        "core",
        BUNDLED.name,
        *(file.stem for file in BUNDLED.rglob("*.py")),
        *(p.name for p in BUNDLED.iterdir()),
    }
