/* SPDX-License-Identifier: Apache-2.0 */
/* A user who was just born on a device, and a broker that is to know him. */
#ifndef CF_TESTS_FIRST_ENTRIES_H
#define CF_TESTS_FIRST_ENTRIES_H
#include "broker/gateway/users.h"
#include "peer/log/home.h"

/* The broker's users take all that the home has of its user's log. */
cf_status first_entries_bring(cf_home *home, cf_users *users, cf_store *store, cf_error *error);

#endif
