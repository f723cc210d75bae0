# SPDX-License-Identifier: Apache-2.0
"""What the programs say of themselves stands in their manuals, and fits a terminal."""

import os
import pathlib
import re
import shutil

from counterfoil import broker, make_device, tree, two  # noqa: F401
from test_both import CARD
from test_hidden_rows import begin as begin_covers, make_apart


ROOT = pathlib.Path(__file__).parents[2]
MANUAL = ROOT / "peer/counterfoil.1"


# Before the list of such kinds in the manual; where the program has them, and how they stand there.
KINDS = {
    "pending": ("What is pending has a\n", ["commands/overview_shown.c"], r'\[CF_PENDING_\w+\] = "([^"]+)"'),
    "conflicts": ("A conflict has an\n", ["commands/conflict_shown.c"], r'\[CF_CONFLICT_\w+\] = "([^"]+)"'),
    "notes": ("each of the\n.Va notes\n", ["account/notes.c", "commands/overview.c"], r'cf_notes_add\(\s*out, arena, "([^"]+)"'),
}


def kinds_in_the_manual(of):
    listed = MANUAL.read_text().partition(KINDS[of][0])[2].partition(".El")[0]
    return re.findall(r"^\.It Li (.*)$", listed, re.MULTILINE)


def options_of(help):
    """[(-letter, --name)] of the lines that explain options."""
    return re.findall(r"^  (?:(-\w), )?(--[\w-]+)\b.*", help, re.MULTILINE)


def manual_of(verbs):
    """{verb: what the manual says of it}: from its entry to that of another verb."""
    parts = re.split(r"^\.It (?:Xo\n\.)?Cm (\w+)", MANUAL.read_text().partition(".Ss A user and its devices")[2], flags=re.MULTILINE)
    said, verb = {}, None
    for word, text in zip(parts[1::2], parts[2::2]):
        verb = word if word in verbs else verb
        said[verb] = said.get(verb, "") + text
    return said


def usage_of(said):
    """In one line, and what follows it."""
    usage, _, more = said.partition("\n\n")
    return " ".join(usage.split()), more


def test_usage_and_manual_have_every_option_of_each_verb(make_device):
    device = make_device("laptop")
    verbs = [verb["name"] for verb in device.json("help")]
    globals = {name for _, name in options_of(device.run("help"))}
    manual = manual_of(verbs)
    count = 0
    for verb in verbs:
        usage, more = usage_of(device.run("help", verb))
        own = [(letter, name) for letter, name in options_of(more) if name not in globals or f" {name}" in usage]
        for letter, name in own:
            count += 1
            assert re.search(rf"[ [|]({name}|{letter or name})\b(?!-)", usage), f"{usage}: lacks {name}"
            words = f"Fl Fl {name[2:]}" + (f"|Fl {letter[1:]}" if letter else "")
            said = re.search(rf"({words})\b(?!-)", manual.get(verb, ""))
            assert said, f"the manual's {verb} lacks {name}"
    assert count > 60


def test_the_manual_has_every_format(two, tmp_path):
    """As `add` names them where one is unknown."""
    (tmp_path / "new").mkdir()
    refused = two[0].run("add", str(tmp_path / "new"), "--format", "cheese", code=2)
    told = re.search(r"unknown format 'cheese': (.*)", refused).group(1)
    formats = re.split(", | or ", told)
    assert len(formats) > 5
    said = re.search(r"^\.Op Fl Fl format Cm (.*)$", MANUAL.read_text(), re.MULTILINE).group(1)
    assert said.split(" Ns | Ns Cm ") == formats
    protocol = re.search(r"^\| `/format` \| (.*)$", (ROOT / "codec/PROTOCOL.md").read_text(), re.MULTILINE).group(1)
    records = (ROOT / "peer/counterfoil-records.1").read_text()
    fuzzed = (ROOT / "tests/fuzz/CMakeLists.txt").read_text()
    for format in formats:
        assert f"`{format}`" in protocol, f"PROTOCOL, section 3, has no format {format}"
        assert format == "files" or re.search(rf"^\.Cm {format}\b", records, re.MULTILINE) or \
            re.search(rf"Fl Fl format Cm {format}\b", records), f"counterfoil-records(1) says nothing of {format}"
        if format not in ("files", "sqlite"):  # which are no text of records
            assert f"cf_fuzz({format} " in fuzzed, f"no fuzz target reads {format}: tests/fuzz/CMakeLists.txt"


def test_the_brokers_manual_has_every_option(broker):
    """Each as `counterfoild --help` has it, long and short, and no other."""
    told = set(re.findall(r"(?<![\w-])--?([a-z][\w-]*)", broker.run("help")))
    manual = (ROOT / "broker/counterfoild.8").read_text().replace(".Cm sync\n.Fl Fl exclusive", "")  # counterfoil's
    said = flags_of(manual)
    assert len(told) > 15 and told == said - {"qv"}, told ^ said


def flags_of(manual):
    return set(re.findall(r"\bFl (?:Fl )?([a-z][\w-]*)", manual.replace("\\-", "-")))


def test_the_manual_has_every_option_that_all_verbs_take(make_device):
    told = options_of(make_device("laptop").run("help"))
    listed = MANUAL.read_text().partition(".Ss A user and its devices")[0]
    assert len(told) >= 7
    for letter, name in told:
        words = (f"Fl {letter[1:]} , " if letter else "") + f"Fl Fl {name[2:]}"
        assert re.search(rf"^\.It {words}( Ar \w+)?$", listed, re.MULTILINE), f"the manual lacks {name}"
    items = "".join(re.findall(r"^\.It Fl .*$", listed, re.MULTILINE))
    assert flags_of(items) == {name.strip("-") for names in told for name in names if name}


def test_help_fits_a_terminal(make_device):
    device = make_device("laptop")
    for words in [], *([verb["name"]] for verb in device.json("help")):
        said = device.run("help", *words)
        assert not [line for line in said.splitlines() if len(line) > 80 and " " in line.strip()], said


def test_help_has_each_subverb_with_its_own_options(make_device):
    device = make_device("laptop")
    subverbs = [
        ("devices", "show"), ("devices", "rename"), ("devices", "revoke"), ("devices", "annul"), ("devices", "role"),
        ("devices", "admitted"), ("collections", "rename"), ("collections", "delete"), ("conflicts", "resolve"),
    ]
    globals = {name for _, name in options_of(device.run("help"))}
    for verb, subverb in subverbs:
        said = device.run("help", verb, subverb)
        usage, more = usage_of(said)
        assert usage.startswith(f"usage: counterfoil {verb} {subverb} ")
        assert {name for _, name in options_of(more)} - globals <= {
            option for option in re.findall(r"--[\w-]+", usage) + ["--dry-run"] * ("[-n]" in usage)}
        assert device.run(verb, subverb, "--help") == device.run("-h", verb, subverb, "more") == said
        (listed,) = device.json("help", verb, subverb)
        assert listed["name"] == f"{verb} {subverb}" and f"usage: counterfoil {listed['usage']}" == usage
        assert subverb in device.run("help", verb)
    assert "--also DEVICE" in device.run("help", "devices", "revoke")
    assert "--also" not in usage_of(device.run("help", "devices", "rename"))[1]
    assert device.run("devices", "burn", "--help") == device.run("help", "devices")
    assert not os.path.exists(device.home)


def test_the_manual_has_every_kind_that_the_program_can_print():
    for of, (_, files, names) in KINDS.items():
        printed = {name for file in files for name in re.findall(names, (ROOT / "peer" / file).read_text())}
        documented = kinds_in_the_manual(of)
        assert len(printed) >= 4 and sorted(printed) == sorted(documented), of


def test_each_kind_of_what_is_pending_is_told(two):
    """Those that the manual has: scripts rely on each."""
    laptop, desktop = two
    told = set()

    def tells(device, path, kind):
        listed = {one["path"]: one["kind"] for source in device.json("status")["collections"] for one in source["pending"]}
        assert listed.get(path) == kind, listed
        told.add(kind)

    here = laptop.add("notes", {"a.txt": "a\n", **{f"many/{n}": "" for n in range(10)}})
    tells(laptop, "a.txt", "unsent")
    laptop.sync()
    there = desktop.add("notes", None, "--existing")
    tells(desktop, "a.txt", "unapplied")
    desktop.sync()
    os.mkfifo(here / "fifo")
    tells(laptop, "fifo", "skipped")
    desktop.run("lock", str(there / "a.txt"))
    (here / "a.txt").write_text("b\n")
    laptop.sync(9)
    tells(laptop, "a.txt", "locked")
    (there / "a.txt").unlink()
    shutil.rmtree(there / "many")
    tells(desktop, "many/0", "held")
    table = laptop.source("people.csv")
    table.write_text("id,,name\n1,x,Ann\n")
    laptop.json("add", str(table), "--collection", "people", "--format", "csv", "--key", "id")
    laptop.finish("sync")
    with open(table, "a"):
        tells(laptop, table.name, "waits")
    second = desktop.source("people.csv")
    second.write_text("id,name\n1,Ann\n")
    desktop.json("add", str(second), "--collection", "people", "--format", "csv", "--key", "id", "--existing")
    desktop.finish("sync")
    tells(desktop, "column without a name", "left out")
    assert told == set(kinds_in_the_manual("pending"))


def test_each_kind_of_conflict_is_told_with_what_it_is_of(two):
    """Those that the manual has."""
    laptop, desktop, *covers = begin_covers(two)
    edited = {
        "notes/a.txt": ("%s\n",),
        "people.csv": ("id,name\n1,%s\n", "--format", "csv", "--key", "id"),
        "cards/ann.vcf": (CARD.replace("TEL:100", "TEL:%s"), "--format", "vcard"),
    }
    for device, known in (laptop, []), (desktop, ["--existing"]):
        for path, (text, *options) in edited.items():
            file = device.source(path)
            if not known:
                file.parent.mkdir(exist_ok=True)
                file.write_text(text % 100)
            source = file.parent if "/" in path else file
            device.json("add", str(source), "--collection", path.split("/")[0], *options, *known)
        device.sync()
    for device, number in (laptop, 111), (desktop, 222):
        for path, (text, *_) in edited.items():
            device.source(path).write_text(text % number)
    make_apart(laptop, desktop, *covers)
    for device in laptop, desktop:
        told = device.json("conflicts", code=4)
        assert {one["kind"]: one["of"] for one in told} == {"file": "a.txt", "field": "1", "both": "ann", "row": "covers/1"}
        assert sorted(one["kind"] for one in told) == sorted(kinds_in_the_manual("conflicts"))
        listed = [one for source in device.json("status")["collections"] for one in source["conflicts"]]
        assert sorted((one["id"], one["kind"], one["of"]) for one in listed) == sorted((one["id"], one["kind"], one["of"]) for one in told)
