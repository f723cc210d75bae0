/* SPDX-License-Identifier: Apache-2.0 */
/* What `add` has to know of a source whose rows an application counts up: that it does, and whether
 * rows of one number are the same where two files meet that were filled apart. */
#ifndef CF_PEER_COMMANDS_SOURCE_ROWS_H
#define CF_PEER_COMMANDS_SOURCE_ROWS_H
#include "peer/program/verb.h"

#define CF_SOURCE_ROWS_OPTIONS                                                                     \
    {"serial", 0, NULL, "the key is a number that is counted up"},                                 \
        {"natural", 0, NULL, "the key is the record: of one key there is one"},                    \
        {"rows", 0, "same|apart", "rows of one number here and there are the same, or others"},    \
        {"dry-run", 'n', NULL, "only tell what it would be"},                                      \
    {                                                                                              \
        "yes", 0, NULL, "as --rows same, and what `set` has it for"                                \
    }

/* Before the verb goes anywhere: asks who sits at a terminal whether rows that meet are the same.
 */
cf_status cf_source_ask_rows(cf_run *run, cf_error *error);
/* CF_USAGE: what was said of the keys doesn't make sense. */
cf_status cf_source_check_counting(const cf_run *run, cf_format format, size_t key_count,
                                   cf_error *error);
/* Of a new collection: as the user said, else as the file looks, which he is told. */
cf_status cf_source_choose_counting(const cf_run *run, cf_format format, const char *path,
                                    bool *counts_up, cf_error *error);
/* Of one that exists: CF_USAGE where the options contradict it, or where an answer is needed that
 * was not given. The answer goes into the binding. */
cf_status cf_source_meet_rows(const cf_run *run, cf_binding *binding, bool *counts_up,
                              cf_error *error);

#endif
