/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a transfer share: transfer.c (calls, refusals), transfer_upload.c and
 * transfer_download.c, transfer_items.c below them. Nobody else includes this. */
#ifndef CF_BROKER_LINK_TRANSFER_INSIDE_H
#define CF_BROKER_LINK_TRANSFER_INSIDE_H
#include "broker/link/rate_limit.h"
#include "broker/link/transfer.h"
#include "codec/hash_table.h"

typedef enum {
    CF_BLOB_QUEUED,    /* the other has not been asked yet */
    CF_BLOB_ASKED,     /* HAVE is under way */
    CF_BLOB_SENDING,   /* pieces go out from `next` on */
    CF_BLOB_RECEIVING, /* pieces are asked for from `next` on */
} cf_transfer_step;

typedef struct cf_transfer_item cf_transfer_item;

struct cf_transfer_item {
    cf_hash id;
    bool upload;
    cf_transfer_step step;
    cf_transfer_rank rank;
    uint64_t total;    /* of a download 0 until the first piece tells */
    uint64_t done;     /* acknowledged, or received */
    uint64_t next;     /* sent, or asked for */
    size_t answers;    /* outstanding, of PUTs or GETs */
    bool stalled;      /* the owner has no piece at hand */
    bool forgotten;    /* unlinked when no answer will name it any more */
    uint64_t retry_ms; /* not before */
    uint64_t delay_ms;
    bool lacks_room; /* why it was put off last */
    cf_hash_link by_id;
    cf_transfer_item *before, *after;
};

/* Whether the other knows FETCH: one is said, and no other before its answer. */
typedef struct {
    enum { CF_TRIAL_NONE, CF_TRIAL_OUT, CF_TRIAL_PASSED } state; /* in this session */
    cf_hash blob;                                                /* of the one that is OUT */
    uint64_t offset;
    uint64_t again_ms; /* it did not: not before; 0: nobody has said so */
} cf_transfer_trial;

typedef struct {
    cf_transfer_item *first, *last;
} cf_transfer_list;

/* Whose turn is next, one way: whatever goes first, what it passes has a share. */
typedef struct {
    cf_transfer_item *low;  /* the first of the lowest rank; NULL: none can go */
    cf_transfer_item *high; /* the first of those of higher ranks; NULL: none */
} cf_transfer_turn;

struct cf_transfer {
    const cf_transfer_events *events;
    void *context;
    cf_hash_table by_id;
    cf_transfer_list uploads, downloads; /* in the order of the calls */
    size_t offers, wants;                /* of them those not forgotten */
    size_t asked;                        /* ids in the HAVE that is under way */
    size_t sending[CF_RANKS];            /* uploads in SENDING */
    uint64_t window;                     /* bytes of PUT that may be under way */
    uint64_t step_size;                  /* of a PUT; 0: CF_BLOB_STEP */
    uint64_t carried;                    /* what the line takes of them at once; 0: `window` */
    uint64_t brought;                    /* what the line brings at once; 0: CF_WINDOW */
    uint64_t piece_size;                 /* of what is asked for; 0: CF_BLOB_STEP */
    cf_transfer_trial trial;             /* of asking for less than that */
    uint64_t passed_up, passed_down;     /* bytes by which low ranks are before their share */
    uint64_t upload_size;                /* sent and not acknowledged */
    size_t asked_pieces;                 /* BLOBs that are outstanding */
    uint64_t progress;                   /* rises as the other comes to have more of a blob */
    size_t delayed;                      /* how often something was put off in this session */
    cf_rate_limit up, down;              /* as the user said */
    uint64_t held_ms;                    /* the limits hold something back until then; 0: nothing */
    bool litter;                         /* something was forgotten */
};

/* Not forgotten; NULL when there is none. */
cf_transfer_item *cf_transfer_find(cf_transfer *transfer, const cf_hash *id, bool upload);
/* All items of one blob, the latest first. */
cf_transfer_item *cf_transfer_first_of(const cf_transfer *transfer, const cf_hash *id);
cf_transfer_item *cf_transfer_next_of(const cf_transfer_item *item);
cf_transfer_item *cf_transfer_add(cf_transfer *transfer, const cf_hash *id, bool upload);
/* Out of the windows. The answers to a GET are told by their offsets, those to a PUT are awaited.
 */
void cf_transfer_settle(cf_transfer *transfer, cf_transfer_item *item);
/* Forgets an item. */
void cf_transfer_drop(cf_transfer *transfer, cf_transfer_item *item);
/* What was forgotten while answers were outstanding stays until they came: they must not be taken
 * for those of another request. */
void cf_transfer_sweep(cf_transfer *transfer, cf_transfer_list *list);
/* Takes an item out of what is under way, to be tried again later. */
void cf_transfer_delay(cf_transfer *transfer, cf_transfer_item *item, uint64_t now_ms);

/* Of those that `can_go`, which is asked for all of them in order. */
cf_transfer_turn cf_transfer_find_turn(const cf_transfer_list *list,
                                       bool (*can_go)(const cf_transfer_item *item,
                                                      uint64_t now_ms),
                                       uint64_t now_ms);
/* One of the two: of 40 small blobs and a large one 8 steps of small ones go first, then one of the
 * large one to each three. `limit`, where the user has set one, lets small ones pass always. */
cf_transfer_item *cf_transfer_next(const cf_transfer_turn *turn, const cf_rate_limit *limit,
                                   uint64_t passed, uint64_t step);
/* So many bytes of that one go. */
void cf_transfer_note_turn(const cf_transfer_turn *turn, const cf_transfer_item *item,
                           uint64_t *passed, uint64_t size);

/* Whether this limit lets bytes go now; if not, the deadline says when. */
bool cf_transfer_allows(cf_transfer *transfer, cf_rate_limit *limit, uint64_t now_ms);

cf_status cf_upload_missing(cf_transfer *transfer, const cf_message *message, cf_error *error);
void cf_upload_stored(cf_transfer *transfer, const cf_hash *id);
/* The item whose PUT was refused; NULL when nothing is to be done about it. */
cf_transfer_item *cf_upload_refused(cf_transfer *transfer, const cf_hash *id);
void cf_upload_pump(cf_transfer *transfer, uint64_t now_ms, cf_outbox *outbox);

/* Before a message is handled: whether it answers the FETCH that is tried. */
void cf_download_note_trial(cf_transfer *transfer, const cf_message *message);
cf_status cf_download_blob(cf_transfer *transfer, const cf_message *message, cf_error *error);
void cf_download_absent(cf_transfer *transfer, const cf_hash *id);
void cf_download_pump(cf_transfer *transfer, uint64_t now_ms, cf_outbox *outbox);

#endif
