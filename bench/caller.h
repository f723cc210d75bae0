/* SPDX-License-Identifier: Apache-2.0 */
/* A client of a broker without a log: made-up people (bench/author.h) who say single messages. */
#ifndef CF_BENCH_CALLER_H
#define CF_BENCH_CALLER_H
#include "codec/address.h"
#include "codec/bytes.h"

/* Enrols the user of this first entry. */
cf_status cf_caller_enrol(const cf_code *invitation, uint32_t from, cf_bytes first_entry,
                          cf_error *error);

typedef struct cf_caller cf_caller;

/* Connects, from this IPv4 address of loopback, with the account's key, and says HELLO. */
cf_status cf_caller_open(const cf_address *broker, uint32_t person, uint32_t from, cf_caller **out,
                         cf_error *error);
void cf_caller_close(cf_caller **caller);
/* Until it is ACCEPTED. */
cf_status cf_caller_publish(cf_caller *caller, cf_bytes entry, cf_error *error);

/* What it says to do harm: this entry with a wrong signature, and other things. */
void cf_caller_arm(cf_caller *caller, cf_bytes entry);
/* Says it all once, as far as its socket takes it; false: nothing. Counts the answers that came
 * meanwhile and refuse something, or say that there is no session any more. */
bool cf_caller_abuse(cf_caller *caller, size_t *refusals);

#endif
