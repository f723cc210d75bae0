/* SPDX-License-Identifier: Apache-2.0 */
/* What a scan's own files share. */
#ifndef CF_PEER_SOURCES_FILES_SCAN_INSIDE_H
#define CF_PEER_SOURCES_FILES_SCAN_INSIDE_H
#include "peer/merge/node_set.h"
#include "peer/merge/node_stat.h"
#include "peer/sources/files/files_listing_walk.h"
#include "peer/sources/files/scan.h"
#include "peer/sources/files/scan_reads.h"

typedef enum {
    CF_SCAN_IS_BEGINNING,
    CF_SCAN_IS_LISTING,
    CF_SCAN_IS_IDENTIFYING,
    CF_SCAN_IS_SEEKING, /* what the identity asked for */
    CF_SCAN_IS_SYNCING,
    CF_SCAN_IS_PLACES,
    CF_SCAN_IS_CONTENTS,
    CF_SCAN_IS_SYNCING_READ, /* names of files of which only the bytes told */
    CF_SCAN_IS_OVER,
} cf_scan_phase;

/* A thing that is told with a file that is read (scan_found.c). */
typedef struct {
    size_t entry, with;
} cf_scan_late;

struct cf_scan {
    cf_scan_options options;
    cf_scan_phase phase;
    uint64_t now_ms;    /* of the last step */
    bool everywhere;    /* lists also what is not asked for */
    cf_listing listing; /* but for what is under way */
    struct cf_scan_listing *under_way;
    bool is_reading;   /* that, in a job */
    uint64_t *watched; /* by folder of the listing: the number that it is watched under; 0: none */
    size_t watched_count, watched_capacity;
    cf_scan_reads *reads;
    cf_arena arena;               /* of what lasts as long as the scan */
    cf_identity_node *whole_base; /* of a look at everything */
    size_t whole_count;
    const cf_identity_node *base; /* of the last decision; by number where any renumbers */
    size_t base_count;
    cf_look_places wider; /* directories that are looked at as a whole because the identity asked */
    size_t widened;
    cf_look_places tried; /* names that the identity asked for */
    cf_identity identity;
    cf_arena identity_arena; /* of the last decision alone */
    uint64_t *numbers;       /* by entry: its node; 0: none */
    cf_node_set told;        /* nodes that were found, and not left out */
    int64_t clock_ns;        /* the disk's, before a look at everything began; 0: it was not told */
    cf_bare_time *times;     /* of scan_entries.c: directories whose times are known, in order */
    size_t time_count;
    cf_node_set bare; /* directories from which a disk below is gone, in order: their modes may
                        be of what that was mounted over */
    cf_node_set found_bare; /* those of them that this look found */
    uint64_t below;         /* the number of what it holds; 0: nothing new */
    cf_node_set returned;   /* such numbers of which the disk is back, or a copy of it, in order; */
    cf_node_set same;       /* those where it is no copy */
    bool differs;           /* most of what a directory has, by this look: while that waits to be
                               published, it is not taken for what was seen */
    cf_node_set shown;      /* directories in which something held lies as it was, in order */
    bool *reported;         /* by entry: came in a batch, or needs none */
    cf_scan_late *late;     /* what is told with a file that is read */
    size_t late_count, late_capacity;
    bool *twice;        /* by entry, see below */
    bool *replaced;     /* the same; NULL where numbers last */
    bool any_renumbers; /* of the base, as far as it was asked */
    size_t syncing;     /* jobs of scan_names.c */
    cf_error sync_error;
    bool reads_on;      /* more is being read than is told next */
    size_t first, next; /* entries of the wave being read, or read and not reported */

    cf_arena batch_arena;
    cf_observation *observed;
    size_t observed_capacity;
    cf_node *restated;
    size_t restated_capacity;
    cf_scan_batch batch;
    cf_scan_note *notes;
    size_t note_count, note_capacity;
    cf_look_places again;
    cf_scan_unread *unread;
    size_t unread_count, unread_capacity;
    cf_scan_racy *racy;
    size_t racy_count, racy_capacity;
};

/* Begins to list what was asked for. */
void cf_scan_list(cf_scan *scan);
/* Goes on with the listing that is under way, and not in a job; false: it has ended. */
bool cf_scan_lists_on(cf_scan *scan, cf_status *status, cf_error *error);
/* The one that is under way is left to itself, with the root; nothing is waited for. */
void cf_scan_stop_listing(cf_scan *scan);
/* No places were named. */
bool cf_scan_looks_at_all(const cf_scan *scan);
/* Everything is looked at, or sought. */
bool cf_scan_is_whole(const cf_scan *scan);
/* Begins to list names of directories of the base, which are in order. */
void cf_scan_list_names(cf_scan *scan, const cf_look_places *places);
/* Adds all that the places lead to, but for what was tried. The places are in order then. */
void cf_scan_follow(const cf_scan *scan, cf_look_places *places);
/* The base's node at the place of a listed entry whose folders are all where the base has them;
 * NULL when not. */
const cf_node *cf_scan_node_in_place(const cf_scan *scan, size_t entry);
/* What the identity rules need to know of the base for what is listed, in the decision's arena, or,
 * all of it, in the scan's. */
const cf_identity_node *cf_scan_base(cf_scan *scan, size_t *count);
/* Where numbers don't last: of each listed directory that is not in its place the number of the
 * base's directory that had just what is in it, and is nowhere; 0: there is none. `base` is what is
 * known, ascending by number; a node that is nowhere has no inode number. False: there are none. */
bool cf_scan_match_members(const cf_scan *scan, const cf_identity_node *base, size_t count,
                           uint64_t *numbers);
/* Of the base as it was asked last: the node is where it was told that it was renamed to. */
bool cf_scan_was_renamed(const cf_scan *scan, uint64_t number);

/* The base's node of an entry, NULL when it is new; the number of a listed folder's,
 * UINT64_MAX where it has none: it, or one above, was moved meanwhile and not found. */
const cf_node *cf_scan_base_node(const cf_scan *scan, size_t entry);
uint64_t cf_scan_folder_number(const cf_scan *scan, size_t folder);

/* Of each entry, whether it is another sight of a file that the base has, and that has only one
 * place: where it is, only another look tells. */
void cf_scan_find_twice(const cf_scan *scan, bool *twice);

/* Of each entry, whether it may be another file than the base's, though of its size and time: for
 * where numbers don't last. */
void cf_scan_find_replaced(const cf_scan *scan, bool *replaced);

/* A listed folder's number, or, of a start that is no node's any more, that of what is left of the
 * way there. */
uint64_t cf_scan_number_again(const cf_scan *scan, size_t folder);
void cf_scan_look_again(cf_scan *scan, size_t folder);
void cf_scan_look_again_at(cf_scan *scan, size_t entry);
void cf_scan_note_unread(cf_scan *scan, size_t entry);
void cf_scan_note_racy(cf_scan *scan, size_t entry, uint32_t wait_ms);
void cf_scan_note_entry(cf_scan *scan, size_t entry, const char *reason, bool passing);

/* What is in it could not be seen: another look may. Where the disk failed that is said of what
 * lies in it, with a slash behind the directory: a look at the one above doesn't know better. */
void cf_scan_note_unlisted(cf_scan *scan, size_t folder);

/* By so many files is told which disk it is: of fewer, half are soon edited. */
enum { CF_FILES_TELLING = 4 };

/* Notes as away, and on CF_DISK_BELOW, what is gone from directories that have lost nothing. */
void cf_scan_find_below(cf_scan *scan);
/* The parts of cf_scan_find_below in scan_swapped.c: which disks are back; and, to `bare`,
 * directories where another one took the place of one before a look saw that go. */
void cf_scan_find_returned(cf_scan *scan);
void cf_scan_find_swapped(cf_scan *scan);
/* Once all is listed: when its directories were changed last. */
void cf_scan_gather_times(cf_scan *scan);
/* Nobody removed it from its directory, nor renamed anything over it. */
bool cf_scan_has_lost_nothing(const cf_scan *scan, const cf_node *node);
/* When a listed directory was changed last; NULL: nothing tells. */
const cf_bare_time *cf_scan_folder_time(const cf_scan *scan, uint64_t directory);
/* After that. What is held is not seen: something else lies in its place, or, of a directory,
 * nothing in it is seen. */
bool cf_scan_covers_held(const cf_scan *scan, const cf_finding *seen, const cf_stat *now,
                         const cf_node *node);
/* The disk with which it was held is back; what lies there is no older, which it would be in an
 * older image of that, or on a copy. */
bool cf_scan_is_back(const cf_scan *scan, const cf_node *node, const cf_stat *seen);
/* The node, with what is seen of it now, is to be written again. */
void cf_scan_restate(cf_scan *scan, const cf_node *node, const cf_node_stat *stat, uint64_t disk);

/* Starts to make durable what is new, moved or gone by name. */
void cf_scan_sync_names(cf_scan *scan);
/* Starts to make durable the names of what was read, before it is told. */
void cf_scan_sync_names_read(cf_scan *scan);
void cf_scan_await_names(cf_scan *scan);
/* The first batch: gone, moved, directories, links, all that needs no reading. */
void cf_scan_report_places(cf_scan *scan);
/* Reads on, a wave of as much as memory takes; false when there is nothing left to read. */
bool cf_scan_start_contents(cf_scan *scan);
/* A batch of what was read; the next wave is read while that is published. As above. */
bool cf_scan_report_contents(cf_scan *scan);

#endif
