/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator calls a user: given with the invitation, kept with the user that came in by it.
 * No device hears of it. */
#ifndef CF_BROKER_MANAGEMENT_USER_NAME_H
#define CF_BROKER_MANAGEMENT_USER_NAME_H
#include "broker/store/store.h"

enum { CF_USER_NAME_MAX = 64 };

typedef struct {
    char text[CF_USER_NAME_MAX + 1]; /* "": none */
} cf_user_name;

/* CF_USAGE unless the text can be a name: 1 to 64 bytes that are printed as they are, and that
 * nobody takes for an option, the number of an invitation or the beginning of an id. "bob" is a
 * name, "12" and "deadbeef" are none. */
cf_status cf_user_name_read(const char *text, cf_user_name *out, cf_error *error);

/* How many digits of an id must be given. */
enum { CF_USER_DIGITS = 8 };
/* Whether the text is `least` hexadecimal digits or more, and nothing else. */
bool cf_user_digits(const char *text, size_t least);

/* The record with which the user's first entry is committed; it borrows the name. */
cf_kv cf_user_name_record(const cf_user_name *name);
/* No name where there is no record. */
cf_status cf_user_name_get(cf_store *store, const cf_hash *user, cf_user_name *out,
                           cf_error *error);

#endif
