"""What every test shares."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from tests.server import ServerProcess
from tests.services import CLUSTER

# The second pass, on Postgres and Redis, leaves out what touches neither, what brings its own stores, and the browser,
# which sees no difference, and what only SQLite can tell; the fault suite needs several workers, so it has nothing to
# do in the first.
PURE = ("deploy", "unit/agents", "unit/config", "unit/protocol", "integration/test_makefile.py")
OWN = (
    *("bench", "mutations", "simulation", "unit/selectors/test_steps.py"),
    *(f"integration/config/test_{name}.py" for name in ("alone_on_postgres", "other_servers", "run")),
)
collect_ignore = [*PURE, *OWN, "e2e"] if CLUSTER else ["faults"]


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """Limits that live in the cache count afresh in each test."""
    cache.clear()


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One real server for all tests of a module. A test that kills or configures one makes its own."""
    with ServerProcess() as process:
        yield process
