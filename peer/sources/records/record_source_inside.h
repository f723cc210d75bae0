/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a record source share: when to look (record_source.c), one run
 * (record_source_look.c), and in it publishing and applying. */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_SOURCE_INSIDE_H
#define CF_PEER_SOURCES_RECORDS_RECORD_SOURCE_INSIDE_H
#include "codec/hash_table.h"
#include "peer/adapters/record_format.h"
#include "peer/log/past.h"
#include "peer/records/record_diff.h"
#include "peer/records/row_index.h"
#include "peer/records/row_ties.h"
#include "peer/sources/records/medium.h"
#include "peer/sources/records/record_include.h"
#include "peer/sources/records/record_refusals.h"
#include "peer/sources/records/record_values.h"
#include "peer/sources/records/record_source.h"
#include "peer/sources/context/probe.h"

typedef struct {
    cf_source_context *context;
    cf_binding *binding;
    cf_medium *medium;
    cf_probe *probe;
    cf_record_values *values;
    bool look, look_only; /* of the next look */
    bool checks;          /* at the next step, whether it was written to: then it is looked at */
    bool agrees;          /* it only looks, but what is equal becomes the base */
    bool asked, looked;
    bool looks_now; /* the last look was one that only looks */
    bool recovered; /* what a crash, or a write that failed, may have left was seen to */
    bool settled;   /* nothing is intended, as cf_record_run_intend says */
    uint64_t not_before_ms, poll_ms, retry_ms;
    uint64_t rested_ms; /* until then nobody looks only because something was written */
    int tries;          /* looks in a row because it was not at rest */
    cf_delete_word word;
    uint64_t changes, guarded; /* those of the collection, and of locks, that were heeded */
    bool cut_told;             /* its file is cut short, and that is no program writing it */
    bool held_back;            /* something, because another has it locked */
    cf_pendings found, notes;  /* by the look under way, and the last one */
    cf_status trouble;
    char trouble_text[CF_ERROR_TEXT];
    uint64_t applied;
    cf_buffer awaited; /* one of the contents that rows wait for until the broker has it */
    cf_rows *unsaid;   /* of the view: what the last write could not say beside what is there */
    cf_buffer schema;  /* that the last look went by, as a value */
    uint64_t schema_changes; /* of the catalog, that were heeded */
    cf_buffer columns;     /* [name…] that others have made, and its file gets at the next look */
    bool columns_unended;  /* it had no last line end when these were found */
    bool has_columns_kept; /* which its file goes without: it was looked at before */
    bool emptied_known, keeps_emptied; /* whether CF_TABLE_EMPTIED has something of it */
    uint64_t unmerged; /* the collection's changes when no list could be merged any more */
} cf_record_source;

enum { CF_RECORD_RETRY_MS = 5000 };
/* What a user can do about it, behind the reason; empty where the reason says so. */
static inline const char *cf_record_advice(cf_status why)
{
    return why == CF_FULL ? "; make room, and it is tried again" : "";
}

/* A column that is new to the source, or to some of its rows still. */
typedef struct {
    cf_bytes table, field;
    cf_bytes preset; /* what every row was given there by itself; nothing: no one value */
    bool whole;      /* every row; else those of these keys, ascending */
    const cf_bytes *keys;
    size_t key_count;
} cf_new_column;

/* All in the arena of the look. */
typedef struct {
    bool known;                  /* it was looked up */
    const cf_row_format *before; /* NULL: nobody knows, or it has room for all */
    cf_bytes kept;
    cf_new_column *columns;
    size_t count;
} cf_record_held;

/* One look. All lives in the arena or in what it names. */
typedef struct {
    cf_record_source *source;
    uint64_t now_ms;
    bool look_only;
    bool agrees; /* it only looks, but what is equal becomes the base */
    cf_collection *collection;
    cf_schema schema;       /* of the collection, as far as it is known */
    cf_forgotten forgotten; /* of that, and of its columns */
    cf_schema own;          /* that a database had when the collection's took over what it has */
    cf_medium_content content;
    cf_rows_as_read as_read; /* in the content's rows identities stand for long values */
    cf_row_index here;       /* what is shown */
    cf_tied_rows tied;       /* the same, by what ties others to it; filled when it is asked */
    cf_record_held held;
    bool *filled;         /* rows as read that lack what the content's have; NULL: none */
    cf_rows *seen;        /* the base without what was never shown; NULL: all of it was */
    bool *renewed;        /* rows that became as they are shown; NULL: nobody asks */
    cf_rows *troubled;    /* the places that are in trouble */
    bool *ignored;        /* rows that are none of ours; NULL: none is */
    bool *astray;         /* rows of the base that refer to such a one now */
    const cf_row **known; /* by row: which of the base it is, until that is another; NULL while none
                             is astray */
    uint8_t *stays;       /* rows that stay as they are, whatever was done elsewhere */
    cf_hash_table blocked; /* rows of the view that can't be shown because of that */
    bool as_base;          /* it shows just what the base says: nothing was done to it */
    cf_id *doubts;         /* items of the base's rows to which something was done */
    size_t doubt_count;
    bool cut;                    /* its file is cut short: nothing new is put into it, ... */
    bool cut_passes;             /* ... which may be over in a moment */
    bool wrote, wrote_end;       /* the file was written, and ends in a line end */
    bool unrest;                 /* something passes: look again soon */
    cf_record_refusals refusals; /* of the last one that wrote */
    cf_row_view *view;
    cf_past *past;                 /* while the source meets its collection; else NULL */
    cf_record_selection selection; /* of the view */
    cf_kv_list records;
    cf_arena arena;
} cf_record_run;

/* The collection's schema, and what the medium has more than that (record_source_schema.c); false:
 * nothing more can be done in this run. */
bool cf_record_run_know_schema(cf_record_run *run);
cf_status cf_record_run_read_schema(cf_record_run *run, cf_error *error);
bool cf_record_run_meet_schema(cf_record_run *run);
/* Whether the schema is another one than that of the last look. */
bool cf_record_source_schema_changed(cf_record_source *source);
/* How a file that is made is laid out, as the first source told it; to be known before the medium
 * is read. And this one tells it, if it is the first (record_source_schema.c). */
cf_status cf_record_run_know_layout(cf_record_run *run, cf_error *error);
cf_status cf_record_run_tell_layout(cf_record_run *run, cf_error *error);
/* Says of what the source had that it has it no more, and of what it has that it is not forgotten;
 * rows of tables that nobody has any more go from the base (record_source_forgotten.c). */
cf_status cf_record_run_tell_forgotten(cf_record_run *run, cf_error *error);
/* Lists what `--include` asks for, and there is not; and that rows are not asked for any more. */
void cf_record_run_note_unmatched(cf_record_run *run);
void cf_record_run_note_unasked(cf_record_run *run, size_t rows);
/* Lists where a database's tables are not those of the collection; needs the view. */
void cf_record_run_note_differences(cf_record_run *run);
/* Whether its fields are columns that have their names in the file. */
bool cf_record_run_has_columns(const cf_record_run *run);
/* Lists something of a whole column, or of a member of all objects. */
void cf_record_run_note_column(cf_record_run *run, cf_pending_kind kind, cf_bytes field,
                               const char *reason);
/* Rows of the view that are asked for, have something in the field and have a place here: a
 * document's own members, and rows whose key is made of more or fewer columns, have none in a CSV
 * file. NULL: with or without it. */
size_t cf_record_run_count_said(const cf_record_run *run, cf_bytes table, const cf_bytes *field);
/* record_source_columns.c: before the file is read, and once it is known what others have. */
void cf_record_run_give_columns(cf_record_run *run);
void cf_record_run_find_columns(cf_record_run *run);
/* Looks up what the source had room for, and tells the medium. */
cf_status cf_record_run_know_held(cf_record_run *run, cf_error *error);
/* Gives the rows what the base has in columns that are new to the source. */
void cf_record_run_fill(cf_record_run *run);
/* Whether the source has the table again, which it had not when it last was made to show anything
 * (record_source_held.c). */
bool cf_record_run_is_back(const cf_record_run *run, cf_bytes table);
/* Rows of such tables that are gone are forgotten, so that they are not taken for deleted. */
void cf_record_run_forget_gone(cf_record_run *run);
/* With what is committed next they are new only where nothing was said of them yet. */
void cf_record_run_keep_held(cf_record_run *run);
/* What the base has in the field, which the source never showed, is nothing that its user knows
 * (record_source_held.c). */
void cf_record_run_forget_unseen(cf_record_run *run, const cf_row *base, cf_bytes field);
/* Says so of the whole source; CF_OK: it has no trouble any more. */
void cf_record_run_trouble(cf_record_run *run, cf_status status, const char *text);

/* Looks, publishes and applies what may be. A failure is one of the peer's store. */
cf_status cf_record_source_run(cf_record_source *source, uint64_t now_ms, cf_look_kind kind,
                               cf_error *error);
/* Until when to rest after a look: a multiple of what it took. */
uint64_t cf_record_source_rest(uint64_t began_ms, uint64_t ended_ms);
/* Nothing of the row of this place is known: it is in trouble. */
bool cf_record_run_troubles(const cf_record_run *run, cf_bytes table, cf_bytes key);
/* Finds out whether the file is cut short (record_source_cut.c), and says so; once its rows are
 * placed. */
void cf_record_run_find_cut(cf_record_run *run);
/* With what is committed next it is known whether its last line had an end. */
void cf_record_run_keep_ended(cf_record_run *run);
/* Makes the view of the state as it is now, and says which of it is asked for here. */
void cf_record_run_view(cf_record_run *run);
/* The row of the view that is to be shown here; NULL: there is none. */
const cf_row *cf_record_run_shown(const cf_record_run *run, cf_bytes table, cf_bytes key);
/* Finds the rows of the source that are none of ours (record_source_ignored.c): new here, and not
 * asked for, or referring to such a one. To be called once what is here is known. */
void cf_record_run_find_ignored(cf_record_run *run);
size_t cf_record_run_count_ignored(const cf_record_run *run);
/* `row` is one of the source's; or what has this key here is such a row. */
bool cf_record_run_ignores(const cf_record_run *run, const cf_row *row);
bool cf_record_run_ignores_at(const cf_record_run *run, cf_bytes table, cf_bytes key);
/* The row here that is tied to by what a row says; NULL: none. */
const cf_row *cf_record_run_tied(cf_record_run *run, const cf_row_tie *tie, const cf_row *row);
/* A row of the base that refers to such a one, and did not: that is not published. */
bool cf_record_run_is_astray(const cf_record_run *run, const cf_row *row);
/* What the others are told of it. False: the format doesn't hold its table. */
bool cf_record_run_told(cf_record_run *run, const cf_row *row, cf_arena *arena, cf_row *out);
void cf_record_run_note_astray(cf_record_run *run);
/* Any row here is of one of these two kinds. */
bool cf_record_run_leaves_any(const cf_record_run *run);
/* Finds what can't be brought here because of such rows (record_source_blocked.c): rows here that
 * stay as they are, rows of the view that can't be shown. Needs the view as it is from then on. */
void cf_record_run_find_blocked(cf_record_run *run);
/* This row of the view waits for its long values: the row here in whose place it comes keeps that,
 * and so does the row that it is, if it is another. False: it is there already. To be called before
 * the blocked are found again. */
bool cf_record_run_keep_places(cf_record_run *run, const cf_row *viewed);
bool cf_record_run_stays(const cf_record_run *run, const cf_row *here);
bool cf_record_run_is_blocked(const cf_record_run *run, const cf_row *viewed);
void cf_record_run_note_blocked(cf_record_run *run);
/* False: the row of the base goes from here only, and waits until the broker has its long values
 * (record_source_blocked.c). */
bool cf_record_run_may_leave(cf_record_run *run, const cf_row *base);
/* The last look let a row wait, and needn't now. */
bool cf_record_source_has_awaited(const cf_record_source *source);
/* A row of the view that the source neither shows nor is to show. */
bool cf_record_run_hides(const cf_record_run *run, const cf_row *viewed);
/* Both say the same, or there are neither: of a row of the base, which says what was shown; of a
 * row of the view, which may have more than that. */
bool cf_record_run_same(cf_record_run *run, const cf_row *disk, const cf_row *base);
bool cf_record_run_shows(cf_record_run *run, const cf_row *disk, const cf_row *viewed);
/* The row of the view as the base takes it: what the format says of it, and what it has no room
 * for. It is shown by the source's row `here`, or anew. */
cf_row cf_record_run_based(cf_record_run *run, const cf_row *viewed, const cf_row *expressed);
cf_row cf_record_run_based_here(cf_record_run *run, const cf_row *viewed, const cf_row *here);
/* What a row of this place is called; appended. */
void cf_record_run_path(const cf_record_run *run, const cf_row_place *place, cf_buffer *path);
void cf_record_note(cf_record_run *run, cf_pending_kind kind, const cf_row_place *place,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The same, of any length. */
void cf_record_note_text(cf_record_run *run, cf_pending_kind kind, const cf_row_place *place,
                         const char *reason);
/* Of the source as a whole. */
void cf_record_note_whole(cf_record_run *run, cf_pending_kind kind, const char *reason);
/* What keeps from publishing now, and how to list it; NULL: nothing. */
const char *cf_record_run_silence(cf_record_run *run, cf_pending_kind *kind);
/* Another device has a record locked: any, this one. */
bool cf_record_run_any_locked(const cf_record_run *run);
bool cf_record_run_is_locked(const cf_record_run *run, const cf_row *base);
/* Lists what was done to it, and that it is not published until that is over. */
void cf_record_run_note_locked(cf_record_run *run, const cf_row *base);
/* What its user says of deletions: for once, or for the source. */
static inline cf_delete_word cf_record_source_word(const cf_record_source *source)
{
    return source->word.given ? source->word : source->binding->limit;
}
/* Whether nothing that is done here is ever published: by its mode, or by the device's role. */
static inline bool cf_record_run_receives(const cf_record_run *run)
{
    return run->source->binding->mode == CF_MODE_RECEIVE ||
           cf_peer_only_reads(run->source->context->peer);
}
/* Merges lists that two devices changed apart, and publishes that (record_source_lists.c). */
cf_status cf_record_run_merge_lists(cf_record_run *run, cf_error *error);
/* Whether what was done to it together is to be seen together: a database's transactions. */
static inline bool cf_record_run_is_transactional(const cf_record_run *run)
{
    return run->content.schema != NULL;
}
/* Whether `base` is a document of which too much is gone in `other`, what stands in its place here
 * or is shown of it elsewhere (record_source_emptied.c); NULL: nothing is. Lists that. */
bool cf_record_run_is_emptied(cf_record_run *run, const cf_row *base, const cf_row *other,
                              cf_guard_fields *out);
void cf_record_run_note_emptied(cf_record_run *run, cf_guard_side side, const cf_row *base,
                                const cf_guard_fields *fields);
/* No column is held any more since too many of its values are gone. */
void cf_record_run_end_cleared(cf_record_run *run);
/* Puts a row into the base. */
void cf_record_run_put(cf_record_run *run, const cf_row *row);
/* Writes the records gathered, if there are any. */
cf_status cf_record_run_commit(cf_record_run *run, cf_error *error);

/* Lists rows that no source can show, with what they lack (record_source_unshown.c). */
void cf_record_run_note_held_back(cf_record_run *run);
/* What the medium refused is kept with what is committed next; later looks that only look list it
 * with its reason: false, that it was not refused as it is now. */
void cf_record_run_keep_refusals(cf_record_run *run, const cf_medium_outcome *outcome);
void cf_record_run_load_refusals(cf_record_run *run);
/* What the medium could not be made to say is tried once more, without what is only still there. */
void cf_record_run_keep_unsaid(cf_record_run *run, const cf_medium_outcome *outcome);
/* What the source's row `here`, or NULL, has beside what there are words for: what the row of the
 * view may keep of it (cf_row_express). */
const cf_row *cf_record_run_beside(cf_record_run *run, const cf_row *viewed, const cf_row *here);
bool cf_record_run_note_refused(cf_record_run *run, cf_bytes table, cf_bytes key);
/* Lists what the medium refused to show; a row that gives way to another one under the name of one
 * that is hidden (record_clash.h). */
void cf_record_run_note_unshown(cf_record_run *run, cf_pending_kind kind, const cf_row_place *place,
                                const char *reason);

/* What a look that syncs found out, kept for one that only looks; no bytes: nothing, or it can't be
 * had: then only the reasons are missing. */
cf_bytes cf_record_run_kept(cf_record_run *run, cf_table_letter table);
/* Adds to `records` what becomes of it; false: it is kept already. */
bool cf_record_run_keep(cf_record_run *run, cf_table_letter table, cf_bytes now,
                        cf_kv_list *records);

/* What waits is kept, with its reasons; a later look that only looks tells them of what it finds
 * (record_source_waits.c). */
void cf_record_run_keep_waits(cf_record_run *run);
void cf_record_run_tell_waits(cf_record_run *run);

/* What the base becomes. */
typedef struct {
    const cf_row *puts;
    size_t put_count;
    const cf_row_place *drops; /* of the base */
    size_t drop_count;
} cf_record_agreement;
/* Keeps, durably, what the base becomes by a write; to be called before that. */
cf_status cf_record_run_intend(cf_record_run *run, const cf_record_agreement *agreement,
                               cf_error *error);
/* With what is committed next, nothing is intended any more. */
void cf_record_run_settled(cf_record_run *run);
/* What was intended and is shown is agreed, whatever became of it elsewhere since. */
cf_status cf_record_run_take_intended(cf_record_run *run, cf_error *error);

/* What the source's row says was true once (record_source_old.c): of the row that is shown in its
 * place; of one that was there and was deleted; or, where the home went back, of what the base has
 * it was told since, in part perhaps. `*out` is what the base takes. */
bool cf_record_run_is_old(cf_record_run *run, const cf_row *here, const cf_row *shown, cf_row *out);
bool cf_record_run_is_deleted(cf_record_run *run, const cf_row *here, cf_row *out);
bool cf_record_run_was_told(cf_record_run *run, const cf_row *here, const cf_row *base,
                            cf_row *out);
/* What the base takes of a row that is another one's, and different here: nobody has seen here what
 * it has there instead, so that it is no edit of that when it is published. */
cf_row cf_record_run_changed_here(cf_record_run *run, const cf_row *here, const cf_row *shown);
cf_status cf_record_run_know_past(cf_record_run *run, unsigned meets, cf_peer *peer,
                                  cf_error *error);

/* Takes for agreed what both sides have, or had. */
void cf_record_run_adopt(cf_record_run *run);
/* The same, and publishes what the user did. */
cf_status cf_record_run_publish(cf_record_run *run, cf_error *error);
/* Publishes that rows made apart are one, which say the same, if the source's user said so; to be
 * called before anything is applied (record_source_alike.c). */
cf_status cf_record_run_make_one(cf_record_run *run, cf_error *error);
/* Brings what others did to the medium. */
cf_status cf_record_run_apply(cf_record_run *run, cf_error *error);
/* What hangs on rows of the base and is hidden (record_source_family.c). The first is to be called
 * before anything is applied, the other when the base is what was. */
void cf_record_run_find_doubts(cf_record_run *run);
void cf_record_run_keep_family(cf_record_run *run);
/* Only names it. */
void cf_record_run_tell(cf_record_run *run);
/* The same of a source that only sends, and takes none of it. */
void cf_record_run_tell_untaken(cf_record_run *run);

#endif
