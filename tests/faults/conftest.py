"""Workers to do harm to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster import Cluster
from tests.faults.harness import ENV
from tests.services import Postgres


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
