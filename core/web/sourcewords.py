"""Where a consent came from, in words: the codes the ledger keeps, and the sentences people wrote themselves."""

from __future__ import annotations

from core.i18n import _, _l

#: What an import writes when nobody named a source, before the name of the file.
_FILE = "import: "
_WORDS = {
    "inbound": _l("by text"), "page": _l("on the preference page"), "import": _l("from a file"),
    "erasure": _l("asked to be forgotten"), "provider": _l("told by the provider"),
    "review": _l("a person read the reply"),
}  # fmt: skip


def source_word(source: str | None) -> str:
    """The source of a ledger line as people read it; what a person wrote stands as it is."""
    if source and source.startswith(_FILE):
        return _("from the file %(name)s", name=source.removeprefix(_FILE))
    return str(_WORDS.get(source or "", source or ""))
