# SPDX-License-Identifier: Apache-2.0
from short_form import cut

CASES_EACH = 3  # of a test, in the short form


def pytest_collection_modifyitems(config, items):
    cut(config, items, CASES_EACH)
