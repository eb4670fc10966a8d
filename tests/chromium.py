"""The system's Chromium, and what to say when it is missing."""

from __future__ import annotations

import os
import shutil

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = (
    "Chromium is missing, so no page was looked at; get it with `apt-get install chromium` (Debian, Ubuntu)."
)
#: For a module of browser tests: skipped without Chromium, but not where COOEE_BROWSER_REQUIRED asks for it.
in_chromium = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM and not os.environ.get("COOEE_BROWSER_REQUIRED"), reason=MISSING),
]
