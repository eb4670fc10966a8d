"""Every hook of Cooee, in one greppable file.

Hooks are synchronous and called with keyword arguments.  `register_*` hooks are collected once at start.
A hook only registers or announces; the objects it returns do the work (see types.py).
"""

import pluggy

PROJECT = "cooee"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


# --- register: once, at start -------------------------------------------------------------------------


@hookspec
def register_hookspecs(manager):
    """Add hook specifications of your own with `manager.add_hookspecs(module)`.  Runs first."""


@hookspec
def startup(runtime):
    """The application is composed; `runtime` has plugins, settings and enqueue.  Keep it short."""


@hookspec
def register_providers():
    """Return a list of `Provider` classes."""


@hookspec
def register_segmenters():
    """Return a list of `Segmenter` classes."""


@hookspec
def register_checks():
    """Return a list of `ContentCheck` classes."""


@hookspec
def register_metrics():
    """Return a list of `Metric` classes."""


@hookspec
def register_rules():
    """Return a list of `Rule` classes: a rule pack."""


@hookspec
def register_numbers():
    """Return a list of `NumberIntelligence` classes: who knows carrier, region and zone of a number."""


@hookspec
def register_jobs():
    """Return a list of `Job`s: periodic work."""


@hookspec
def register_settings():
    """Return {name: WTForms form class} of settings of the plugin, shown under Settings."""


@hookspec
def register_blueprints():
    """Return a list of Flask blueprints, mounted at `/p/<plugin>/`; private unless marked public."""


@hookspec
def register_commands():
    """Return a list of click commands, added to `cooee`."""


# --- decide: in a worker, fast, no network ------------------------------------------------------------


@hookspec(firstresult=True)
def choose_account(cls, country, accounts):
    """Pick one of `accounts` (mappings with id, name, provider) for a class and ISO country.

    The first answer that is not None wins; without one the campaign's first usable account is taken.
    """


@hookspec
def hold_messages(cls, message_ids):
    """Return ids of messages that must wait or not be sent: {id: (not_before | None, reason)}.

    Called before the submit mark with the ids of one window.  The strictest answer wins; an
    implementation that raises or is slow holds the whole window (fails closed).
    """


@hookspec
def merge_fields():
    """Return {name: sentence} of extra merge names this plugin fills through `merge_values`."""


@hookspec
def merge_values(names, contact_ids):
    """Return {contact id: {name: text}} for those of `names` this plugin declared."""


# --- announce: after commit, batched, isolated --------------------------------------------------------


@hookspec
def campaign_changed(campaign_id, state, reason):
    """A campaign changed its state."""


@hookspec
def messages_changed(changes):
    """`changes` is a list of (message id, state name) that reached the provider or a final state."""


@hookspec
def inbound_received(inbound_ids):
    """Inbound texts were stored; STOP words are already handled."""


@hookspec
def consent_changed(contact_ids, cls, action):
    """Consent of these contacts changed: action is opt_in, opt_out or erase."""


@hookspec
def events_recorded(contact_ids):
    """Events of these contacts were stored (sorted, each once)."""


# --- show: in a web request ---------------------------------------------------------------------------


@hookspec
def menu_items():
    """Return a list of `MenuItem`s."""


@hookspec
def panels(page, obj):
    """Return a list of `Panel`s for a core page: page is "contact", "campaign", "overview" …"""
