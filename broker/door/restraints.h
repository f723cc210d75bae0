/* SPDX-License-Identifier: Apache-2.0 */
/* How much one user, or one address, may ask of a broker. The operator may say otherwise. */
#ifndef CF_BROKER_DOOR_RESTRAINTS_H
#define CF_BROKER_DOOR_RESTRAINTS_H
#include "codec/error.h"

#include <stdint.h>

typedef struct {
    uint64_t entries_per_minute;     /* of one user */
    uint64_t connections_per_user;   /* with a session, at the same time */
    uint64_t connections_per_minute; /* new ones from one address; one that came to nothing counts
                                        as several */
    uint64_t strangers_per_address;  /* connections without a session, at the same time */
    uint64_t waste_per_second;       /* points of work for nothing, of one user; see patience.h */
    uint64_t strangers;              /* of all addresses */
    uint64_t silence;                /* seconds after which a connection without a session ends */
} cf_restraints;

extern const cf_restraints cf_restraints_default;

/* "NAME=NUMBER", the names as above with hyphens; 0 is no bound. CF_USAGE. */
cf_status cf_restraints_read(const char *text, cf_restraints *restraints, cf_error *error);

/* "entries-per-minute=60000, …", all of them. */
enum { CF_RESTRAINTS_TEXT = 384 };
void cf_restraints_write(const cf_restraints *restraints, char text[CF_RESTRAINTS_TEXT]);

#endif
