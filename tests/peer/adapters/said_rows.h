/* SPDX-License-Identifier: Apache-2.0 */
/* Values of contacts, events and tasks: every property of JSContact (RFC 9553) and JSCalendar (RFC
 * 8984), unknown ones, and awkward ones. */
#ifndef CF_TESTS_PEER_ADAPTERS_SAID_ROWS_H
#define CF_TESTS_PEER_ADAPTERS_SAID_ROWS_H
#include "codec/bytes.h"

typedef struct {
    const char *field;
    const char *value; /* JSON */
} said_value;

extern const said_value said_of_contacts[], said_of_events[], said_of_tasks[];
extern const size_t said_of_contacts_count, said_of_events_count, said_of_tasks_count;

#endif
