# SPDX-License-Identifier: Apache-2.0
"""What tests of several sources on one device begin with."""

import pytest

from cards import items
from counterfoil import make_device  # noqa: F401


def cards(path):
    """By UID, whatever their order: the lines of each card, unfolded."""
    text = "".join(items(path).values()) if path.is_dir() else path.read_bytes().decode()
    found = [one.split("\r\n") for one in text.replace("\r\n ", "").split("END:VCARD\r\n")[:-1]]
    return {next(line[4:] for line in one if line.startswith("UID:")): sorted(one) for one in found}


@pytest.fixture
def alone(make_device):
    """No broker at all."""
    device = make_device("laptop")
    device.init()
    return device
