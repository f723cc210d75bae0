/* SPDX-License-Identifier: Apache-2.0 */
/* How things stand, as `status` and `sync` show it: per source what is in sync and what is not. */
#ifndef CF_PEER_COMMANDS_OVERVIEW_H
#define CF_PEER_COMMANDS_OVERVIEW_H
#include "codec/error.h"
#include "peer/account/notes.h"
#include "peer/engine/limits.h"
#include "peer/program/verb.h"

#include <stdbool.h>

typedef struct {
    bool repair;      /* 7: something kept here is damaged */
    bool stop;        /* 8: a safety stop */
    bool denied;      /* 6: not allowed */
    bool unreachable; /* 5: the broker, while something needs it */
    bool locked;      /* 9: by another */
    bool failed;      /* 1: skipped, failed, or not in sync */
    bool conflicts;   /* 4: copies lie there */
} cf_exit_standing;

/* What a status means for the standing; CF_OK changes nothing. */
void cf_exit_standing_add(cf_exit_standing *standing, cf_status status);
int cf_exit_standing_exit_code(const cf_exit_standing *standing);

/* A PATH that the user named: only what is in it is shown. */
typedef struct {
    const cf_binding *binding;
    cf_bytes path; /* raw, from the source's root, or of a record or its field; empty: all of it */
    cf_bytes row;  /* the record of such a field; what concerns it as a whole is shown, too */
    const char *named;   /* as the user called it */
    const char *unknown; /* nothing has been heard of it as yet, called so by the user; NULL */
} cf_overview_filter;

typedef struct {
    const char *name; /* of the collection */
    cf_binding_status status;
    const char *advice; /* what ends it that the source is not in sync; NULL: a sync does, or the
                           reasons say it */
    bool is_taken_off;  /* the collection was taken off the list: that is its trouble */
} cf_overview_source;

typedef struct {
    const char *device;
    const char *address; /* of the broker; NULL: none is set */
    cf_broker_status broker;
    uint64_t next_try_s; /* until then, where `serve` tries again; 0: nobody does */
    cf_limits limits;
    cf_metered_status metered;
    bool carries;
    cf_carried_shown carried; /* as a relay, where it carries */
    cf_overview_source *sources;
    size_t count;
    const cf_note *notes;
    size_t note_count;
    bool tells_disks; /* to people */
    bool asks;        /* whether the broker is there is known: else nobody asked */
} cf_overview;

/* What is known now, in the arena. With filters only their sources, and only what lies in them;
 * with collections only theirs. */
typedef struct {
    const cf_overview_filter *filters;
    size_t filter_count;
    const cf_id *collections;
    size_t collection_count;
} cf_overview_options;
cf_status cf_overview_take(const cf_run *run, const cf_overview_options *options, cf_arena *arena,
                           cf_overview *out, cf_error *error);

/* Something is shown of what the filter asks for. */
bool cf_overview_tells(const cf_overview *overview, const cf_overview_filter *filter);

bool cf_overview_source_in_sync(const cf_overview_source *source);
bool cf_overview_in_sync(const cf_overview *overview);
/* With `tried` the broker's trouble counts by itself; else only where something waits for it. */
cf_exit_standing cf_overview_standing(const cf_overview *overview, bool tried);

enum { CF_OVERVIEW_LISTED = 100 }; /* of a source and a kind, for people */

json_t *cf_overview_json(const cf_overview *overview, cf_peer *peer);
void cf_overview_print(const cf_overview *overview, cf_peer *peer, const cf_output *output);
/* On stderr, and only what went wrong, as `-q` has it. */
void cf_overview_say(const cf_overview *overview, const cf_output *output);

#endif
