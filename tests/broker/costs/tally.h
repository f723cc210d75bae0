/* SPDX-License-Identifier: Apache-2.0 */
/* What an act asks of what it is given: a store, blobs, files and jobs count their calls, by kind,
 * and what these show. Whatever works with them is counted; they do what they did. */
#ifndef CF_TESTS_BROKER_TALLY_H
#define CF_TESTS_BROKER_TALLY_H
#include "broker/blobs/blobs.h"
#include "broker/platform/files.h"
#include "broker/platform/jobs.h"
#include "broker/store/store.h"

typedef enum {
    TALLY_GETS,    /* of a store: one record, entry, size or end that was asked for, */
    TALLY_SCANS,   /* several were, */
    TALLY_SHOWN,   /* and of these so many were shown */
    TALLY_WRITES,  /* transactions, appended or written at once */
    TALLY_RECORDS, /* in them */
    TALLY_BLOBS,   /* calls of blobs */
    TALLY_STATS,   /* of files: things that were looked at, */
    TALLY_OPENS,   /* opened or made, */
    TALLY_LISTS,   /* and folders listed */
    TALLY_CHANGES, /* of names, modes and times */
    TALLY_READS,   /* of bytes */
    TALLY_PUTS,
    TALLY_SYNCS,
    TALLY_JOBS,
    TALLY_MESSAGES,  /* the test counts them */
    TALLY_STRETCHES, /* of code, of what is compiled with -fsanitize-coverage=trace-pc */
    TALLY_KINDS
} tally_kind;

typedef struct {
    uint64_t of[TALLY_KINDS];
} tally;

/* From now on it counts there. What is made again at the same place is counted again when it is
 * said again. */
void tally_store(cf_store *store, tally *into);
void tally_blobs(cf_blobs *blobs, tally *into);
void tally_files(cf_files *files, tally *into);
void tally_jobs(cf_jobs *jobs, tally *into);

/* What is counted from here on, in this; stretches only until its end. */
void tally_begin(tally *counted);
void tally_end(tally *counted);
/* "gets 2, writes 1": what is not 0, but for the stretches. */
enum { TALLY_TEXT = 400 };
void tally_say(const tally *self, char text[TALLY_TEXT]);

/* An act costs what it is known to cost, few things or many beside it: `cost_beside` does it once
 * beside so many. The stretches of code must not grow by as much as a pass over these takes. */
enum { TALLY_SIZES = 3, TALLY_FEW = 20, TALLY_TIMES = 8 };
typedef tally tally_act(void *context, size_t beside);
void tally_expect(const char *name, tally_act *cost_beside, void *context,
                  const char *const known[TALLY_SIZES]);
/* The same of an act that goes through all of them: the stretches may grow as their number does. */
void tally_expect_linear(const char *name, tally_act *cost_beside, void *context,
                         const char *const known[TALLY_SIZES]);

#endif
