/* SPDX-License-Identifier: Apache-2.0 */
/* Sources as commands name them. */
#ifndef CF_PEER_COMMANDS_SOURCES_H
#define CF_PEER_COMMANDS_SOURCES_H
#include "peer/log/catalog.h"
#include "peer/program/verb.h"

/* The binding whose source is this path (absolute), or that has this collection; NULL when none is.
 */
cf_binding *cf_source_at(cf_engine *engine, const char *path);
cf_binding *cf_source_of_collection(cf_engine *engine, const cf_id *collection);
/* The one that is this path, if its collection was taken off the list; else NULL. */
cf_binding *cf_source_taken_off(const cf_run *run, const char *path);
/* The one that the user named; CF_MISSING. */
cf_status cf_source_named(const cf_run *run, const char *name, cf_binding **out, cf_error *error);
/* The same where a SOURCE is wanted: by its path, else by its collection's name. CF_USAGE: that has
 * several sources here, which are named. */
cf_status cf_source_wanted(const cf_run *run, const char *name, cf_binding **out, cf_error *error);
/* Of these the one whose collection is called so; NAME// is the same. */
cf_status cf_source_of_name(cf_peer *peer, cf_binding *const *bindings, size_t count,
                            const char *name, cf_binding **out, cf_error *error);
/* A collection by its name: one that is on the list, else one that was taken off it and still has a
 * source here. CF_MISSING, CF_CHANGED as of cf_catalog_find. */
cf_status cf_source_find_collection(const cf_run *run, const char *name, cf_arena *arena,
                                    cf_catalog_collection *out, cf_error *error);
/* Where no source was found by a name, the error is that its collection was taken off the list, if
 * it was; else it stays. */
void cf_source_explain_missing(const cf_run *run, const char *name, cf_error *error);
/* What may be added, where nothing is. */
void cf_source_say_none(const cf_run *run);
/* The source that a PATH lies in, and the rest of the path from there (raw; empty: the source
 * itself), in the arena. A symbolic link is itself, not what it points to. CF_MISSING. */
cf_status cf_source_of_path(const cf_run *run, const char *path, cf_arena *arena, cf_binding **out,
                            cf_bytes *rest, cf_error *error);
/* Takes `.counterfoil/` away from a folder that was a source, where it still is that one: another
 * folder in its place is none of ours. */
cf_status cf_source_release(const cf_env *env, const char *path, const cf_id *instance,
                            cf_error *error);
/* What the disk of a source of files keeps, and does not, as JSON; null: it was not tried. */
json_t *cf_source_disk_json(const cf_binding *binding);
/* The same in a line, with `before` before it; nothing where it keeps everything. */
void cf_source_print_disk(const cf_output *output, const char *before, const cf_binding *binding);
/* That it is polled by itself, and how often, the same way; nothing where it is not, or where its
 * user said how often. */
void cf_source_print_poll(const cf_output *output, const char *before, const cf_binding *binding);
/* ", --poll 30s" where its user said so. */
enum { CF_SOURCE_POLL_TEXT = CF_POLL_TEXT + 16 };
void cf_source_poll_text(const cf_binding *binding, char text[CF_SOURCE_POLL_TEXT]);
/* Whether `path` is `folder` or lies in it. */
bool cf_path_is_in(const char *path, const char *folder);

/* What --include asks for in a folder of files, before a source gets it: CF_UNSAFE where that is
 * none of all that is there, and no --yes was given. `is_new`: its collection is to be made. And
 * which columns of a database are named: CF_USAGE where one can't be what was said. */
cf_status cf_source_check_asked(const cf_run *run, cf_binding *trial, bool is_new, cf_error *error);

/* Options of a binding, for `add` and `set`. */
#define CF_SOURCE_OPTIONS                                                                          \
    {"base", 0, "full|leaves|auto", "what is kept of the last state: its bytes, or hashes only"},  \
        {"base-dir", 0, "DIR|default", "where the bytes of the last state lie, on another disk"},  \
        {"mode", 0, "both|send|receive", "which way it is synced"},                                \
        {"max-delete", 0, "N|P%|default", "how many deletions at once need no word"},              \
        {"poll", 0, "T|default", "how often to look, though nothing told of a change; 0: never"},  \
        {"merge", 0, "text|copies", "what becomes of edits of one text that were made apart"},     \
        {"exclude", 0, "TABLE|default", "of a database: without this table; may be given often"},  \
        {"last", 0, "TABLE.COLUMN|default", "of a database: the later value counts, no conflict"}, \
        {"natural-key", 0, "TABLE.COLUMN|default",                                                 \
         "of a database: rows made apart with one text in it are one, whatever their numbers"},    \
        {"unique", 0, "same|apart",                                                                \
         "of a database: rows made apart with one text in a unique column, if nothing differs"},   \
    {                                                                                              \
        "include", 0, "PATTERN", "only what matches; may be given often"                           \
    }
/* Overlays what the user chose; lists are in the arena. */
cf_status cf_source_choose(const cf_run *run, cf_arena *arena, cf_binding_options *out,
                           cf_error *error);

#endif
