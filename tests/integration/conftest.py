"""Fixtures: a folder on a real disk, processes that are gone at the end, their logs where a test failed."""
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import harness  # noqa: E402


class World:
    """The processes of one test."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = []

    def _keep(self, process):
        self.processes.append(process)
        return process

    def simulator(self, **options):
        return self.unstarted_simulator(**options).start()

    def unstarted_simulator(self, **options):
        return self._keep(harness.Simulator(self.folder, **options))

    def daemon(self, simulator=None, **parts):
        """Made, not started: a test may change what it is told first."""
        return self._keep(harness.Daemon(self.folder, simulator, **parts))

    def process(self, name, config, **more):
        return self._keep(harness.Process(name, self.folder, config, **more))

    def end(self):
        for process in reversed(self.processes):
            process.kill()


@contextmanager
def new_folder():
    """Not on tmpfs: a journal's pages and SQLite's syncs are to meet a disk. FEEDLOOM_KEEP=1 keeps it."""
    path = Path(tempfile.mkdtemp(prefix="feedloom-", dir="/var/tmp"))
    yield path
    if not os.environ.get("FEEDLOOM_KEEP"):
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def new_world(path):
    made = World(path)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def folder():
    with new_folder() as path:
        yield path


@pytest.fixture
def world(folder):
    with new_world(folder) as made:
        yield made


@pytest.fixture(scope="module")
def module_world():
    """One for all tests of a file."""
    with new_folder() as path, new_world(path) as made:
        yield made


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if not report.failed:
        return
    for name in ("world", "module_world"):
        world = getattr(item, "funcargs", {}).get(name)
        for process in world.processes if world else []:
            report.sections.append((f"log of {process.name}", process.log()[-6000:]))
