"""Files of recipients, byte by byte: rows, parts and what is wrong with them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import InvalidRequest
from shared.events.file_text import MAX_LINE_BYTES
from shared.events.first_rows import FirstRows
from shared.events.recipient_files import Row, in_parts, read_part, read_rows
from shared.ids import FILE_SPACE
from shared.sending.intents import Defaults, Intent, Part
from tests.unit.named_files import GBK, RIVALS, files

DEFAULTS = Defaults("shop", "签名")
UTF_8_MARK = b"\xef\xbb\xbf"


def rows_of(
    content: bytes | str | Iterable[bytes],
    key: str = "a.csv",
    encoding: str = "auto",
    columns: Sequence[str] = (),
) -> list[Row]:
    if isinstance(content, str):
        content = content.encode()
    pieces = [content] if isinstance(content, bytes) else content
    return list(read_rows(pieces, key, encoding=encoding, columns=columns))


def csv_of(count: int, first: int = 13000000000) -> str:
    lines = [f"{first + number},name{number}" for number in range(count)]
    return "\n".join(["phone_number,name", *lines])


def read(
    rows: list[Row],
    template_code: str = "SMS_1",
    check: Callable[[Intent], None] = lambda _: None,
    first_rows: FirstRows | None = None,
) -> tuple[Part | None, list[Row]]:
    return read_part(
        rows,
        "file-a",
        template_code=template_code,
        defaults=DEFAULTS,
        first_rows=first_rows or FirstRows(),
        check=check,
    )


def part_of(
    rows: list[Row], template_code: str = "SMS_1"
) -> tuple[Part | None, list[tuple[int, str]]]:
    part, refused = read(rows, template_code)
    return part, [(row.number, row.problem) for row in refused]


def wire_id_of(part: Part) -> str:
    """Return the id on the wire of a part of a file, which is an intent of that part alone."""
    intent = Intent(out_id="file-a", parts=(part,), space=FILE_SPACE, is_numbered=True)
    return intent.wire_id(part).text()


def numbers_in(part: Part | None) -> tuple[str, ...]:
    return part.phone_numbers if part else ()


# rows


def test_a_header_names_the_template_variables() -> None:
    assert rows_of("phone_number,name,order\n13800138000,李雷,A-17\n") == [
        Row(
            1,
            2,
            {"phone_number": "13800138000", "template_param": {"name": "李雷", "order": "A-17"}},
        )
    ]


def test_columns_may_stand_in_any_order_and_some_are_no_variables() -> None:
    header = "name, sign_name ,phone_number,template_code,sms_up_extend_code"
    (row, other) = rows_of(f"{header}\nLi,阿里, 138 0013-8000 ,SMS_7,123\nHan,,13800138001,,\n")
    assert row.message == {
        "phone_number": "138 0013-8000",
        "template_param": {"name": "Li"},
        "sign_name": "阿里",
        "sms_up_extend_code": "123",
    }
    assert (row.template_code, other.template_code) == ("SMS_7", "")
    assert other.message == {"phone_number": "13800138001", "template_param": {"name": "Han"}}


def test_numbers_alone_are_enough() -> None:
    assert [row.message for row in rows_of("phone_number\n13800138000")] == [
        {"phone_number": "13800138000"}
    ]


def test_a_json_line_is_an_entry_of_messages() -> None:
    message = {"phone_number": "13800138000", "template_param": {"name": "李雷"}}
    lines = [json.dumps(message), "", json.dumps({**message, "template_code": "SMS_7"}), "  "]
    for key in ("a.jsonl", "b/c.ndjson", "A.JSONL"):
        assert rows_of("\r\n".join(lines), key) == [
            Row(1, 1, message),
            Row(2, 3, message, "SMS_7"),
        ]


@pytest.mark.parametrize("line", ["{", "[]", '"x"', "null", "7", "[" * 50000, "x" * 70000])
def test_a_json_line_that_is_no_object_is_one_bad_row(line: str) -> None:
    good = '{"phone_number": "13800138000"}'
    first, bad, last = rows_of(f"{good}\n{line}\n{good}\n", "a.jsonl")
    assert (first.problem, bad.message, last.problem) == ("", None, "")
    assert (bad.number, bad.line, last.line) == (2, 2, 3)
    assert bad.problem


def test_a_template_code_that_is_no_text_is_a_bad_row() -> None:
    (row,) = rows_of('{"phone_number": "13800138000", "template_code": 7}', "a.jsonl")
    assert row.problem == "template_code: must be a string"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_empty_lines_are_no_rows(end: str) -> None:
    lines = ["", "phone_number,name", "", "13800138000,Li", ",", " , ", "13800138001,Han", "", ""]
    assert [(row.number, row.line) for row in rows_of(end.join(lines))] == [(1, 4), (2, 7)]


def test_quotes_hold_commas_quotes_and_line_ends() -> None:
    (row, following) = rows_of(
        'phone_number,name\r\n"13800138000","Li ""Lei"", Mr\r\nof A"\r\n13800138001,x\r\n'
    )
    assert row.message["template_param"] == {"name": 'Li "Lei", Mr\nof A'}
    assert (row.line, following.line) == (2, 4)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("13800138000", "has 1 cell, so none in column 2 (name)"),
        ("13800138000,Li,x", "holds text in column 3, which the first row does not name"),
        ('"13800138000"x,Li', "quote"),
        ('"' + "x" * 5000 + '",Li', "too long a cell"),
        ("x" * 70000 + ",Li", "longer than"),
        ("13800138000,\x00", "holds a NUL character"),
    ],
)
def test_a_bad_row_does_not_stop_the_others(bad: str, problem: str) -> None:
    rows = rows_of(f"phone_number,name\n13800138000,李\n{bad}\n13800138002,王\n")
    assert [row.number for row in rows] == [1, 2, 3]
    assert problem in rows[1].problem
    assert (rows[0].problem, rows[2].problem) == ("", "")
    assert rows[2].message["template_param"] == {"name": "王"}


def test_a_quote_that_is_never_closed_takes_a_few_rows_with_it_not_the_file() -> None:
    rows = rows_of(f'phone_number,name\n"13800138000,Li\n{csv_of(1000)}')
    assert "quote" in rows[0].problem
    assert f"all to line {rows[1].line - 1} is left out" in rows[0].problem
    assert len(rows) > 700
    assert all(not row.problem for row in rows[1:] if len(row.message["template_param"]) == 1)


# columns


@pytest.mark.parametrize(
    "content",
    [
        "phone_number,name,order,,\n13800138000,Li,A-1,,\n,,,,\n13800138001,Han,A-2,,\n",
        "phone_number,,name,order\n13800138000,,Li,A-1\n13800138001, ,Han,A-2\n",
        "phone_number,name,order\n13800138000,Li,A-1,,\n13800138001,Han,A-2,\t, \n",
        "phone_number,name,order,,\n13800138000,Li,A-1\n13800138001,Han,A-2,,,,,\n",
        "phone_number\t, name ,order\n13800138000\t,Li\t, A-1\n\t13800138001 ,\u3000Han,A-2\xa0\n",
        "\ufeffphone_number,name,order\n13800138000,Li,A-1\n13800138001,Han,A-2\n",
        "\ufeff\ufeffphone_number,name,order\n13800138000,Li,A-1\n13800138001,Han,A-2\n",
    ],
)
def test_what_spreadsheets_leave_behind_is_ignored(content: str) -> None:
    rows = rows_of(content)
    assert [(row.message, row.problem) for row in rows] == [
        ({"phone_number": number, "template_param": {"name": name, "order": order}}, "")
        for number, name, order in (("13800138000", "Li", "A-1"), ("13800138001", "Han", "A-2"))
    ]


@pytest.mark.parametrize(
    ("content", "column"),
    [
        ("phone_number,name\n13800138000,Li,,x\n", 4),
        ("phone_number,name,,\n13800138000,Li,x\n", 3),
        ("phone_number,,name\n13800138000,7,Li\n", 2),
    ],
)
def test_text_in_a_column_without_a_name_refuses_its_row(content: str, column: int) -> None:
    (row, good) = rows_of(f"{content}13800138001,,,\n")
    assert f"holds text in column {column}, which the first row does not name" in row.problem
    assert "name the column, empty the cell, or put quotes around" in row.problem
    assert not good.problem


def test_a_column_that_begins_with_a_number_sign_never_counts() -> None:
    (row,) = rows_of("#,phone_number,#备注,name,#备注\nx,13800138000,vip@example.com,Li,\n")
    assert row == Row(1, 2, {"phone_number": "13800138000", "template_param": {"name": "Li"}})


def test_named_columns_are_the_only_template_variables() -> None:
    content = (
        "remark,phone_number,电子邮件,name,order,sign_name,template_code,order no,remark\n"
        "vip,13800138000,x@example.com,Li,A-1,阿里,SMS_7,x\n"
    )
    (row,) = rows_of(content, columns=("name", "order"))
    assert row.problem == ""
    assert row.template_code == "SMS_7"
    assert row.message == {
        "phone_number": "13800138000",
        "sign_name": "阿里",
        "template_param": {"name": "Li", "order": "A-1"},
    }


def test_a_named_column_that_is_missing_refuses_the_file() -> None:
    with pytest.raises(InvalidRequest, match="no column is named order, which SMS_FILE_COLUMNS"):
        rows_of("phone_number,name\n13800138000,Li\n", columns=("name", "order"))
    with pytest.raises(InvalidRequest, match="no column is named name, which SMS_FILE_COLUMNS"):
        rows_of("phone_number,#name\n13800138000,Li\n", columns=("name",))


def test_a_json_line_that_names_a_field_twice_is_refused_as_a_request_is() -> None:
    lines = [
        '{"phone_number": "13800138000", "phone_number": "13800138001"}',
        '{"phone_number": "13800138000", "template_param": {"n": "a", "n": "b"}}',
        '{"phone_number": "13800138000", "template_param": {"n": NaN}}',
        '{"phone_number": "13800138000"}',
    ]
    rows = rows_of("\n".join(lines), "a.jsonl")
    assert [row.problem for row in rows] == [
        "the JSON names a field twice: phone_number; give each once",
        "the JSON names a field twice: n; give each once",
        "is not a JSON object; write one in each line",
        "",
    ]


# encodings


@pytest.mark.parametrize("key", ["a.csv", "a.jsonl"])
@pytest.mark.parametrize(
    ("codec", "mark", "encoding"),
    [
        ("utf-8", b"", "auto"),
        ("utf-8", UTF_8_MARK, "auto"),
        ("utf-8", UTF_8_MARK, "gbk"),
        ("utf-8", b"", "utf-8"),
        ("gbk", b"", "auto"),
        ("gbk", b"", "gbk"),
        ("gb18030", b"", "auto"),
    ],
)
def test_utf_8_and_gbk_are_read_alike(key: str, codec: str, mark: bytes, encoding: str) -> None:
    content = "phone_number,name\n13800138000,李雷\n"
    if key == "a.jsonl":
        content = '{"phone_number": "13800138000", "template_param": {"name": "李雷"}}'
    (row,) = rows_of(mark + content.encode(codec), key, encoding)
    assert row.message["template_param"] == {"name": "李雷"}


def test_what_follows_much_ascii_is_utf_8_or_refused_and_never_guessed() -> None:
    ascii_rows = csv_of(50_000).encode()
    late = "\n13800138000,李雷\n13800138001,韩梅梅"
    rows = rows_of([ascii_rows, late.encode()])[-2:]
    assert [row.message["template_param"] for row in rows] == [{"name": "李雷"}, {"name": "韩梅梅"}]
    names = {"gbk": "李雷", "big5": "陳大文", "euc_kr": "김민수", "koi8_r": "Иван", "cp1252": "Zoë"}
    for codec, name in names.items():
        late = f"\n13800138000,{name}\n13800138001,{name}\n13800138002,Li"
        rows = rows_of([ascii_rows, late.encode(codec)])
        problems = [row.problem for row in rows[-3:]]
        assert problems == ["holds bytes that are no UTF-8; save the whole file as UTF-8"] * 2 + [
            ""
        ]


@pytest.mark.parametrize(
    "name", ["José", "Müller", "Zoë", "Ægir", "Łódź", "Иван", "Νίκη", "ÉLODIE"]
)
def test_valid_utf_8_is_sent_also_where_its_bytes_are_gbk_too(name: str) -> None:
    content = f"phone_number,name\n13800138000,{name}\n"
    assert rows_of(content)[0].message["template_param"] == {"name": name}


def test_chinese_in_gbk_that_happens_to_be_valid_utf_8_is_refused_and_not_guessed() -> None:
    names = ("钱伟", "莫强", "石思平")
    content = "phone_number,name\n" + "".join(f"13800138000,{name}\n" for name in names)
    raw = content.encode("gbk")
    assert raw.decode() != content
    with pytest.raises(InvalidRequest, match=r"may be UTF-8 or GBK; .* SMS_FILE_ENCODING"):
        rows_of(raw)
    assert rows_of(raw, encoding="gbk") == rows_of(content)


def test_bytes_that_are_not_of_the_encoding_are_bad_rows() -> None:
    good = "\n13800138000,李雷" * 20
    content = b"phone_number,name" + good.encode() + b"\n13800138001,\xff\xfe" + good.encode()
    problems = [row.problem.partition(";")[0] for row in rows_of(content)]
    assert [problem for problem in problems if problem] == ["holds bytes that are no UTF-8"]
    assert problems[20]


def test_rows_of_another_encoding_in_a_gbk_file_are_refused() -> None:
    good = "\n13800138000,李雷" * 20
    pieces = [
        b"phone_number,name" + good.encode("gbk") * 3000,
        "\n13800138001,王芳".encode() + b"\n13800138002,\xff\xff",
    ]
    rows = rows_of(pieces)[-22:]
    assert {row.message["template_param"]["name"] for row in rows[:20]} == {"李雷"}
    assert [row.problem.partition(";")[0] for row in rows[20:]] == [
        "is UTF-8, but the file is GBK",
        "holds bytes that are no GBK",
    ]


def verdict_on(content: bytes, key: str = "a.csv") -> str:
    """Return why a file is refused, "" if it is read."""
    try:
        rows_of(content, key)
    except InvalidRequest as error:
        return str(error)
    return ""


def test_200_short_files_in_gbk_are_read() -> None:
    for content in files(GBK, 200, fewest_rows=2, seed="of Chinese names"):
        rows = rows_of(content)
        assert rows == rows_of(content.decode("gbk"))
        assert not any(row.problem for row in rows)


@pytest.mark.parametrize("rival", RIVALS)
def test_200_short_files_in_another_encoding_are_refused(rival: str) -> None:
    for content in files(RIVALS[rival], 200, fewest_rows=2, seed="of other names"):
        verdict = verdict_on(content)
        assert "SMS_FILE_ENCODING" in verdict, content.decode(RIVALS[rival].codec)
        assert "save" in verdict


def test_json_lines_in_another_encoding_are_refused() -> None:
    def lines(name: str) -> str:
        return f'{{"phone_number": "13800138000", "template_param": {{"name": "{name}"}}}}\n' * 2

    assert verdict_on(lines("李雷").encode("gbk"), "a.jsonl") == ""
    assert "common ones" in verdict_on(lines("김민수").encode("euc_kr"), "a.jsonl")
    assert "common ones" in verdict_on(lines("陳大文").encode("big5"), "a.jsonl")
    assert "line 1 holds bytes of neither" in verdict_on(lines("Zoë").encode("cp1252"), "a.jsonl")


@pytest.mark.parametrize(
    "text",
    [
        "您的订单已发货，请注意查收。",
        "北京市海淀区中关村大街１号",
        "欧阳娜娜·王",
        "尊敬的VIP客户：余额不足（请充值）",
        "陳大文先生",
        "𠮷野家",
    ],
)
def test_a_gbk_file_may_hold_texts_old_characters_and_rare_ones(text: str) -> None:
    content = "phone_number,name,text\n13800138000,李雷,您好\n13800138001,韩梅梅,请查收\n"
    content += f"13800138002,王芳,{text}\n"
    assert rows_of(content.encode("gb18030")) == rows_of(content)


def test_a_file_whose_beginning_is_cut_within_a_character_is_read() -> None:
    line = "\n13800138000,李雷雷"
    content = ("phone_number,name" + line * 20_000).encode("gbk")
    for length in range(70_000, 70_020):
        (*_, last) = rows_of([content[:length], content[length:]])
        assert last.message["template_param"] == {"name": "李雷雷"}


def test_the_encoding_is_found_when_the_file_comes_in_small_pieces() -> None:
    content = "phone_number,name\n13800138000,Li\n13800138001,李雷\n".encode("gbk")
    assert rows_of(content[place : place + 1] for place in range(len(content))) == rows_of(content)


@pytest.mark.parametrize(("utf_8", "gbk"), [(3, 1), (1, 3), (10, 1), (1, 10)])
def test_a_file_half_utf_8_and_half_gbk_is_refused(utf_8: int, gbk: int) -> None:
    line = "\n13800138000,李雷"
    with pytest.raises(InvalidRequest, match="SMS_FILE_ENCODING"):
        rows_of(b"phone_number,name" + line.encode() * utf_8 + line.encode("gbk") * gbk)


@pytest.mark.parametrize(("utf_8", "gbk"), [(11, 1), (1, 11)])
def test_a_few_lines_in_another_encoding_do_not_hide_that_of_the_file(utf_8: int, gbk: int) -> None:
    line = "\n13800138000,李雷"
    rows = rows_of(b"phone_number,name" + line.encode() * utf_8 + line.encode("gbk") * gbk)
    params = [row.message["template_param"] for row in rows if not row.problem]
    assert params.count({"name": "李雷"}) == 11


def test_a_character_that_was_lost_before_is_not_sent() -> None:
    rows = rows_of("phone_number,name\n13800138000,李\ufffd\n")
    assert rows[0].problem


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le"])
def test_utf_16_is_refused(codec: str) -> None:
    with pytest.raises(InvalidRequest):
        rows_of("phone_number,name\n13800138000,李雷\n".encode(codec))


# whole files


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ("\n\r\n \n , \n", "is empty"),
        ("13800138000,Li\n", "must name the columns"),
        ("phone_number;name\n13800138000;Li", "it has semicolons between them"),
        ("phone_number\tname\n13800138000\tLi", "it has tabs between them"),
        ('"phone_number,name\n', "the first row has an open quote"),
        ("phone_number,\x00\n", "the first row holds a NUL character"),
        ("name,Phone_Number\n", "column 2 is Phone_Number: rename it to phone_number"),
        ("phone_number,姓名\n", "the name of column 2, 姓名, is no template variable"),
        ("phone_number,a b\n", "the name of column 2, a b, is no template variable"),
        ("phone_number,8613800138000\n", "the name of column 2, which is not shown here, is no"),
        ("phone_number,name,name\n", "the name of column 3, name, stands in column 2, too"),
        ("phone_number,,phone_number\n", "the name of column 3, .*, stands in column 1, too"),
    ],
)
def test_a_file_without_proper_columns_is_refused(content: str, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        rows_of(content)


@pytest.mark.parametrize("key", ["a", "a.xlsx", "a.csv.gz", "csv", "a.csv/b"])
def test_a_file_of_another_kind_is_refused(key: str) -> None:
    with pytest.raises(InvalidRequest, match=r"neither \.csv nor \.jsonl"):
        rows_of("phone_number\n", key)


def test_a_line_without_end_is_not_kept_in_memory() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"phone_number\n"
        for _ in range(1000):
            yield b"x" * MAX_LINE_BYTES
        yield b"\n13800138000\n"

    bad, good = rows_of(pieces())
    assert (bool(bad.problem), good.message) == (True, {"phone_number": "13800138000"})


@settings(max_examples=200, deadline=None, database=None)
@given(st.lists(st.text('1,"\n\r李é', max_size=12), max_size=30), st.data())
def test_where_a_piece_ends_makes_no_difference(lines: list[str], data: st.DataObject) -> None:
    content = ("phone_number,name\n李,李\n" + "\n".join(lines)).encode()
    cuts = sorted(data.draw(st.lists(st.integers(30, max(len(content), 30)), max_size=5)))
    pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    assert rows_of(pieces) == rows_of(content)


@settings(max_examples=200, deadline=None, database=None)
@given(st.binary(max_size=300), st.sampled_from(["a.csv", "a.jsonl"]))
def test_no_content_breaks_it(content: bytes, key: str) -> None:
    for start in (b"phone_number,name\n", b""):
        with contextlib.suppress(InvalidRequest):
            for batch in in_parts(rows_of(start + content, key)):
                read(batch)


# parts


def test_part_k_is_its_hundred_rows_whatever_is_wrong_with_them() -> None:
    rows = rows_of(csv_of(250).replace("13000000120", "12000000120"))
    batches = list(in_parts(rows))
    assert [(batch[0].number, batch[-1].number) for batch in batches] == [
        (1, 100),
        (101, 200),
        (201, 250),
    ]
    part, refused = part_of(batches[1])
    assert part is not None
    assert (part.number, part.first, part.last) == (1, 100, 199)
    assert part.action == "SendBatchSms"
    assert wire_id_of(part) == ".file~file-a~1"
    assert len(part.phone_numbers) == 99
    assert [number for number, _ in refused] == [121]
    assert len(json.loads(part.parameters["TemplateParamJson"])) == 99


def test_the_first_part_has_its_number_on_the_wire_too() -> None:
    part, _ = part_of(rows_of(csv_of(1)))
    assert part is not None
    assert wire_id_of(part) == ".file~file-a~0"
    assert part.parameters == {
        "PhoneNumberJson": '["13000000000"]',
        "SignNameJson": '["签名"]',
        "TemplateCode": "SMS_1",
        "TemplateParamJson": '[{"name":"name0"}]',
    }


def test_rows_are_refused_with_reasons_that_show_no_number() -> None:
    content = [
        "phone_number,name",
        "13800138000,Li",
        "1380013800,Li",
        "+1 862 401 7194,Li",
        "+8613800138000,Han",
        "13800138001,",
        "13800138002,http://x.cn",
        "1.38E+10,Li",
        "13800138003,Han",
        "13800138004",
    ]
    part, refused = part_of(rows_of("\n".join(content)))
    assert numbers_in(part) == ("13800138000", "13800138003")
    assert [(number, reason.partition(":")[0]) for number, reason in refused] == [
        (2, "phone_number"),
        (3, "phone_number"),
        (4, "phone_number"),
        (5, "template_param.name"),
        (6, "template_param.name"),
        (7, "phone_number"),
        (9, "has 1 cell, so none in column 2 (name); write a cell for each column"),
    ]
    assert refused[2][1] == "phone_number: is the same number as in row 1"
    assert not any("138001" in reason for _, reason in refused)


def test_a_part_of_bad_rows_alone_is_none() -> None:
    part, refused = part_of(rows_of("phone_number\n1\n2\n"))
    assert (part, len(refused)) == (None, 2)


def test_json_lines_are_validated_as_messages_are() -> None:
    lines = [
        {"phone_number": "13800138000", "template_param": {"n": 7}},
        {"phone_number": 13800138001},
        {"phone_number": "13800138002", "text": "hi"},
        {"phone_number": "13800138003", "template_param": {"n": 1.5}},
        {"template_param": {"n": "x"}},
    ]
    part, refused = part_of(rows_of("\n".join(map(json.dumps, lines)), "a.jsonl"))
    assert numbers_in(part) == ("13800138000",)
    assert [number for number, _ in refused] == [2, 3, 4, 5]
    assert [reason.partition(": ")[0] for _, reason in refused] == [
        "phone_number",
        "text",
        "template_param.n",
        "phone_number",
    ]


def test_a_row_that_may_not_be_sent_to_does_not_stop_the_others() -> None:
    def check(intent: Intent) -> None:
        if "17000000000" in intent.parts[0].phone_numbers:
            raise InvalidRequest("is not wanted", field="messages[0].phone_number")

    part, refused = read(rows_of("phone_number\n13800138000\n17000000000\n"), check=check)
    assert numbers_in(part) == ("13800138000",)
    assert [(row.number, row.problem) for row in refused] == [(2, "phone_number: is not wanted")]


def test_a_number_is_the_same_as_that_of_a_refused_row() -> None:
    content = "phone_number,sms_up_extend_code\n13800138000,1\n13800138001,\n13800138001,2\n"
    part, refused = part_of(rows_of(content))
    assert numbers_in(part) == ("13800138000",)
    assert refused == [
        (2, "sms_up_extend_code: give one in each row, or none"),
        (3, "phone_number: is the same number as in row 2"),
    ]


def rows_sent_to(content: str, key: str = "a.csv") -> tuple[list[str], list[tuple[int, str]]]:
    """Return the numbers that a file sends to, and its refused rows with their reasons."""
    first_rows = FirstRows()
    numbers: list[str] = []
    refused: list[tuple[int, str]] = []
    for batch in in_parts(rows_of(content, key)):
        part, bad = read(batch, first_rows=first_rows)
        numbers += numbers_in(part)
        refused += [(row.number, row.problem) for row in bad]
    return numbers, refused


def test_a_number_is_sent_to_once_however_long_the_file_is() -> None:
    lines = csv_of(5000).split("\n")
    lines[777] = "+86 130 0000 0003,again"  # row 777 has the number of row 4
    lines[4321] = lines[4320].replace("name", "again")
    lines.append(lines[1])
    numbers, refused = rows_sent_to("\n".join(lines))
    assert len(numbers) == len(set(numbers)) == 4998
    assert refused == [
        (777, "phone_number: is the same number as in row 4"),
        (4321, "phone_number: is the same number as in row 4320"),
        (5001, "phone_number: is the same number as in row 1"),
    ]


def test_a_part_of_repeated_numbers_alone_is_none() -> None:
    lines = csv_of(100).split("\n")
    numbers, refused = rows_sent_to("\n".join([*lines, *lines[1:]]))
    assert len(numbers) == 100
    assert [number for number, _ in refused] == list(range(101, 201))


@pytest.mark.parametrize(
    "owner",
    [
        "13800138000,,",  # no variable
        "13800138000,http://x.cn,",
        "13800138000,Li,SMS_2",  # another template
        "13800138000,Li,,beyond",
        "13800138000",
    ],
)
def test_the_first_row_with_a_number_owns_it_though_it_is_refused(owner: str) -> None:
    content = f"phone_number,name,template_code\n13800138001,Li,\n{owner}\n"
    filler = "".join(f"{13000000000 + row},Li,\n" for row in range(98))
    for between in ("", filler):
        numbers, refused = rows_sent_to(f"{content}{between}13800138000,Han,\n")
        assert "13800138000" not in numbers
        assert [number for number, _ in refused] == [2, 3 + between.count("\n")]
        assert refused[1][1] == "phone_number: is the same number as in row 2"


def test_a_row_whose_number_cannot_be_read_owns_none() -> None:
    number = '"phone_number": "13800138000"'
    lines = [
        f"{{{number}, {number}}}",
        '{"phone_number": 13800138000}',
        f'{{{number}, "text": "x"}}',
        f"{{{number}}}",
    ]
    numbers, refused = rows_sent_to("\n".join(lines), "a.jsonl")
    assert numbers == []
    assert refused[-1] == (4, "phone_number: is the same number as in row 3")


@settings(max_examples=50, deadline=None, database=None)
@given(st.lists(st.integers(13000000000, 13000002000), max_size=3000))
def test_first_rows_are_those_of_a_dictionary(numbers: list[int]) -> None:
    first_rows, known = FirstRows(), dict[int, int]()
    for row, number in enumerate(numbers, 1):
        assert first_rows.claim([str(number)], [row]) == [known.setdefault(number, row)]


@pytest.mark.parametrize("step", [1, 7919, 1024, 10_000])
def test_a_hundred_thousand_numbers_keep_their_rows(step: int) -> None:
    first_rows = FirstRows()
    numbers = [str(13000000000 + step * row) for row in range(1, 100_001)]
    rows = list(range(1, 100_001))
    assert first_rows.claim(numbers, rows) == rows
    assert first_rows.claim(numbers, rows[::-1]) == rows
    assert first_rows.claim([numbers[40_000], "19900000000"], [200_000, 7]) == [40_001, 7]


def test_a_file_has_one_template() -> None:
    rows = rows_of(
        "phone_number,template_code\n13800138000,SMS_1\n13800138001,SMS_2\n13800138002,\n"
    )
    part, refused = part_of(rows)
    assert numbers_in(part) == ("13800138000", "13800138002")
    assert refused == [
        (2, "template_code: differs from that of the first row; a file has one template")
    ]


@pytest.mark.parametrize("template_code", ["", "x", "SMS_"])
def test_a_template_code_that_is_none_is_the_files_fault(template_code: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        part_of(rows_of(csv_of(3)), template_code)
    assert refusal.value.field == "template_code"


def test_extend_codes_are_in_all_rows_or_none() -> None:
    rows = rows_of("phone_number,sms_up_extend_code\n13800138000,1\n13800138001,\n13800138002,2\n")
    part, refused = part_of(rows)
    assert part is not None
    assert part.parameters["SmsUpExtendCodeJson"] == '["1","2"]'
    assert refused == [(2, "sms_up_extend_code: give one in each row, or none")]


def test_a_row_refused_keeps_its_row() -> None:
    (row,) = rows_of("phone_number\nx")
    _, refused = read([row])
    assert [each._replace(problem="") for each in refused] == [row]
