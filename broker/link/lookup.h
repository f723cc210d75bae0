/* SPDX-License-Identifier: Apache-2.0 */
/* A lookup: the addresses that an endpoint's host has now. Of a name they are asked of the system,
 * in a job: that may take half a minute where no name server answers. On its owner's thread. And
 * the race of these addresses. */
#ifndef CF_BROKER_LINK_LOOKUP_H
#define CF_BROKER_LINK_LOOKUP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "broker/platform/jobs.h"
#include "codec/address.h"

/* ---- The race ---- */

/* Which of a name's addresses is tried, and when (RFC 8305, "Happy Eyeballs"). The families
 * take turns; the next one starts 250 ms after the one before, or at once where that one failed,
 * and those before run on. Decides; connecting.c has the sockets. */
enum {
    CF_RACE_MAX = 8,         /* addresses of a name, */
    CF_RACE_CONSIDERED = 64, /* taken of so many that it has at most */
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
/* One that had its time, if any has; to who looks late they get some more (cf_deadline_is_over). */
bool cf_race_overdue(cf_race *race, uint64_t now_ms, size_t *racer);
/* All failed. */
bool cf_race_is_lost(const cf_race *race);
/* When one of the above may have an answer again; UINT64_MAX: never by itself. */
uint64_t cf_race_due(const cf_race *race);

/* ---- The lookup ---- */

typedef struct {
    struct sockaddr_storage address;
    char endpoint[CF_ADDRESS_TEXT]; /* as tcp://192.0.2.1:7817 */
} cf_found_address;

/* In the order in which they are to be tried; none: `why` says it. */
typedef struct {
    cf_found_address addresses[CF_RACE_MAX];
    size_t count;
    char why[128];
} cf_found;

typedef struct cf_lookup cf_lookup;

/* Of a tcp://HOST:PORT. Without `jobs` a name has no address. */
cf_lookup *cf_lookup_begin(cf_jobs *jobs, const char *endpoint);
/* Whatever was found is not wanted any more. */
void cf_lookup_destroy(cf_lookup **lookup);
const char *cf_lookup_endpoint(const cf_lookup *lookup);
/* NULL: it goes on. Borrowed. */
const cf_found *cf_lookup_found(const cf_lookup *lookup);

#endif
