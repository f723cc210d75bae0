/* SPDX-License-Identifier: Apache-2.0 */
/* Ann's world: a broker with one user, and what she brings and takes. */
#ifndef CF_TESTS_ANNS_HOUSE_H
#define CF_TESTS_ANNS_HOUSE_H
#include "broker/management/quotas.h"
#include "tests/broker/people/broker_world.h"

enum { MINUTE_MS = 60000 };

/* Ann's, of which only the desk has a connection, that said HELLO. */
household anns_house(void);
/* A new connection takes the place of the last one. */
void call_from_desk(household *a);
/* The broker is killed and begins again, and the desk calls. */
void start_again(household *a);

void set_quota(household *a, uint64_t bytes);
/* Of her quota, in bytes. */
uint64_t taken(household *a);

#endif
