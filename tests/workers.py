"""Which worker of `pytest -n` runs which tests: whole files, the long ones first.

What a file makes once is then made once, and no long file is left for the end, when the other workers have
nothing to do.
"""

from __future__ import annotations

import pytest

#: The folder of the browser journeys, which share a browser and two servers and so a worker.
BROWSER = "tests/browser/"
#: What takes longest, each more than ten seconds.
FIRST = (
    BROWSER, "tests/test_web_browser.py", "tests/test_whole_way.py", "tests/faults/", "tests/test_events_truth.py",
    "tests/test_api_schemathesis.py", "tests/test_links_killed.py", "tests/test_import_", "tests/smpp/",
)  # fmt: skip


def place(nodeid: str) -> int:
    """When a test is its turn, among all: those of `FIRST` in that order, then the others."""
    return next((at for at, long in enumerate(FIRST) if nodeid.startswith(long)), len(FIRST))


def by_file(config: pytest.Config, log):
    """The scheduler: a worker that has no tests left gets the next file."""
    from xdist.scheduler import LoadScopeScheduling

    class Files(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return BROWSER if nodeid.startswith(BROWSER) else nodeid.partition("::")[0]

    config.option.loadscopereorder = False  # it would begin with the most tests, and end with the longest
    return Files(config, log)
