/* SPDX-License-Identifier: Apache-2.0 */
/* Which base node is this file? Pure: stats, names and hashes in, tokens out. In this order:
 *
 *   1. a directory known by (inode, birth) is its node, wherever it is. Where there are no birth
 *      times, only if something is in it that was, or if nothing was and its time is as it was: as
 *      in rule 5;
 *   2. an unknown directory where the base had one, and that one is nowhere: that node. Names that
 *      were looked for alone don't tell: all of the directory is wanted;
 *   3. same place and same (inode, birth): the same node;
 *   4. an *unknown* file or link where the base had one of its kind: that node, edited (a save by
 *      rename; a backup save: mv f f~, write f). So is a known one that is a draft (draft.h) and
 *      has left its place empty: it was seen before it was renamed;
 *   5. a known one whose node is free: moved. Of several links the first in the listing has it.
 *      Where there are no birth times, only if its size and time are as they were: the number may
 *      be another file's by now;
 *   6. a known one whose node is taken (another link), where the base had one: that node;
 *   7. an unknown file equal in size and content to one that is missing: moved;
 *   8. else new. What is left in the base and is surely not there: gone.
 *
 * What is missing where another disk lies than the one on which it was seen last is away: gone
 * as far as anybody sees, but not moved, by rule 5 or 7. A disk is one that is mounted below the
 * source's root: the file system and the place at which it is mounted. In `docs`, which is the
 * source's own (0), lay `x`; a stick was mounted there (7), and `y` was written on it. The stick is
 * taken away: `y` (7) is missing where the disk is 0, and so it is away. So was `x` (0) while the
 * disk there was 7.
 *
 * A disk is told by its root's birth. Where none is kept, or whole seconds (mkfs gives one to each
 * of ten cards), a look at everything tells it by what is on it, and a look at a part takes it for
 * the one that was there:
 *
 *     the disk 7 had a, b, c, d; a, c, x lie there    c was edited, a is as it was, which is not
 *                                                     over half: another disk, b and d are away
 *     a, b, d, x                                      over half: it is 7, and c is gone from it
 *
 * A place is (node of the directory, name), so what lies in a directory that was moved stays where
 * it was. Rules 5 and 7 and "gone" need proof that the base node's place is empty: a complete
 * listing of its directory, or a look for its name there. Where that is missing the answer asks for
 * it, as it asks for hashes: list and hash what it wants and decide again, until it wants nothing.
 */
#ifndef CF_PEER_SOURCES_FILES_FILES_IDENTITY_H
#define CF_PEER_SOURCES_FILES_FILES_IDENTITY_H
#include "codec/ids.h"
#include "peer/sources/files/files_listing.h"

/* How a thing that was found got its token. */
typedef enum {
    CF_TOKEN_NONE,     /* no item: of a sort that isn't synced, or not asked for */
    CF_TOKEN_SAME,     /* the base node, where it was */
    CF_TOKEN_REPLACED, /* the base node, where it was, as another file: a save by rename */
    CF_TOKEN_MOVED,    /* the base node, from elsewhere */
    CF_TOKEN_NEW,
} cf_token_how;

typedef struct {
    cf_token_how how;
    uint64_t node; /* number of the base node; nothing with NONE and NEW */
} cf_token;

/* What the identity rules need to know of one base node. The source's folder is node 0 and is not
 * among them. */
typedef struct {
    uint64_t number;
    uint64_t parent;
    cf_bytes name;
    char kind; /* 'd', 'f', 'l' */
    cf_stat stat;
    cf_hash content;  /* of a file */
    uint64_t disk;    /* as in cf_node */
    bool was_renamed; /* to where its inode number is: that was told, and needs no other proof */
} cf_identity_node;

typedef struct {
    /* At least: every node in a directory that is listed, or at a name that was looked for in it,
     * to the leaves where a directory may be gone; every node with the inode of something listed,
     * with what is in it if that has no birth time; and the directories above all of these. The
     * whole base will do. In any order. */
    const cf_identity_node *nodes;
    size_t node_count;
    const cf_listing *listing;
    /* By entry: its content hash; NULL while not known; all zero when it can't be had (it is being
     * written, or unreadable), or it is wanted for ever. NULL: none is known. */
    const cf_hash *const *hashes;
    bool is_everything; /* of the source is listed */
    /* Whether a node is a draft. NULL: none is. */
    bool (*is_draft)(void *context, uint64_t number);
    void *context;
    bool names_only; /* no more of a directory can be had than the names that were looked for */
} cf_identity_input;

/* What is at a name in a directory of the base. No name: all that is in it, from the beginning. */
typedef struct {
    uint64_t directory; /* 0 is the source's folder */
    cf_bytes name;
} cf_place_wanted;

/* A node that is not at its place, where another disk lies than the node's. */
typedef struct {
    uint64_t number;
    uint64_t disk; /* that lies there */
} cf_identity_away;

/* A draft, and the node in whose place its file is. */
typedef struct {
    uint64_t draft, node;
} cf_identity_draft;

/* A start that is another directory by now, and was not seen from above. */
#define CF_IDENTITY_NOWHERE (SIZE_MAX - 1)

typedef struct {
    cf_token *tokens; /* one for each entry of the listing */
    /* By folder of the listing: the entry that it lists, which for a start is found only where it
     * is another directory by now; CF_LISTED_START: it is its own node; CF_IDENTITY_NOWHERE. */
    size_t *folder_entries;
    uint64_t *disks; /* by entry: on which it is; of a directory, what is in it */
    uint64_t *gone;  /* numbers of nodes, children before their directories */
    size_t gone_count;
    cf_identity_away *away; /* those of them of which that says nothing, in the same order */
    size_t away_count;
    cf_identity_draft *drafts; /* that took places, and so are gone */
    size_t draft_count;
    size_t *hash_wanted; /* entries */
    size_t hash_wanted_count;
    cf_place_wanted *list_wanted; /* a listing of all of the directory will do, too */
    size_t list_wanted_count;
} cf_identity;

/* The answer lies in the arena. While something is wanted the tokens are provisional and `gone` is
 * empty. Nothing is wanted twice: a directory whose listing failed, an unreadable file. */
void cf_identity_decide(const cf_identity_input *input, cf_arena *arena, cf_identity *out);

#endif
