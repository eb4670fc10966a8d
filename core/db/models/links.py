"""WHERE A TEXT LEADS: the links of a campaign, and who followed them."""

from __future__ import annotations

from peewee import BigIntegerField, CharField, CompositeKey, IntegerField, SmallIntegerField, TextField

from core.db.models.base import Base


class Link(Base):
    """One link of a campaign, its target frozen at launch; there is no row a recipient.

    kind: web · optout · preferences · confirm.  `idx` is 0 to 11 for web links in the order of the texts and
    fixed for the others (`core.content.links.SERVICE`).  `expires_at` is null for links that always work.
    """

    campaign_id = IntegerField()
    idx = SmallIntegerField()
    kind = CharField(default="web")
    url = TextField(default="")
    label = CharField(default="")
    expires_at = BigIntegerField(null=True)
    created_at = BigIntegerField()

    class Meta:
        table_name = "link"
        indexes = ((("campaign_id", "idx"), True),)


class Click(Base):
    """One request for a link, as it came; `id` grows with the time it was stored (core.ids).

    `kind` is `codes.ClickKind`: 0 for a person, else the rule that says otherwise.  A click is judged some
    ten seconds after it was stored; until then a 0 means "nothing against it yet".  `net` is a keyed hash of
    the /24 or /48 it came from; the address itself is never kept.
    """

    id = BigIntegerField(primary_key=True)
    message_id = BigIntegerField()
    contact_id = IntegerField()
    campaign_id = IntegerField()
    link_id = IntegerField()
    at = BigIntegerField()
    kind = SmallIntegerField(default=0)
    agent_id = IntegerField()
    net = BigIntegerField()

    class Meta:
        table_name = "click"


class ClickAgent(Base):
    """What a browser or program called itself (User-Agent), once; '' for one that said nothing."""

    text = TextField(unique=True)

    class Meta:
        table_name = "click_agent"


class Clicked(Base):
    """People who followed a web link, a row each: a fold of their clicks of kind 0, kept as those are judged."""

    campaign_id = IntegerField()
    link_id = IntegerField()
    contact_id = IntegerField()
    first_at = BigIntegerField()
    last_at = BigIntegerField()
    n = IntegerField()

    class Meta:
        table_name = "clicked"
        primary_key = CompositeKey("campaign_id", "link_id", "contact_id")
        without_rowid = True
        indexes = ((("contact_id",), False),)


class ClickCount(Base):
    """Judged clicks a link and kind, kept in the same transaction; always equal to a count of `click`."""

    campaign_id = IntegerField()
    link_id = IntegerField()
    kind = SmallIntegerField()
    n = IntegerField()

    class Meta:
        table_name = "click_count"
        primary_key = CompositeKey("campaign_id", "link_id", "kind")
        without_rowid = True


class ClickFile(Base):
    """How far a journal of clicks is stored: `done` bytes, changed in the transaction that stores them."""

    name = CharField(primary_key=True)
    done = BigIntegerField()
    at = BigIntegerField()

    class Meta:
        table_name = "click_file"


class ClickJudged(Base):
    """Clicks up to this id are judged; one row."""

    id = SmallIntegerField(primary_key=True)
    upto = BigIntegerField()

    class Meta:
        table_name = "click_judged"
