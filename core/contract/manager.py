"""Plugins: found, loaded, asked, timed, and switched off when they keep failing.

pluggy alone does not isolate: one implementation that raises ends the call for all, a misspelt hook passes
silently, and implementations run last-registered-first.  So pluggy keeps the books (specs, marks, argument
names) and the calls are made here, in the order of registration, each on its own.
"""

from __future__ import annotations

import inspect
import logging
import os
import threading
import traceback
from collections.abc import Callable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

import pluggy

from core import clock
from core.contract import answers, hookspecs, types
from core.contract.discovery import BUNDLED, Plugin, find
from core.contract.registry import FAMILIES, OTHERS, Registry

log = logging.getLogger("cooee.plugins")

#: Errors (or slow answers of a decide hook) in a row after which a plugin is switched off.
PATIENCE = 10
#: A decide hook runs between a claim and a submit mark, for each window; slower than this is slow.
SLOW_MS = {"choose_account": 50.0, "hold_messages": 250.0, "merge_values": 250.0}
#: How long messages wait whose hold could not be decided.
HELD_FOR = timedelta(seconds=60)
#: Begins the reason of a plugin the manager itself switched off.
FAILING = "failing: "

_MARK = f"{hookspecs.PROJECT}_impl"


class _Books(pluggy.PluginManager):
    """Looks at the functions of a module only: pluggy's careful look at every name took most of a start."""

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> Any:
        if isinstance(plugin, ModuleType):
            given = vars(plugin).get(name)
            if not (inspect.isroutine(given) and hasattr(given, _MARK)):
                return None
        return super().parse_hookimpl_opts(plugin, name)


class Plugins(Registry):
    """The plugins of one process, made once by `core.app.compose` and handed down as `rt.plugins`.

    `providers` maps a name to its class (an account makes the instance); `segmenters`, `checks`, `metrics`
    and `rules` map a name to one shared instance.
    """

    def __init__(self, found: list[Plugin], *, on_disable: Callable[[str, str], None] | None = None):
        self.all: dict[str, Plugin] = {plugin.name: plugin for plugin in found}
        #: Open providers of this process; see `core.sending.accounts.open_provider`.
        self.opened: dict[Any, tuple[bytes, types.Provider]] = {}
        self.opening = threading.RLock()
        #: Content checks that were slow: until when, by `perf_counter`, they are not asked while people type.
        self.resting: dict[str, float] = {}
        self._on_disable = on_disable
        self._trace = os.environ.get("COOEE_TRACE_PLUGINS", "") not in ("", "0")
        self._impls: dict[str, list[tuple[Plugin, Any]]] = {}
        self._pm = _Books(hookspecs.PROJECT)
        self._pm.add_hookspecs(hookspecs)
        self._register_all()

    @classmethod
    def discover(
        cls,
        instance_plugins: Path | None = None,
        *,
        disabled: Mapping[str, str] | None = None,
        on_disable: Callable[[str, str], None] | None = None,
        bundled: Path | None = BUNDLED,
        installed: bool = True,
    ) -> Plugins:
        """Load the bundled plugins, installed distributions and `instance/plugins/*.py`, in that order.

        `disabled` maps the names of plugins that are switched off to the reason.  A plugin that fails to
        load is recorded with its traceback, never fatal.  `on_disable(name, reason)` is called when a
        plugin is switched off because it keeps failing.
        """
        made = cls(find(instance_plugins, bundled=bundled, installed=installed), on_disable=on_disable)
        made.folder = instance_plugins
        made.disable_all(disabled or {})
        return made

    # --- registering ----------------------------------------------------------------------------------

    def register(self, module: Any, name: str) -> Plugin:
        """Add one plugin by hand: a module or object with hook implementations."""
        plugin = Plugin(name, "given", module=module, path=getattr(module, "__file__", "") or "")
        self.all[name] = plugin
        self._register_all()
        return plugin

    def _register_all(self) -> None:
        """Specs of plugins first, then all implementations; names of unknown hooks become problems."""
        new = [p for p in self.all.values() if p.module is not None and not self._pm.has_plugin(p.name)]
        for plugin in new:
            specs = getattr(plugin.module, "register_hookspecs", None)
            if hasattr(specs, _MARK):
                self._guarded(plugin, specs, manager=self._pm)
        for plugin in new:
            if not plugin.error:
                self._guarded(plugin, self._pm.register, plugin.module, plugin.name)
                self._unmarked(plugin)
        known = {name: caller for name, caller in vars(self._pm.hook).items() if not name.startswith("_")}
        self._impls = {}
        for name, caller in known.items():
            if not caller.has_spec():
                self._misspelt(name, caller, [n for n, c in known.items() if c.has_spec()])
                continue
            impls = sorted(caller.get_hookimpls(), key=lambda impl: (not impl.tryfirst, impl.trylast))
            self._impls[name] = [(self.all[impl.plugin_name], impl) for impl in impls]
        self._forget()

    def _guarded(self, plugin: Plugin, work: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        try:
            work(*args, **kwargs)
        except Exception as error:
            plugin.fail(f"{type(error).__name__}: {error}", traceback.format_exc())
            if self._pm.has_plugin(plugin.name):
                self._pm.unregister(name=plugin.name)

    def _unmarked(self, plugin: Plugin) -> None:
        for name, spec in vars(hookspecs).items():
            given = getattr(plugin.module, name, None)
            if hasattr(spec, "cooee_spec") and callable(given) and not hasattr(given, _MARK):
                plugin.problems.append(f"{name} is not marked with @hookimpl, so it is never called")

    def _misspelt(self, name: str, caller: Any, names: list[str]) -> None:
        close = get_close_matches(name, names, 1, 0.5)
        hint = f"; did you mean {close[0]}?" if close else ""
        for impl in caller.get_hookimpls():
            if not impl.optionalhook:
                self.all[impl.plugin_name].note(f"there is no hook {name}{hint}")

    # --- calling --------------------------------------------------------------------------------------

    def call(self, hook: str, **arguments: Any) -> list[Any]:
        """Ask every plugin, in the order of registration; answers that are not None.

        An implementation that raises is counted and left out; the others are asked all the same.
        `hold_messages` fails closed: a plugin that cannot answer holds the whole window for a minute.
        """
        return [answer for _plugin, answer in self.call_each(hook, **arguments)]

    def call_each(self, hook: str, **arguments: Any) -> list[tuple[Plugin, Any]]:
        """As `call`, each answer with the plugin that gave it."""
        return self._each(hook, arguments) if self._impls[hook] else []

    def listens(self, hook: str) -> bool:
        """Does any plugin implement this hook?  Saves making arguments nobody reads."""
        return bool(self._impls[hook])

    def hooks_of(self, name: str) -> list[str]:
        """The hooks a plugin implements."""
        return [hook for hook, impls in self._impls.items() if any(p.name == name for p, _impl in impls)]

    def first(self, hook: str, **arguments: Any) -> Any:
        """The first answer that is not None; for hooks where one is enough."""
        for plugin, impl in self._impls[hook]:
            answer = self._ask(hook, plugin, impl, arguments)
            if answer is not None:
                return answer
        return None

    def _ask(self, hook: str, plugin: Plugin, impl: Any, arguments: Mapping[str, Any]) -> Any:
        if plugin.off:
            return self._closed(hook, plugin, arguments) if plugin.off.startswith(FAILING) else None
        started, error, answer, wrong = perf_counter(), None, None, ""
        try:
            answer = impl.function(*[arguments[name] for name in impl.argnames])
            if answer is not None:
                answer, wrong = answers.usable(hook, answer)
        except Exception as raised:
            error = raised
        ms = (perf_counter() - started) * 1000
        if wrong:
            plugin.note(wrong)
            error = TypeError(wrong)
        if error and not wrong and hook.startswith("register_"):
            plugin.note(f"{hook} raised {type(error).__name__}: {error}")
        if self._trace:
            log.warning("trace %s %s %.3f ms%s", plugin.name, hook, ms, f" {error!r}" if error else "")
        self._count(hook, plugin, ms, error)
        return answer if error is None or answer is not None else self._closed(hook, plugin, arguments)

    def guarded(self, plugin: Plugin, what: str, work: Callable[[], Any]) -> Any:
        """Do something of a plugin that is no hook, such as fill its template; None when it raises.

        It is counted, and its patience ends, like that of a hook called `what`.
        """
        if plugin.off:
            return None
        started, error, answer = perf_counter(), None, None
        try:
            answer = work()
        except Exception as raised:
            error = raised
        self._count(what, plugin, (perf_counter() - started) * 1000, error)
        return answer

    def _count(self, hook: str, plugin: Plugin, ms: float, error: Exception | None) -> None:
        calls = plugin.calls[hook]
        calls.add(ms, error)
        if error is None and ms <= SLOW_MS.get(hook, float("inf")):
            calls.bad_in_a_row = 0
            return
        calls.bad_in_a_row += 1
        trouble = f"{type(error).__name__}: {error}" if error else f"took {ms:.0f} ms"
        log.error("plugin %s: %s %s", plugin.name, hook, trouble, exc_info=error)
        if calls.bad_in_a_row >= PATIENCE:
            self.disable(plugin.name, f"{FAILING}{hook} {trouble}, {PATIENCE} times in a row")

    def _closed(self, hook: str, plugin: Plugin, arguments: Mapping[str, Any]) -> Any:
        """What a plugin that cannot answer says: nothing, but to hold where holding protects people."""
        if hook != "hold_messages":
            return None
        until = clock.now() + HELD_FOR
        return dict.fromkeys(arguments["message_ids"], (until, f"held: plugin {plugin.name} fails"))

    # --- on and off -----------------------------------------------------------------------------------

    def disable(self, name: str, reason: str) -> None:
        """Switch a plugin off in this process and tell `on_disable`, which makes it last."""
        plugin = self.all[name]
        if plugin.off:
            return
        self._switch(plugin, reason or "switched off")
        log.error("plugin %s is switched off: %s", name, reason)
        if self._on_disable is not None:
            try:
                self._on_disable(name, reason)
            except Exception:
                log.exception("plugin %s: that it is off could not be stored", name)

    def enable(self, name: str) -> None:
        """Switch a plugin on again in this process."""
        for calls in self.all[name].calls.values():
            calls.bad_in_a_row = 0
        self._switch(self.all[name], "")

    def disable_all(self, disabled: Mapping[str, str]) -> None:
        """Switch off what a person, or the error budget of an earlier process, has switched off."""
        for name, reason in disabled.items():
            if name in self.all:
                self._switch(self.all[name], reason or "switched off")

    def _switch(self, plugin: Plugin, reason: str) -> None:
        plugin.off = reason
        self._forget()

    # --- telling --------------------------------------------------------------------------------------

    def report(self) -> list[dict[str, Any]]:
        """All plugins as plain data, for the plugins page and `cooee plugin list`."""
        for family in (*FAMILIES, *OTHERS):
            getattr(self, family)
        return [plugin.report() for plugin in self.all.values()]
