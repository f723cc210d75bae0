/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn is next among contents on their way, sent or fetched: whatever is under way, there is
 * room for some of each rank (cf_transfer_rank), so a photo that is saved while films are sent goes
 * beside them; and what has ended is told without waiting for what takes longer. Plain data. */
#ifndef CF_PEER_TRANSFER_IN_HAND_H
#define CF_PEER_TRANSFER_IN_HAND_H
#include "broker/link/transfer.h"
#include "codec/ids.h"

#include <stddef.h>

enum {
    CF_IN_HAND_COUNT = 32,    /* pieces, of all ranks */
    CF_IN_HAND_OF_A_RANK = 8, /* and so many of one, whatever the others have */
    CF_IN_HAND_MAX = CF_IN_HAND_COUNT + CF_RANKS * CF_IN_HAND_OF_A_RANK,
};
#define CF_IN_HAND_BYTES (16 * CF_MIB)
#define CF_IN_HAND_BYTES_OF_A_RANK (2 * CF_MIB)

/* Pieces that are sealed, or asked for: they are what memory a transfer takes. */
typedef struct {
    size_t count[CF_RANKS];
    uint64_t bytes[CF_RANKS];
} cf_in_hand; /* {0}: nothing is */

/* One of a rank may be of any size. */
bool cf_in_hand_has_room(const cf_in_hand *hand, cf_transfer_rank rank, uint64_t size);
void cf_in_hand_take(cf_in_hand *hand, cf_transfer_rank rank, uint64_t size);
/* With the rank and the size with which it was taken. */
void cf_in_hand_drop(cf_in_hand *hand, cf_transfer_rank rank, uint64_t size);

/* Whether one more of this rank may be worked at beside those that are, by rank: `most` of all, or
 * half as many of the rank. */
bool cf_rank_has_place(const size_t counts[CF_RANKS], cf_transfer_rank rank, size_t most);

/* Whether those that have ended are to be told: to tell each of many by itself would have what
 * asked for them looked at as often. A sixteenth is enough of what is still coming of the same rank
 * and of lower ones. */
bool cf_ranks_worth_telling(const size_t ended[CF_RANKS], const size_t coming[CF_RANKS]);

/* ---- Blobs in hand over all downloads ---- */

/* The blobs in hand over all downloads: asked for, or being opened; as many as there is room
 * for. Owned by the engine's thread. */

typedef struct {
    struct {
        cf_hash blob;
        uint64_t size;
        cf_transfer_rank rank;
    } at[CF_IN_HAND_MAX];
    size_t count;
    cf_in_hand in_hand;
    uint64_t brought; /* bytes of contents that were opened, and are on the disk */
} cf_hand;            /* {0} is empty */

/* False when there is no room, or somebody has it in hand. */
bool cf_hand_take(cf_hand *hand, const cf_hash *blob, uint64_t size, cf_transfer_rank rank);
/* The size of a blob in hand is known now. */
void cf_hand_resize(cf_hand *hand, const cf_hash *blob, uint64_t size);
void cf_hand_drop(cf_hand *hand, const cf_hash *blob);

/* ---- The line in which they stand ---- */

/* An intrusive list in the order of coming: what stands in it embeds a cf_list_link. */

typedef struct cf_list_link {
    struct cf_list_link *before, *after;
} cf_list_link;

typedef struct {
    cf_list_link *first, *last;
    size_t count;
} cf_list; /* {0} is empty */

/* At the end. */
void cf_list_add(cf_list *line, cf_list_link *place);
void cf_list_remove(cf_list *line, cf_list_link *place);

#endif
