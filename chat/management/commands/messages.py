"""Brings the `.po` files up to date with the words of the scripts and templates, without gettext's tools."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chat.protocol import codes
from config import catalogues

TEXT = r'"((?:[^"\\\n]|\\.)*)"'
CALLS = re.compile(rf"\bt\((?:[\w.?]+ (?:\|\||\?\?) )?\s*{TEXT}|\btn\(\s*{TEXT},\s*{TEXT}")
TAGS = re.compile(rf"{{%\s*translate\s+{TEXT}")
SENTENCE = re.compile(r"[A-Z].* .*\.$", re.DOTALL)
SAYING = (
    *("chat/agents/failures.py", "chat/feeds.py", "chat/services/*.py"),
    *("chat/runs/ending.py", "chat/runs/recovery.py", "chat/runs/supervisor.py", "chat/runs/log/redis.py"),
)
"""Where the sentences are with which replies end badly and commands are refused, beside those of `codes.py`."""
HEADER = """\
msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"""


class Command(BaseCommand):
    help = "Bring the catalogues up to date: new texts are added untranslated, those no longer used go."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """`--check` writes nothing."""
        parser.add_argument("--check", action="store_true", help="only say whether something is missing")

    def handle(self, *args: object, check: bool, **options: object) -> None:
        """Write the catalogues, or raise CommandError for those that are incomplete."""
        behind = []
        for language in catalogues.languages():
            for domain, keys in texts(Path(settings.BASE_DIR)).items():
                path = catalogues.LOCALE / language / "LC_MESSAGES" / f"{domain}.po"
                known = catalogues.read(language, domain)
                missing = [key for key in keys if key not in known]
                if check:
                    surplus = known.keys() - keys - {""}
                    behind += [f"{path}: {key!r}" for key in (*missing, *surplus)]
                else:
                    path.write_text(written(language, keys, known), "utf-8")
                    self.stdout.write(f"{path}: {len(keys)} texts, {len(missing)} to translate")
        if behind:
            raise CommandError("Run `manage.py messages` and translate these:\n" + "\n".join(behind))


def texts(root: Path) -> dict[str, list[str]]:
    """The keys of each domain, in the order of files and lines, as `catalogues.Catalogue` has them."""
    return {
        "django": list(dict.fromkeys(_in_templates(root))),
        "djangojs": list(dict.fromkeys([*_in_scripts(root), *_of_refusals(codes.ChatError), *_sentences(root)])),
    }


def _in_templates(root: Path) -> Iterator[str]:
    for path in sorted([*root.glob("chat/templates/**/*.html"), *root.glob("accounts/templates/**/*.html")]):
        yield from TAGS.findall(path.read_text("utf-8"))


def _in_scripts(root: Path) -> Iterator[str]:
    for path in sorted(root.glob("chat/static/chat/**/*.js")):
        if path.name == "i18n.js":
            continue
        for text, one, many in CALLS.findall(path.read_text("utf-8")):
            if text or one:
                yield _plain(text) if text else f"{_plain(one)}\0{_plain(many)}"


def _of_refusals(error: type[codes.ChatError]) -> Iterator[str]:
    """The sentences with which the server says no: they are shown as they come."""
    yield error().message
    for kind in error.__subclasses__():
        yield from _of_refusals(kind)


def _sentences(root: Path) -> Iterator[str]:
    """The literals of `SAYING` that are whole sentences, with `{name}` where a value is put into them: the page knows
    such a sentence again, whatever its values. Raises CommandError for a value without a name.
    """
    for path in sorted(found for pattern in SAYING for found in root.glob(pattern)):
        tree = ast.parse(path.read_text("utf-8"))
        docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        pieces = {piece for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for piece in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant | ast.JoinedStr) and node not in docstrings | pieces:
                text = _template(node, path)
                if SENTENCE.match(text):
                    yield text


def _template(node: ast.Constant | ast.JoinedStr, path: Path) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    text = ""
    for piece in node.values:
        if isinstance(piece, ast.FormattedValue):
            text += f"{{{piece.value.id}}}" if isinstance(piece.value, ast.Name) else "{}"
        elif isinstance(piece, ast.Constant):
            text += str(piece.value)
    if SENTENCE.match(text) and "{}" in text:
        raise CommandError(f"{path}:{node.lineno}: give each value in {text!r} a name, so that it can be translated.")
    return text


def _plain(literal: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], literal)


def written(language: str, keys: list[str], known: catalogues.Catalogue) -> str:
    """A `.po` file of `keys` with what is `known` of them."""
    entries = [
        f"msgid {_quoted('')}\nmsgstr {_quoted(known[''][0])}\n" if "" in known else HEADER.format(language=language)
    ]
    for key in keys:
        one, _, many = key.partition("\0")
        said = known.get(key, [""])
        if many:
            forms = "".join(f"msgstr[{index}] {_quoted(form)}\n" for index, form in enumerate(said))
            entries.append(f"msgid {_quoted(one)}\nmsgid_plural {_quoted(many)}\n{forms}")
        else:
            entries.append(f"msgid {_quoted(one)}\nmsgstr {_quoted(said[0])}\n")
    return "\n".join(entries)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    lines = escaped.split("\n")
    if len(lines) == 1:
        return f'"{escaped}"'
    return "\n".join(['""', *(f'"{line}\\n"' for line in lines[:-1]), *([f'"{lines[-1]}"'] if lines[-1] else [])])
