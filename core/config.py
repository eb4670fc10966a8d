"""Settings of an instance: one table, read from `instance/config.toml` and the environment.

The environment (`COOEE_<NAME>`) wins over the file.  What people change in the browser lives in the
database instead (core/db/settings.py).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from core.contract.errors import Refusal

ROOT = Path(__file__).resolve().parent.parent
#: Below the instance: where its pages were last served, for commands in another terminal (core/running.py).
ADDRESS = ("run", "address")


@dataclass(frozen=True, slots=True)
class Option:
    """One setting: its environment name is `COOEE_` + NAME in capitals."""

    name: str
    kind: type
    default: Any
    help: str

    @property
    def env(self) -> str:
        return "COOEE_" + self.name.upper()


SETTINGS: tuple[Option, ...] = (
    Option("database_url", str, "", "sqlite:///path or postgresql://user:password@host/name"),
    Option("queue_url", str, "", "sqlite:///path or redis://host:port/number; only hints live there"),
    Option("public_url", str, "http://127.0.0.1:8000", "How browsers and providers reach this server"),
    Option("link_url", str, "", "What short links start with when they have a host of their own"),
    Option("link_days", int, 180, "Days after its launch that the links of a campaign work"),
    Option("host", str, "127.0.0.1", "Address the web server listens on"),
    Option("port", int, 8000, "Port the web server listens on"),
    Option("web_processes", int, 1, "Web server processes"),
    Option("worker_processes", int, 2, "Worker processes that send and apply receipts"),
    Option("proxy_hops", int, 0, "Reverse proxies in front whose X-Forwarded-For is believed"),
    Option("default_region", str, "CN", "ISO country for numbers written without a country code"),
    Option("language", str, "en", "Language when a person has not chosen one: en or zh_Hans"),
    Option("zone", str, "UTC", "IANA time zone when a person has not chosen one"),
    Option("http_allow", str, "", "Internal hosts or networks providers may call, e.g. 10.1.2.3,127.0.0.1"),
    Option("http_plain", bool, False, "Allow http:// (not only https://) to provider hosts"),
    Option("smtp_url", str, "", "smtp://user:password@host:port for password-reset mail"),
    Option("mail_from", str, "", "Sender address of mail"),
    Option("metrics_token", str, "", "Bearer token of /metrics for monitors that are not on this machine"),
    Option("api_per_minute", int, 1200, "Calls a minute of one API token"),
    Option(
        "ballast_mb",
        int,
        64,
        "Room on the instance's disk that is given up when it is full, in MB; 0 for none",
    ),
    Option("log_level", str, "INFO", "DEBUG, INFO, WARNING or ERROR"),
)


def _at(text: str) -> bool:
    """Is this empty or the address of a server?  `urlsplit` raises `ValueError` for the worst."""
    parts = urlsplit(text)
    return not text or (parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0)


def _language(code: str) -> bool:
    from core.i18n import LANGUAGES

    return code in LANGUAGES


def _country(text: str) -> bool:
    from phonenumbers import SUPPORTED_REGIONS

    return not text or text in SUPPORTED_REGIONS


#: What a value of the right kind must be besides: a test, and the words for one that fails it.
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "public_url": (lambda url: bool(url) and _at(url), "no address such as https://cooee.example"),
    "link_url": (_at, "no address such as https://go.example"),
    "link_days": (lambda days: 0 < days <= 36_500, "no number of days from 1 to 36500"),
    "port": (lambda port: 0 < port < 65_536, "no port from 1 to 65535"),
    "web_processes": (lambda n: n > 0, "less than 1"),
    "worker_processes": (lambda n: n > 0, "less than 1"),
    "proxy_hops": (lambda n: n >= 0, "less than 0"),
    "language": (_language, "no language of Cooee"),
    "api_per_minute": (lambda n: n > 0, "less than 1"),
    "ballast_mb": (lambda mb: mb >= 0, "less than 0"),
    "default_region": (_country, "no ISO country code such as CN or GB"),
    "zone": (ZoneInfo, "no IANA time zone such as Asia/Shanghai or UTC"),
    "log_level": (("DEBUG", "INFO", "WARNING", "ERROR").__contains__, "no such level"),
}  # fmt: skip


class Settings:
    """The settings of one instance, read once; attributes are the names of `SETTINGS` plus `instance`."""

    def __init__(self, instance: Path, values: Mapping[str, Any], sources: Mapping[str, str]):
        self.instance = instance
        self.sources = dict(sources)
        self.__dict__.update(values)

    def path(self, *parts: str) -> Path:
        """A path below the instance folder."""
        return self.instance.joinpath(*parts)


#: What people write for yes and no; an empty variable is one nobody set.
_YES, _NO = frozenset({"1", "true", "yes", "on"}), frozenset({"", "0", "false", "no", "off"})
_KINDS = {int: "whole number", bool: "true or false", str: "text"}


def _typed(option: Option, raw: Any, where: str) -> Any:
    """The value of a variable, which is text, or of the file, which must be of the kind already."""
    if isinstance(raw, option.kind) and (option.kind is bool or not isinstance(raw, bool)):
        return raw
    if option.kind is bool and str(raw).lower() in _YES | _NO:
        return str(raw).lower() in _YES
    if option.kind is int and isinstance(raw, str):
        with suppress(ValueError):
            return int(raw)
    raise Refusal(
        f"{where} has {raw!r} for {option.name}, which is no {_KINDS[option.kind]}. {option.help}.",
        field=option.name,
    )


def _valid(option: Option, raw: Any, where: str) -> Any:
    value = _typed(option, raw, where)
    if option.name in ("default_region", "log_level"):
        value = value.upper()
    fits, words = _RULES.get(option.name, (lambda _value: True, ""))
    try:
        good = fits(value)
    except (LookupError, OSError, ValueError):
        good = False
    if not good:
        raise Refusal(
            f"{where} has {raw!r} for {option.name}, which is {words}. {option.help}.", field=option.name
        )
    return value


def _served_at(folder: Path) -> str:
    """Where pages were last served; empty when they never were, or this user may not know."""
    try:
        found = folder.joinpath(*ADDRESS).read_text("utf-8").strip()
        return found if _at(found) else ""
    except (OSError, ValueError):
        return ""


def load(instance: str | Path | None = None, **overrides: Any) -> Settings:
    """Read the settings.  Overrides win over the environment, which wins over the file.

    Raises `Refusal` for a value that cannot be or an unknown key in the file.
    """
    folder = Path(instance or os.environ.get("COOEE_INSTANCE") or ROOT / "instance").resolve()
    file = folder / "config.toml"
    try:
        stored = tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refusal(f"{file} is not valid TOML: {error}.") from None
    except PermissionError:
        raise Refusal(f"{file} may not be read by this user; run Cooee as the one it belongs to.") from None
    known = {option.name for option in SETTINGS}
    for key in stored:
        if key not in known:
            raise Refusal(f"{file} has the unknown setting {key!r}; `cooee config` lists those there are.")
    values, sources = {}, {}
    for option in SETTINGS:
        if option.name in overrides:
            values[option.name], sources[option.name] = overrides[option.name], "argument"
        elif option.env in os.environ:
            values[option.name] = _valid(option, os.environ[option.env], option.env)
            sources[option.name] = option.env
        elif option.name in stored:
            values[option.name] = _valid(option, stored[option.name], str(file))
            sources[option.name] = "config.toml"
        else:
            values[option.name], sources[option.name] = option.default, "default"
    values["database_url"] = values["database_url"] or f"sqlite:///{quote(str(folder / 'cooee.db'))}"
    values["queue_url"] = values["queue_url"] or f"sqlite:///{quote(str(folder / 'queue.db'))}"
    if sources["public_url"] == "default":
        values["public_url"] = _served_at(folder) or values["public_url"]
    values["public_url"] = values["public_url"].rstrip("/")
    return Settings(folder, values, sources)
