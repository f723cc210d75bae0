# SPDX-License-Identifier: Apache-2.0
import os

from short_form import cut

CASES_EACH = 1 if os.environ.get("COUNTERFOIL_SANITIZED") == "1" else 2  # of a test, in the short form


def pytest_collection_modifyitems(config, items):
    cut(config, items, CASES_EACH)
