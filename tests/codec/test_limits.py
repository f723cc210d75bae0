# SPDX-License-Identifier: Apache-2.0
"""One set of numbers: the table of limits in PROTOCOL.md, the headers, and the independent client in Python; and one of messages.
Those of a version stay: limits-1.txt has them."""

import pathlib
import re

import msgpack
import pytest

import protocol
import protocol_crypto

ROOT = pathlib.Path(__file__).parents[2]
NUMBER = r"2\^\d+(?: - 1)?|\d[\d,]*"
WORDS = {"24 h": 24 * 3600 * 1000, "a hundredth": 100}

# The numbers of each row, in order, by the names that they have in the code.
ROWS = {
    "an entry": ["CF_ENTRY_MAX"],
    "heads in `after`": ["CF_ENTRY_AFTER_MAX"],
    "heads of a device that a log takes from its own sessions": ["CF_HEADS_OF_DEVICE_IN_COLLECTION_MAX",
                                                                 "CF_HEADS_OF_DEVICE_MAX"],
    "heads of a user that a log takes, without the member log": ["CF_HEADS_OF_USER_MAX"],
    "heads in the member log": ["CF_HEADS_OF_MEMBER_LOG_MAX", "CF_HEADS_OF_MEMBER_LOG_MAX * 2"],
    "blob ids in a header": ["CF_ENTRY_BLOBS_MAX"],
    "a plain body": ["CF_BODY_MAX"],
    "a plain body, by the size of what is sealed": ["CF_BODY_GROWTH_MAX", "CF_BODY_GROWTH_FREE"],
    "dots in a body's table; indexes in a body": ["CF_BODY_REFERENCES_MAX"],
    "a sequence": ["CF_SEQUENCE_MAX"],
    "parts of a changeset": ["CF_PARTS_MAX"],
    "parts of blobs that a device keeps of what comes slowly": ["CF_KEPT_PARTS_MAX", "CF_KEPT_PARTS_SIZE_MAX",
                                                              "CF_KEPT_PARTS_MS / CF_DAY_MS"],
    "containers in each other in a value": ["CF_VALUE_DEPTH_MAX"],
    "a field": ["CF_FIELD_MAX"],
    "the name of a file, directory, link or device": ["CF_NAME_MAX"],
    "a time": ["CF_TIME_MS_MAX"],
    "a time that is gone on from, ahead of the own clock": ["CF_TIME_AHEAD_MS"],
    "a content": ["CF_FILE_MAX", "CF_FILE_MAX / CF_GIB"],
    "a value of a record's data, as an author writes it": ["CF_RECORD_VALUE_MAX", "CF_RECORD_VALUE_MAX / CF_MIB"],
    "a layout; columns in one of `csv`": ["CF_LAYOUT_MAX", "CF_CSV_FIELDS_MAX"],
    "a layout of `sqlite`; statements in it; a database that is made so": ["CF_DATABASE_LAYOUT_MAX", "CF_DATABASE_STATEMENTS_MAX",
                                                                        "CF_DATABASE_MADE_MAX"],
    "tables and columns of a collection that nobody has any more": ["CF_FORGOTTEN_MAX"],
    "writes of an item that is shown": ["CF_ITEM_WRITES_MAX", "CF_ITEM_WRITES_MAX - CF_ROW_OWN_WRITES"],
    "content or patch inside an entry": ["CF_INLINE_MAX"],
    "recipients of an opening; shares of an access": ["CF_MEMBER_RECIPIENTS_MAX"],
    "earlier keys in an opening": ["CF_MEMBER_EPOCHS_MAX"],
    "heads in a member operation": ["CF_MEMBER_HEADS_MAX"],
    "an address in a `home`": ["CF_MEMBER_ADDRESS_MAX"],
    "a sealed KNOCK or ADMIT": ["CF_KNOCK_MAX"],
    "heads in an ADMIT": ["CF_ADMIT_HEADS_MAX"],
    "patches in a row": ["CF_DELTA_DEPTH_MAX", "CF_DELTA_DEPTH_LARGE", "CF_DELTA_LARGE"],
    "a target window of a patch": ["CF_DELTA_WINDOW_MAX"],
    "a piece of content in a blob": ["CF_BLOB_MAX", "CF_BLOB_OVERHEAD"],
    "one ZeroMQ frame": ["CF_FRAME_MAX"],
    "read of a connection and not taken, beyond its window": ["CF_UNTAKEN_MAX"],
    "the same of all connections without a session": ["CF_STRANGERS_UNTAKEN_MAX"],
    "bytes of a blob in one message": ["CF_BLOB_STEP"],
    "heads in one message": ["CF_HEADS_PAGE"],
    "heads and rungs of one session; heads in all HOLDS, or in all ENDS": ["CF_HEADS_MAX"],
    "devices in one CHAINS": ["CF_CHAINS_DEVICES_MAX"],
    "collections that a device says it keeps": ["CF_KEPT_MAX"],
    "contents that a device says it can't make": ["CF_UNMADE_MAX"],
    "heads in all REPORTED": ["CF_REPORTED_MAX"],
    "heads in all WELCOME that are read": ["CF_WELCOME_MAX"],
    "collections in one SUBSCRIBE or CONFINE": ["CF_COLLECTIONS_MAX"],
    "blob ids in one message": ["CF_ENTRY_BLOBS_MAX"],
    "a text in a message": ["CF_TEXT_MAX"],
    "leases of a user, and in one LEASES": ["CF_LEASES_MAX", "CF_LEASES_OF_DEVICE_MAX"],
    "answers to LOCK, UNLOCK and RENEW that wait until a session has the entries before them": ["CF_OWED_LEASES_MAX"],
    "requests that wait for a lease": ["CF_LEASE_WAITERS_MAX", "CF_LEASE_WAITERS_OF_SESSION_MAX"],
    "how long one communicates alone": ["CF_ALONE_MS", "CF_ALONE_GONE_MS"],
    "blobs of a user that are kept back meanwhile": ["CF_ALONE_BLOBS_MAX"],
    "addresses in one ENDPOINTS": ["CF_ENDPOINTS_MAX"],
    "checkpoints in one answer": ["CF_CHECKPOINTS_MAX"],
    "beyond a user's bound: entries of the member log; others that name no blob": ["CF_QUOTA_MEMBER_SLACK", "CF_QUOTA_MARGIN_PART",
                                                                                    "CF_QUOTA_MARGIN_OF_HAD", "CF_QUOTA_MARGIN_MAX"],
    "devices whose word on the broker's clock is remembered": ["CF_CLOCKS_MAX"],
    "how long a guest is let in": ["CF_GUEST_MS_MAX", "CF_GUEST_MS_MAX / CF_DAY_MS"],
    "addresses of a name that are tried": ["CF_RACE_MAX", "CF_RACE_CONSIDERED"],
    "lookups of a connection's names that have no answer": ["CF_LOOKUPS_MAX"],
    "how long a connection may be silent": ["CF_ZMQ_SESSION_SILENT_MS / 1000", "CF_ZMQ_SILENT_MS / 1000"],
}
SAME = {"CF_MEMBER_RECIPIENTS_MAX": "CF_MEMBER_SHARES_MAX"}  # two of one row
OF_THE_CLIENT = {
    "ENTRY_MAX": "CF_ENTRY_MAX", "AFTER_MAX": "CF_ENTRY_AFTER_MAX", "BLOBS_MAX": "CF_ENTRY_BLOBS_MAX",
    "BODY_MAX": "CF_BODY_MAX", "TIME_MAX": "CF_TIME_MS_MAX", "PARTS_MAX": "CF_PARTS_MAX",
    "REFERENCES_MAX": "CF_BODY_REFERENCES_MAX", "SEQUENCE_MAX": "CF_SEQUENCE_MAX", "FIELD_MAX": "CF_FIELD_MAX",
    "NAME_MAX": "CF_NAME_MAX", "FILE_MAX": "CF_FILE_MAX", "INLINE_MAX": "CF_INLINE_MAX", "PIECE_MAX": "CF_BLOB_MAX",
    "DEPTH_MAX": "CF_VALUE_DEPTH_MAX", "DEPTH_LARGE": "CF_DELTA_LARGE", "LEAF_SIZE": "CF_LEAF_SIZE",
    "PLAIN_MAX": "CF_BODY_MAX", "RECIPIENTS_MAX": "CF_MEMBER_RECIPIENTS_MAX", "SHARES_MAX": "CF_MEMBER_SHARES_MAX",
    "EPOCHS_MAX": "CF_MEMBER_EPOCHS_MAX", "HEADS_MAX": "CF_MEMBER_HEADS_MAX", "BODY_GROWTH_MAX": "CF_BODY_GROWTH_MAX",
    "BODY_GROWTH_FREE": "CF_BODY_GROWTH_FREE", "ADDRESS_MAX": "CF_MEMBER_ADDRESS_MAX", "KNOCK_MAX": "CF_KNOCK_MAX",
    "ADMIT_HEADS_MAX": "CF_ADMIT_HEADS_MAX",
}
# The same of what speaks with a broker, and reads its log.
OF_THE_OTHERS = {"broker_client": {"PIECE": "CF_BLOB_STEP", "HEADS_PAGE": "CF_HEADS_PAGE", "FRAME_MAX": "CF_FRAME_MAX",
                                   "VERSION": "CF_PROTOCOL_VERSION", "TEXT_MAX": "CF_TEXT_MAX", "LEASES_MAX": "CF_LEASES_MAX"},
                 "hostile_broker": {"WINDOW": "CF_WINDOW"},
                 "reader_tree": {"DEPTH_MAX": "CF_DELTA_DEPTH_MAX"}}
# Of stories that go to a bound, and of the model: the C file that has the number, if no header does.
OF_STORIES = {
    "system/test_hostile_chains": {"IN_COLLECTION": "CF_HEADS_OF_DEVICE_IN_COLLECTION_MAX", "NAMED_MAX": "CF_MEMBER_HEADS_NAMED_MAX",
                                   "ADMIT_MAX": "CF_ADMIT_HEADS_MAX", "MEMBER_LOG_MAX": "CF_HEADS_OF_MEMBER_LOG_MAX"},
    "system/test_service": {"SETTINGS_MAX": "broker/program/options.c"},
    "model/merge_model": {"NAME_MAX": "CF_NAME_MAX", "EXTENSION_MAX": "peer/merge/rules.c"},
    "model/merge_scan": {"ROUNDS_MAX": "peer/merge/pins.c"},
    "model/record_model": {"ROUNDS_MAX": "peer/records/record_pins.c"},
    "model/record_view": {"KEY_MAX": "INT64_MAX"},
}
NO_BOUNDS = {"system/hostile_victim": {"MEMORY_MAX"}, "model/file_histories": {"DEPTH_MAX"}}  # of the product
# Numbers that PROTOCOL says where it speaks of them, too.
IN_THE_TEXT = {
    r"`header ‖ signature ‖ body`, at most 1 MiB \(([\d,]+) bytes\)": "CF_ENTRY_MAX",
    r"No frame is over ([\d,]+) bytes": "CF_FRAME_MAX",
    r"more than two frames' worth, ([\d,]+), waiting": "CF_UNTAKEN_MAX",
    r"the credit that is left, and ([\d,]+) while it wants blobs": "CF_WINDOW",
    r"of all these together no more than ([\d,]+) may wait": "CF_STRANGERS_UNTAKEN_MAX",
    r"It opens to at most ([\d,]+) times the size of that SEAL": "CF_BODY_GROWTH_MAX",
    r"times the size of that SEAL, and ([\d,]+) bytes": "CF_BODY_GROWTH_FREE",
    r"`\[head…\]` ascending, at most ([\d,]+): of each writer of the device": "CF_MEMBER_HEADS_MAX",
    r"the longest chains: ([\d,]+) together": "CF_MEMBER_HEADS_NAMED_MAX",
    r"of more, the first ([\d,]+) and the last": "CF_MEMBER_EPOCHS_MAX / 2",
    r"where these are over ([\d,]+), to the account": "CF_MEMBER_RECIPIENTS_MAX",
    r"\(([\d,]+) heads, 1,024 recipients, 4,096 earlier keys": "CF_MEMBER_HEADS_MAX",
    r"ascending by device, at most ([\d,]+), earlier bin": "CF_MEMBER_RECIPIENTS_MAX",
    r"sealed key\]…\]\]`, ascending, at most ([\d,]+), where": "CF_MEMBER_SHARES_MAX",
    r"The pairs, at most ([\d,]+), are": "CF_MEMBER_EPOCHS_MAX",
    r'domain\("knock"\), plain\), at most ([\d,]+) bytes': "CF_KNOCK_MAX",
    r'domain\("admit"\), plain\), at most ([\d,]+) bytes': "CF_KNOCK_MAX",
    r'`\[H\("knock", .*, role, \[head…\] ascending, at most (\d+)\]`': "CF_ADMIT_HEADS_MAX",
    r"Heads that don't fit \(([\d,]+) in one message\)": "CF_HEADS_PAGE",
    r"session names at most ([\d,]+) heads and rungs": "CF_HEADS_MAX",
    r"who holds more names ([\d,]+), and some": "CF_HEADS_OF_HELLO_MAX",
    r"of which the last has fewer than ([\d,]+)": "CF_HEADS_PAGE",
    r"Who gets more than ([\d,]+) goes on with the member log": "CF_HEADS_MAX",
    r"with the member log alone, if it is at most ([\d,]+)": "2 * CF_HEADS_OF_MEMBER_LOG_MAX",
    r"it reads no further than ([\d,]+) heads": "CF_WELCOME_MAX",
    r"WANTED names them afterwards, up to ([\d,]+):": "CF_ENTRY_BLOBS_MAX",
    r"of the last (\d+) devices what they said": "CF_CLOCKS_MAX",
    r"A broker may forget what goes beyond ([\d,]+)\.": "CF_CREDIT_MAX",
    r"from the session of its own author: (\d+) of its device in a collection": "CF_HEADS_OF_DEVICE_IN_COLLECTION_MAX",
    r"in a collection, and ([\d,]+) in all collections but": "CF_HEADS_OF_DEVICE_MAX",
    r"from any session: ([\d,]+) of the user": "CF_HEADS_OF_USER_MAX",
    r"but the member log, and ([\d,]+) in the member log; there twice": "CF_HEADS_OF_MEMBER_LOG_MAX",
    r"Who asks takes at most ([\d,]+) heads in HOLDS": "CF_HEADS_MAX",
    r"heads in HOLDS and ([\d,]+) in REPORTED": "CF_REPORTED_MAX",
    r"It takes at most ([\d,]+) heads, where a message without": "CF_HEADS_MAX",
}
# What one side bears, and how it goes about it: the other may do it otherwise, in one version.
OF_ONE_SIDE = {
    "parts of blobs that a device keeps of what comes slowly", "read of a connection and not taken, beyond its window",
    "the same of all connections without a session", "heads in all WELCOME that are read",
    "answers to LOCK, UNLOCK and RENEW that wait until a session has the entries before them",
    "requests that wait for a lease", "how long one communicates alone", "blobs of a user that are kept back meanwhile",
    "beyond a user's bound: entries of the member log; others that name no blob",
    "devices whose word on the broker's clock is remembered", "addresses of a name that are tried",
    "lookups of a connection's names that have no answer", "how long a connection may be silent", "how long a guest is let in",
}
# Bounds of files, of disks, of what an operator asks, and of the way in which something is done.
PRIVATE = {
    "CF_AUDIT_KEPT_MAX", "CF_BLOCKS_MAX", "CF_DELTA_COPIES_MAX", "CF_DISK_NAME_MAX", "CF_DOOR_MEMBERS_MAX", "CF_HOLDER_MAX",
    "CF_HOST_MAX", "CF_INVITATIONS_MAX", "CF_LADDER_MAX", "CF_LEASE_FOR_MS_MAX", "CF_LINK_ELSEWHERE_MAX",
    "CF_LISTEN_ADDRESSES_MAX", "CF_LISTEN_ENDPOINTS_MAX", "CF_LISTEN_MAX", "CF_LOG_KEY_MAX", "CF_RATE_MAX", "CF_REQUEST_MAX",
    "CF_ROUTING_ID_MAX", "CF_TALLIES_MAX", "CF_UNREAD_MAX", "CF_USER_NAME_MAX",
}
# How a writer goes about it, or what one side bears: said where PROTOCOL speaks of that, and no bound of what is read.
NOT_IN_THE_TABLE = {
    "CF_PART_SIZE", "CF_LEAF_SIZE", "CF_BLOB_PIECE", "CF_BLOB_PIECE_LARGE",
    "CF_BLOB_LARGE", "CF_WINDOW", "CF_REQUEST_TIMEOUT_MS", "CF_KIB", "CF_MIB", "CF_GIB", "CF_DAY_MS",
}


def definitions(*folders):
    """What the headers define, macros and enumerators, as they are written."""
    found = {"UINT32_MAX": "0xffffffff"}
    for path in sorted(ROOT.glob("*/**/*.h")):
        if path.relative_to(ROOT).parts[0] in (folders or ("codec", "broker", "peer")):
            text = re.sub(r"/\*.*?\*/", " ", path.read_text(), flags=re.S).replace("\\\n", " ")
            found.update(re.findall(r"^#define (CF_\w+)[ \t]+(.+?)[ \t]*$", text, re.M))
            found.update(re.findall(r"\b(CF_\w+)\s*=(?!=)\s*([^,}]+)", text))
    return found


def value_of(expression, known):
    expression = re.sub(r"UINT64_C\((\w+)\)|\(uint64_t\)|(?<=\d)[uUlL]+\b", r"\1", expression)
    expression = re.sub(r"\b(?:CF|UINT32)_\w+", lambda name: f"({value_of(known[name[0]], known)})", expression)
    assert re.fullmatch(r"[\s\w()+*/<-]+", expression), expression
    return eval(expression.replace("/", "//"))  # numbers and operators alone


def number(text):
    base = re.match(r"2\^(\d+)( - 1)?", text)
    return 2 ** int(base[1]) - bool(base[2]) if base else int(text.replace(",", ""))


def rows():
    section = (ROOT / "codec/PROTOCOL.md").read_text().split("## 15. Limits")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| (.+?) \| (.+) \|$", section, re.M))


KNOWN = definitions()
UNITS = {"CF_KIB", "CF_MIB", "CF_GIB", "CF_DAY_MS"}


def named(expressions):
    return {name for expression in expressions for name in re.findall(r"CF_\w+", expression)} - UNITS


HELD = named([*IN_THE_TEXT.values(), *(name for names in ROWS.values() for name in names), *SAME.values()])


def test_each_row_is_held_to_the_code():
    assert set(rows()) - {""} == set(ROWS)


@pytest.mark.parametrize("row", ROWS)
def test_the_table_says_what_the_code_has(row):
    text = rows()[row].replace("24 h", str(WORDS["24 h"]))
    text = re.sub(r"section \d+", "", text).replace("a hundredth", "100")
    said = [number(one) for one in re.findall(NUMBER, text)]
    assert len(said) == len(ROWS[row]), said
    for one, name in zip(said, ROWS[row]):
        assert one == value_of(name, KNOWN), name


def test_each_limit_is_in_the_table():
    limits = re.findall(r"^#define (CF_\w+) ", (ROOT / "codec/limits.h").read_text(), re.M)
    assert set(limits) - {"CF_CODEC_LIMITS_H"} <= HELD | NOT_IN_THE_TABLE


def test_each_bound_of_a_header_is_in_the_table_or_private():
    bounds = {name for folder in ("codec", "broker") for name in definitions(folder) if name.endswith("_MAX")}
    assert not PRIVATE & HELD
    assert bounds - HELD - {"UINT32_MAX"} == PRIVATE


def test_the_limits_of_a_version_stay():
    """codec/PROTOCOL.md, section 12: an older program refuses what is beyond its own."""
    version = value_of("CF_PROTOCOL_VERSION", KNOWN)
    kept = ROOT / f"tests/codec/limits-{version}.txt"
    limits = named(name for row, names in ROWS.items() if row not in OF_ONE_SIDE for name in names)
    are = [f"{name} {value_of(name, KNOWN)}" for name in sorted(limits)]
    assert OF_ONE_SIDE <= ROWS.keys()
    assert kept.exists(), "\n".join([f"version {version} has no {kept}: it gets", *are])
    changed = set(are) ^ set(kept.read_text().splitlines())
    assert not changed, (f"raise CF_PROTOCOL_VERSION (codec/PROTOCOL.md, 12, says how), or put back what changed; where version "
                         f"{version} is new, or a limit is, {kept} gets what is: {sorted(changed)}")


@pytest.mark.parametrize("first", SAME)
def test_two_of_one_row_are_equal(first):
    assert value_of(first, KNOWN) == value_of(SAME[first], KNOWN)


@pytest.mark.parametrize("name", OF_THE_CLIENT)
def test_the_client_has_the_same(name):
    found = [getattr(one, name) for one in (protocol, protocol_crypto) if hasattr(one, name)]
    assert found and set(found) == {value_of(OF_THE_CLIENT[name], KNOWN)}


@pytest.mark.parametrize("module", OF_THE_OTHERS)
def test_who_speaks_with_a_broker_has_the_same(module):
    text = (ROOT / "tests/system" / f"{module}.py").read_text()
    for name, limit in OF_THE_OTHERS[module].items():
        assert re.findall(rf"^{name} = (\d+)(?:  #.*)?$", text, re.M) == [str(value_of(KNOWN[limit], KNOWN))]


def numbers_of(text):
    """{name: value} of what a Python file defines at its top, several in one line, too."""
    found = {}
    for names, values in re.findall(r"^([A-Z_]+(?:, [A-Z_]+)*) = ([\d*_ ,()+-]+?)(?:  #.*)?$", text, re.M):
        values = eval(f"({values},)")
        if len(values) == len(names.split(", ")):
            found.update(zip(names.split(", "), values))
    return found


@pytest.mark.parametrize("module", OF_STORIES)
def test_stories_and_the_model_have_the_same(module):
    numbers = numbers_of((ROOT / "tests" / f"{module}.py").read_text())
    for name, owner in OF_STORIES[module].items():
        if owner.endswith(".c"):
            [said] = re.findall(rf"\b{name} = (\d+)", (ROOT / owner).read_text())
            assert numbers[name] == int(said), name
        else:
            assert numbers[name] == (2**63 - 1 if owner == "INT64_MAX" else value_of(owner, KNOWN)), name


def test_no_bound_in_python_is_compared_with_nothing():
    compared = {**{f"system/{module}": set(names) for module, names in OF_THE_OTHERS.items()},
                **{module: set(names) for module, names in OF_STORIES.items()}, **NO_BOUNDS,
                **{f"system/{module}": set(OF_THE_CLIENT) for module in ("protocol", "protocol_crypto")}}
    bounds = {(module, name) for folder in ("system", "model") for path in (ROOT / "tests" / folder).glob("*.py")
              for module in [f"{folder}/{path.stem}"] for line in re.findall(r"^[A-Z_, ]+ = ", path.read_text(), re.M)
              for name in re.findall(r"[A-Z_]+_MAX\b", line)}
    assert len(bounds) > 35
    assert sorted((module, name) for module, name in bounds if name not in compared.get(module, ())) == []
    assert numbers_of("A_MAX, B = 2, 3  # of\nC = 2**4\nD = f(3)\n") == {"A_MAX": 2, "B": 3, "C": 16}


@pytest.mark.parametrize("said", IN_THE_TEXT)
def test_what_the_text_says_is_what_the_headers_define(said):
    [number] = re.findall(said, (ROOT / "codec/PROTOCOL.md").read_text())
    assert int(number.replace(",", "")) == value_of(IN_THE_TEXT[said], KNOWN)


def messages():
    """[(command, its elements)] of the newest bytes that are kept."""
    version = value_of("CF_PROTOCOL_VERSION", KNOWN)
    lines = (ROOT / f"tests/codec/messages-{version}.txt").read_text().splitlines()
    unpacked = [msgpack.unpackb(bytes.fromhex(line.split()[1])) for line in lines if line]
    return version, [(first, elements) for first, *elements in unpacked]


def elements_of(text):
    """`a uint, [b, c], more`: three."""
    depth, parts = 0, [""]
    for letter in text:
        depth += (letter == "[") - (letter == "]")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def fits(said, value):
    if value is None:
        return "or nil" in said or said == "collections"
    if said.startswith("["):
        return isinstance(value, list)
    for word, kind in [("uint", int), ("text", str), ("bin", bytes)]:
        if re.search(rf"\b{word}\d*\b", said):
            return isinstance(value, kind) and not isinstance(value, bool)
    return True


def test_the_table_of_messages_is_what_is_sent():
    section = (ROOT / "codec/PROTOCOL.md").read_text().split("\n## 11.")[1].split("\n## 12.")[0]
    table = {command: elements_of(elements) for command, elements in
             re.findall(r"^\| `([A-Z]+)` \| [BC, ]+ \|(.*?)\|.*\|$", section, re.M)}
    version, sent = messages()
    assert {command for command, _ in sent} == set(table)
    for command, elements in sent:
        assert len(elements) == len(table[command]), f"{command}: {table[command]}"
        assert all(fits(said, value) for said, value in zip(table[command], elements)), f"{command}: {table[command]}"
    assert set(re.findall(r"version uint \((\d+)\)", section)) == {str(version)}
