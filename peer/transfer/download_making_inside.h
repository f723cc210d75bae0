/* SPDX-License-Identifier: Apache-2.0 */
/* What download_making.c (the steps) and download_making_files.c (what they write to) share. Nobody
 * else includes this. */
#ifndef CF_PEER_TRANSFER_DOWNLOAD_MAKING_INSIDE_H
#define CF_PEER_TRANSFER_DOWNLOAD_MAKING_INSIDE_H
#include "peer/transfer/download_jobs.h"
#include "peer/transfer/download_making.h"

typedef enum {
    CF_MAKING_WHOLE,
    CF_MAKING_PATCH,
    CF_MAKING_PATCHING,
    CF_MAKING_COPYING,
    CF_MAKING_PROVING
} cf_making_stage;

/* A file that was made, by itself or with a note. */
typedef struct {
    cf_file *file;
    cf_landing *landing;
    uint64_t size;
} cf_product;

struct cf_making {
    cf_making_options options;
    cf_peer *peer;
    cf_chain chain;
    size_t left; /* of the chain, to be made: the one before is the next */
    cf_making_stage step;
    cf_arena arena; /* of the step */
    cf_content_source source;
    cf_product base, target;
    cf_file *patch;
    cf_fetch *fetch;
    cf_file_job *job;
    size_t fetches; /* begun */
    bool from_here, resumed;
    cf_stat stat;
    cf_buffer leaves;
};

cf_files *cf_making_files(const cf_making *making);
const cf_file *cf_making_file(const cf_product *made);
/* The content that the step makes. */
const cf_hash *cf_making_content(const cf_making *making);

/* A file that is gone with its handle. */
cf_status cf_making_create_unnamed(cf_making *making, const cf_folder *folder, uint64_t size,
                                   cf_file **out, cf_error *error);
/* A file by the name under which the content that is asked for is handed over. */
cf_status cf_making_create_named(cf_making *making, cf_file **out, cf_error *error);
/* What the last step makes has the name by which it is handed over, what others make has none.
 * `length`: how long the file is at first. */
cf_status cf_making_create_target(cf_making *making, uint64_t size, uint64_t length,
                                  cf_error *error);
/* A target with a note of what has come of it, so that it can be gone on with. */
cf_status cf_making_open_landing(cf_making *making, cf_error *error);

void cf_making_release(cf_making *making, cf_product *made);
/* Removes what a whole further down the chain was fetched to. */
void cf_making_remove_bottom(cf_making *making);
/* Removes that and what has the name of the content. */
void cf_making_remove_files(cf_making *making);

#endif
