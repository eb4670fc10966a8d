"""Files that come and go: an upload kept for this server alone, a table to download."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path

from flask import Response, stream_with_context
from werkzeug.datastructures import FileStorage

from core.web.render import rt


def keep(upload: FileStorage) -> Path:
    """Store an upload under a name nobody can guess, which is the last part of the path; whoever keeps it removes it."""
    path = rt().settings.path("uploads", secrets.token_hex(16))
    path.parent.mkdir(mode=0o700, exist_ok=True)
    upload.save(path)
    path.chmod(0o600)
    return path


def download(name: str, lines: Iterable[str]) -> Response:
    """A CSV file to keep, sent as it is written."""
    return Response(
        stream_with_context(lines),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )
