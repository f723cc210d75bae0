# SPDX-License-Identifier: Apache-2.0
"""No text points to a file that isn't in the tree: neither a comment, nor a README, nor what a script says of itself. A path is
one from the top of a clone, or from the folder of who names it, or from a room; a bare name is of a file that lies anywhere."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENDINGS = "c|h|md|py|cmake|toml|1|8"
NAMED = re.compile(rf"(?<![\w./*{{}}<>$-])((?:[a-z_]\w*/)*[A-Za-z_]\w*\.(?:{ENDINGS}))(?![\w*/(.-])")
# Of others: the system's, a library's that a comment names, and what stands for any file in an example.
OTHERS = {"_inside.h", "allocator_interface.h", "b.c", "edit.1", "linux/magic.h", "perf_level.h",
          "sanitizer/allocator_interface.h", "src/rabinkarp.h", "xdelta3.h", "fs/proc_namespace.c", "d/e/x.c", "zmq.h"}
SKIPPED = ("tests/fuzz/corpus/", "tests/support/wrong_layers/", "tests/support/test_", "tests/faults/", "tests/peer/vectors/")


def files():
    found = [path for room in ("broker", "codec", "peer", "tests", "bench", ".github") for path in (ROOT / room).rglob("*")]
    return [path for path in [*found, ROOT / "README.md"] if path.is_file() and "__pycache__" not in path.parts
            and not path.relative_to(ROOT).as_posix().startswith(SKIPPED)]


def said(path, text):
    """What is written for people: of C the comments, of Python and scripts the comments and docstrings."""
    if path.suffix in (".c", ".h"):
        return re.findall(r"/\*.*?\*/", text, re.DOTALL)
    if path.name == "CMakeLists.txt" or path.suffix == ".cmake":
        return re.findall(r"#[^\n]*", text)
    if path.suffix == ".py" or text.startswith("#!"):
        return [one or other for one, other in re.findall(r'"""(.*?)"""|(#[^\n]*)', text, re.DOTALL)]
    return [text] if path.suffix in (".md", ".1", ".8") else []


def lead_nowhere(path, text, names):
    """Of what the text of this file names."""
    folders = [ROOT, *(ROOT / room for room in ("broker", "codec", "peer", "tests")), *list(path.parents)[:3]]
    for part in said(path, text):
        for name in NAMED.findall(part):
            there = any((folder / name).exists() for folder in folders) if "/" in name else name in names
            if not there and name not in OTHERS:
                yield f"{path.relative_to(ROOT)}: {name}"


def test_no_text_points_to_a_file_that_is_not_there():
    paths = files()
    names = {path.name for path in paths} | {path.name for path in ROOT.iterdir()}
    texts = {path: path.read_bytes().decode(errors="replace") for path in paths}
    assert [at for path, text in texts.items() for at in lead_nowhere(path, text, names)] == []
    assert sum(len(NAMED.findall(part)) for path, text in texts.items() for part in said(path, text)) > 500, "hardly any is found"


def test_one_that_leads_nowhere_is_found():
    here = ROOT / "broker/log/log.h"
    assert list(lead_nowhere(here, "/* As acceptance.h and nowhere.h have it (broker/nothing/acceptance.h). */", {"acceptance.h"})) == [
        "broker/log/log.h: nowhere.h", "broker/log/log.h: broker/nothing/acceptance.h"]
    assert list(lead_nowhere(ROOT / "tests/CMakeLists.txt", "# As nowhere.c\nadd(there.c)", set())) == ["tests/CMakeLists.txt: nowhere.c"]
    assert list(lead_nowhere(here, "int in_code = nowhere.h;", {"acceptance.h"})) == []
