# SPDX-License-Identifier: Apache-2.0
from short_form import cut

CASES_EACH = 1  # of a test, in the short form


def pytest_configure(config):
    config.addinivalue_line("markers", "pending(KIND=reason): what fails yet on a kind of disk")


def pytest_collection_modifyitems(config, items):
    cut(config, items, CASES_EACH)
