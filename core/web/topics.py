"""Topics people can switch off by themselves, the double opt-in's question, and what people see of both."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask_security import current_user
from wtforms import BooleanField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional

from core.audience import preferences, topics
from core.audience.consent import PENDING_DAYS
from core.db import database, settings
from core.db.codes import Cls
from core.i18n import _, _l, set_language
from core.security import audit
from core.sending import asking
from core.web import preferences as public_page
from core.web.access import allow
from core.web.forms import Form, choices, tidy
from core.web.render import flash, page, redirect_hx

bp = Blueprint("topics", __name__, url_prefix="/settings/consent")


class _Topic(Form):
    key = StringField(
        _l("Key"), [DataRequired(), Length(max=40)], filters=[tidy],
        description=_l("Campaigns name it; it stays as it is."),
    )  # fmt: skip
    title = StringField(_l("Title in English"), [DataRequired(), Length(max=80)], filters=[tidy])
    title_zh = StringField(_l("Title in Chinese"), [Optional(), Length(max=80)], filters=[tidy])
    cls = SelectField(_l("Class"), choices=choices([("mass", _l("marketing")), ("voice", _l("voice"))]))
    public = BooleanField(_l("People can switch it on their page"), default=True)


class _Question(Form):
    en = TextAreaField(_l("Question in English"), [Length(max=asking.TEXT_MAX)], render_kw={"rows": 3})
    zh = TextAreaField(
        _l("Question in Chinese"), [Length(max=asking.TEXT_MAX)], render_kw={"rows": 3},
        description=_l("{brand} becomes the name of the brand."),
    )  # fmt: skip


@bp.get("")
@allow("settings.edit")
def index():
    return _page()


@bp.post("")
@allow("settings.edit")
def add():
    form = _Topic()

    def work() -> None:
        topics.add(
            form.key.data, form.title.data, title_zh=form.title_zh.data or "", cls=Cls[form.cls.data],
            public=form.public.data, who=current_user.email,
        )  # fmt: skip

    if not (form.validate_on_submit() and form.attempt(work)):
        return _page(form=form, status=422)
    flash(_("Saved."))
    return redirect_hx(url_for(".index"))


@bp.post("/<key>")
@allow("settings.edit")
def edit(key: str):
    given = request.form
    topics.edit(
        key, title=given.get("title", ""), title_zh=given.get("title_zh", ""), public="public" in given,
        who=current_user.email,
    )  # fmt: skip
    flash(_("Saved."))
    return redirect_hx(url_for(".index"))


@bp.post("/question")
@allow("settings.edit")
def question():
    form = _Question()

    def work() -> None:
        with database.write_tx():
            asking.set_texts({"en": form.en.data or "", "zh": form.zh.data or ""})
            audit.record(current_user.email, "settings.double_opt_in", "double_opt_in")

    if not (form.validate_on_submit() and form.attempt(work)):
        return _page(question=form, status=422)
    flash(_("Saved."))
    return redirect_hx(url_for(".index"))


@bp.get("/preview")
@allow("settings.edit")
def preview():
    """The preference page as an imagined person sees it; nothing can be pressed."""
    lang = "zh" if request.args.get("lang") == "zh" else "en"
    set_language(public_page.LANGUAGES[lang])
    imagined = preferences.Choices(
        0,
        lang,
        "",
        False,
        False,
        {Cls.mass: True},
        [(topic, True) for topic in topics.every(public=True)],
        [],
    )
    return page(
        "preferences/show.html", **public_page.context(imagined, lang), kind="preferences",
        url=url_for(".preview"), did="", undo="", error="", preview=True,
    )  # fmt: skip


def _page(form: _Topic | None = None, question: _Question | None = None, status: int = 200):
    return page(
        "settings/topics.html",
        status=status,
        form=form or _Topic(formdata=None),
        question=question or _Question(formdata=None, data=asking.texts()),
        topics=topics.every(),
        outs=topics.outs(),
        days=settings.get("double_opt_in_days", PENDING_DAYS),
        asks=asking.ASKS,
    )
