/* SPDX-License-Identifier: Apache-2.0 */
/* A diary: a log that entries are offered to, and the people who write them. */
#ifndef CF_TESTS_DIARY_H
#define CF_TESTS_DIARY_H
#include "tests/broker/people/people.h"

/* A log of a user with one owner (desk) and one member (lap), on a store in memory. */
typedef struct {
    person account, desk, lap;
    cf_store_memory_disk *disk;
    cf_store *store;
    cf_log *log;
    cf_append_answer answer;
    uint64_t position;
    bool has_blobs; /* what `stored` says of any */
} diary;

diary a_diary(void);
/* The account's first entry, and those that let desk and lap in. */
void found(diary *d);
/* From what was durable. */
void diary_reopen(diary *d);
void diary_end(diary *d);

/* Judges an author's last entry; appends what is new, without a commit. */
cf_verdict offer(diary *d, const person *author, cf_bringer bringer);
cf_verdict offer_without(diary *d, const person *author, cf_bringer bringer,
                         const cf_hash *without);
void commit(diary *d);
void expect_refused(cf_verdict verdict, cf_offer_answer answer, const char *code);

#endif
