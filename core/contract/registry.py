"""What plugins registered, by family and name; collected when first asked for, each thing with its owner."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from core.contract import types
from core.contract.discovery import Plugin, unloaded

FAMILIES: dict[str, type] = {
    "providers": types.Provider,
    "segmenters": types.Segmenter,
    "checks": types.ContentCheck,
    "metrics": types.Metric,
    "rules": types.Rule,
    "numbers": types.NumberIntelligence,
}


#: What is collected besides the families.
OTHERS = ("jobs", "commands", "blueprints", "settings")


class Registry:
    """The half of `Plugins` that knows what there is; `_ask` of the other half calls one implementation."""

    all: dict[str, Plugin]
    #: Where files of the instance's plugins are; None for no instance.
    folder: Path | None = None
    _impls: dict[str, list[tuple[Plugin, Any]]]

    def _ask(self, hook: str, plugin: Plugin, impl: Any, arguments: Mapping[str, Any]) -> Any:
        raise NotImplementedError

    @cached_property
    def providers(self) -> dict[str, type[types.Provider]]:
        """Provider classes by name."""
        return self._family("providers")

    @cached_property
    def segmenters(self) -> dict[str, types.Segmenter]:
        """Segmenters by name."""
        return self._family("segmenters")

    @cached_property
    def checks(self) -> dict[str, types.ContentCheck]:
        """Content checks by name."""
        return self._family("checks")

    @cached_property
    def metrics(self) -> dict[str, types.Metric]:
        """Metrics by name."""
        return self._family("metrics")

    @cached_property
    def rules(self) -> dict[str, types.Rule]:
        """Rules of all rule packs by id."""
        return self._family("rules")

    @cached_property
    def numbers(self) -> dict[str, types.NumberIntelligence]:
        """Sources of facts about numbers, by name."""
        return self._family("numbers")

    @cached_property
    def jobs(self) -> list[types.Job]:
        """Periodic work; names are `<plugin>.<name>`."""
        return [
            types.Job(f"{plugin.name}.{job.name}", job.every_s, job.run)
            for plugin, job in self._listed("register_jobs")
        ]

    @cached_property
    def commands(self) -> dict[str, Any]:
        """Click commands by name."""
        return self._by_name("register_commands")

    @cached_property
    def blueprints(self) -> list[tuple[Any, Plugin]]:
        """Flask blueprints, each with the plugin it belongs to."""
        return [(made, plugin) for plugin, made in self._listed("register_blueprints")]

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Forms of plugins' settings by `<plugin>.<name>`."""
        return {
            f"{plugin.name}.{name}": form
            for plugin, forms in self._each("register_settings", {})
            for name, form in forms.items()
        }

    @cached_property
    def migrations(self) -> dict[str, Path]:
        """Folders of migrations by the plugin they belong to."""
        folders = {p.name: Path(p.path).parent / "migrations" for p in self.all.values() if p.is_package}
        return {name: folder for name, folder in folders.items() if folder.is_dir()}

    def added(self) -> list[str]:
        """Names of plugins that were installed since this process loaded its own: it goes on without them."""
        return unloaded(self.folder, self.all)

    def owner(self, family: str, name: str) -> str:
        """The plugin that registered `name` in `family`; empty when nobody did."""
        return next((p.name for p in self.all.values() if name in p.gave.get(family, ())), "")

    def blame(self, family: str, name: str, problem: str) -> None:
        """Note a problem with the plugin that registered `name` in `family`."""
        if owner := self.owner(family, name):
            self.all[owner].note(problem)

    def _family(self, family: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for plugin, thing in self._listed(f"register_{family}"):
            cls = thing if isinstance(thing, type) else type(thing)
            name = getattr(cls, "id" if family == "rules" else "name", "")
            if not issubclass(cls, FAMILIES[family]) or not name:
                plugin.note(f"{cls.__name__} is no {FAMILIES[family].__name__} with a name")
            elif name in found:
                plugin.note(f"{family}: {name!r} exists already, from {self.owner(family, name)}")
            else:
                try:
                    found[name] = thing if family == "providers" or thing is not cls else cls()
                except Exception as error:
                    plugin.note(f"{cls.__name__} cannot be made: {type(error).__name__}: {error}")
                    continue
                plugin.gave.setdefault(family, []).append(name)
        return found

    def _by_name(self, hook: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for plugin, thing in self._listed(hook):
            if thing.name in found:
                plugin.note(f"{hook} gave {thing.name!r}, which exists already")
            else:
                found[thing.name] = thing
        return found

    def _each(self, hook: str, arguments: Mapping[str, Any]) -> list[tuple[Plugin, Any]]:
        answers = ((plugin, self._ask(hook, plugin, impl, arguments)) for plugin, impl in self._impls[hook])
        return [(plugin, answer) for plugin, answer in answers if answer is not None]

    def _listed(self, hook: str) -> list[tuple[Plugin, Any]]:
        return [(plugin, thing) for plugin, answer in self._each(hook, {}) for thing in answer]

    def _forget(self) -> None:
        """What was collected is collected again when it is next asked for."""
        for family in (*FAMILIES, *OTHERS):
            self.__dict__.pop(family, None)
        for plugin in self.all.values():
            plugin.gave.clear()
