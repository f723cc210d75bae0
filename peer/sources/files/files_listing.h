/* SPDX-License-Identifier: Apache-2.0 */
/* What lies in some directories of a source: names and stats, nothing is opened. Holds few
 * descriptors, however deep the tree is. `.counterfoil` is not seen, at no depth: another source
 * may lie inside. */
#ifndef CF_PEER_SOURCES_FILES_FILES_LISTING_H
#define CF_PEER_SOURCES_FILES_FILES_LISTING_H
#include "broker/platform/files.h"
#include "codec/arena.h"
#include "codec/hash_table.h"
#include "codec/item.h"
#include "peer/merge/files_include.h"

#define CF_LISTED_START SIZE_MAX

/* One thing found. */
typedef struct {
    cf_bytes name;
    size_t folder;       /* index of the listed folder in which it is */
    char kind;           /* 'd', 'f', 'l'; 0: of a sort that isn't synced */
    bool excluded;       /* not asked for, nor leads to what is: counts only if the base knows it */
    bool readable;       /* false: nothing of it may be published */
    const char *skipped; /* why it isn't synced, for `status`; NULL when it is */
    bool unseen;         /* because the disk didn't tell what it is */
    cf_stat stat;
    cf_bytes target; /* of a link */
} cf_listed;

/* One directory whose entries are here: entries[first] to entries[first + count - 1], by name. */
typedef struct {
    size_t entry;          /* its own entry; CF_LISTED_START for a start */
    uint64_t node;         /* a start's */
    const cf_bytes *names; /* the way to it from the source's folder */
    size_t depth;
    cf_stat stat;  /* {0} when it couldn't be opened */
    bool complete; /* all that is in it is here; else nothing is known to be absent */
    /* The later of its times, not from before something was seen to be missing in it; 0: unknown.
     */
    int64_t changed_ns;
    bool restless; /* it changed each time it was listed: incomplete, look again soon */
    /* Only these names were looked for, in order: incomplete, but what is sure of them is, also
     * that nothing has such a name. */
    const cf_bytes *asked;
    bool *sure; /* by name asked for */
    size_t asked_count;
    const char *trouble; /* why it is incomplete, the first reason; NULL */
    bool failed;         /* the disk did: it wasn't forbidden, nor changed meanwhile */
    size_t first, count;
    bool is_watched; /* from before it is listed on; */
    int watch;       /* as whoever watches it has answered; 0: it was not asked */
} cf_listed_folder;

typedef struct {
    cf_listed *entries;
    size_t entry_count, entry_capacity;
    cf_listed_folder *folders;
    size_t folder_count, folder_capacity;
    cf_hash_table by_file; /* folders, for the listing alone */
    cf_arena arena;
} cf_listing;

/* Where to begin: the way from the source's folder to a directory, each step a directory of the
 * base. No steps: the source's folder itself, node 0. */
typedef struct {
    uint64_t node;
    cf_bytes name;
} cf_listing_step;

typedef struct {
    const cf_listing_step *steps;
    size_t count;
    const cf_bytes *names; /* only these names in it, in order, each once; none: all of it */
    size_t name_count;
} cf_listing_start;

typedef struct {
    cf_files *files;
    const cf_folder *root;
    const cf_include *include; /* NULL: everything */
    bool everywhere;           /* lists also what is not asked for, as excluded */
    bool folds; /* several spellings are one name there: a thing has the one that it is listed as */
    bool dates; /* where a name that is asked for is missing, the directory's times are, too */
    /* Whether to list a directory that was found, too. NULL: always. Not asked where nothing below
     * can be included, unless everywhere, nor for one that is listed already. */
    bool (*descend)(void *context, const cf_listing *listing, size_t entry);
    /* Whether such a directory is watched, as each start is. NULL: it is. */
    bool (*watches)(void *context, const cf_listing *listing, size_t entry);
    /* Watches a directory, before it is listed, on the thread that reads; NULL: none is. */
    int (*watch)(cf_files *files, int watching, const cf_folder *held);
    int watching;
    /* Called with each directory that was watched, and listed, before what is in it is asked about;
     * NULL. */
    void (*enter)(void *context, const cf_listing *listing, size_t folder);
    void *context;
} cf_listing_options;

/* Lists the start and below, adding to `listing` ({0} at first). Where a step is missing or no
 * directory any more, the last directory before it is listed instead; where only names are asked
 * for, this step is. A start that is listed already is left out, and so is a name. Fails only when
 * the source's folder itself can't be used; a trouble below is the folder's. */
cf_status cf_listing_add(cf_listing *listing, const cf_listing_options *options,
                         cf_listing_start start, cf_error *error);
/* A name in a directory of the base that can't be looked for, for that directory is not where the
 * base has it: nothing is known of it. */
void cf_listing_give_up(cf_listing *listing, uint64_t node, cf_bytes name);
void cf_listing_release(cf_listing *listing);

/* Append the path from the source's folder on: raw, with slashes; nothing for that folder itself.
 */
void cf_listing_entry_path(const cf_listing *listing, size_t entry, cf_buffer *out);
void cf_listing_folder_path(const cf_listing *listing, size_t folder, cf_buffer *out);

/* ---- For files_listing_walk.c ---- */

/* The directory is among the folders, as a whole. */
bool cf_listing_has(const cf_listing *listing, const cf_stat *stat);
/* Some of its names were looked for where it was before: nothing is to be found twice. */
bool cf_listing_is_asked(const cf_listing *listing, const cf_stat *stat);
/* The answer is its index. */
size_t cf_listing_add_folder(cf_listing *listing, cf_listed_folder folder);
/* The names are to be looked for in it; of a directory in which something is found already only the
 * rest is. They are copied. */
void cf_listing_ask(cf_listing *listing, cf_listed_folder *folder, const cf_bytes *names,
                    size_t count);

#endif
