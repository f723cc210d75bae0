# SPDX-License-Identifier: Apache-2.0
"""What the programs say of themselves stands in their manuals, and fits a terminal."""

import os
import pathlib
import re

from counterfoil import broker, make_device, tree, two  # noqa: F401


ROOT = pathlib.Path(__file__).parents[2]
MANUAL = ROOT / "peer/counterfoil.1"


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
