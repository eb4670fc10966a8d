"""Files of papers: what they are by their content, kept encrypted in the database, so every backup has them.

Only kinds a browser cannot run are taken.  The name is kept for people; what is served is named after the kind
found in the content, never after what the name claims.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.i18n import _

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Bytes of one file, and files of one paper.
MAX_BYTES = 10 * 1024 * 1024
MAX_FILES = 20
NAME_MAX = 150
#: A file that was taken back can be put back for so long.
UNDO_MS = 30 * clock.DAY_MS
#: Kind → (media type, how names may end, how the content begins).
KINDS = {
    "pdf": ("application/pdf", ("pdf",), (b"%PDF-",)),
    "jpg": ("image/jpeg", ("jpg", "jpeg"), (b"\xff\xd8\xff",)),
    "png": ("image/png", ("png",), (b"\x89PNG\r\n\x1a\n",)),
    "tif": ("image/tiff", ("tif", "tiff"), (b"II*\x00", b"MM\x00*")),
    "webp": ("image/webp", ("webp",), (b"RIFF",)),
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was looked at and may be kept."""

    name: str
    kind: str
    data: bytes

    @property
    def sha256(self) -> str:
        """Its fingerprint."""
        return hashlib.sha256(self.data).hexdigest()


def looked_at(name: str, data: bytes) -> Upload:
    """Check a file by name, size and content.  Raises `Refusal` with one sentence."""
    name = unicodedata.normalize("NFC", name or "")
    if "/" in name or "\\" in name or name.strip(". ") == "":
        raise Refusal(
            _(
                "The file's name %(name)s holds a path or nothing; give it a plain name.",
                name=repr(name[:60]),
            ),
            field="file",
        )
    if len(name) > NAME_MAX or any(unicodedata.category(char)[0] == "C" for char in name):
        raise Refusal(
            _(
                "The file's name is longer than %(most)s characters or holds signs that cannot be shown.",
                most=NAME_MAX,
            ),
            field="file",
        )
    if not data:
        raise Refusal(_("“%(name)s” is empty; choose the file again.", name=name), field="file")
    if len(data) > MAX_BYTES:
        raise Refusal(
            _("“%(name)s” has %(size)s MB; a file may have %(most)s MB. Scan it at a lower resolution.", name=name,
              size=f"{len(data) / 1048576:.1f}", most=MAX_BYTES // 1048576), field="file",
        )  # fmt: skip
    kind = kind_of(data)
    if kind is None:
        raise Refusal(
            _("“%(name)s” is no PDF, JPEG, PNG, TIFF or WebP by its content; save or scan it as one of these.", name=name),
            field="file",
        )  # fmt: skip
    return Upload(name, kind, data)


def kind_of(data: bytes) -> str | None:
    """The kind the content says, None for any other."""
    for kind, (_media, _endings, starts) in KINDS.items():
        if data.startswith(starts) and (kind != "webp" or data[8:12] == b"WEBP"):
            return kind
    return None


def served_as(name: str, kind: str) -> str:
    """The name for a download: ends as its kind does."""
    endings = KINDS[kind][1]
    return name if name.lower().rpartition(".")[2] in endings else f"{name}.{endings[0]}"


def keep(rt: Runtime, paper_id: int, upload: Upload, who: str) -> int:
    """Store a file, inside the caller's `write_tx()`; its id.  Raises `Refusal` when it is there, or too many are."""
    known = database.query(
        "SELECT sha256 FROM paper_file WHERE paper_id = ? AND removed_at IS NULL", (paper_id,)
    )
    if (upload.sha256,) in known:
        raise Refusal(_("This very file is kept here already."), field="file", status=409)
    if len(known) >= MAX_FILES:
        raise Refusal(
            _("A paper has at most %(most)s files; take one back first.", most=MAX_FILES), field="file"
        )
    return database.scalar(
        "INSERT INTO paper_file (paper_id, name, kind, size, sha256, content_enc, uploaded_by, uploaded_at, removed_by) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, '') RETURNING id",
        (paper_id, upload.name, upload.kind, len(upload.data), upload.sha256,
         rt.keys.encrypt(upload.data, _aad(paper_id, upload.sha256)), who, clock.now_ms()),
    )  # fmt: skip


def read(rt: Runtime, file_id: int) -> tuple[str, str, bytes]:
    """(name to serve, media type, content) of a file that was not taken back.  Raises `Refusal` (404)."""
    row = database.one(
        "SELECT paper_id, name, kind, sha256, content_enc FROM paper_file WHERE id = ? AND removed_at IS NULL",
        (file_id,),
    )
    if row is None:
        raise Refusal(_("There is no such file; it may have been taken back."), status=404)
    paper_id, name, kind, sha256, blob = row
    return served_as(name, kind), KINDS[kind][0], rt.keys.decrypt(blob, _aad(paper_id, sha256))


def _aad(paper_id: int, sha256: str) -> bytes:
    return f"paper_file:content_enc:{paper_id}:{sha256}".encode()
