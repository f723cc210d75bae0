# SPDX-License-Identifier: Apache-2.0
"""What tests in Python leave behind: nothing when they pass, and what a failure is understood by; and no mount, no process
and no loop device, however they end."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

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

MOUNTS = """
import subprocess
import time

def test_mounts(tmp_path):
    with open(tmp_path / "image", "wb") as image:
        image.truncate(8 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", tmp_path / "image"], check=True)
    device = subprocess.run(["losetup", "--find", "--show", tmp_path / "image"], check=True, capture_output=True, text=True)
    for name, what in ("disk", device.stdout.strip()), ("memory", "tmpfs"):
        (tmp_path / name).mkdir()
        subprocess.run(["mount", "-t", "ext4" if name == "disk" else what, what, tmp_path / name], check=True)
    daemon = subprocess.Popen(["sleep", "1000"], cwd=tmp_path / "disk", start_new_session=True)
    (tmp_path / "daemon").write_text(str(daemon.pid))
    (tmp_path / "daemon").rename(tmp_path / "ready")
    time.sleep(1000)
"""
PATIENCE = 60  # seconds


def begin(tmp_path, *texts):
    shutil.copy(HOOKS, tmp_path)
    (tmp_path / "test_it.py").write_text("".join(texts))
    base = tmp_path / "base"
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={base}", "test_it.py"]
    return base, subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)


def left(tmp_path, *texts):
    base, run = begin(tmp_path, *texts)
    run.communicate()
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


def wait_until(condition, what):
    for _ in range(PATIENCE * 20):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(what)


def is_running(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def all_mounts():
    """Of every process: what one of them sees is mounted."""
    for path in Path("/proc").glob("[0-9]*/mountinfo"):
        try:
            yield from path.read_text().splitlines()
        except OSError:
            continue


def attached():
    said = subprocess.run(["losetup", "--list", "--noheadings", "--output", "BACK-FILE"], capture_output=True, text=True)
    return said.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_is_stopped_leaves_no_mount_and_no_process(tmp_path, how):
    base, run = begin(tmp_path, MOUNTS)
    ready = base / "test_mounts0/ready"
    wait_until(lambda: ready.exists() or run.poll() is not None, "it began")
    if run.poll() is not None:
        pytest.skip(f"mounts are not allowed: {run.stdout.read()[-300:]}")
    daemon = int(ready.read_text())
    assert is_running(daemon) and any(str(base) in line for line in all_mounts()) and str(base) in attached()
    run.send_signal(how)
    run.wait()
    wait_until(lambda: not is_running(daemon), "what it started runs on")
    wait_until(lambda: not any(str(base) in line for line in all_mounts()), "what it mounted is there yet")
    wait_until(lambda: str(base) not in attached(), "its loop device is there yet")
