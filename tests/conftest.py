# SPDX-License-Identifier: Apache-2.0
"""The temporary directory of a test goes when it has passed, and that of a run with all its tests; of what failed, it stays."""

import os
import pathlib
import shutil
import sys

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
