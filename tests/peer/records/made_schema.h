/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of schemas out of words, for tests: "person # /rev~ /seen? /tel* /boss>person =/email
 * =/a,/b^ !/name": counted keys (#), a volatile field, a weak one, a set, a reference (>> where it
 * is owned), unique tuples, the last without case of b (^), a required field. */
#ifndef CF_TESTS_MADE_SCHEMA_H
#define CF_TESTS_MADE_SCHEMA_H
#include "peer/records/schema.h"

cf_schema_table made_table(const char *words, cf_arena *arena);
/* Tables with a ';' between them; "" has none. */
cf_schema made_schema(const char *words, cf_arena *arena);

#endif
