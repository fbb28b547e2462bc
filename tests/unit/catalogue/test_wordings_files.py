import pytest

from apologylab.catalogue.wordings import read_stream, read_wordings
from apologylab.errors import InputError, NotFoundError


def written(folder, name, text, encoding="utf-8"):
    file = folder / name
    file.write_bytes(text.encode(encoding))
    return file


@pytest.mark.parametrize(
    ("name", "locale", "expected"),
    [
        ("sorry.de.txt", None, "de"),
        ("sorry.2.pt-BR.txt", None, "pt-BR"),
        ("sorry.txt", None, "en"),
        ("sorry.v2.txt", None, "en"),
        ("sorry.de.txt", "ja", "ja"),
    ],
)
def test_a_text_is_in_the_language_of_its_name(tmp_path, name, locale, expected):
    (found,) = read_wordings(written(tmp_path, name, "\ufeffSorry.\n"), locale=locale)
    assert (found.text, found.locale, found.line, found.id) == ("Sorry.\n", expected, 1, None)


def test_a_table_may_name_id_and_locale_of_each_row(tmp_path):
    text = 'id,text,locale\r\na,"Sorry,\nAna.",de\r\n,Sorry.,\r\n'
    found = read_wordings(written(tmp_path, "t.csv", text, "utf-8-sig"), locale="ru")
    assert [(f.id, f.text, f.locale, f.line) for f in found] == [
        ("a", "Sorry,\nAna.", "de", 2),
        (None, "Sorry.", "ru", 4),
    ]
    lines = (
        '{"text": "Sorry.", "id": 7, "locale": "lt"}\n\n{"text": "Sorry.\u2028So.", "why": "x"}\n'
    )
    for name in ("t.jsonl", "t.ndjson"):
        found = read_wordings(written(tmp_path, name, lines))
        assert [(f.id, f.locale, f.line) for f in found] == [("7", "lt", 1), (None, "en", 3)]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.csv", "words\nSorry.\n", "has no column text"),
        ("t.csv", "text,locale\n,en\n", "line 2: there is no text"),
        ("t.csv", "text,locale\nSorry.,<b>\n", "locale '<b>'"),
        ("t.jsonl", '{"text": "Sorry."}\n{', "line 2 is not JSON"),
        ("t.jsonl", "[1]", "line 1 is no object"),
        ("t.jsonl", '{"text": 3}', "there is no text"),
        ("t.jsonl", '{"text": "Sorry.", "locale": 3}', "locale 3"),
        ("t.txt", " \n", "there is no text"),
        ("t.txt", "a" * 8001, "8001 characters"),
    ],
)
def test_what_is_no_wording_is_refused_with_its_line(tmp_path, name, text, message):
    with pytest.raises(InputError, match=message):
        read_wordings(written(tmp_path, name, text))


def test_bytes_and_missing_files_are_refused(tmp_path):
    (tmp_path / "t.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read as text"):
        read_wordings(tmp_path / "t.txt")
    with pytest.raises(NotFoundError, match="there is no file"):
        read_wordings(tmp_path / "none.txt")


def test_a_stream_is_a_text_or_json_lines():
    assert [f.text for f in read_stream("\ufeffSorry.\n{not json}")] == ["\ufeffSorry.\n{not json}"]
    found = read_stream('{"text": "Sorry."}\n{"text": "So."}\n', locale="lt")
    assert [(f.text, f.locale, f.file) for f in found] == [
        ("Sorry.", "lt", "-"),
        ("So.", "lt", "-"),
    ]
    with pytest.raises(InputError, match="-, line 1: there is no text"):
        read_stream("")
