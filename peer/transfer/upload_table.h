/* SPDX-License-Identifier: Apache-2.0 */
/* Contents on their way out: the table of them, by content, by place and by phase, and who asked
 * for each. For uploads.c and upload_one.c alone. */
#ifndef CF_PEER_TRANSFER_UPLOAD_TABLE_H
#define CF_PEER_TRANSFER_UPLOAD_TABLE_H
#include "broker/platform/names.h"
#include "codec/hash_table.h"
#include "peer/transfer/in_hand.h"
#include "peer/transfer/upload_delta.h"
#include "peer/transfer/known_copies.h"
#include "peer/transfer/upload_sealing.h"
#include "peer/transfer/uploads.h"

typedef enum {
    CF_UPLOAD_IS_EDIT,   /* a patch is to be made */
    CF_UPLOAD_IS_DELTA,  /* one is being made */
    CF_UPLOAD_IS_QUEUED, /* to be sealed */
    CF_UPLOAD_IS_SEALING,
    CF_UPLOAD_IS_DEFERRED, /* to be sealed, and too much for now */
    CF_UPLOAD_IS_READY,
    CF_UPLOAD_IS_FAILED,
    CF_UPLOAD_PHASES,
} cf_upload_phase;

/* Those of one binding that are coming, as `counts` has them of all. */
typedef struct {
    cf_list_link place;
    const cf_binding *binding;
    size_t count;
    size_t counts[CF_UPLOAD_IS_DEFERRED][CF_RANKS];
} cf_upload_tally;

typedef struct {
    cf_hash_link by_hash, by_place;
    cf_upload_phase phase;
    cf_list_link place;     /* among those of its phase */
    cf_upload_tally *tally; /* of its binding; NULL: it isn't coming */
    cf_transfer_rank rank;  /* by what is to be sealed of it */
    uint64_t queued;        /* QUEUED: so many bytes are */
    cf_list askers;         /* that have to wait for it */
    cf_id collection;
    cf_binding *binding; /* of the file that is read for it */
    uint64_t folder;
    cf_stat stat;
    cf_hash hash;
    cf_bytes name, leaves;
    cf_arena arena;
    cf_prepared prepared;

    bool moves;      /* the file has changed since it was read, or may have (files_read.h) */
    bool has_before; /* what the base has in its place */
    cf_hash before;
    uint64_t before_size, before_depth;
    cf_buffer before_leaves;
    cf_delta_job *delta;
    bool is_patch; /* what is sealed is the patch */
    uint64_t patch_size;
    cf_sealing *sealing;
    bool is_sealed; /* blobs of it are, or are being, under this epoch */
    cf_hash epoch;
    cf_known known;         /* a whole in the log, and what the file has of it at any place; */
    cf_buffer known_leaves; /* or, where that isn't known, its leaves */
    bool is_rebased;        /* its slices, and `fresh_size` bytes more, are the content */
    uint64_t fresh_size;
} cf_upload;

struct cf_uploads {
    cf_peer *peer;
    cf_hash_table by_hash, by_place;
    cf_hash_table askers; /* by their files */
    cf_list untold;       /* those for whom it has ended */
    cf_list phases[CF_UPLOAD_PHASES];
    size_t counts[CF_UPLOAD_PHASES][CF_RANKS]; /* of those in the phases, */
    size_t untold_counts[CF_RANKS];            /* and of the untold */
    cf_list tallies;                           /* of the bindings that have any coming */
    uint64_t queued;                           /* bytes that are to be sealed of those QUEUED, */
    uint64_t moved;                            /* and of pieces that were stored */
    bool telling;                              /* the untold, until there are none */
    cf_in_hand in_hand;                        /* of all that are sealed */
    uint64_t numbers;                          /* of patches */
    uint64_t phase_changes;                    /* how often one came into another phase */
    uint64_t most;                             /* bytes that may travel for one content */
    cf_hash epoch;                             /* that was in use last */
    cf_upload_figures figures;
    char delay[CF_NAME_SHOWN]; /* why the broker refuses blobs for now; empty: it doesn't */
};

cf_upload *cf_upload_add(cf_uploads *uploads, const cf_upload_file *file, cf_upload_phase phase);
/* Ends it, with what it has in hand; who asked for it isn't told. */
void cf_upload_drop(cf_uploads *uploads, cf_upload *one);
/* NULL: the content isn't on its way for this collection. */
cf_upload *cf_upload_find(const cf_uploads *uploads, const cf_upload_file *file);
/* The next one with this content, in whatever collection. */
cf_upload *cf_upload_next(const cf_uploads *uploads, const cf_hash *hash,
                          const cf_upload *previous);
void cf_upload_set_phase(cf_uploads *uploads, cf_upload *one, cf_upload_phase phase);
/* Bytes that are to be sealed, of the content, of what is new of it, or of a patch. */
uint64_t cf_upload_size(const cf_upload *one);
/* Those after this one are no work in hand. */
cf_upload_phase cf_uploads_last_coming(const cf_uploads *uploads);
/* The broker has no room for what is left, for which it said so before. */
bool cf_uploads_lack_room(const cf_uploads *uploads);
/* Each place at which a content was found and has to wait for it is one that asked. */
void cf_upload_ask(cf_uploads *uploads, cf_upload *upload, const cf_upload_file *file);
/* The file heard how its content is to be had; or is published, or has to be read again. */
void cf_upload_answered(cf_uploads *uploads, const cf_upload_file *file);
void cf_upload_unask(cf_uploads *uploads, const cf_upload_file *file);
/* All of them, or those of one binding. */
void cf_upload_unask_all(cf_uploads *uploads, const cf_binding *binding);
/* The upload has ended: all that asked for it are to hear so. */
void cf_upload_tell(cf_uploads *uploads, cf_upload *upload);

#endif
