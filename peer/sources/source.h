/* SPDX-License-Identifier: Apache-2.0 */
/* A source at work: a folder of files, or records. What the engine asks of any. */
#ifndef CF_PEER_SOURCES_SOURCE_H
#define CF_PEER_SOURCES_SOURCE_H
#include "peer/sources/context/source_context.h"

/* Of the sort that the binding's format asks for. */
cf_source cf_source_open(cf_source_context *context, cf_binding *binding);
/* From now on it asks nobody for anything: before those whom it asks end, while whose jobs are
 * waited for what it began ends, too. */
void cf_source_end(cf_source *source);
void cf_source_close(cf_source *source);

/* Look at everything. One that is kept in sync all the time does that, whatever the look is for,
 * unless that is to catch up; but when it is looked at for the first time, what is equal is agreed
 * before anything else. */
void cf_source_look(cf_source *source, cf_look_kind kind, cf_delete_word word, uint64_t now_ms);
/* What held back what was found here is over: look once more, if that was looked at. */
void cf_source_look_again(cf_source *source, uint64_t now_ms);
/* The word that came with a look holds no longer. */
void cf_source_end_word(cf_source *source);
/* Look at one directory; what is missing there counts later, if something watches. */
void cf_source_look_at_folder(cf_source *source, uint64_t folder);
/* Look at all names of this file; false: the base has none. */
bool cf_source_look_at_file(cf_source *source, const cf_stat *file);
/* The watch saw something happen to this name in it; no name: to the directory itself. */
void cf_source_changed(cf_source *source, uint64_t folder, cf_bytes name, cf_event_kind kind,
                       uint64_t now_ms);
/* The watch saw that what was at one place is at the other. */
void cf_source_renamed(cf_source *source, const cf_look_place *from, const cf_look_place *to);
/* Groups of its collection changed. */
void cf_source_mark(cf_source *source, const cf_group *group);
/* A download that it asked for has ended. */
void cf_source_came(cf_source *source);
/* A broker came, or may be asked again: try again what waited. */
void cf_source_wake(cf_source *source);
/* Its path or root changed: open it again. */
void cf_source_reopen(cf_source *source);
/* The clock was set by so much. Back: what is due later is due as much later as it was. Forth: what
 * is under way has not lasted longer by that. */
void cf_source_clock_set(cf_source *source, int64_t by_ms);

cf_status cf_source_step(cf_source *source, uint64_t now_ms, uint64_t *deadline, cf_error *error);
/* Something is under way or due now. */
bool cf_source_busy(const cf_source *source, uint64_t now_ms);
/* Nothing is under way, and what is to be looked at next is not yet, since it is written to all the
 * time. */
bool cf_source_rests(const cf_source *source, uint64_t now_ms);
/* A look that agrees is not over. */
bool cf_source_agrees(const cf_source *source);

/* Adds what is pending to the list; fills the rest of `out`. `sending` says how it goes with what
 * is being sent. */
void cf_source_status(const cf_source *source, cf_pendings *pendings, const char *sending,
                      cf_binding_status *out);
/* How much of what is pending waits for the user's word. */
size_t cf_source_held(const cf_source *source);
/* What others did is not all here as yet. */
bool cf_source_behind(const cf_source *source);
uint64_t cf_source_applied(const cf_source *source);
/* What of the base shows one of these writes, which count no longer, is forgotten. */
void cf_source_forget(cf_source *source, cf_is_undone *is_undone, const void *context,
                      cf_kv_list *records);

#endif
