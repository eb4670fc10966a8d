"""Files as they come: every encoding and delimiter, XLSX, and files that want to do harm."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.audience.importing import reading
from core.contract.errors import Refusal

CHINESE = [
    ["手机号", "姓名", "城市"],
    ["13800138000", "张伟", "上海"],
    ["13900139000", "李娜，女", "北京"],
    ["13700137000", '王"小"明', "广州"],
]
WESTERN = [
    ["Mobile", "Name", "City"],
    ["+49 151 52992312", "Jürgen", "Köln"],
    ["0648530762", "Chloé, Zoë", "Nîmes"],
    ["05322532032", 'Al "Bo"', "Paris"],
]


def _write(path, table, encoding, delimiter, newline="\r\n"):
    def cell(text):
        special = any(c in text for c in (delimiter, '"', "\n"))
        return '"' + text.replace('"', '""') + '"' if special else text

    text = newline.join(delimiter.join(map(cell, row)) for row in table) + newline
    path.write_bytes(text.encode(encoding))
    return path


def _all(path):
    return list(reading.rows(path, reading.sniff(path)))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("table", "encoding"),
    [
        *((CHINESE, name) for name in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030")),
        *((WESTERN, name) for name in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252")),
    ],
)
def test_every_encoding_with_every_delimiter(tmp_path, table, encoding, delimiter):
    path = _write(tmp_path / "f.csv", table, encoding, delimiter)
    assert reading.sniff(path).delimiter == delimiter
    assert _all(path) == table


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_line_end(tmp_path, newline):
    assert _all(_write(tmp_path / "f.csv", CHINESE, "utf-8", ",", newline)) == CHINESE


def test_one_column_of_numbers(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("phone\n13800138000\n13900139000\n")
    assert _all(path) == [["phone"], ["13800138000"], ["13900139000"]]


def test_commas_in_names_do_not_beat_the_semicolon(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("name;phone\n" + "".join(f'"Lee, Ann, {n}";1380013{n:04}\n' for n in range(50)))
    assert reading.sniff(path).delimiter == ";"
    assert _all(path)[1] == ["Lee, Ann, 0", "13800130000"]


def test_apostrophes_in_names_are_no_quotes(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("name,phone\n" + "O'Brien,'tis\nD'Arcy,13800138000\n" * 20)
    assert _all(path)[1] == ["O'Brien", "'tis"]


def test_single_quotes_around_every_cell_are_quotes(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("'name','phone'\n" + "'Lee, Ann','13800138000'\n" * 20)
    assert _all(path)[1] == ["Lee, Ann", "13800138000"]


def test_backslashes_escape_quotes_where_they_do(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("name,phone\n" + '"Al \\"Bo\\", jr",13800138000\n' * 20)
    assert _all(path)[1] == ['Al "Bo", jr', "13800138000"]


def test_excels_hint_line_names_the_delimiter(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("sep=;\r\nphone;name\r\n13800138000;a,b\r\n")
    assert _all(path) == [["phone", "name"], ["13800138000", "a,b"]]


def _workbook(path, rows):
    from openpyxl import Workbook

    book = Workbook()
    book.create_sheet("empty", 0)
    for row in rows:
        book["Sheet"].append(row)
    book.save(path)
    return path


def test_xlsx_cells_read_as_people_see_them(tmp_path):
    path = _workbook(
        tmp_path / "renamed.csv",
        [["手机号", "生日", "金额", "会员", "备注"], [13800138000, date(1990, 3, 1), 12.5, True, None]],
    )
    assert reading.sniff(path).kind == "xlsx"
    assert _all(path) == [
        ["手机号", "生日", "金额", "会员", "备注"],
        ["13800138000", "1990-03-01", "12.5", "yes", ""],
    ]


def _zip(members: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return made.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (_zip({"xl/worksheets/sheet1.xml": b"0" * 300_000_000}), "unpacks to 300 MB"),
        (_zip({"xl/a.xml": b"0" * 2_000_000}), "unpacks to 2 MB"),
        (_zip({f"xl/{n}.xml": b"x" for n in range(150)}), "more than can be read safely"),
        (_zip({"xl/a.xml": b"x", "xl/inner.zip": b"x"}), "more than can be read safely"),
        (_zip({"readme.txt": b"x"}), "zip archive, not an Excel file"),
        (b"PK\x03\x04 not a zip at all", "damaged"),
        (_zip({"xl/workbook.xml": b"<workbook/>"}), "cannot be read"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel file"),
        (b"%PDF-1.7", "no table"),
        (b"", "empty"),
        (b"\xff\xfe", "empty"),
        (b'phone,name\n"138', "Row 2: a quote is opened"),
        (b"phone\n" + b'"' + b"1" * 200_000, "quote left open"),
        (b'phone,name\n1,Bo\n2,"Ann,Bath\n3,Cy\n4,Di\n', "Row 3: a quote is opened"),
        (b'phone,name\n2,"Ann,Bath\n3,Cy\n4,"Di,York\n', "Row 2: a quote is opened"),
        (b'phone,name\n2,"Ann' + b"\n3,Cy" * 101 + b'"\n', "Row 2: a quote is opened"),
        ('电话;姓名\n1;"张\n2;李\n'.encode("utf-16"), "Row 2: a quote is opened"),
        (b",".join([b"a"] * 200) + b"\n", "200 columns"),
    ],
)  # fmt: skip
def test_harmful_and_broken_files_are_refused_with_a_sentence(tmp_path, data, says):
    path = tmp_path / "f"
    path.write_bytes(data)
    if says is None:
        assert _all(path)
        return
    with pytest.raises(Refusal, match=says):
        _all(path)


def test_cells_over_several_lines_and_sloppy_quotes_within_one_are_read(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text(
        'phone,address,note\n1,"12 High St\r\nBath\n\nUK","say ""hi"""\n2,"Ann" of Bath,6" pipe\n3,x,"'
        + "\n" * 99
        + '"'
    )
    found = _all(path)
    assert found[1] == ["1", "12 High St\r\nBath\n\nUK", 'say "hi"']
    assert found[2] == ["2", "Ann of Bath", '6" pipe']
    assert found[3] == ["3", "x", "\n" * 99] and len(found) == 4


def test_too_many_rows_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_ROWS", 3)
    path = tmp_path / "f.csv"
    path.write_text("phone\n" + "1\n" * 4)
    with pytest.raises(Refusal, match="more than 3 rows"):
        _all(path)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(
    st.binary(max_size=400),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(alphabet=',;\t|"\'\\\r\n\x00a1张é', max_size=200).map(lambda text: text.encode("gb18030")),
    st.binary(max_size=200).map(lambda data: b"PK\x03\x04" + data),
    st.binary(max_size=200).map(lambda data: _zip({"xl/workbook.xml": data, "[Content_Types].xml": data})),
))  # fmt: skip
def test_the_reader_raises_nothing_but_refusals(tmp_path, data):
    path = tmp_path / "f"
    path.write_bytes(data)
    try:
        for row in _all(path):
            assert isinstance(row, list) and all(isinstance(cell, str) for cell in row)
    except Refusal as refusal:
        assert str(refusal)
