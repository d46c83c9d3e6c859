"""The files that deployments are made from, checked by everything that needs no container engine and no cluster."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from chat.runtime import GOODBYE
from config.server import HANDSHAKE, OVERTIME
from tests import TIMEOUT
from tests.process import ROOT

MANIFESTS = sorted((ROOT / "deploy/kubernetes").rglob("*.yaml"))

NOT_PASSED = {
    "DEBUG": "never on a machine that others reach",
    "HTTPS": "on by default, and the balancer ends TLS",
    "HOST": "the image listens on every address",
    "PORT": "the balancer knows it: the image's 8000",
}
"""Documented settings that Compose does not pass on, and why."""


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the Python environment in the project's folder."""
    program = shutil.which(name, path=str(Path(sys.executable).parent))
    assert program, f"{name} is not installed"
    return subprocess.run(
        [program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=2 * TIMEOUT, check=False
    )


def compose() -> dict[str, Any]:
    """What docker-compose.yml says, its anchors resolved."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def manifest(kind: str) -> dict[str, Any]:
    """The one manifest of this kind."""
    found: list[dict[str, Any]] = [
        document for path in MANIFESTS for document in yaml.safe_load_all(path.read_text()) if document["kind"] == kind
    ]
    assert len(found) == 1
    return found[0]


def patience(command: list[str]) -> float:
    """Seconds that a worker started by this command may take from SIGTERM to its end, and a little."""
    options = dict(zip(command[3::2], command[4::2], strict=True))
    # Sockets are closed before the drain and once more after it.
    return float(options["--probe-period"]) + 2 * GOODBYE + float(options["--drain"]) + HANDSHAKE + OVERTIME


def test_the_dockerfile_is_clean() -> None:
    done = tool("hadolint", "--failure-threshold", "style", "Dockerfile")
    assert done.returncode == 0, done.stdout


def test_the_image_gets_all_packages_of_the_project_and_nothing_that_is_ignored() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = {name for line in copied for name in line.split()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(project["tool"]["importlinter"]["root_packages"]) <= sources
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sources == kept


def test_the_compose_file_follows_its_schema() -> None:
    done = tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
    assert done.returncode == 0, done.stdout


def test_compose_workers_wait_for_the_migration_and_may_drain() -> None:
    services = compose()["services"]
    workers = [service for service in services.values() if "serve" in service.get("command", [])]
    assert len(workers) == 2
    for worker in workers:
        assert worker["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert float(worker["stop_grace_period"].removesuffix("s")) > patience(worker["command"])


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_a_manifest_follows_its_schema(path: Path) -> None:
    done = tool("kubernetes-validate", "--strict", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_pods_may_drain_and_are_out_of_the_service_before_they_stop_listening() -> None:
    pod = manifest("Deployment")["spec"]["template"]["spec"]
    (worker,) = pod["containers"]
    assert pod["terminationGracePeriodSeconds"] > patience(worker["command"])
    probe = worker["readinessProbe"]
    noticed = probe["periodSeconds"] * probe["failureThreshold"] + probe["timeoutSeconds"]
    assert float(worker["command"][worker["command"].index("--probe-period") + 1]) > noticed


def documented() -> set[str]:
    """The settings in README's table."""
    return set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE))


def test_every_setting_in_them_is_in_the_documented_table() -> None:
    used = set(compose()["x-worker"]["environment"]) | set(manifest("ConfigMap")["data"])
    assert used | set(manifest("Secret")["stringData"]) <= documented()


def test_compose_passes_every_documented_setting_on() -> None:
    written = compose()["x-worker"]["environment"]
    assert documented() - written.keys() == NOT_PASSED.keys()
    # What is not set must arrive empty, which counts as not set; everything else has a value of Compose's own.
    own = {name for name, value in written.items() if value != f"${{{name}:-}}"}
    assert own == {"SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL", "TRUST_PROXY"}
