# SPDX-License-Identifier: Apache-2.0
"""What tests in Python leave behind: nothing when they pass, and what a failure is understood by."""

import shutil
import subprocess
import sys
from pathlib import Path

HOOKS = Path(__file__).parent.parent / "conftest.py"
PASSES = """
import pytest

@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return tmp_path_factory.mktemp("shared")

def test_passes(shared, tmp_path):
    (shared / "file").write_text("shared")
    (tmp_path / "file").write_text("passes")
"""
FAILS = """
def test_fails(tmp_path):
    (tmp_path / "file").write_text("fails")
    assert False

def test_passes_too(tmp_path):
    (tmp_path / "file").write_text("passes")
"""
FAILS_AT_ITS_END = """
import pytest

@pytest.fixture
def house(tmp_path):
    (tmp_path / "file").write_text("fails")
    yield
    raise OSError

def test_fails(house):
    pass
"""


def left(tmp_path, *texts):
    shutil.copy(HOOKS, tmp_path)
    (tmp_path / "test_it.py").write_text("".join(texts))
    base = tmp_path / "base"
    subprocess.run(
        [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={base}", "test_it.py"],
        cwd=tmp_path, stdout=subprocess.DEVNULL,
    )
    return base, {path.parent.name: path.read_text() for path in base.rglob("file") if not path.parent.is_symlink()}


def test_nothing_is_left_of_tests_that_pass(tmp_path):
    base, files = left(tmp_path, PASSES)
    assert not base.exists() and files == {}


def test_what_fails_stays_and_what_it_shares_with_others(tmp_path):
    _, files = left(tmp_path, PASSES, FAILS)
    assert files == {"shared0": "shared", "test_fails0": "fails"}


def test_what_fails_at_its_end_stays(tmp_path):
    _, files = left(tmp_path, FAILS_AT_ITS_END)
    assert files == {"test_fails0": "fails"}
