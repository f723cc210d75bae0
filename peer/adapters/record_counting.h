/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the keys of a file are numbers that somebody counts up, as far as they tell. Pure. */
#ifndef CF_PEER_ADAPTERS_RECORD_COUNTING_H
#define CF_PEER_ADAPTERS_RECORD_COUNTING_H
#include "peer/records/record.h"

/* All are plain numbers, none below zero, and they ascend, or leave few numbers out. Of no rows
 * nothing is known: no. Keys are texts or ints. */
bool cf_record_keys_count_up(const cf_row *rows, size_t count);

#endif
