# SPDX-License-Identifier: Apache-2.0
"""tests/support/circles: it finds files that need each other, and fails where they are of two rooms, or of more files than before."""

import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent / "circles"


def look(build, **takes):
    """At a build of files that have a function of their name, and call others'."""
    for name, others in takes.items():
        room, _, file = name.rpartition("_")
        room = room.replace("_", "/")
        objects = build / room.split("/")[0] / "CMakeFiles/it.dir" / "/".join(room.split("/")[1:])
        objects.mkdir(parents=True, exist_ok=True)
        calls = "".join(f"void {other}(void); " for other in others) + f"void {name}(void) {{ {''.join(f'{other}(); ' for other in others)}}}"
        subprocess.run(["cc", "-x", "c", "-c", "-o", objects / f"{file}.c.o", "-"], input=calls, text=True, check=True)
    return subprocess.run([SCRIPT, build], capture_output=True, text=True)


def test_files_that_need_each_other_are_listed(tmp_path):
    said = look(tmp_path, peer_merge_a=["peer_merge_b"], peer_merge_b=["peer_merge_c"], peer_merge_c=["peer_merge_a"],
                peer_merge_d=["peer_merge_a"], codec_e=[])
    assert (said.returncode, said.stdout, said.stderr) == (0, "  3 peer/merge: a b c\n", "")


def test_two_rooms_fail(tmp_path):
    said = look(tmp_path, peer_log_a=["peer_merge_b"], peer_merge_b=["peer_log_a"])
    assert said.returncode == 1 and said.stderr == "circles: a group has files of peer/log, peer/merge\n"


def test_a_large_group_fails(tmp_path):
    names = [f"broker_link_f{i}" for i in range(5)]
    said = look(tmp_path, **{name: [names[(i + 1) % len(names)]] for i, name in enumerate(names)})
    assert said.returncode == 1 and said.stderr == "circles: broker/link has groups of [5] files, and had [4]\n"


def test_one_more_group_fails_however_small_the_others_became(tmp_path):
    said = look(tmp_path, broker_link_a=["broker_link_b"], broker_link_b=["broker_link_a"], broker_link_c=["broker_link_d"],
                broker_link_d=["broker_link_c"], codec_e=["codec_f"], codec_f=["codec_e"])
    assert said.returncode == 1 and "broker/link has groups of [2, 2] files, and had [4]" in said.stderr
    assert "codec has groups of [2] files, and had []" in said.stderr


def test_nothing_to_look_at_fails(tmp_path):
    said = subprocess.run([SCRIPT, tmp_path], capture_output=True, text=True)
    assert said.returncode == 1 and "has no objects" in said.stderr
