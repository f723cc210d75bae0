# SPDX-License-Identifier: Apache-2.0
"""Each room has a README, and it is true as far as a test can say: each source of the room is found in it, by its own name or by
that of its group (`scan_*`); no file, no test and no function is named that isn't there. Rooms are those of layering.cmake;
the README of the folder above leads to each. Folders of tests that have one: the same, but for what must be found in it."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
QUOTED = re.compile(r"`([^`\n]+)`")
# The source `name`, `name.c`, `name.h`, or a group of them, `name_*`: with a folder before only what lies elsewhere.
SOURCE = re.compile(r"[a-z][a-z0-9_]*\*?(?:\.[ch])?")
FUNCTION = re.compile(r"\b(?:(cf_[a-z0-9_]*[a-z0-9])\b|([a-z][a-z0-9_]*)\(\))")
PLACED = re.compile(r"(?:[a-z_]+/)*[a-z][a-z0-9_]*(?:\*(?:\.(?:[ch]|py))?|\.(?:[ch]|py))")
SYNCS = re.compile(r"(?:\bfsync|->sync_f(?:ile|iles|older)|\bcf_files_(?:write|sync_each))\(")
TEST = re.compile(r"(?:broker|codec|disks?|model|peer|system|worlds)_[a-z0-9_]+")


def rooms():
    text = (ROOT / "tests/layering.cmake").read_text()
    names = re.search(r"set\(rooms(.*?)\)", text, re.DOTALL)[1].split()
    return [name for name in names if name not in ("broker", "peer")]


def stems(room):
    return sorted({path.stem for path in (ROOT / room).iterdir() if path.suffix in (".c", ".h")})


def not_found(text, names):
    """Sources of a room that its README doesn't lead to."""
    patterns = {re.sub(r"\.[ch]$", "", each) for each in QUOTED.findall(text) if SOURCE.fullmatch(each)}
    return [name for name in names if not any(fnmatchcase(name, pattern) for pattern in patterns)]


def lead_nowhere(room, text):
    """What a README of a room names and isn't there: a bare name is of the room, any other of a path from the top, or from a room."""
    folders = [ROOT / room, ROOT, *(ROOT / above for above in ("broker", "codec", "peer", "tests"))]
    for each in QUOTED.findall(text):
        bare = "/" not in each
        if PLACED.fullmatch(each) and not any(any(folder.glob(each if "." in each else each + ".*"))
                                              for folder in (folders[:1] if bare else folders)):
            yield each


def unwritten(text, written):
    """Functions and types: with `cf_` they are anywhere, `like_this()` as well."""
    return [one or other for one, other in FUNCTION.findall(text) if (one or other) not in written]


def untested(text, known):
    """Tests, by their names in CTest."""
    return [each for each in QUOTED.findall(text) if TEST.fullmatch(each) and each not in known]


def words_of_the_lists():
    return {word for path in (ROOT / "tests").rglob("CMakeLists.txt") for word in re.findall(r"\w+", path.read_text())}


def words_of_the_sources():
    return {word for folder in ("codec", "broker", "peer", "tests") for path in (ROOT / folder).rglob("*.[ch]")
            for word in re.findall(r"\w+", path.read_text(errors="replace"))}


def test_each_source_of_a_room_is_found_in_its_readme():
    assert {room: missing for room in rooms() if (missing := not_found((ROOT / room / "README.md").read_text(), stems(room)))} == {}


def test_no_readme_of_a_room_names_what_is_not_there():
    tests = words_of_the_lists()
    written = words_of_the_sources() | tests
    folders = rooms() + [f"tests/{path.parent.name}" for path in (ROOT / "tests").glob("*/README.md")]
    assert len(folders) > len(rooms()), "folders of tests have such, too"
    texts = {folder: (ROOT / folder / "README.md").read_text() for folder in folders}
    assert {folder: wrong for folder, text in texts.items()
            if (wrong := [*lead_nowhere(folder, text), *unwritten(text, written),
                          *untested(text, {*tests, *stems(folder)})])} == {}


def test_each_test_in_python_is_run():
    """By a CMakeLists.txt, which names it, or what follows its test_."""
    known = words_of_the_lists()
    assert not [path for path in (ROOT / "tests").rglob("test_*.py") if not {path.stem, path.stem.removeprefix("test_")} & known]


def test_the_readme_above_leads_to_each_room():
    for room in rooms():
        above, _, name = room.partition("/")
        path = ROOT / above / "README.md" if name else ROOT / "README.md"
        assert not name or f"]({name}/README.md)" in path.read_text(), f"{path.relative_to(ROOT)} doesn't lead to {room}"


def unheld(text, known):
    """Tests that the table of promises names and nobody runs."""
    rows = re.findall(r"^\|.+\| ([^|]+) \|$", text.split("\n| promise | tests |\n")[1].split("\n\n")[0], re.MULTILINE)
    named = [name for row in rows for name in QUOTED.findall(row)]
    return [name for name in named if not {name, name.removeprefix("disks_"), name.removeprefix("fuzz/")} & known]


def test_each_promise_names_tests_that_are_run():
    text = (ROOT / "README.md").read_text()
    assert unheld(text, {"crash"}), "none is found"
    assert unheld(text, words_of_the_lists()) == []


def unsaid(text, syncs):
    """Of files that make something durable, those that a README's section on that doesn't name."""
    section = text.split("\n## What is made durable, and when\n")[1].split("\n## ")[0]
    return [name for name in syncs if not re.search(rf"[`/]{re.escape(Path(name).name)}`", section)]


def test_each_file_that_syncs_is_named_where_that_is_told():
    """But those of platform/, through which all of them go."""
    for program in "broker", "peer":
        syncs = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / program).rglob("*.c"))
                 if path.parent.name != "platform" and SYNCS.search(path.read_text())]
        assert len(syncs) > 5
        assert unsaid((ROOT / program / "README.md").read_text(), syncs) == [], program


def test_no_line_of_a_readme_is_over_120():
    """But rows of tables and examples, which can't be folded."""
    paths = [path for area in ("codec", "broker", "peer", "tests", "bench") for path in (ROOT / area).rglob("README.md")]
    assert len(paths) > 30
    assert [f"{path.relative_to(ROOT)}: {line}" for path in paths for line in path.read_text().splitlines()
            if len(line) > 120 and not line.startswith(("|", "    "))] == []


def test_what_is_wrong_is_found():
    assert not_found("`acceptance.h`, `rungs`, `log_*.c`: a log", ["acceptance", "log_wanted", "rungs"]) == []
    assert not_found("`acceptance.h`, `log_*`: tips", ["acceptance", "log", "log_wanted", "tips"]) == ["log", "tips"]
    text = "`acceptance.h` `nowhere.h` `nowhere_*` `log/acceptance.c` `log/nowhere.c` `tests/broker/log/log*.c` `gateway.c`"
    assert list(lead_nowhere("broker/log", text)) == ["nowhere.h", "nowhere_*", "log/nowhere.c", "gateway.c"]
    assert untested("`broker_log`, `broker_logs`, `log_wanted`", {"broker_log"}) == ["broker_logs"]
    assert unwritten("`cf_log_open` and take(), `cf_log_opened`, taken()", {"cf_log_open", "take"}) == ["cf_log_opened", "taken"]
    text = "\n## What is made durable, and when\nA lease: `log/log.c`, `kept.c` there.\n## Words\n`log/other.c`"
    assert unsaid(text, ["peer/log/log.c", "peer/log/kept.c", "peer/log/other.c", "peer/log/og.c"]) == ["peer/log/other.c", "peer/log/og.c"]
    assert SYNCS.search("if (fsync(file))") and SYNCS.search("status = files->sync_folder(files,") and not SYNCS.search("sync_folder(path)")
    text = "\n| promise | tests |\n|---|---|\n| A `file` is whole | `crash`, `disks_cut` |\n| kept | `lost` |\n\n`no test`"
    assert unheld(text, {"crash", "cut"}) == ["lost"]
