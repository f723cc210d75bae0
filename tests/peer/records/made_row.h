/* SPDX-License-Identifier: Apache-2.0 */
/* Rows out of words, for tests: "card u name=Ann tel=1,2". Numbers become ints, all else texts, in
 * which ~ is a blank; what has a comma is several values; `name=` is a field without one. */
#ifndef CF_TESTS_MADE_ROW_H
#define CF_TESTS_MADE_ROW_H
#include "peer/records/record.h"

cf_row made_row(const char *words, cf_arena *arena);
cf_bytes made_value(cf_bytes word, cf_arena *arena);
cf_bytes made_text(const char *text, cf_arena *arena);
cf_bytes made_int(int64_t number, cf_arena *arena);

/* The same words of a row: fields without a value are left out. */
void made_print(const cf_row *row, cf_buffer *out);
/* One value as a word; what is neither an int nor a text in hexadecimal. */
void made_print_value(cf_bytes value, cf_buffer *out);

#endif
