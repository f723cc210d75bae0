/* SPDX-License-Identifier: Apache-2.0 */
/* Two states of the same entries: what is stored of them must be the same bytes. */
#ifndef CF_TESTS_STATES_H
#define CF_TESTS_STATES_H
#include "peer/merge/state.h"

/* Whether both keep the same of every item, remembered names and all. */
bool states_are_equal(const cf_state *one, const cf_state *other);

#endif
