/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a folder as a source share: the order of things (files_source.c), the root,
 * looking, what is noted of a look, and applying. */
#ifndef CF_PEER_SOURCES_FILES_FILES_SOURCE_INSIDE_H
#define CF_PEER_SOURCES_FILES_FILES_SOURCE_INSIDE_H
#include "peer/bindings/pending_tree.h"
#include "peer/merge/node_set.h"
#include "peer/sources/context/probe.h"
#include "peer/sources/files/apply.h"
#include "peer/sources/files/debounce.h"
#include "peer/sources/files/files_source.h"
#include "peer/sources/files/older_copy.h"
#include "peer/sources/files/publish.h"
#include "peer/sources/files/renames.h"
#include "peer/sources/files/scan.h"
#include "peer/sources/files/waits.h"

enum { CF_SOURCE_AGAIN_MS = 15, CF_SOURCE_REOPEN_MS = 5000 };

/* A node that a look did not find, with its directory: the base forgets it when the part that says
 * it is gone is published. */
typedef struct {
    uint64_t number, parent;
    bool counts;    /* and is told now, */
    bool is_left;   /* or with what has its place, which is read first, */
    bool is_filled; /* or when what was in this directory has left it, too */
    uint64_t as;    /* a draft: the node in whose place its file is, which is read first; 0 */
} cf_gone_node;

typedef struct cf_files_source {
    cf_source_context *context;
    cf_binding *binding;
    cf_probe *probe;
    cf_applying *applying;
    cf_scan *scan;
    cf_debounce *debounce;
    cf_renames *renames;

    bool look_all, look_only; /* of the next look */
    bool agrees;              /* it only looks, but what is equal becomes the base */
    cf_absence absence;       /* of what was anywhere */
    cf_look_places places;    /* to look at next */
    uint64_t not_before_ms;
    int tries;         /* looks in a row because something had just changed */
    int blocked;       /* runs of apply in a row that found the disk not as the base has it */
    bool checks_place; /* of the root, at the next step */
    bool looked, looks_now;
    bool agreed; /* the last look was one that agrees */
    bool asked;  /* by a round; without a watch nothing is done before */
    uint64_t rescan_ms;
    uint64_t poll_ms; /* CF_DEBOUNCE_NEVER: it is not polled */
    cf_delete_word word;

    bool scanning_all, scanning_only, scanning_agrees;
    cf_absence scanning_absence;
    cf_look_places scanned; /* of the look under way */
    cf_node_set missing; /* nodes that were not there at the last look; they count if they are not
                           there again */
    cf_node_set seen_missing;
    uint64_t postponed_ms;  /* since when what is missing waits until it is known how many go; 0 */
    uint64_t awaited_ms;    /* the same of what was deleted elsewhere */
    cf_node_set held;       /* in order: that are missing, and not told because they are too many;
                              until each is seen again, or may go */
    bool judge_held;        /* once more, since they are fewer */
    cf_identity_away *away; /* ascending: that are missing with the disk on which they were, until
                               each is seen again, may go, or is missing where that disk lies */
    size_t away_count;
    cf_gone_node *gone; /* that the look under way did not find, ascending by number */
    size_t gone_count;
    struct cf_taker *takers; /* that the look under way found, in order of their places */
    size_t taker_count, taker_capacity;
    cf_node_set left; /* what was moved, and the first part of the look under way did not tell of */
    cf_node_set left_before; /* the same of the look before; both ascending */
    cf_node_set waiting;  /* new directories, and what was moved, ascending, that the look under way
                            found in a place of which nothing is told yet */
    cf_look_places taken; /* in order: these places, and those of what is new and waits */
    size_t filled, filled_before; /* of them, directories that wait for what the base has in them;
                                     at the last look */
    bool confirm;                 /* look again at once, at the same places: something seems to be
                                     gone; */
    cf_look_places confirmed;     /* or at these */

    char resting_text[96];         /* of a file that changes without rest */
    char disk_text[CF_ERROR_TEXT]; /* why nothing can be put on it, as `serve` told; empty */
    cf_pendings waits;     /* why what is shown was not put into its place when it was tried last */
    bool keeps_waits;      /* as this process found */
    cf_pendings found;     /* by the scan under way */
    cf_pending_tree notes; /* by the last one */
    cf_pending_tree unseen; /* by the last one at everything: what lies there, and below, was passed
                               over; looks at some places don't change that */
    cf_status trouble;
    char trouble_text[CF_ERROR_TEXT];
    bool reopen;            /* the root, as soon as nothing is being put there */
    bool is_older;          /* the last look at everything found an older copy there, and told it */
    uint64_t older_wait_ms; /* so long after it all of it is looked at again */
    cf_older_copy_verdict age; /* of the last look at everything */
    bool rests;                /* nothing of its disk is open; what lies there may be another one */
    uint64_t reopen_ms, applied;
    uint64_t guarded;   /* the changes of locks that were heeded */
    bool guards_again;  /* something was put there since */
    bool held_back;     /* something, because another has it locked */
    uint64_t retry_ms;  /* when what could not be applied is tried again; 0: never */
    int retries;        /* in a row */
    uint64_t owed_ms;   /* when what is owed is tried again */
    cf_past *past;      /* of the collection, in a look at which the folder is met */
    bool met_all;       /* since the root was held, all of the folder was looked at */
    bool awaits_broker; /* what was deleted elsewhere goes once the broker is known to have it */
    cf_ids unmerged;    /* directories in which there may be conflict copies to be merged */
} cf_files_source;

/* ---- The root ---- */

/* A folder that is held stays the same wherever it is moved: what its path leads to may be another
 * one by now. */
bool cf_files_source_is_root_in_place(const cf_files_source *source);
/* Opens it, now and then, if it is not held; before anything is looked at, what was under way there
 * is settled. False: it can't be had, which is noted. */
bool cf_files_source_hold_root(cf_files_source *source, uint64_t now_ms);
/* The disk on which the base's copies lie is there: without it the source waits. */
bool cf_files_source_has_base(const cf_files_source *source);
/* Nothing is to be done there: what is open of its disk is closed, unless somebody works there. */
void cf_files_source_rest(cf_files_source *source);
/* After that: whether the root is still the one. */
bool cf_files_source_is_root_itself(const cf_files_source *source);
/* Nothing is held there any more; who works in it ends first. */
void cf_files_source_let_root_go(cf_files_source *source);

/* ---- Looking ---- */

/* Plans the looks that the watch's events and the time ask for. */
void cf_files_source_take_due(cf_files_source *source, uint64_t now_ms);
bool cf_files_source_wants_look(const cf_files_source *source, uint64_t now_ms);
void cf_files_source_start_scan(cf_files_source *source, uint64_t now_ms);
/* Goes on with the scan, publishing what it finds; none is under way when it has ended. */
cf_status cf_files_source_step_scan(cf_files_source *source, uint64_t now_ms, cf_error *error);

/* Why nothing of what was found here is published; NULL: nothing forbids it. */
const char *cf_files_source_silence(cf_files_source *source);

/* Look at it; of several words about what is missing there the strongest holds. */
void cf_files_source_look_at(cf_files_source *source, uint64_t folder, cf_bytes name,
                             cf_absence absence);
void cf_files_source_look_at_all(cf_files_source *source, cf_absence absence);

/* ---- What is not where it was ---- */

#define CF_SOURCE_CALM_MS 5000       /* so long nothing has come: no more comes */
#define CF_SOURCE_POSTPONED_MS 30000 /* so long, if more and more goes, nothing of it is judged */

/* Of what this part of a look found, all that counts: what is missing from its place, because it is
 * gone or is somewhere else now, has to be so for a while, at two looks in a row, at everything if
 * no watch sees all, and not too much may be gone at once; what is new or somewhere else now has to
 * be in a directory that is known or counts, too, and that does not wait, and not in the place of
 * something that is missing and does not count. `*out` has arrays of its own, which the caller
 * frees. */
void cf_files_source_judge(cf_files_source *source, const cf_scan_batch *batch, uint64_t now_ms,
                           cf_scan_batch *out);
/* The part of it for `*count` nodes that are gone: which of them may be told, with all that was
 * found missing. They are put first, and counted; what may not is held, or waits. */
void cf_files_source_judge_missing(cf_files_source *source, const cf_scan_batch *found,
                                   uint64_t now_ms, uint64_t *gone, size_t *count);
/* What is there again, or gone elsewhere too, is not held any more. */
void cf_files_source_forget_unheld(cf_files_source *source);
/* What is still held, after others came back or went, may be few enough to go: it is looked at. */
void cf_files_source_look_at_held(cf_files_source *source);
/* The part of it for what has to wait until something else is told. */
void cf_files_source_judge_placed(cf_files_source *source, const cf_scan_batch *batch,
                                  cf_scan_batch *judged);
/* Among those that the look under way did not find; NULL: it is there. */
cf_gone_node *cf_files_source_find_gone(const cf_files_source *source, uint64_t number);
/* Where it was, or the directory in which it was that went from one which is still there. */
cf_look_place cf_files_source_place_left(const cf_files_source *source, const cf_node *node);
/* What to make of what is missing there, now. */
cf_absence cf_files_source_absence_at(const cf_files_source *source, const cf_look_place *place);
/* Before the first part of a look is judged: what it found in the place of something else. */
void cf_files_source_find_takers(cf_files_source *source);
/* The node that lay elsewhere before; NULL: it is new, or was there, or is a directory, which is no
 * backup of another one. */
const cf_node *cf_files_source_moved_from(const cf_files_source *source, const cf_finding *finding);
/* Something that is no directory left its place, and another thing is there. */
bool cf_files_source_is_taken(const cf_files_source *source, const cf_node *was);
/* Of what is gone, or was moved away. */
cf_absence cf_files_source_absence_of(const cf_files_source *source, const cf_node *node);
/* What is gone, or was moved, and was taken the place of by what the first part of a look doesn't
 * tell is left to the part that does, whose judgement begins with what is gone; `told->gone` is the
 * caller's to free. */
void cf_files_source_leave_to_takers(cf_files_source *source, cf_scan_batch *told);
void cf_files_source_take_left(const cf_files_source *source, const cf_scan_batch *batch,
                               cf_scan_batch *told);
/* Seen to be missing; true: for the second time in a row. Else there is another look, at its place
 * and, if it was found, at that. */
bool cf_files_source_confirm_missing(cf_files_source *source, const cf_node *node,
                                     const cf_finding *found);
/* What was found and not kept, to be published now, waits with all that is in it, and with what
 * took its place. */
void cf_files_source_note_waiting(cf_files_source *source, const cf_scan_batch *found,
                                  const cf_scan_batch *kept);
/* That what is held is, and how that ends; in the arena. */
const char *cf_files_source_held_text(const cf_files_source *source, const uint64_t *missing,
                                      size_t count, cf_arena *arena);
/* A look begins; is over. */
void cf_files_source_begin_judging(cf_files_source *source);
void cf_files_source_end_judging(cf_files_source *source);

/* ---- What is noted of a look ---- */

void cf_files_source_note_awaits(void *source, const cf_observation *seen);
void cf_files_source_note_wait(void *source, const cf_observation *seen, cf_upload_answer why);
void cf_files_source_note_found(cf_files_source *source, const cf_observation *seen,
                                cf_pending_kind kind, const char *reason);
void cf_files_source_note_node(cf_files_source *source, uint64_t number, cf_pending_kind kind,
                               const char *reason);
/* What is not published; `reason` NULL: because this only looks. */
void cf_files_source_note_batch(cf_files_source *source, const cf_scan_batch *batch,
                                const char *reason, uint64_t now_ms);
/* What is not published because nothing may be, and was not agreed. */
void cf_files_source_note_kept(cf_files_source *source, const cf_publishing *publishing,
                               const cf_scan_batch *batch, const char *why);
/* What the scan that ends has found takes the place of what was noted there before. */
void cf_files_source_renew_notes(cf_files_source *source);

/* Takes out of what was found what is missing where another file system lies than the one on which
 * it was seen last, and holds it; not if the user has said that it may go. */
void cf_files_source_hold_disks(cf_files_source *source, cf_arena *arena, cf_scan_batch *batch);
void cf_files_source_tell_away(const cf_files_source *source, cf_pendings *pendings);
/* Of what was missing before the look under way: nothing that this look saw says otherwise. */
bool cf_files_source_is_still_missing(const cf_files_source *source, uint64_t number);

/* ---- What others have locked ---- */

bool cf_files_source_guard_is_due(const cf_files_source *source);
cf_status cf_files_source_guard(cf_files_source *source, cf_error *error);
/* Takes out of what was found what is not to be published now. */
void cf_files_source_hold(cf_files_source *source, cf_arena *arena, cf_scan_batch *batch);

/* ---- Texts that are merged ---- */

/* Groups changed: if the user wants texts merged, their conflict copies are looked at. */
void cf_files_source_note_conflicts(cf_files_source *source, const cf_id *directories,
                                    size_t count);
bool cf_files_source_may_merge(const cf_files_source *source);
/* Publishes what can be made of them. A failure leaves the peer unusable. */
cf_status cf_files_source_merge(cf_files_source *source, uint64_t now_ms, cf_error *error);

/* ---- Status ---- */

/* As cf_source_operations has them; `self` is a cf_files_source. */
size_t cf_files_source_count_held(const void *self);
bool cf_files_source_is_behind(const void *self);
void cf_files_source_tell(void *self, cf_pendings *pendings, const char *sending,
                          cf_binding_status *out);

/* ---- Applying ---- */

bool cf_files_source_may_apply(const cf_files_source *source);
/* Of what was to be put here, all that is not. What a source that only sends takes no more counts
 * no more. */
cf_pending_counts cf_files_source_count_left(const cf_files_source *source);
/* Of a source that only sends: finds out what is otherwise elsewhere; what keeps it from that is
 * pending. */
void cf_files_source_compare(cf_files_source *source, cf_pendings *pendings);
/* Wakes what could not be applied, when it is due. */
void cf_files_source_retry(cf_files_source *source, uint64_t now_ms);
/* One that only looks ends at once. */
cf_status cf_files_source_begin_applying(cf_files_source *source, uint64_t now_ms, cf_error *error);
cf_status cf_files_source_step_applying(cf_files_source *source, uint64_t now_ms, cf_error *error);
/* Waits for all that it has begun. */
void cf_files_source_finish_applying(cf_files_source *source);

#endif
