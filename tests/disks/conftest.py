# SPDX-License-Identifier: Apache-2.0
import short_form
from short_form import cut, pytest_terminal_summary  # noqa: F401

CASES_EACH = 2  # of a test, in the short form


def pytest_configure(config):
    short_form.pytest_configure(config)
    config.addinivalue_line("markers", "pending(KIND=reason): what fails yet on a kind of disk")


def pytest_collection_modifyitems(config, items):
    cut(config, items, CASES_EACH)
