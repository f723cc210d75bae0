# SPDX-License-Identifier: Apache-2.0
"""tests/of: which tests hold a source."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def of(*files):
    return subprocess.run([ROOT / "tests/of", *files], cwd=ROOT, capture_output=True, text=True)


def test_the_tests_of_a_source_are_those_of_its_faults():
    for name in "peer/transfer/resupply.c", "peer/transfer/resupply.h":
        said = of(name).stdout
        assert said.startswith("what_was_brought_lacks_again: ") and "wanted_anew: " in said
        assert said.splitlines()[-1].startswith("ctest --test-dir build -R '^(worlds_resupply|") and "peer_resupply" in said


def test_of_a_source_without_a_fault_its_folder_is_asked():
    said = of("codec/base32.c").stdout
    assert said.startswith("no fault lies in codec/base32.c; in codec/:") and "codec_address" in said.splitlines()[-1]
    assert of("nowhere.c").returncode == 1 and "is no source" in of("nowhere.c").stderr
