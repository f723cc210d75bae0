/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of records as people read them. A column and the name of a member are texts, a member may be
 * a number: the record of the one is that of the other. */
#ifndef CF_PEER_ADAPTERS_KEY_TEXT_H
#define CF_PEER_ADAPTERS_KEY_TEXT_H
#include "codec/bytes.h"
#include "peer/records/record.h"

/* Appends the only other key that reads the same: of a number its text, of a text the number that
 * it is. False: there is none, and nothing is appended. */
bool cf_key_otherwise(cf_bytes key, cf_buffer *out);

/* A key of its own for what says this, which any device makes of it: `number` is 0, or how many
 * that say the same come before it. */
enum { CF_KEY_MADE = 37 };
void cf_key_made(cf_bytes said, size_t number, char key[CF_KEY_MADE]);

/* ---- Keys that count up ---- */

/* Whether the keys of a file are numbers that somebody counts up, as far as they tell. Pure. */

/* All are plain numbers, none below zero, and they ascend, or leave few numbers out. Of no rows
 * nothing is known: no. Keys are texts or ints. */
bool cf_record_keys_count_up(const cf_row *rows, size_t count);

#endif
