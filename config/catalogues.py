"""Translations: `.po` files are read and compiled here, without gettext's tools. Runs before Django is loaded.

`config/locale/<language>/LC_MESSAGES/django.po` holds the words of the templates, `djangojs.po` those of the scripts,
which go into the page as JSON. A folder more is a language more; nothing else has to be said.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import os
import struct
from pathlib import Path

LOCALE = Path(__file__).resolve().parent / "locale"

Catalogue = dict[str, list[str]]
"""What is written for each text; several where it depends on a number. A text with a plural is `one NUL many`."""


def languages() -> list[str]:
    """The codes of the languages that there is a catalogue for, beside the English of the sources."""
    return sorted(path.parent.parent.name for path in LOCALE.glob("*/LC_MESSAGES/django.po"))


@functools.cache
def read(language: str, domain: str) -> Catalogue:
    """The texts of one catalogue that are translated; of a language that there is none for, nothing."""
    path = LOCALE / language / "LC_MESSAGES" / f"{domain}.po"
    return parse(path.read_text("utf-8")) if path.is_file() else {}


def parse(text: str) -> Catalogue:
    """A `.po` file. Raises ValueError for a line that is none."""
    found: Catalogue = {}
    entry: dict[str, str] = {}
    field = ""
    lines = [line.strip() for line in text.splitlines()]
    for number, line in enumerate([*lines, ""], 1):
        if not line or line.startswith("#"):
            if "msgstr" in entry or "msgstr[0]" in entry:
                _add(found, entry)
                entry = {}
            continue
        keyword, _, rest = ("", "", line) if line.startswith('"') else line.partition(" ")
        try:
            words = ast.literal_eval(rest)
        except (SyntaxError, ValueError):
            raise ValueError(f"Line {number} is not understood: {line}") from None
        field = keyword or field
        entry[field] = words if keyword else entry[field] + words
    return found


def _add(found: Catalogue, entry: dict[str, str]) -> None:
    key = entry["msgid"] + (f"\0{entry['msgid_plural']}" if "msgid_plural" in entry else "")
    said = [words for field, words in entry.items() if field.startswith("msgstr")]
    if all(said):
        found[key] = said


def compiled(folder: Path) -> Path:
    """Compile what Django itself reads into `folder`, where that is not done already; returns it.

    Where nothing may be written and nothing is there, Django speaks English.
    """
    for language in languages():
        target = folder / language / "LC_MESSAGES" / "django.mo"
        wanted = to_mo(read(language, "django"))
        with contextlib.suppress(OSError):
            if not target.is_file() or target.read_bytes() != wanted:
                target.parent.mkdir(parents=True, exist_ok=True)
                # Whole at once: another process may be about to read it.
                draft = target.with_name(f"django.{os.getpid()}")
                draft.write_bytes(wanted)
                draft.replace(target)
    return folder


def to_mo(catalogue: Catalogue) -> bytes:
    """The binary form: seven numbers, two tables of (length, offset), and the texts in the order of their keys."""
    pairs = sorted((key.encode(), "\0".join(said).encode()) for key, said in catalogue.items())
    header, table = struct.calcsize("<7I"), struct.calcsize("<2I") * len(pairs)
    offset = header + 2 * table
    tables, texts = [], []
    for column in (0, 1):
        for pair in pairs:
            tables.append(struct.pack("<2I", len(pair[column]), offset))
            texts.append(pair[column] + b"\0")
            offset += len(pair[column]) + 1
    return b"".join(
        [struct.pack("<7I", 0x950412DE, 0, len(pairs), header, header + table, 0, header + 2 * table), *tables, *texts]
    )
