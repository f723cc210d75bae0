/* SPDX-License-Identifier: Apache-2.0 */
/* A race of a name's addresses: which is tried, and when (RFC 8305, "Happy Eyeballs"). The families
 * take turns; the next one starts 250 ms after the one before, or at once where that one failed,
 * and those before run on. Decides; connecting.c has the sockets. */
#ifndef CF_BROKER_LINK_RACE_H
#define CF_BROKER_LINK_RACE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CF_RACE_MAX = 8, /* addresses of a name */
    CF_RACE_DELAY_MS = 250,
    CF_RACE_TRY_MS = 10000, /* for one: a SYN that is lost is sent again after 1, 3 and 7 s */
};

typedef enum {
    CF_RACER_WAITS, /* for its turn */
    CF_RACER_RUNS,
    CF_RACER_IS_OUT,
} cf_racer;

typedef struct {
    cf_racer racers[CF_RACE_MAX];
    uint64_t until_ms[CF_RACE_MAX]; /* of one that runs */
    size_t count;
    uint64_t next_ms; /* when the next one starts */
} cf_race;

/* The order in which `count` addresses are tried, as their indices, of those that the system
 * prefers first (RFC 6724); returns how many. 6 6 6 4 4 is tried as 6 4 6 4 6. */
size_t cf_race_order(const bool *are_ipv6, size_t count, size_t order[CF_RACE_MAX]);

void cf_race_begin(cf_race *race, size_t count);
/* Those that wait go on, after all that ran were stopped. */
void cf_race_resume(cf_race *race);
/* One that is to start now, if any is. */
bool cf_race_start(cf_race *race, uint64_t now_ms, size_t *racer);
/* It failed. */
void cf_race_drop(cf_race *race, size_t racer);
/* It has connected: the others wait, should it prove to be no broker. */
void cf_race_stop(cf_race *race, size_t winner);
/* One that had its time, if any has. */
bool cf_race_overdue(const cf_race *race, uint64_t now_ms, size_t *racer);
/* All failed. */
bool cf_race_is_lost(const cf_race *race);
/* When one of the above may have an answer again; UINT64_MAX: never by itself. */
uint64_t cf_race_due(const cf_race *race);

#endif
