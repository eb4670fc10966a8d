"""Settings of an instance: one table, read from `instance/config.toml` and the environment.

The environment (`COOEE_<NAME>`) wins over the file.  What people change in the browser lives in the
database instead (core/db/settings.py).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.contract.errors import Refusal

ROOT = Path(__file__).resolve().parent.parent


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


class Settings:
    """The settings of one instance, read once; attributes are the names of `SETTINGS` plus `instance`."""

    def __init__(self, instance: Path, values: Mapping[str, Any], sources: Mapping[str, str]):
        self.instance = instance
        self.sources = dict(sources)
        self.__dict__.update(values)

    def path(self, *parts: str) -> Path:
        """A path below the instance folder."""
        return self.instance.joinpath(*parts)


def _typed(option: Option, raw: Any, where: str) -> Any:
    try:
        if option.kind is bool and isinstance(raw, str):
            return {"1": True, "true": True, "yes": True, "on": True}.get(raw.lower(), False)
        return option.kind(raw)
    except (TypeError, ValueError):
        raise Refusal(
            f"{where} has {raw!r} for {option.name}, which is no {option.kind.__name__}. {option.help}.",
            field=option.name,
        ) from None


def load(instance: str | Path | None = None, **overrides: Any) -> Settings:
    """Read the settings.  Overrides win over the environment, which wins over the file.

    Raises `Refusal` for a value of the wrong kind or an unknown key in the file.
    """
    folder = Path(instance or os.environ.get("COOEE_INSTANCE") or ROOT / "instance").resolve()
    file = folder / "config.toml"
    try:
        stored = tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refusal(f"{file} is not valid TOML: {error}.") from None
    known = {option.name for option in SETTINGS}
    for key in stored:
        if key not in known:
            raise Refusal(f"{file} has the unknown setting {key!r}; `cooee config` lists those there are.")
    values, sources = {}, {}
    for option in SETTINGS:
        if option.name in overrides:
            values[option.name], sources[option.name] = overrides[option.name], "argument"
        elif option.env in os.environ:
            values[option.name] = _typed(option, os.environ[option.env], option.env)
            sources[option.name] = option.env
        elif option.name in stored:
            values[option.name] = _typed(option, stored[option.name], str(file))
            sources[option.name] = "config.toml"
        else:
            values[option.name], sources[option.name] = option.default, "default"
    values["database_url"] = values["database_url"] or f"sqlite:///{folder / 'cooee.db'}"
    values["queue_url"] = values["queue_url"] or f"sqlite:///{folder / 'queue.db'}"
    values["public_url"] = values["public_url"].rstrip("/")
    return Settings(folder, values, sources)
