"""Backups that were changed, and what the doctor finds."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner

from core.cli import main


def examine(environment: dict[str, str]) -> dict[str, dict]:
    """The findings of `cooee doctor --json` by what they are about."""
    result = CliRunner().invoke(main, ["doctor", "--json"], env=environment)
    return {finding["what"]: finding for finding in json.loads(result.stdout)}


def repacked(file: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    """Change one member of a backup."""
    with tarfile.open(file) as tar:
        parts = {member.name: tar.extractfile(member).read() for member in tar.getmembers()}
    parts[name] = change(parts[name])
    with tarfile.open(file, "w") as tar:
        for part, content in parts.items():
            info = tarfile.TarInfo(part)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def manifest_with(change: Callable[[dict], object]) -> Callable[[bytes], bytes]:
    """For `repacked`: the manifest after `change` was at it."""

    def changed(content: bytes) -> bytes:
        manifest = json.loads(content)
        change(manifest)
        return json.dumps(manifest).encode()

    return changed
