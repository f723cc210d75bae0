/* SPDX-License-Identifier: Apache-2.0 */
/* A meeting: a source looks at its folder for the first time, and the base says nothing of what
 * lies there, or is older than that. What lies there is compared with all that the log knows of its
 * place. What others had there before is only old: the base takes it as if this device had shown
 * that version then, so that the plan brings the folder up to date as that of any device that was
 * away.
 *
 *   "a" has v1 here, the log v1, v2, v3 of it:   the base takes v1, the plan replaces it by v3
 *   "b" has v1 here, in the log it was deleted:  the base takes v1, the plan deletes it
 *   "c" has v1 here, in the log it is "d" now:   the base takes v1 at "c", the plan moves it
 *   "e" has what the log never had:              nothing; it is new, or a conflict, as ever */
#ifndef CF_PEER_SOURCES_FILES_MEETING_H
#define CF_PEER_SOURCES_FILES_MEETING_H
#include "peer/bindings/binding.h"
#include "peer/log/past.h"
#include "peer/merge/diff.h"

typedef enum {
    CF_MET_NOT,     /* the log never had this there */
    CF_MET_OLDER,   /* it had, and has it no more, or somewhere else */
    CF_MET_DELETED, /* it was deleted, and what it holds can be had elsewhere */
    CF_MET_WAITS,   /* the same, but the broker has to be asked whether it has that */
} cf_met;

/* A thing at a place; `shown` is what the view shows there, or NULL. */
typedef struct {
    uint8_t kind;
    cf_bytes name, content;
    const cf_id *within; /* the directories that ever were where it lies, */
    size_t within_count; /* so many */
    const cf_shown *shown;
    uint64_t number; /* of its node, to be */
    cf_folder *root; /* of the source */
} cf_met_thing;

typedef struct {
    cf_peer *peer;
    cf_collection *collection;
    const cf_nodes *base;
    const cf_past *past;
} cf_meeting;

/* What it is. `*node`, where it was there: what the base takes, but for number, parent, stat, mode
 * and mtime, which are the caller's; in the arena. `*there`: a directory whose group is to be
 * planned because of it. */
cf_met cf_meet(const cf_meeting *meeting, const cf_met_thing *thing, cf_arena *arena, cf_node *node,
               cf_id *there);

/* The directories that ever were at a place: `at` is ascending, none twice. */
typedef struct {
    cf_id *at;
    size_t count;
} cf_met_directories;
/* Those that ever were called that in one of `within`, and `known`, the ones that are. */
cf_met_directories cf_met_directories_at(const cf_past *past, const cf_met_directories *within,
                                         cf_bytes name, const cf_id *known, size_t known_count,
                                         cf_arena *arena);

/* A node of a base that is older than what it tells of, because the home went back: what lies there
 * is what this device had told the others since. False: it is not; `*node` is what the base has.
 * Else that becomes as it was told then. */
bool cf_meet_again(const cf_meeting *meeting, const cf_finding *finding,
                   const cf_met_directories *within, cf_arena *arena, cf_node *node);

#endif
