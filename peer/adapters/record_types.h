/* SPDX-License-Identifier: Apache-2.0 */
/* What the texts of a CSV file stand for, where its records are known with other values than
 * texts: a column that says "5" where the number 5 is known says nothing new, and one that says 6
 * there is a number too. So a CSV file and a JSON document can show the same records, also one
 * whose members' names are the keys. */
#ifndef CF_PEER_ADAPTERS_RECORD_TYPES_H
#define CF_PEER_ADAPTERS_RECORD_TYPES_H
#include "peer/adapters/record_file.h"
#include "peer/records/record_view.h"

/* Gives the rows of a CSV file or a JSON document the keys under which they are known: a key that
 * nobody knows is the one that reads the same (key_text.h), if somebody knows that, and the file
 * doesn't have it beside. */
void cf_record_keys_give(cf_record_file *file, const cf_rows *base, const cf_row_view *view);
/* Then gives the rows of a file of texts the values that they stand for: those of the base's row
 * before those of the view's. */
void cf_record_types_give(cf_record_file *file, const cf_row_format *format, const cf_rows *base,
                          const cf_row_view *view);

#endif
