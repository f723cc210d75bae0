/* SPDX-License-Identifier: Apache-2.0 */
/* A depot: a peer with one folder, a log with contents of every kind, and a broker that is played
 * by hand: it says WELCOME and hands out blobs, or doesn't. */
#ifndef CF_TESTS_DEPOT_H
#define CF_TESTS_DEPOT_H
#include "peer/bindings/base.h"
#include "peer/transfer/carried.h"
#include "peer/transfer/downloads.h"
#include "tests/support/author.h"
#include "tests/support/scratch.h"

enum { DEPOT_BLOBS = 320 };

typedef struct {
    scratch *disk;
    cf_env env;
    cf_peer peer;
    cf_store *store;
    uint64_t epoch;
    author author;
    cf_binding *bindings[1];
    cf_downloads *downloads;
    cf_carried *carried; /* the test's; NULL: no blobs are carried */
    cf_outbox *outbox;
    struct {
        cf_hash id;
        cf_buffer sealed;
        bool lacks;    /* the broker says ABSENT */
        uint64_t said; /* the broker says that it is so large, and gives no more; 0: the truth */
    } blobs[DEPOT_BLOBS];
    size_t blob_count;
    size_t served;    /* BLOB messages that went out */
    size_t serve_max; /* after so many the broker is silent */
    uint64_t served_bytes;
    size_t asked;     /* blobs in HAVE; of these it says that it lacks those that `lacks` has */
    size_t brought;   /* blobs in PUT that were these, from their beginning */
    uint64_t past_ms; /* so much later than some time is it, by the clock of users */
    uint64_t steady_ms, message_ms; /* of the clock, and what a BLOB adds to it */
    cf_buffer identity;             /* of the last content */
} depot;

void depot_open(depot *self);
void depot_close(depot *self);
/* As the process would: ends the downloads, and begins again. */
void depot_restart(depot *self);
void depot_connect(depot *self);
/* The broker says this. */
void depot_say(depot *self, const cf_message *message);
void depot_cut(depot *self);
/* Another link in place of the one that there was. */
void depot_replace_link(depot *self);
/* The broker has other bytes for this blob; once more: the right ones again. */
void depot_damage(depot *self, size_t blob);

/* Bytes that look like nothing else; free them. */
uint8_t *noise(uint64_t seed, size_t size);
/* The same bytes but for a few that are the version's. */
uint8_t *version_of_noise(size_t size, uint8_t number);

/* Entries of others. What they return is the identity, until the next of these calls. */
cf_bytes depot_whole(depot *self, cf_bytes content); /* zeros are zero runs, by whole pieces */
cf_bytes depot_patch(depot *self, cf_bytes base, cf_bytes content, bool in_blobs);
/* One entry that names so many blobs, which nobody has. */
void depot_names(depot *self, size_t count);
/* The bytes that the patch makes are others than its hash says. */
cf_bytes depot_liar(depot *self, cf_bytes base, cf_bytes content, cf_bytes claimed);
cf_bytes depot_named(depot *self, cf_bytes content); /* nothing is published */

/* Lays a file into the folder and into its base. */
void depot_lay(depot *self, const char *name, cf_bytes content);
/* Other bytes come into a file of the scratch folder. */
void depot_spoil(depot *self, const char *path, size_t at);

/* Passes messages and jobs on until nothing moves. */
void depot_run(depot *self);
/* Passes messages once, without jobs. */
void depot_pass(depot *self);
/* Asks until it has ended. */
cf_download_answer depot_want(depot *self, cf_bytes content, cf_download *out);
/* The file that is ready holds this, and its leaves fit. */
void expect_ready(depot *self, cf_bytes identity, cf_bytes content);
size_t depot_temporaries(depot *self); /* files in the folder's temporary folder */

#endif
