"""Pages of templates: the list, versions, copies, the archive, and who may do what."""

import pytest

from core import i18n
from core.content import templates
from core.db.models import Template
from tests.template_kit import HX, SALE, TEXTS, WHO, body, form


@pytest.fixture
def sale(rt_sqlite) -> int:
    return templates.create(rt_sqlite, "Sale", "mass", TEXTS, WHO)


@pytest.fixture(autouse=True)
def english_afterwards():
    """A page in Chinese must not make the next test speak it."""
    yield
    i18n.set_language("en")


def test_an_empty_list_says_what_a_template_is_and_offers_one_button(client):
    page = body(client.get("/templates"))
    assert "Write the first one" in page and "/templates/new" in page


def test_the_list_shows_name_class_languages_and_parts(client, sale):
    page = body(client.get("/templates"))
    assert "Sale" in page and "marketing" in page and "zh" in page
    assert "<html" in page


def test_the_search_answers_with_the_fragment(client, sale):
    hit = body(client.get("/templates?q=20", headers=HX))
    assert "Sale" in hit and "<html" not in hit
    assert "No template has these words" in body(client.get("/templates?q=nothing", headers=HX))
    assert client.get("/templates").headers["Vary"].find("HX-Request") >= 0


def test_archived_templates_have_their_own_list(client, sale):
    templates.archive(sale, WHO)
    assert "Sale" not in body(client.get("/templates"))
    assert "Sale" in body(client.get("/templates?archived=1"))


def test_versions_show_what_changed_and_can_be_restored(client, rt_sqlite, sale):
    templates.edit(rt_sqlite, sale, WHO, bodies={"en": SALE.replace("20 %", "30 %")})
    page = body(client.get(f"/templates/{sale}/history"))
    assert "<del>20</del>" in page and "<ins>30</ins>" in page
    answer = client.post(f"/templates/{sale}/restore", data={"lang": "en", "version": "1"})
    assert answer.status_code == 303
    assert templates.texts(sale)["en"].body == SALE and templates.texts(sale)["en"].version == 3
    assert client.post(f"/templates/{sale}/restore", data={"lang": "en", "version": "77"}).status_code == 404


def test_a_copy_is_made_and_opened(client, sale):
    answer = client.post(f"/templates/{sale}/duplicate")
    assert "Sale (copy)" in body(client.get(answer.headers["Location"]))


def test_archiving_twice_and_bringing_back(client, sale):
    for _time in range(2):
        assert client.post(f"/templates/{sale}/archive", data={"archived": "1"}).status_code == 303
    assert Template.get_by_id(sale).archived
    assert "is archived" in body(client.get(f"/templates/{sale}"))
    client.post(f"/templates/{sale}/archive", data={"archived": "0"})
    assert not Template.get_by_id(sale).archived


CHANGES = [
    "/templates/new",
    "/templates/{id}",
    "/templates/{id}/restore",
    "/templates/{id}/duplicate",
    "/templates/{id}/archive",
]


def test_a_viewer_changes_nothing(login, sale):
    viewer = login("viewer")
    for path in CHANGES:
        assert viewer.post(path.format(id=sale), data=form(name="X")).status_code == 403
    assert Template.select().count() == 1 and not Template.get_by_id(sale).archived


def test_a_viewer_sees_the_editor_without_buttons_to_change(login, sale):
    viewer = login("viewer")
    page = body(viewer.get(f"/templates/{sale}"))
    assert "readonly" in page and "Save as a new version" not in page and "/duplicate" not in page
    assert viewer.post("/templates/check", data=form(template=str(sale))).status_code == 200
    assert viewer.get("/templates/new").status_code == 403


def test_a_marketer_writes(login):
    assert login("marketer").post("/templates/new", data=form()).status_code == 303


def test_strangers_are_sent_to_sign_in(app):
    for path in ("/templates", "/templates/new", "/templates/1", "/templates/1/history"):
        answer = app.test_client().get(path)
        assert answer.status_code == 302 and "/login" in answer.headers["Location"]


def test_changes_are_not_made_by_following_a_link(client, sale):
    for act in ("check", "1/restore", "1/duplicate", "1/archive"):
        assert client.get(f"/templates/{act}").status_code == 405


def test_pages_speak_chinese(client, sale):
    for path in ("/templates", f"/templates/{sale}", f"/templates/{sale}/history", "/templates/new"):
        page = body(client.get(path, headers={"Accept-Language": "zh-CN"}))
        assert "模板" in page
        for english in ("Save as a new version", "Checks", "As people read it", "Used in", "Versions"):
            assert english not in page
