/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a source: what of it is not in sync and why, and what is in conflict. */
#ifndef CF_PEER_BINDINGS_BINDING_REPORT_H
#define CF_PEER_BINDINGS_BINDING_REPORT_H
#include "peer/bindings/binding.h"

struct cf_record_conflict; /* peer/sources/records/record_conflicts.h */

typedef enum {
    CF_PENDING_UNSENT,    /* done here, not in the log yet */
    CF_PENDING_UNAPPLIED, /* done elsewhere, not on the disk yet */
    CF_PENDING_NOT_TAKEN, /* done elsewhere, and not taken by a source that only sends: others wait
                             for none of it; also called unapplied */
    CF_PENDING_WAITS,     /* for a broker, a key, a writer to close, an upload, a download */
    CF_PENDING_HELD,      /* a mass delete done here, which needs the user's word */
    CF_PENDING_SPARED,    /* the same done elsewhere, not here yet; also called held */
    CF_PENDING_AWAY,      /* missing with the disk that it was on; also called held */
    CF_PENDING_SKIPPED,   /* can't be synced, or failed */
    CF_PENDING_LOCKED,    /* done here, while another has the lock */
    CF_PENDING_LEFT_OUT,  /* isn't synced, and needn't be: all else is in sync without it */
    CF_PENDING_KINDS,
} cf_pending_kind;

/* Why a thing of the kind NOT_TAKEN is not. */
#define CF_ONLY_SENDS "this source only sends"
/* Why one of the kind WAITS does where too much would travel for it (peer/engine/metered.h). */
#define CF_WAITS_METERED "it waits: this network is metered"
#define CF_WAITS_PAUSED "it waits: another device communicates alone"

/* How many there are of each kind. */
typedef struct {
    size_t of[CF_PENDING_KINDS];
} cf_pending_counts;
/* Of these, that wait for the user's word. */
static inline size_t cf_pending_counts_held(const cf_pending_counts *counts)
{
    return counts->of[CF_PENDING_HELD] + counts->of[CF_PENDING_SPARED] +
           counts->of[CF_PENDING_AWAY];
}
/* With one of these, what others did is not all here as yet. */
static inline bool cf_pending_counts_behind(const cf_pending_counts *counts)
{
    return counts->of[CF_PENDING_UNAPPLIED] || counts->of[CF_PENDING_WAITS] ||
           counts->of[CF_PENDING_HELD] || counts->of[CF_PENDING_SPARED];
}

typedef struct {
    cf_pending_kind kind;
    cf_bytes path; /* raw, from the source's root */
    const char *reason;
    size_t order;   /* in which it was found; for who sorts */
    uint64_t moved; /* the node that lies at the path now, of another place; 0: none, or unsaid */
    uint64_t gone;  /* the node that is missing there; the same */
    bool tried;     /* to put it there, in vain: the reason says why */
} cf_pending;

typedef struct {
    cf_bytes path;
    cf_hash device;                         /* who wrote the copy, or the value that is not shown */
    cf_dot written;                         /* the entry in which that was */
    const struct cf_record_conflict *field; /* NULL: it is a copy of a file */
    cf_bytes free;                          /* the name of that file, if nothing has it any more */
} cf_conflict;

typedef struct {
    const cf_binding *binding;
    size_t items; /* in the base */
    const cf_pending *pending;
    size_t pending_count;
    const cf_conflict *conflicts;
    size_t conflict_count;
    cf_status trouble; /* CF_OK; else why the source can't be used */
    const char *trouble_text;
    const char *lock;  /* "locked by desk until 15:02": all of it, by another; NULL */
    bool is_kept_back; /* by a lock of another: what is at the broker, or is to go there */
} cf_binding_status;

/* How what is on the disk of a source compares with its collection. */
typedef struct {
    size_t equal, different, only_here, only_there;
    size_t older;    /* others had this here before, and have something newer now */
    size_t deleted;  /* or have it no more */
    size_t modes;    /* of the equal ones, those whose mode is another */
    size_t meeting;  /* of the different ones, rows of one number that somebody counted up */
    size_t named;    /* of these, those of tables that have a natural key here */
    size_t left_out; /* tables and columns of the source that aren't synced, and needn't be */
} cf_comparison;

#endif
