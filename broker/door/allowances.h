/* SPDX-License-Identifier: Apache-2.0 */
/* How much one user, or one address, may ask of a broker. The operator may say otherwise. */
#ifndef CF_BROKER_DOOR_ALLOWANCES_H
#define CF_BROKER_DOOR_ALLOWANCES_H
#include "codec/error.h"

#include <stdint.h>

typedef struct {
    uint64_t entries_per_minute;     /* of one user */
    uint64_t connections_per_user;   /* with a session, at the same time */
    uint64_t connections_per_minute; /* new ones from one address; one that came to nothing counts
                                        as several */
    uint64_t strangers_per_address;  /* connections without a session, at the same time */
    uint64_t waste_per_second; /* points of work for nothing, of one user; see work_budget.h */
    uint64_t strangers;        /* of all addresses */
    uint64_t silence;          /* seconds after which a connection without a session ends */
} cf_allowances;

extern const cf_allowances cf_allowances_default;

/* "NAME=NUMBER", the names as above with hyphens; 0 is no bound. CF_USAGE. */
cf_status cf_allowances_read(const char *text, cf_allowances *allowances, cf_error *error);

/* "entries-per-minute=60000, …", all of them. */
enum { CF_ALLOWANCES_TEXT = 384 };
void cf_allowances_write(const cf_allowances *allowances, char text[CF_ALLOWANCES_TEXT]);

#endif
