"""People who sign in, in the shape Flask-Security-Too's peewee datastore expects."""

from __future__ import annotations

from flask_security import RoleMixin, UserMixin
from peewee import (
    BigIntegerField,
    BooleanField,
    CharField,
    DateTimeField,
    ForeignKeyField,
    IntegerField,
    TextField,
)

from core.db.models.base import Base


class Role(RoleMixin, Base):
    name = CharField(unique=True)
    description = TextField(null=True)
    permissions = TextField(null=True)

    class Meta:
        table_name = "role"


# The mixin stands first: peewee's Model.get_id() would otherwise shadow Flask-Security's.
class User(UserMixin, Base):
    """`language`, `zone` and `theme` are how this person wants pages shown ('' follows the browser)."""

    email = CharField(unique=True)
    name = CharField(default="")
    password = TextField(null=True)
    active = BooleanField(default=True)
    fs_uniquifier = CharField(unique=True, max_length=64)
    confirmed_at = DateTimeField(null=True)
    tf_primary_method = CharField(null=True)
    tf_totp_secret = TextField(null=True)
    mf_recovery_codes = TextField(null=True)
    language = CharField(default="")
    zone = CharField(default="")
    theme = CharField(default="")
    created_at = BigIntegerField(default=0)
    last_seen_at = BigIntegerField(null=True)

    class Meta:
        table_name = "user_account"


class UserRoles(Base):
    user = ForeignKeyField(User, backref="roles", on_delete="CASCADE")
    role = ForeignKeyField(Role, on_delete="CASCADE")

    name = property(lambda self: self.role.name)
    description = property(lambda self: self.role.description)

    def get_permissions(self):
        return self.role.get_permissions()

    class Meta:
        table_name = "user_role"
        indexes = ((("user", "role"), True),)


class SessionRecord(Base):
    """A server-side session: dies on sign-out, password or role change; listable and revocable."""

    user_id = IntegerField(index=True)
    token_hash = CharField(unique=True)
    created_at = BigIntegerField()
    seen_at = BigIntegerField()
    ip = CharField(default="")
    agent = CharField(default="")

    class Meta:
        table_name = "session_record"


class OneTimeLink(Base):
    """Set-up and password-reset links: hashed, single use, expiring."""

    token_hash = CharField(unique=True)
    purpose = CharField()
    user_id = IntegerField(null=True)
    expires_at = BigIntegerField()
    used_at = BigIntegerField(null=True)

    class Meta:
        table_name = "one_time_link"
