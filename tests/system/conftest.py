# SPDX-License-Identifier: Apache-2.0
import os

import pytest
from short_form import cut, pytest_configure  # noqa: F401

if not {"COUNTERFOIL", "COUNTERFOILD", "CF_CRYPTO_PROBE", "CF_FORMAT_PROBE", "CF_DELTA_TOOL"} & os.environ.keys():
    pytest.exit(f"nothing is built in {os.environ.get('CF_BUILD')}: `cmake -S . -B build -G Ninja && ninja -C build`, or CF_BUILD=FOLDER", 2)

CASES_EACH = 1  # of a test, in the short form


def pytest_collection_modifyitems(config, items):
    cut(config, items, CASES_EACH)
