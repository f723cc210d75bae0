# SPDX-License-Identifier: Apache-2.0
"""Random merges of two edits of real calendars and cards: what comes of them passes the formats' own rules.

Real are the records of tests/peer/adapters/exports, as Google, Apple, Nextcloud, Outlook and Thunderbird write them; which
of them, and what is edited, is drawn. Each record of a folder is edited on both devices at once, so that it says something
else than before on either, and merged by one sync: as many merges as records, and a thousand in all.
COUNTERFOIL_MERGES=N: so many of each format, twice, instead; COUNTERFOIL_SEED=S begins elsewhere.
"""

import os
import random
import re

import pytest

from cards import EXPORTS, Pair, fill, items, pending
from counterfoil import broker, make_device, two  # noqa: F401

icalendar = pytest.importorskip("icalendar", reason="python3-icalendar is not installed")
vobject = pytest.importorskip("vobject", reason="python3-vobject is not installed")

COUNT = int(os.environ.get("COUNTERFOIL_MERGES", "250"))  # in two turns, of two formats
SEED = int(os.environ.get("COUNTERFOIL_SEED", "1"))

# RFC 5545, 3.6.1, 3.6.2 and 3.6.6; RFC 6350, 6.
EVENT_ONCE = {"DTSTAMP", "UID", "DTSTART", "DTEND", "DURATION", "CLASS", "CREATED", "DESCRIPTION", "GEO", "LAST-MODIFIED", "LOCATION",
              "ORGANIZER", "PRIORITY", "SEQUENCE", "STATUS", "SUMMARY", "TRANSP", "URL", "RECURRENCE-ID", "RRULE", "COMPLETED", "DUE",
              "PERCENT-COMPLETE", "COLOR"}
ALARM_ONCE = {"ACTION", "TRIGGER", "DURATION", "REPEAT", "DESCRIPTION", "SUMMARY"}
CARD_ONCE = {"VERSION", "UID", "N", "KIND", "BDAY", "ANNIVERSARY", "GENDER", "PRODID", "REV"}

EVENT_LINES = {"LOCATION": ["Cafe", "Park", "Room 1"], "RRULE": ["FREQ=DAILY;COUNT=3", "FREQ=WEEKLY;COUNT=4", "FREQ=MONTHLY;COUNT=2"],
               "URL": ["https://example.org/1", "https://example.org/2"], "GEO": ["1.0;2.0", "3.0;4.0", "5.0;6.0"],
               "ORGANIZER": ["mailto:anna@example.org", "mailto:bert@example.org"], "X-MOOD": ["good", "bad", "better"],
               "LAST-MODIFIED": ["20261101T090000Z", "20261102T090000Z", "20261103T090000Z"], "SEQUENCE": ["1", "9", "12"],
               "STATUS": ["CONFIRMED", "TENTATIVE", "CANCELLED"], "PRIORITY": ["1", "5", "9"], "CLASS": ["PUBLIC", "PRIVATE"],
               "SUMMARY": ["one", "two\\, three", "four"], "DESCRIPTION": ["a", "b\\nc"], "COMMENT": ["x", "y", "z"],
               "ATTENDEE": ["mailto:anna@example.org", "mailto:bert@example.org"], "CATEGORIES": ["A", "B", "A,B,C"],
               "COLOR": ["red", "blue"], "CREATED": ["20260101T000000Z", "20260102T000000Z"]}
# A task has these instead, or besides; when it is due is moved.
TASK_LINES = {"STATUS": ["NEEDS-ACTION", "IN-PROCESS", "COMPLETED", "CANCELLED"], "PERCENT-COMPLETE": ["0", "50", "100"],
              "COMPLETED": ["20261101T090000Z", "20261102T090000Z", "20261103T090000Z"]}
TRIGGERS = ["-PT5M", "-PT15M", "PT0S", "-P1D"]
PARAMETERS = {"COMPLETED": [";VALUE=DATE-TIME"], "LOCATION": [";LANGUAGE=de"], "SUMMARY": [";LANGUAGE=en"], "ATTENDEE": [";PARTSTAT=ACCEPTED", ";PARTSTAT=DECLINED"],
              "LAST-MODIFIED": [";VALUE=DATE-TIME"], "ORGANIZER": [";CN=Anna"], "URL": [";VALUE=URI"], "DESCRIPTION": [";ALTREP=\"cid:1\""]}
CARD_LINES = {"FN": ["Anna", "Bert"], "N": ["A;Anna;;;", "B;Bert;;;"], "BDAY": ["1980-01-02", "1981-02-03", "1982-03-04"],
              "REV": ["20261101T090000Z", "20261102T090000Z"], "TEL": ["1", "2", "3"], "EMAIL": ["a@example.org", "b@example.org"],
              "TZ": ["+01:00", "+02:00"], "GEO": ["1.0;2.0", "3.0;4.0"], "NOTE": ["a", "b\\nc"], "URL": ["https://example.org/1"],
              "ORG": ["One", "Two;Three"], "TITLE": ["x", "y"], "X-SPOUSE": ["a", "b", "c"], "NICKNAME": ["n", "m"], "ROLE": ["r", "s"]}
CARD_PARAMETERS = {"TEL": [";TYPE=CELL", ";TYPE=HOME"], "EMAIL": [";TYPE=WORK"], "BDAY": [";VALUE=date"], "ORG": [";SORT-AS=x"]}


# Of a DTSTART and a DTEND, or a DUE: which parameters, and what stands behind both.
DAYS = (";VALUE=DATE", "")
HOURS = [("", "Z"), ("", ""), (";TZID=Europe/Berlin", ""), (";TZID=America/New_York", "")]
# As a calendar program describes a zone that an event is the first to name.
ZONE = ["BEGIN:VTIMEZONE", "TZID:{}", "BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:{}", "TZOFFSETTO:{}", "END:STANDARD",
        "END:VTIMEZONE"]
OFFSETS = {"Europe/Berlin": "+0100", "America/New_York": "-0500"}
WHEN = re.compile(r"(?:DTSTART|DTEND|DUE|DURATION)[:;]")


def unfolded(text):
    return re.sub(r"\r?\n[ \t]", "", text).replace("\r\n", "\n").split("\n")


def edited(chance, text, lines, parameters, ends):
    """Another text, that says something else: the order of lines says nothing, and a stamp alone is no change."""
    made = text
    while told(made) == told(text):
        made = edited_once(chance, text, lines, parameters, ends)
    return made


def told(text):
    return sorted(line for line in unfolded(text) if not re.match("(?:LAST-MODIFIED|SEQUENCE|REV)[:;]", line))


def edited_once(chance, text, lines, parameters, ends):
    """A few lines of one component changed, added or taken out; never what may be once a second time."""
    found = unfolded(text)
    if any(one in WHEN_IN for one in found):
        if chance.random() < 0.4:
            move(chance, found)
        if chance.random() < 0.3:
            ring(chance, found)
        if "END:VTODO" in found:
            lines = {**lines, **TASK_LINES}
    for _ in range(chance.randint(1, 4)):
        name = chance.choice(sorted(lines))
        line = name + chance.choice([""] * 2 + parameters.get(name, [""])) + ":" + chance.choice(lines[name])
        end = max(n for n, one in enumerate(found) if one in ends)
        begin = max(n for n in range(end) if found[n] == "BEGIN" + found[end][3:])
        inside, depth = [], 0
        for n in range(begin + 1, end):
            depth += found[n].startswith("BEGIN:") - found[n - 1].startswith("END:") * (n > begin + 1)
            if depth == 0 and re.match(rf"{name}[:;]", found[n]):
                inside.append(n)
        same = [n for n in inside if name == "ATTENDEE" and found[n].split(":", 1)[1] == line.split(":", 1)[1]]
        inside = same or inside
        act = chance.choice(["put", "put", "edit", "drop"])
        if act == "drop" and inside and name not in ("FN", "N", "SUMMARY"):
            del found[inside[0]]
        elif inside and (act == "edit" or same or name in EVENT_ONCE | CARD_ONCE | {"FN", "X-MOOD", "X-SPOUSE", "TZ"}):
            found[inside[0]] = line
        elif line not in found:
            found.insert(begin + (3 if "VCARD" in found[end] else 2), line)
    return "\r\n".join(found)


WHEN_IN = ("END:VEVENT", "END:VTODO")


def own_lines(found):
    """Where those of the last event or task stand, without what stands within it, behind its BEGIN."""
    end = max(n for n, line in enumerate(found) if line in WHEN_IN)
    begin = max(n for n in range(end) if found[n] == "BEGIN" + found[end][3:])
    depth, own = 0, []
    for n in range(begin + 1, end):
        depth += found[n].startswith("BEGIN:")
        own += [n] if depth == 0 else []
        depth -= found[n].startswith("END:")
    return begin, own


def move(chance, found):
    """To another time, or days, and what is left out goes; an end is behind its start, where there is one, and told as that."""
    begin, own = own_lines(found)
    for n in reversed([n for n in own if WHEN.match(found[n]) or re.match("(?:EXDATE|RDATE)[:;]", found[n])]):
        del found[n]
    end, (parameters, zone) = "DUE" if found[begin] == "BEGIN:VTODO" else "DTEND", chance.choice([DAYS, DAYS, *HOURS])
    day, hour, length = chance.randint(10, 15), chance.randint(8, 12), chance.randint(1, 3)
    times = [f"202601{day + length:02}", f"202601{day:02}"] if parameters == DAYS[0] else [
        f"202601{day}T{at:02}{chance.choice(['00', '30'])}00{zone}" for at in (hour + length, hour)]
    for name, at in list(zip((end, "DTSTART"), times))[chance.random() < 0.2:]:
        found.insert(begin + 2, f"{name}{parameters}:{at}")
    name = parameters.removeprefix(";TZID=")
    if name in OFFSETS and f"TZID:{name}" not in found:
        found[begin:begin] = [line.format(name if "TZID" in line else OFFSETS[name]) for line in ZONE]


def alarms_of(found):
    """Where each begins and ends."""
    return [(n, found.index("END:VALARM", n)) for n, line in enumerate(found) if line == "BEGIN:VALARM"]


def ring(chance, found):
    """One alarm more or less, or another time of one."""
    there, trigger = alarms_of(found), f"TRIGGER:{chance.choice(TRIGGERS)}"
    begin, end = chance.choice(there or [(0, 0)])
    act = chance.choice(["put", "edit", "drop"]) if there else "put"
    if act == "put":
        begin = end = max(n for n, line in enumerate(found) if line in WHEN_IN)
    alarm = ["BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:Ring", trigger, "END:VALARM"] if act == "put" else [
        trigger if line.startswith("TRIGGER") else line for line in found[begin:end + 1]]
    if act == "drop":
        del found[begin:end + 1]
    elif alarm_lines(alarm) not in [alarm_lines(found[first:last + 1]) for first, last in there]:
        found[begin:end + (act == "edit")] = alarm


def alarm_lines(lines):
    """However long before is spelled."""
    return tuple(sorted(re.sub("^(TRIGGER.*:)([-+]?P.*)", lambda one: one[1] + str(icalendar.vDuration.from_ical(one[2])), line)
                        for line in lines))


def check_alarms(merged, before, here, there):
    """Those that both left, and what either put in."""
    left, ours, theirs, found = ({alarm_lines(lines[first:last + 1]) for first, last in alarms_of(lines)}
                                 for lines in map(unfolded, (before, here, there, merged)))
    assert found == left & ours & theirs | (ours | theirs) - left, merged


def when(text):
    """What says when the event or task is: its start and its end, or when it is due, each with its zone."""
    found, times = unfolded(text), {}
    for line in (found[n] for n in own_lines(found)[1] if WHEN.match(found[n])):
        name, value = re.match(r"([A-Z]+)(.*)", line).groups()
        times[name] = value
    if "DURATION" in times and "DTSTART" in times:
        del times["DURATION"]  # of a real one, that nobody moved, or told as such since
        times["DTEND"] = None
    return times


def check_when(merged, here, there):
    times = when(merged)
    end = times.get("DTEND", times.get("DUE"))
    if end and "DTSTART" in times:
        assert end.split(":")[0] == times["DTSTART"].split(":")[0] and end > times["DTSTART"], merged
    told = [{name: value for name, value in one.items() if name != "DTEND" or times.get("DTEND")} for one in (when(here), when(there))]
    assert {name: value for name, value in times.items() if value} in told, f"neither wrote that: {times}"


def components(text):
    """Every component with its own lines."""
    stack, done = [], []
    for line in filter(None, unfolded(text)):
        name, value = re.match(r"(?:[^.:;]*\.)?([A-Za-z0-9_-]+)(?:[;:].*)?$", line, re.S).group(1).upper(), line.split(":", 1)[-1]
        if name == "BEGIN":
            stack.append((value, []))
        elif name == "END":
            assert stack and stack[-1][0] == value, f"{line} ends what did not begin: {text}"
            done.append(stack.pop())
        else:
            stack[-1][1].append(name)
    assert not stack, f"not ended: {text}"
    return done


def check(text, required, once):
    for kind, names in components(text):
        assert required.get(kind, set()) <= set(names), f"{kind} lacks one of {required[kind]}: {text}"
        twice = {name for name in names if names.count(name) > 1 and name in once.get(kind, set())}
        assert not twice, f"{twice} more than once: {text}"
        assert not {"DTEND", "DURATION"} <= set(names) and not {"DUE", "DURATION"} <= set(names), text
        for name in ("X-MOOD", "X-SPOUSE", "TZ"):
            assert names.count(name) <= 1, text


def read_calendar(text):
    check(text, {"VCALENDAR": {"VERSION", "PRODID"}, "VEVENT": {"UID", "DTSTAMP", "DTSTART"}, "VTODO": {"UID", "DTSTAMP"},
                 "VALARM": {"ACTION", "TRIGGER"}}, {"VEVENT": EVENT_ONCE, "VTODO": EVENT_ONCE, "VALARM": ALARM_ONCE})
    found = icalendar.Calendar.from_ical(text)
    named = set(re.findall(r"(?m)^[A-Z-]+(?:;[^:;]+)*;TZID=\"?([^:;\"\n]+)", "\n".join(unfolded(text))))
    assert named <= {str(zone["TZID"]) for zone in found.walk("VTIMEZONE")}, f"{named}: {text}"  # RFC 5545, 3.2.19
    assert not [error for part in found.walk() for error in part.errors], text
    for address in {str(one) for part in found.walk("VEVENT") for one in attendees(part)}:
        for part in found.walk("VEVENT"):
            assert [str(one) for one in attendees(part)].count(address) <= 1, text
    for part in vobject.readComponents(text):
        part.validate(raiseException=True)


def attendees(part):
    one = part.get("ATTENDEE", [])
    return one if isinstance(one, list) else [one]


def read_card(text):
    check(text, {"VCARD": {"VERSION", "UID", "FN"}}, {"VCARD": CARD_ONCE})
    for part in vobject.readComponents(text):
        part.validate(raiseException=True)


def calendars():
    for path in sorted(EXPORTS.glob("*.ics")):
        text = path.read_bytes().decode().replace("\r\n", "\n").replace("\n", "\r\n")
        head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//EN\r\n"
        zones = "".join(re.findall(r"BEGIN:VTIMEZONE.*?END:VTIMEZONE\r\n", text, re.S))
        for part in re.findall(r"BEGIN:(?:VEVENT|VTODO)\r\n.*?END:(?:VEVENT|VTODO)\r\n", text, re.S):
            if "RECURRENCE-ID" not in part and "UID" in part and "DTSTART" in part:
                yield head + zones + part + "END:VCALENDAR\r\n"


def cards():
    for path in sorted(EXPORTS.glob("*.vcf")):
        text = path.read_bytes().decode(errors="ignore").replace("\r\n", "\n").replace("\n", "\r\n")
        for part in re.findall(r"BEGIN:VCARD\r\n.*?END:VCARD\r\n", text, re.S):
            if "VERSION:2.1" not in part and re.search(r"^N[;:]", part, re.M):
                yield part if re.search("^UID", part, re.M) else part.replace("END:VCARD", "UID:x\r\nEND:VCARD")


KINDS = {"icalendar": (calendars, EVENT_LINES, PARAMETERS, ("END:VEVENT", "END:VTODO"), read_calendar, ".ics"),
         "vcard": (cards, CARD_LINES, CARD_PARAMETERS, ("END:VCARD",), read_card, ".vcf")}


@pytest.mark.whole
@pytest.mark.parametrize("kind", KINDS)
def test_merges_of_real_records_pass_the_rules_of_their_format(two, kind):
    laptop, desktop = two
    texts, lines, parameters, ends, read, end = KINDS[kind]
    chance, real = random.Random(f"{SEED} {kind}"), list(texts())
    begun = {}
    for n in range(COUNT):
        text = re.sub(r"(?m)^UID[^\r\n]*(?:\r\n[ \t][^\r\n]*)*", f"UID:r{n}", chance.choice(real))
        begun[f"r{n}{end}"] = text
    pair = Pair(laptop, desktop, kind, fill(laptop.source("home"), begun), desktop.source("home"))
    for turn in range(2):
        made, had = [], items(pair.here)
        for folder in (pair.here, pair.there):
            before = items(folder)
            assert sorted(before) == sorted(begun)
            changed = {name: edited(chance, text, lines, parameters, ends) for name, text in before.items()}
            made.append(changed)
            fill(folder, changed)
        for device in (laptop, desktop, laptop, desktop):
            device.finish("sync")
        assert pending(laptop) == pending(desktop) == {}, "all were merged"
        for n, (name, text) in enumerate(items(pair.here).items()):
            try:
                read(text)
                if kind == "icalendar":
                    check_when(text, made[0][name], made[1][name])
                    check_alarms(text, had[name], made[0][name], made[1][name])
                read(items(pair.there)[name] if n < 5 else (pair.there / name).read_bytes().decode())
            except Exception as error:
                raise AssertionError(f"COUNTERFOIL_SEED={SEED}, turn {turn}, {name}: {error}\nhere\n{made[0][name]}\nthere\n"
                                     f"{made[1][name]}\nmerged\n{text}") from error
