/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a depot share: the peer and its folder, the broker played by hand, the entries.
 */
#ifndef CF_TESTS_DEPOT_INSIDE_H
#define CF_TESTS_DEPOT_INSIDE_H
#include "tests/peer/transfer/depot.h"

/* A link to the broker, which is not started. */
cf_link *depot_link(depot *self);

#endif
