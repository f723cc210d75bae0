/* SPDX-License-Identifier: Apache-2.0 */
/* What users do with an event in a calendar: each save sets its LAST-MODIFIED, by the clock of the
 * device, and counts up its SEQUENCE. */
#include "tests/support/chance.h"
#include "tests/worlds/records.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const guests[] = {"ann@example.org", "bob@example.org", "cleo@example.org"};
static const char *const answers[] = {"NEEDS-ACTION", "ACCEPTED", "DECLINED", "TENTATIVE"};
enum {
    GUESTS = sizeof guests / sizeof *guests,
    ANSWERS = sizeof answers / sizeof *answers,
    DAY = 86400,
    DAYS = 10000, /* no two cancelled occurrences of an event are one */
};
static const uint64_t moments = UINT64_C(4000000000), repeats = 900000000;

static void stamp(cells *all, const char *key, int64_t now_s)
{
    const cell *before = cells_find(all, key, cell_event_fields[CELL_SEQUENCE]);
    char text[32];

    snprintf(text, sizeof text, "%ld", before ? strtol(before->value, NULL, 10) + 1 : 1);
    cells_set(all, key, cell_event_fields[CELL_SEQUENCE], text);
    cells_spell_time(now_s, text);
    strcat(text, "Z");
    cells_set(all, key, cell_event_fields[CELL_UPDATED], text);
}

static void move(chance *from, cells *all, const char *key)
{
    char spelled[CELL_TIME];

    cells_spell_time((int64_t)chance_below(from, moments), spelled);
    cells_set(all, key, cell_event_fields[CELL_START], spelled);
}

static void repeat(chance *from, cells *all, const char *key)
{
    char rule[64];

    snprintf(rule, sizeof rule, "FREQ=%s;COUNT=%" PRIu64,
             chance_one_in(from, 2) ? "DAILY" : "WEEKLY", 1 + chance_below(from, repeats));
    cells_set(all, key, cell_event_fields[CELL_RULE], rule);
}

/* Of an event that does not repeat there is none to cancel: from now on there are. */
static void cancel(chance *from, cells *all, const char *key)
{
    const cell *start = cells_find(all, key, cell_event_fields[CELL_START]);
    char spelled[CELL_TIME];

    if (!start || !cells_find(all, key, cell_event_fields[CELL_RULE])) {
        repeat(from, all, key);
        return;
    }
    cells_spell_time(cells_time(start->value) + DAY * (int64_t)(1 + chance_below(from, DAYS)),
                     spelled);
    cells_add(all, key, cell_event_fields[CELL_CANCELLED], spelled);
}

static cell *find_guest(const cells *all, const char *key, const char *guest)
{
    for (size_t i = 0; i < all->count; i++) {
        cell *one = &all->all[i];

        if (strcmp(one->key, key) == 0 &&
            strcmp(one->field, cell_event_fields[CELL_ATTENDEE]) == 0 &&
            strncmp(one->value, guest, strlen(guest)) == 0)
            return one;
    }
    return NULL;
}

/* Who was not invited is now; his calendar knows him by another name each time. */
static void answer(chance *from, cells *all, const char *key)
{
    const char *guest = guests[chance_below(from, GUESTS)];
    cell *before = find_guest(all, key, guest);
    char text[96];

    snprintf(text, sizeof text, "%s %s v%016" PRIx64, guest, answers[chance_below(from, ANSWERS)],
             chance_next(from));
    if (before)
        cells_drop(all, before);
    cells_add(all, key, cell_event_fields[CELL_ATTENDEE], text);
}

void records_plan_event(chance *from, cells *all, const char *key, int64_t now_s)
{
    move(from, all, key);
    if (chance_one_in(from, 2))
        repeat(from, all, key);
    if (chance_one_in(from, 2))
        answer(from, all, key);
    stamp(all, key, now_s);
}

/* It is elsewhere, or nowhere. */
static void place(chance *from, cells *all, const char *key)
{
    const char *field = cell_event_fields[CELL_LOCATION];
    const cell *before = cells_find(all, key, field);

    if (before && chance_one_in(from, 3))
        cells_drop(all, before);
    else
        clerks_set(from, all, key, field, "");
}

static void take_out(chance *from, cells *all, const char *key)
{
    const char *field = cell_event_fields[chance_one_in(from, 2) ? CELL_RULE : CELL_DESCRIPTION];
    const cell *before = cells_find(all, key, field);

    if (before)
        cells_drop(all, before);
    else
        clerks_set(from, all, key, cell_event_fields[CELL_TITLE], "");
}

void records_change_event(chance *from, cells *all, const char *key, int64_t now_s)
{
    switch (chance_below(from, 10)) {
    case 0:
    case 1:
        move(from, all, key);
        break;
    case 2:
    case 3:
        cancel(from, all, key);
        break;
    case 4:
    case 5:
        answer(from, all, key);
        break;
    case 6:
        place(from, all, key);
        break;
    case 7:
        clerks_set(from, all, key, cell_event_fields[CELL_TITLE], "");
        break;
    case 8:
        clerks_set(from, all, key, cell_event_fields[CELL_DESCRIPTION], "");
        break;
    default:
        take_out(from, all, key);
    }
    stamp(all, key, now_s);
}
