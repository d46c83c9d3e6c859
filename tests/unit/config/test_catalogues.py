"""Reading and compiling `.po` files, and which language a page speaks."""

from __future__ import annotations

import gettext
import json
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management.base import CommandError
from django.test import Client
from django.utils.translation import trans_real
from pytest_django import Settings

from chat.agents import failures
from chat.agents.base import AgentError
from chat.management.commands.messages import texts
from config import catalogues

PO = """
# A comment
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=n != 1;\\n"

msgid "Say \\"hello\\""
msgstr "말하기 "
"\\"안녕\\""

msgid "not yet"
msgstr ""

msgid "{count} reply"
msgid_plural "{count} replies"
msgstr[0] "하나"
msgstr[1] "여럿"

#~ msgid "gone"
#~ msgstr "없음"
"""


def test_a_catalogue_is_read_with_joined_lines_and_plurals_and_without_what_is_not_translated() -> None:
    assert {key: said for key, said in catalogues.parse(PO).items() if key} == {
        'Say "hello"': ['말하기 "안녕"'],
        "{count} reply\0{count} replies": ["하나", "여럿"],
    }


def test_a_line_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="Line 2"):
        catalogues.parse('msgid "a"\nmsgstr b\n')


def test_the_compiled_form_is_what_gettext_reads() -> None:
    translation = gettext.GNUTranslations(BytesIO(catalogues.to_mo(catalogues.parse(PO))))
    assert translation.gettext('Say "hello"') == '말하기 "안녕"'
    assert translation.gettext("not yet") == "not yet"
    assert [translation.ngettext("{count} reply", "{count} replies", n) for n in (1, 2)] == ["하나", "여럿"]


def test_compiling_writes_once_and_again_when_something_changed(tmp_path: Path) -> None:
    file = catalogues.compiled(tmp_path) / "ko" / "LC_MESSAGES" / "django.mo"
    written = file.stat().st_mtime_ns
    catalogues.compiled(tmp_path)
    assert file.stat().st_mtime_ns == written
    file.write_bytes(b"of an older version")
    catalogues.compiled(tmp_path)
    assert file.read_bytes() == catalogues.to_mo(catalogues.read("ko", "django"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accepts", "cookie", "language"),
    [("", "", "en"), ("ko-KR,ko;q=0.9", "", "ko"), ("fr", "", "en"), ("ko", "en", "en"), ("en", "ko", "ko")],
)
def test_a_page_speaks_the_chosen_language_else_the_browsers(
    client: Client, accepts: str, cookie: str, language: str
) -> None:
    if cookie:
        client.cookies["language"] = cookie
    html = client.get("/accounts/login/", headers={"accept-language": accepts}).content.decode()
    assert f'<html lang="{language}" dir="ltr">' in html
    assert ("로그인" if language == "ko" else "Sign in") in html


@pytest.mark.django_db
def test_the_scripts_words_come_with_the_page(client: Client) -> None:
    html = client.get("/", headers={"accept-language": "ko"}).content.decode()
    found = re.search(r'<script id="catalogue" type="application/json">(.*?)</script>', html)
    assert found
    assert json.loads(found[1]) == {key: said for key, said in catalogues.read("ko", "djangojs").items() if key}
    assert 'id="catalogue"' not in client.get("/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(("cookie", "shown"), [("dark", True), ("light", True), ('"><script>', False), ("", False)])
def test_the_chosen_theme_is_in_the_first_byte_of_the_page(client: Client, cookie: str, shown: bool) -> None:
    client.cookies["theme"] = cookie
    html = client.get("/").content.decode()
    assert (f'data-theme="{cookie}"' in html) is shown


@pytest.mark.django_db
def test_a_language_that_is_written_from_the_right_turns_the_page(client: Client, settings: Settings) -> None:
    settings.LANGUAGES = [("en", "English"), ("ar", "العربيّة")]
    clear: Callable[[], None] = trans_real.get_languages.cache_clear  # type: ignore[attr-defined]  # it is cached
    clear()
    try:
        html = client.get("/", headers={"accept-language": "ar"}).content.decode()
    finally:
        clear()
    assert '<html lang="ar" dir="rtl"' in html


def placeholders(text: str) -> list[str]:
    """What is put into a text, in any order."""
    return sorted(re.findall(r"\{\w+\}", text))


@pytest.mark.parametrize("language", catalogues.languages())
def test_every_text_is_translated_and_takes_the_same_values(language: str) -> None:
    for domain, keys in texts(settings.BASE_DIR).items():
        known = catalogues.read(language, domain)
        assert [key for key in keys if key not in known] == [], "run `manage.py messages` and translate these"
        assert sorted(known.keys() - keys) == [""], "run `manage.py messages`, which removes what is no longer used"
        for key, said in known.items():
            one = key.split("\0")[-1]
            for words in said if key else []:
                assert placeholders(words) == placeholders(one), key


def test_the_texts_of_scripts_are_found_as_they_are_written() -> None:
    found = texts(settings.BASE_DIR)["djangojs"]
    assert "Deleted “{title}”." in found
    assert "One match\0{count} matches" in found
    assert "A reply is still being written in this chat. Stop it, or wait for its end, and send again." in found


FAILURES = [
    failures.unreachable(),
    failures.silent(2.5),
    failures.not_http(),
    failures.not_a_stream("text/html"),
    failures.garbled(),
    failures.cut_off(started=True),
    failures.filtered(),
    failures.reported({"message": "No more (today)"}, spoken=True),
    failures.reported({}, spoken=True),
    failures.refused(400, {"message": "no"}),
    failures.refused(402, {"code": "insufficient_quota"}),
    *(failures.refused(status, None) for status in (400, 401, 403, 404, 413, 429, 500)),
    failures.refused(429, None, retry_after=7.0),
]


@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_whatever_goes_wrong_with_a_model_is_said_in_every_language(failure: AgentError) -> None:
    shapes = [re.sub(r"\\\{\w+\\\}", "(.*)", re.escape(text)) for text in texts(settings.BASE_DIR)["djangojs"]]
    assert any(re.fullmatch(shape, failure.message) for shape in shapes if shape[0].isupper())


def test_a_value_without_a_name_in_a_sentence_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "chat" / "agents" / "failures.py"
    source.parent.mkdir(parents=True)
    source.write_text('"""A docstring is none."""\nraise Failed(f"It failed ({error.code}). Ask again.")\n')
    with pytest.raises(CommandError, match=r"failures\.py:2: give each value"):
        texts(tmp_path)
