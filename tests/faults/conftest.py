"""Workers to do harm to."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.faults.harness import ENV
from tests.services import Postgres


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With a failure comes what the workers had to say of it."""
    report = yield
    fixtures: dict[str, Any] = getattr(item, "funcargs", {})
    cluster = fixtures.get("cluster") or fixtures.get("calm")
    if report.when == "call" and report.failed and cluster is not None:
        for number, worker in enumerate(cluster.workers):
            said = [line for line in worker.log.splitlines() if '"level": "INFO"' not in line]
            report.sections.append((f"worker {number}", "\n".join(said)))
    return report


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One Postgres for all; a test that ends it starts it again."""
    with Postgres() as postgres:
        yield postgres


@pytest.fixture
def cluster(postgres: Postgres) -> Iterator[Cluster]:
    """Two workers of a test's own."""
    with Cluster(postgres=postgres, env=ENV) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def calm(postgres: Postgres) -> Iterator[Cluster]:
    """Two workers that all tests of a module share, because none of them breaks any."""
    with Cluster(postgres=postgres, env=ENV) as cluster:
        yield cluster
