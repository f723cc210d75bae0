# SPDX-License-Identifier: Apache-2.0
"""The temporary directory of a test goes when it has passed, and that of a run with all its tests; of what failed, it stays.
Mounts and processes go with the run, however it ends."""

import ctypes
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import time

import pytest

TESTS = pathlib.Path(__file__).parent
# By hand, without ctest, which names them: what lies in CF_BUILD, or else in build/ beside tests/.
BUILT = {
    "COUNTERFOIL": "peer/counterfoil",
    "COUNTERFOILD": "broker/counterfoild",
    "COUNTERFOIL_BENCH": "bench/counterfoil-bench",
    "CF_CRYPTO_PROBE": "tests/system/crypto_probe",
    "CF_FORMAT_PROBE": "tests/system/format_probe",
    "CF_DELTA_TOOL": "tests/system/delta_tool",
    "CF_STRIKE_LIBRARY": "tests/crash/libstrike.so",
    "CF_CLOCK_LIBRARY": "tests/system/libclock_shift.so",
    "CF_FLAGLESS_LIBRARY": "tests/power/libflagless.so",
    "CF_NO_IPV6_LIBRARY": "tests/system/libno_ipv6.so",
    "CF_NO_COMPRESSION_LIBRARY": "tests/system/libno_compression.so",
    "CF_MODEL_HISTORY": "tests/model/model_history",
    "CF_PEER_VECTORS": "tests/peer/model/test_peer_vectors",
    "CF_PEER_RECORDS_VECTORS": "tests/peer/records/test_peer_records_vectors",
}

def point_at_what_was_built():
    build = pathlib.Path(os.environ.setdefault("CF_BUILD", str(TESTS.parent / "build")))
    for name, path in BUILT.items():
        if (build / path).exists():
            os.environ.setdefault(name, str(build / path))
    os.environ.setdefault("COUNTERFOIL_SANITIZED", "0")
    sys.path.append(str(TESTS / "system"))


if "COUNTERFOIL" not in os.environ:
    point_at_what_was_built()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    item.has_failed = getattr(item, "has_failed", False) or report.failed
    if report.when == "teardown" and not item.has_failed and "tmp_path" in item.funcargs:
        shutil.rmtree(item.funcargs["tmp_path"], ignore_errors=True)


def pytest_sessionfinish(session, exitstatus):
    if exitstatus == pytest.ExitCode.OK and session.config.option.basetemp:
        shutil.rmtree(session.config.option.basetemp, ignore_errors=True)


# ---- Mounts and processes ----

CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18  # <sched.h>, <sys/mount.h>


def has_own_mounts():
    """From now on what this process and its children mount is theirs, and gone with the last of them. Needs root."""
    libc = ctypes.CDLL(None, use_errno=True)
    return (os.geteuid() == 0 and libc.unshare(CLONE_NEWNS) == 0 and
            libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0)


def others_with(mounts):
    """The processes, but for this one, that see these mounts."""
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if int(path.name) != os.getpid() and os.stat(path / "ns/mnt").st_ino == mounts:
                yield int(path.name)
        except OSError:
            continue  # it has ended


def images_below(folder):
    """The loop devices whose images lie there."""
    for path in pathlib.Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            if path.read_text().startswith(f"{folder}/"):
                yield f"/dev/{path.parts[3]}"
        except OSError:
            continue


def guard(run, mounts, folder):
    """Once the run has ended, also by a signal that nobody can catch: what it left running, mounted and attached goes."""
    select.select([run], [], [])
    for _ in range(100):
        left = list(others_with(mounts))
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except OSError:
                pass
        if not left:
            break
        time.sleep(0.05)
    for place in [line.split()[4] for line in open("/proc/self/mountinfo")]:
        if folder and place.startswith(f"{folder}/"):
            subprocess.run(["umount", "-l", place], check=False)
    if folder:
        for device in images_below(folder):
            subprocess.run(["losetup", "--detach", device], check=False)


def begin_guard(mounts, folder):
    run = os.pidfd_open(os.getpid())
    if os.fork():
        os.close(run)
        return
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)  # whoever reads what the run says doesn't wait for this
    try:
        guard(run, mounts, folder)
    finally:
        os._exit(0)


def pytest_configure(config):
    if has_own_mounts():
        folder = config.option.basetemp
        begin_guard(os.stat("/proc/self/ns/mnt").st_ino, pathlib.Path(folder).resolve() if folder else None)
