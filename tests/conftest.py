# SPDX-License-Identifier: Apache-2.0
"""The temporary directory of a test goes when it has passed, and that of a run with all its tests; of what failed, it stays."""

import shutil

import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    item.has_failed = getattr(item, "has_failed", False) or report.failed
    if report.when == "teardown" and not item.has_failed and "tmp_path" in item.funcargs:
        shutil.rmtree(item.funcargs["tmp_path"], ignore_errors=True)


def pytest_sessionfinish(session, exitstatus):
    if exitstatus == pytest.ExitCode.OK and session.config.option.basetemp:
        shutil.rmtree(session.config.option.basetemp, ignore_errors=True)
