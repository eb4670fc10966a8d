"""Where plugins come from, and loading each on its own.

1. the bundled ones: `plugins/<name>.py`, `plugins/<name>/` and, in drawers (folders whose `__init__.py` is
   empty), `plugins/<drawer>/<name>.py`, called `<drawer>.<name>`;
2. installed distributions: entry points of the group `cooee.plugins`;
3. `instance/plugins/*.py`: files an administrator put there.

Within each source the order is that of the names.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections import defaultdict
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

ENTRY_POINTS = "cooee.plugins"
#: Beside the package `core`, in the checkout and in an installed wheel alike.
BUNDLED = Path(__file__).resolve().parents[2] / "plugins"


@dataclass(slots=True)
class Calls:
    """What calls of one hook of one plugin took."""

    count: int = 0
    errors: int = 0
    bad_in_a_row: int = 0
    total_ms: float = 0.0
    max_ms: float = 0.0
    last_error: str = ""

    def add(self, ms: float, error: Exception | None) -> None:
        """Count one call."""
        self.count += 1
        self.total_ms += ms
        self.max_ms = max(self.max_ms, ms)
        if error is not None:
            self.errors += 1
            self.last_error = f"{type(error).__name__}: {error}"


@dataclass(slots=True)
class Plugin:
    """One plugin: where it comes from, whether it works, and what it did.

    `source` is bundled, installed, instance or given; `off` is why it is switched off; `problems` are
    things its author should know, e.g. a misspelt hook.
    """

    name: str
    source: str
    module: Any = None
    path: str = ""
    version: str = ""
    error: str = ""
    trace: str = ""
    off: str = ""
    problems: list[str] = field(default_factory=list)
    gave: dict[str, list[str]] = field(default_factory=dict)
    calls: dict[str, Calls] = field(default_factory=lambda: defaultdict(Calls))

    @property
    def is_package(self) -> bool:
        """A folder, which may hold migrations, templates and translations."""
        return Path(self.path).name == "__init__.py"

    @property
    def state(self) -> str:
        """failed (could not be loaded) · off · on."""
        return "failed" if self.error else "off" if self.off else "on"

    def fail(self, sentence: str, trace: str) -> None:
        """It could not be loaded."""
        self.module, self.error, self.trace = None, sentence, trace

    def note(self, problem: str) -> None:
        """Something its author should know."""
        if problem not in self.problems:
            self.problems.append(problem)

    @property
    def about(self) -> str:
        """What it is, in a sentence: its `ABOUT`, else how its docstring begins."""
        told = getattr(self.module, "ABOUT", "")
        if isinstance(told, str) and told.strip():
            return told
        doc = (getattr(self.module, "__doc__", "") or "").strip()
        return " ".join(doc.partition("\n\n")[0].split())[:300]

    def report(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "name": self.name,
            "source": self.source,
            "version": self.version,
            "path": self.path,
            "state": self.state,
            "about": self.about,
            "reason": self.error or self.off,
            "traceback": self.trace,
            "problems": list(self.problems),
            "provides": {family: list(names) for family, names in self.gave.items()},
            "calls": {
                hook: {
                    "count": calls.count,
                    "errors": calls.errors,
                    "mean_ms": round(calls.total_ms / calls.count, 3) if calls.count else 0.0,
                    "max_ms": round(calls.max_ms, 3),
                    "last_error": calls.last_error,
                }
                for hook, calls in self.calls.items()
            },
        }


def find(
    instance_plugins: Path | None, *, bundled: Path | None = BUNDLED, installed: bool = True
) -> list[Plugin]:
    """All plugins of all sources, loaded or failed.  A later one of the same name is a failed one."""
    found: dict[str, Plugin] = {}
    for plugin, load in _candidates(instance_plugins, bundled, installed):
        _load(plugin, load)
        if plugin.name in found:
            other = found[plugin.name]
            plugin.fail(f"another plugin is called {plugin.name!r}: {other.path}", "")
            plugin.name = f"{plugin.name} ({plugin.source})"
        found[plugin.name] = plugin
    return list(found.values())


def unloaded(instance_plugins: Path | None, known: Container[str]) -> list[str]:
    """Names of plugins that are installed now, without loading them, but those known."""
    _entry_points.cache_clear()
    there = _candidates(instance_plugins, None, instance_plugins is not None)
    return [plugin.name for plugin, _load in there if plugin.name not in known]


Candidate = tuple[Plugin, Callable[[], ModuleType]]


def load_file(file: Path) -> Plugin:
    """One plugin out of a file, loaded or failed."""
    plugin, load = _single(file)
    _load(plugin, load)
    return plugin


def _candidates(instance_plugins: Path | None, bundled: Path | None, installed: bool) -> Iterator[Candidate]:
    if bundled is not None:
        yield from _bundled(bundled)
    if installed:
        yield from _installed()
    if instance_plugins is not None and instance_plugins.is_dir():
        for file in sorted(instance_plugins.glob("*.py")):
            if not file.name.startswith(("_", "test_")):
                yield _single(file)


def _single(file: Path) -> Candidate:
    name = f"cooee_instance_plugins.{file.stem}"
    return Plugin(file.stem, "instance", path=str(file)), lambda: from_file(name, file)


def _bundled(folder: Path) -> Iterator[Candidate]:
    package = folder.name
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        init = entry / "__init__.py"
        if entry.name.startswith(("_", ".")):
            continue
        if entry.suffix == ".py":
            yield _module(entry.stem, entry, f"{package}.{entry.stem}")
        elif init.exists() and init.stat().st_size:
            yield _module(entry.name, init, f"{package}.{entry.name}")
        elif init.exists():
            for file in sorted(entry.glob("*.py")):
                if not file.name.startswith("_"):
                    yield _module(f"{entry.name}.{file.stem}", file, f"{package}.{entry.name}.{file.stem}")


def _module(name: str, file: Path, module: str) -> Candidate:
    if file.is_relative_to(BUNDLED):
        return Plugin(name, "bundled", path=str(file)), lambda: importlib.import_module(module)
    return Plugin(name, "bundled", path=str(file)), lambda: from_file(module, file)


@cache
def _entry_points(_path: tuple[str, ...]) -> list[Any]:
    """Those of a search path, looked up once: it means reading a file of every distribution on it."""
    from importlib.metadata import entry_points

    return sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name)


def _installed() -> Iterator[Candidate]:
    for point in _entry_points(tuple(sys.path)):
        version = point.dist.version if point.dist else ""
        yield Plugin(point.name, "installed", version=version, path=point.value), point.load


def from_file(name: str, file: Path) -> ModuleType:
    """Load a module from a file; `name` is what it is called in `sys.modules`."""
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _load(plugin: Plugin, load: Callable[[], ModuleType]) -> None:
    """Whatever a plugin does while it is imported, even leaving the program, stays with that plugin."""
    try:
        plugin.module = load()
    except (Exception, SystemExit) as error:
        plugin.fail(f"{type(error).__name__}: {error}", traceback.format_exc())
        return
    plugin.path = getattr(plugin.module, "__file__", "") or plugin.path
    plugin.version = plugin.version or str(getattr(plugin.module, "__version__", ""))
