/* SPDX-License-Identifier: Apache-2.0 */
/* One run of `add`: what the user wants, as it becomes clear (add.c), of which collection
 * and beside which others (addition_collection.c), what its columns stand for (addition_map.c,
 * addition_columns.c), the place that is to be a source (addition_place.c), whether it is of the
 * format at all (addition_likeness.c), and what is said of it (addition_told.c). Nobody else
 * includes this. */
#ifndef CF_PEER_COMMANDS_ADDITION_INSIDE_H
#define CF_PEER_COMMANDS_ADDITION_INSIDE_H
#include "peer/commands/catching_up.h"
#include "peer/program/verb.h"

typedef struct {
    cf_run *run;
    cf_peer *peer;
    cf_engine *engine;
    cf_arena arena;
    cf_learning *learning;
    cf_error unasked; /* why the broker could not be; CF_OK: it was, or there is none */
    const char *path; /* absolute */
    const char *name; /* of the collection */
    cf_format format;
    cf_format holds;      /* whose collections hold the same */
    const char *base_dir; /* NULL: its base lies in the home */
    cf_base_place place;  /* that was made there, */
    bool has_place;       /* and is the source's */
    bool waits;           /* for what uses the source that it was before */
    const char *map;      /* NULL: columns stand for themselves */
    const char **keys;
    size_t key_count;
    bool is_folder;
    bool is_image; /* it can't be written to */
    bool is_made;  /* a database that isn't there, as another one of the collection is laid out */
    bool is_new;
    cf_id collection;
    cf_id instance;
    const cf_binding **beside; /* the collection's sources here before, */
    size_t beside_count;       /* so many */
    cf_binding *binding;
    cf_comparison found;
    cf_round *round; /* that agrees on what is equal; NULL: nothing can be */
    bool counts_up;  /* the keys of its records are numbers that somebody counts up */
} cf_addition;

/* Finds the collection, or that it is a new one. CF_USAGE: it holds something else. */
cf_status cf_addition_choose_collection(cf_addition *self, cf_error *error);
/* CF_MISSING, with the names that there are. */
cf_status cf_addition_say_missing(cf_addition *self, cf_error *error);

/* What `--map` says. CF_USAGE names file and line. */
cf_status cf_addition_read_map(cf_addition *self, cf_error *error);
/* Once it is known what the collection holds: the map and the keys that the source will have. */
cf_status cf_addition_choose_map(cf_addition *self, cf_error *error);
/* The same of a CSV file with these bytes, also where nothing is said of it and its header tells.
 */
cf_status cf_addition_choose_columns(cf_addition *self, cf_bytes bytes, cf_error *error);
/* Whether its records are contacts, events or tasks, as another format has them. */
bool cf_addition_is_translated(const cf_addition *self);

/* CF_USAGE, CF_CHANGED: it can't be a source. */
cf_status cf_addition_check_place(cf_addition *self, cf_error *error);
/* Of records, that what is there can be read. CF_USAGE: it looks like another format. */
cf_status cf_addition_check_records(cf_addition *self, cf_error *error);
/* A file could not be read so, because of `*error`, or (CF_OK) no record is in it. CF_USAGE says
 * what it looks like; where it is like what was said, the status given, and its error. */
cf_status cf_addition_refuse_unlike(const cf_addition *self, cf_status why, cf_error *error);
/* Makes what is missing of it, or checks what is there. */
cf_status cf_addition_prepare_place(cf_addition *self, cf_error *error);
/* Fails and says as that would, and makes nothing. */
cf_status cf_addition_rehearse_place(cf_addition *self, cf_error *error);

/* The source whose folder the one at `path` is, known by the instance id that lies in it, and that
 * is not at its own place any more; NULL: there is none. Owned by the engine. */
cf_binding *cf_source_find_moved(const cf_run *run, const char *path);
/* The source is at `path` (absolute) from now on; says so. */
cf_status cf_source_move(cf_run *run, cf_binding *binding, const char *path, cf_error *error);

void cf_addition_tell(const cf_addition *self);
/* What a device that could not ask the broker should know of what it did. */
void cf_addition_say_unasked(const cf_addition *self);

#endif
