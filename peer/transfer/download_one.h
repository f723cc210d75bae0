/* SPDX-License-Identifier: Apache-2.0 */
/* One content on its way in, and the table of them. For downloads.c alone. */
#ifndef CF_PEER_TRANSFER_DOWNLOAD_ONE_H
#define CF_PEER_TRANSFER_DOWNLOAD_ONE_H
#include "peer/transfer/download_making.h"
#include "peer/transfer/downloads.h"
#include "peer/transfer/in_hand.h"

typedef enum {
    CF_DOWNLOAD_IS_QUEUED,
    CF_DOWNLOAD_IS_OFFLINE, /* takes a broker */
    CF_DOWNLOAD_IS_ASKER,   /* the same content is on its way for another source */
    CF_DOWNLOAD_IS_WORKING,
    CF_DOWNLOAD_IS_ABANDONED, /* ends when its job does */
    CF_DOWNLOAD_IS_READY,
    CF_DOWNLOAD_IS_ABSENT,
    CF_DOWNLOAD_IS_DEFERRED, /* too much would travel for now */
    CF_DOWNLOAD_IS_PAUSED,   /* while another device communicates alone */
    CF_DOWNLOAD_IS_FAILED,
    CF_DOWNLOAD_PHASES,
} cf_download_phase;

typedef struct {
    cf_hash_link link;
    cf_download_phase phase;
    cf_list_link place; /* among those of its phase */
    bool announced;     /* that it has ended */
    bool again;         /* FAILED, and may be tried again when wanted */
    bool afresh;        /* what is on this disk made it fail once */
    size_t lacking;     /* blobs that couldn't be had when it began */
    cf_binding *binding;
    cf_hash hash;
    cf_making *making; /* WORKING, ABANDONED */
    char name[CF_PARTIAL_FILE_NAME];
    cf_stat stat;          /* READY */
    cf_buffer leaves;      /* READY */
    cf_error error;        /* ABSENT, DEFERRED, PAUSED, FAILED */
    bool is_of_disk;       /* FAILED: it is full, or can't be written to */
    uint64_t size;         /* of the content */
    cf_transfer_rank rank; /* by that size */
} cf_incoming;

struct cf_downloads {
    cf_downloads_options options;
    cf_hash_table table; /* by content */
    cf_list phases[CF_DOWNLOAD_PHASES];
    size_t queued[CF_RANKS]; /* of them those that wait to be begun */
    size_t untold[CF_RANKS]; /* have ended and are not announced */
    uint64_t queued_bytes;   /* of those that wait to be begun, for a broker, too */
    cf_hand hand;
    cf_parts *parts;
    uint64_t most;          /* bytes that may travel for one content */
    uint64_t phase_changes; /* how often one came into another phase */
    uint64_t session;       /* of the link, in which absent ones were asked for */
    uint64_t cut_off_ms;    /* from the broker, since then; 0: it was not */
};

bool cf_downloads_connected(const cf_downloads *downloads);
/* How many go on without anybody else's doing, by their ranks. */
size_t cf_downloads_count_moving(const cf_downloads *downloads, size_t counts[CF_RANKS]);
/* For any of those that wait. */
bool cf_downloads_have_room_for_some(const cf_downloads *downloads);
/* The one that brings this content, in whatever binding; NULL: none does. */
cf_incoming *cf_downloads_bringing(const cf_downloads *downloads, const cf_hash *hash);

cf_incoming *cf_incoming_add(cf_downloads *downloads, cf_binding *binding, const cf_hash *hash,
                             uint64_t size);
/* Ends it, with what it has in hand. */
void cf_incoming_drop(cf_downloads *downloads, cf_incoming *one);
/* NULL: it isn't on its way for this binding. */
cf_incoming *cf_incoming_find(const cf_downloads *downloads, const cf_binding *binding,
                              const cf_hash *hash);
void cf_incoming_set_phase(cf_downloads *downloads, cf_incoming *one, cf_download_phase phase);
/* The download goes on without anybody else's doing. */
bool cf_incoming_moves(const cf_downloads *downloads, const cf_incoming *one);
/* The download's file is still where it was put. */
bool cf_incoming_is_there(const cf_downloads *downloads, const cf_incoming *one);
/* Another one of its binding makes the file of this content. */
bool cf_incoming_is_shared(const cf_downloads *downloads, const cf_incoming *one,
                           const cf_hash *content);

/* Of the first three phases: begins it where there is room, goes on. */
void cf_incoming_step(cf_downloads *downloads, cf_incoming *one);

#endif
