"""Pages of papers: begin, add, check, judge, download, print, undo; and what is refused."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from core.db import database, settings
from core.sending import accounts
from core.sending.dossiers import barring, files, standing, store
from tests import dossier_kit as kit


@pytest.fixture
def account(rt_sqlite) -> int:
    return kit.account(rt_sqlite, "Hangzhou")


@pytest.fixture
def dossier(rt_sqlite, account) -> int:
    return kit.begin(rt_sqlite, account)


def text(answer) -> str:
    return answer.get_data(as_text=True)


def upload(client, account: int, key: str, *sent: tuple[bytes, str], **values: str):
    data = values | {"file": [(io.BytesIO(content), name) for content, name in sent]}
    return client.post(f"/providers/{account}/papers/{key}", data=data)


def test_an_account_without_papers_says_why_they_matter_and_begins(client, account):
    assert "cut off overnight" in text(client.get(f"/providers/{account}/papers"))
    answer = client.post(
        f"/providers/{account}/papers", data={"company": "Vendor Ltd", "countries": "cn, de"}
    )
    assert answer.status_code == 303
    page = text(client.get(f"/providers/{account}/papers"))
    for words in ("Vendor Ltd", "营业执照", "GDPR art. 28", "missing", "no verdict yet"):
        assert words in page
    assert standing.of_account(account).countries == ("CN", "DE")


def test_a_wrong_country_stands_beside_its_field(client, account):
    answer = client.post(
        f"/providers/{account}/papers", data={"company": "Vendor Ltd", "countries": "Cathay"}
    )
    assert answer.status_code == 422
    assert "is no country" in text(answer)
    assert kit.count("dossier") == 0


def test_a_paper_is_added_checked_downloaded_taken_back_and_put_back(client, account, dossier):
    answer = upload(
        client,
        account,
        "CN/licence",
        (kit.PDF, "执照.pdf"),
        number="9133",
        issued="2026-01-01",
        expires=kit.day(400),
    )
    assert answer.status_code == 303, text(answer)
    base = f"/providers/{account}/papers"
    client.post(f"{base}/CN/licence/check")
    page = text(client.get(f"{base}/CN/licence"))
    assert "执照.pdf" in page and "checked by admin@shop.example" in page and "gsxt.gov.cn" in page
    one = kit.paper(dossier, "CN/licence")
    got = client.post(f"{base}/files/{one.files[0].id}")
    assert got.data == kit.PDF
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert got.headers["Content-Type"] == "application/pdf"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in got.headers["Content-Security-Policy"]
    assert got.headers["Cache-Control"] == "no-store"
    client.post(f"{base}/files/{one.files[0].id}/remove", data={"paper": "CN/licence"})
    assert kit.paper(dossier, "CN/licence").state == "missing"
    assert "Put it back" in text(client.get(f"{base}/CN/licence"))
    assert client.post(f"{base}/files/{one.files[0].id}").status_code == 404
    client.post(f"{base}/files/{one.files[0].id}/restore", data={"paper": "CN/licence"})
    assert kit.paper(dossier, "CN/licence").state == "present"


@pytest.mark.parametrize(
    ("sent", "values"),
    [
        ([(b"", "a.pdf")], {}),
        ([(b"<html>", "a.pdf")], {}),
        ([(kit.PDF, "../a.pdf")], {}),
        ([(kit.PDF, "good.pdf"), (b"MZ", "bad.pdf")], {"number": "1"}),
        ([(kit.PDF, "good.pdf")], {"issued": "2026-02-02", "expires": "2026-01-01"}),
        ([(kit.PDF + bytes(files.MAX_BYTES), "large.pdf")], {}),
    ],
)
def test_bad_input_is_said_and_nothing_is_kept(client, account, dossier, sent, values):
    answer = upload(client, account, "CN/licence", *sent, **values)
    assert answer.status_code == 422
    assert "Traceback" not in text(answer)
    assert (kit.count("paper"), kit.count("paper_file")) == (0, 0)


def test_a_far_too_large_body_is_413(client, account, dossier):
    answer = upload(client, account, "CN/licence", (kit.PDF + bytes(33 << 20), "huge.pdf"))
    assert answer.status_code == 413
    assert kit.count("paper_file") == 0


def test_a_file_of_another_company_is_not_found_here(client, rt_sqlite, account, dossier):
    other = kit.account(rt_sqlite, "Other")
    file_id = kit.put(rt_sqlite, kit.begin(rt_sqlite, other), "CN/licence")
    kit.put(rt_sqlite, dossier, "CN/licence")
    for path in (f"files/{file_id}", f"files/{file_id}/remove"):
        assert (
            client.post(f"/providers/{account}/papers/{path}", data={"paper": "CN/licence"}).status_code
            == 404
        )
    assert kit.paper(standing.of_account(other).id, "CN/licence").files


def test_names_cannot_break_out_of_page_or_header(client, account, dossier):
    name = "<img src=x onerror=alert(1)>.pdf"
    assert upload(client, account, "CN/licence", (kit.PDF, name)).status_code == 303
    name = "a\";x=y; filename*=UTF-8''evil.html"
    store.save(
        client.application.extensions["cooee"],
        dossier,
        "CN/licence",
        {},
        kit.WHO,
        [files.looked_at(name, kit.PDF + b"2")],
    )
    page = text(client.get(f"/providers/{account}/papers/CN/licence"))
    assert "<img src=x" not in page and "&lt;img src=x" in page
    got = client.post(f"/providers/{account}/papers/files/{kit.paper(dossier, 'CN/licence').files[-1].id}")
    assert got.headers["Content-Type"] == "application/pdf"
    assert got.headers["Content-Disposition"].startswith("attachment")


def test_a_verdict_is_given_and_refused_in_place(client, rt_sqlite, account, dossier):
    refused = client.post(f"/providers/{account}/papers/verdict", data={"verdict": "passed", "note": "fine"})
    assert refused.status_code == 422
    assert "cannot pass while" in text(refused) and "fine</textarea>" in text(refused)
    kit.fill(rt_sqlite, dossier)
    assert client.post(f"/providers/{account}/papers/verdict", data={"verdict": "passed"}).status_code == 303
    assert "papers: passed" in text(client.get("/providers"))
    assert standing.get(dossier).verdict.by == "admin@shop.example"
    bad = client.post(
        f"/providers/{account}/papers/verdict", data={"verdict": "conditions", "note": "x", "until": "soon"}
    )
    assert bad.status_code == 422


def test_the_zip_holds_data_page_and_files(client, rt_sqlite, account, dossier):
    kit.passed(rt_sqlite, dossier)
    got = client.post(f"/providers/{account}/papers/zip")
    packed = zipfile.ZipFile(io.BytesIO(got.data))
    names = packed.namelist()
    assert "dossier.html" in names and "CN-licence/01-CN-licence.pdf" in names
    data = json.loads(packed.read("dossier.json"))
    assert (data["company"], data["verdict"]) == ("Vendor Ltd", "passed")
    listed = {file["in_zip"]: file["sha256"] for one in data["papers"] for file in one["files"]}
    assert set(listed) == set(names) - {"dossier.html", "dossier.json"}
    assert "not legal advice" in packed.read("dossier.html").decode()
    assert database.scalar("SELECT COUNT(*) FROM audit WHERE action = 'dossier.export'") == 1


def test_the_printed_page_has_everything_and_loads_nothing(client, rt_sqlite, account, dossier):
    kit.put(rt_sqlite, dossier, "CN/vats", number="B2-20260001")
    got = client.post(f"/providers/{account}/papers/print")
    page = text(got)
    assert got.headers["Content-Disposition"].startswith("attachment")
    for words in ("B2-20260001", "CN-vats.pdf", "Vendor Ltd", "History"):
        assert words in page
    assert "<script" not in page and "src=" not in page


def test_papers_are_shared_and_left(client, rt_sqlite, account, dossier):
    second = kit.account(rt_sqlite, "Second")
    assert "whose papers are here" in text(client.get(f"/providers/{second}/papers"))
    client.post(f"/providers/{second}/papers", data={"dossier": dossier})
    assert standing.of_account(second).id == dossier
    client.post(f"/providers/{second}/papers/leave")
    assert standing.of_account(second) is None


def test_what_is_asked_for_is_changed_on_its_page(client, account, dossier):
    page = text(client.get("/providers/papers/kinds?paper=CN/vats"))
    assert "增值电信业务经营许可证" in page and "not legal advice" in page
    values = {"title": "SP permit", "as_of": "2027-02-03", "source": "counsel", "document": "y"}
    assert client.post("/providers/papers/kinds", data=values | {"paper": "CN/vats"}).status_code == 303
    assert not kit.paper(dossier, "CN/vats").need.required
    assert (
        client.post("/providers/papers/kinds", data=values | {"paper": "CN/vats", "as_of": "x"}).status_code
        == 422
    )
    client.post("/providers/papers/kinds", data=values | {"area": "CN", "title": "Deposit"})
    assert "Deposit" in text(client.get(f"/providers/{account}/papers"))
    client.post("/providers/papers/kinds/reset", data={"paper": "CN/vats"})
    assert kit.paper(dossier, "CN/vats").need.required


def test_the_rule_is_switched_on_in_settings_and_audited(client, account):
    now = {
        "four_eyes": "5000",
        "four_eyes_cost": "0",
        "pause_after": "100",
        "stop_scope": "all",
        "papers": "y",
    }
    assert client.post("/settings/rules", data=now).status_code == 303
    assert settings.get(barring.KEY) is True
    assert barring.KEY in database.scalar("SELECT detail FROM audit WHERE action = 'settings.rules'")
    assert "no papers" in text(client.get("/providers"))
    assert "is left out of mass texts" in text(client.get("/"))
    assert "left out of mass texts" in text(client.get("/providers/papers"))


def test_whoever_only_looks_sees_states_but_no_files(login, rt_sqlite, account, dossier):
    file_id = kit.put(rt_sqlite, dossier, "CN/licence")
    viewer = login("viewer")
    for path in ("", "/CN/licence"):
        page = text(viewer.get(f"/providers/{account}/papers{path}"))
        assert "present" in page and "Download" not in page
    for path in (f"files/{file_id}", "zip", "print", "verdict"):
        assert viewer.post(f"/providers/{account}/papers/{path}").status_code == 403


def test_unknown_places_are_404(client, account, dossier):
    for path in (
        "/providers/99/papers",
        f"/providers/{account}/papers/CN/nothing",
        "/providers/papers/kinds?paper=x/y",
    ):
        assert client.get(path).status_code == 404, path
    assert accounts.get(account).name == "Hangzhou"
