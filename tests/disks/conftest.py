# SPDX-License-Identifier: Apache-2.0
def pytest_configure(config):
    config.addinivalue_line("markers", "pending(KIND=reason): what fails yet on a kind of disk")
