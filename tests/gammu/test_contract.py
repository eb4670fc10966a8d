"""What holds for every provider holds for the modem, with and without its library."""

from __future__ import annotations

import logging
import subprocess
import sys

from core.config import ROOT
from core.contract.testing import check_provider
from plugins.providers import gammu as plugin
from tests.adapters.cases import PLAIN, UNICODE
from tests.gammu.kit import Sink
from tests.servers import wait_for


def test_it_keeps_the_contract():
    assert check_provider(plugin.Gammu) == []


def test_no_number_and_no_pin_is_told(gammu, modem, phone, sent, caplog):
    caplog.set_level(logging.DEBUG)
    sent.fail = [gammu.ERR_INVALIDDATA({"Text": f"bad {PLAIN.to}", "Where": "SendSMS", "Code": 1})]
    sink = Sink(fail=1)
    phone.add("Deliver", PLAIN.to, "words of a person")
    results = modem(sink, pin="8642").send([PLAIN, UNICODE])
    wait_for(lambda: sink.items, 10)
    told = caplog.text + repr(results)
    assert PLAIN.to[1:] not in told and "8642" not in told and "words of" not in told


def test_without_the_library_it_says_what_to_install_and_the_plugin_still_loads(gammu):
    """Also shows that the plugin's own name does not stand in the library's way."""
    program = (
        "import sys; sys.modules['gammu'] = None\n"
        "from plugins.providers.gammu import Gammu\n"
        "from core import BadConfig\n"
        "from core.contract.samples import MESSAGES\n"
        "try: Gammu({'read_s': 15}).send(MESSAGES)\n"
        "except BadConfig as error: print(error)\n"
        "del sys.modules['gammu']; import gammu; print(gammu.__name__, hasattr(gammu, 'StateMachine'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "The library python-gammu is missing; install it with: pip install cooee[gammu]",
        "gammu True",
    ]
