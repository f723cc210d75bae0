# SPDX-License-Identifier: Apache-2.0
"""tests/of: which tests hold a source."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = os.environ.get("CF_BUILD", ROOT / "build")


def of(*files):
    return subprocess.run([ROOT / "tests/of", *files], cwd=ROOT, capture_output=True, text=True)


def test_the_tests_of_a_source_are_those_of_its_faults(tmp_path):
    for name in "peer/transfer/resupply.c", "peer/transfer/resupply.h":
        said = of("--build", tmp_path, name).stdout
        assert "what_was_brought_lacks_again: " in said and "wanted_anew: " in said
        command = said.splitlines()[-1]
        assert command.startswith(f"cmake --build {os.path.relpath(tmp_path, ROOT)} && ctest --test-dir {os.path.relpath(tmp_path, ROOT)} -R '^(") and "worlds_resupply|" in command and "peer_resupply" in said


def test_suites_that_link_a_source_are_named_and_no_others():
    lines = of("--build", BUILD, "codec/base32.c").stdout.splitlines()
    assert lines[0] == "no fault lies in codec/base32.c"
    linked = lines[1].removeprefix("linked by: ").split()
    assert linked[0] == "codec_base32" and "codec_address" in linked and "peer_engine_guard" in linked
    assert not {"codec_error", "codec_vcdiff"} & set(linked)
    command = lines[-1].removeprefix(f"cmake --build {os.path.relpath(BUILD, ROOT)} && ctest --test-dir {os.path.relpath(BUILD, ROOT)} -R '^(").removesuffix(")$'").split("|")
    assert "codec_base32" in command and "peer_engine_guard" not in command  # which is slow


def test_without_a_build_the_folder_is_asked(tmp_path):
    said = of("--build", tmp_path, "codec/base32.c").stdout
    assert said.startswith("no fault lies in codec/base32.c\nin codec/:") and "codec_address" in said.splitlines()[-1]


def test_of_a_verb_its_story_is_named_and_what_is_nearest_is_run_by_itself(tmp_path):
    said = of("--build", BUILD, "peer/commands/locks.c").stdout
    assert "\nits story: system_locks system_manuals\n" in said and "|peer_usages" in said.splitlines()[-1]
    assert "\nnearest: cmake --build" in said and "(system_locks|system_manuals)" in said
    # Which suites link a verb takes seconds to find out, and a story has it without.
    assert "its story: system_manners system_manuals\n" in of("--build", tmp_path, "peer/commands/status.c").stdout
    assert "its story: system_devices system_manuals\n" in of("--build", tmp_path, "peer/commands/devices_change.c").stdout


def test_what_is_no_source_in_c_has_tests_too(tmp_path):
    for name, test in [("codec/limits.h", "codec_limits"), ("codec/PROTOCOL.md", "codec_limits"), ("tests/README.md", "rooms"),
                       ("peer/counterfoil.1", "system_manuals"), ("tests/CMakeLists.txt", "labels")]:
        assert f"|{test}" in of("--build", tmp_path, name).stdout.replace("^(", "|"), name


def test_what_is_no_source_is_refused():
    assert of("nowhere.c").returncode == 1 and "is no source" in of("nowhere.c").stderr
