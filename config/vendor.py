"""Lets single files of `node_modules` be served as static files, and nothing else of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core import checks
from django.core.files.storage import FileSystemStorage

PREFIX = "vendor/"


class VendorFinder(BaseFinder):
    """Finds the files of `settings.VENDOR_FILES` ({path below `vendor/`: path in node_modules})."""

    def __init__(self, app_names: object = None, *args: Any, **kwargs: Any) -> None:
        self.root = Path(settings.BASE_DIR) / "node_modules"
        self.files = {PREFIX + name: source for name, source in settings.VENDOR_FILES.items()}

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        """One warning for each listed file that is not installed: commands that serve no page do without."""
        return [
            checks.Warning(f"{source} is not in node_modules.", hint="Run `make setup`.", id="vendor.W001")
            for source in self.files.values()
            if not (self.root / source).is_file()
        ]

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """The file to be served as `path`, or an empty list."""
        source = self.files.get(path)
        if source is None or not (self.root / source).is_file():
            return []
        found = str(self.root / source)
        return [found] if find_all else found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, FileSystemStorage]]:
        """Every listed file with a storage that knows it by its static path."""
        storage = _Renamed(self.root, self.files)
        for path in self.files:
            yield path, storage


class _Renamed(FileSystemStorage):
    """Reads `node_modules` under the static paths of the allow-list."""

    prefix = None  # the paths already carry it

    def __init__(self, root: Path, files: dict[str, str]) -> None:
        super().__init__(location=root)
        self.files = files

    def path(self, name: str) -> str:
        return super().path(self.files[name])
