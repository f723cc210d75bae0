# SPDX-License-Identifier: Apache-2.0
import os

from short_form import cut

FEWER = os.environ.get("COUNTERFOIL_SANITIZED") == "1" or os.environ.get("CF_ONE_CASE") == "1"
CASES_EACH = 1 if FEWER else 2  # of a test, in the short form


def pytest_collection_modifyitems(config, items):
    cut(config, items, CASES_EACH)
