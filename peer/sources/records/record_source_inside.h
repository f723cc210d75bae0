/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a record source share: the source, which lives as long as it is added and knows
 * when to look (record_source.c); and one run, which is one look at it (record_source_look.c), with
 * publishing and applying in it. */
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
    bool look, look_only; /* a look is wanted; one that only looks */
    bool checks;          /* the next step asks the medium whether it was written to */
    bool agrees;          /* the look only looks, but what is equal becomes the base */
    bool asked, looked;   /* anybody asked for a look; there was one */
    bool looks_now;       /* the last look only looked */
    bool recovered;       /* what a crash, or a write that failed, may have left is put right */
    bool settled;         /* no intent is kept (cf_record_run_intend) */
    uint64_t not_before_ms, poll_ms, retry_ms;
    uint64_t rested_ms;        /* until then nobody looks only because something was written */
    int tries;                 /* looks in a row because the medium was not at rest */
    cf_delete_word word;       /* the user's, for the next look */
    uint64_t changes, guarded; /* of the collection, and of locks, that the last look knew of */
    bool cut_told;             /* the file is cut short, and no program is writing it */
    bool held_back;            /* something was not published, as another device has it locked */
    cf_pendings found, notes;  /* what the look under way lists, and what the last one did */
    cf_status trouble;
    char trouble_text[CF_ERROR_TEXT];
    uint64_t applied;
    cf_buffer awaited; /* a content that the broker lacks, for which a row waits to leave */
    cf_rows *unsaid;   /* of the view: what the last write could not say beside what is there */
    cf_buffer schema;  /* that the last look went by, packed */
    uint64_t schema_changes; /* of the catalog, that the schema was last compared with */
    cf_buffer columns;     /* [name…] that others have made, and the file gets at the next look */
    bool columns_unended;  /* the file had no last line end when these were found */
    bool has_columns_kept; /* it is kept which columns the file goes without */
    bool emptied_known, keeps_emptied; /* whether CF_TABLE_EMPTIED has columns that are held */
    uint64_t unmerged; /* the collection's changes when no list could be merged any more */
} cf_record_source;

enum { CF_RECORD_RETRY_MS = 5000 };
/* What a user can do about a failure, to be put behind its reason; mostly nothing. */
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

/* What the source had room for when it was last looked at, and which columns are new since; all in
 * the arena of the run. */
typedef struct {
    bool known;                  /* what the source has room for now is to be kept */
    const cf_row_format *before; /* NULL: nobody knows, or the medium has room for all */
    cf_bytes kept;               /* as it is kept in the home */
    cf_new_column *columns;
    size_t count;
} cf_record_held;

/* What the base's row of the item has in a field, and the source never showed. */
typedef struct {
    cf_id item;
    cf_row_field field;
} cf_unseen_field;

/* Which row of the base a row of the file is, as the base was when that was found out: by now the
 * base may have dropped that row, or have it elsewhere. */
typedef struct {
    cf_row_place place; /* no table: the row of the file is new */
    cf_id item;
} cf_known_row;

/* One look at the source. What is in it lives in its arena, or in what the comment names. */
typedef struct {
    cf_record_source *source;
    uint64_t now_ms;
    bool look_only;
    bool agrees; /* the run only looks, but what is equal becomes the base */
    cf_collection *collection;
    cf_schema schema;       /* of the collection */
    cf_forgotten forgotten; /* tables and columns of it that nobody has any more */
    cf_schema own;          /* of the database, when the collection's last took over its tables */
    cf_medium_content content; /* what the medium shows: the rows that are called the file's */
    cf_rows_as_read as_read;   /* the same with long values, where the content's have identities */
    cf_row_index here;         /* the file's rows by table and key */
    cf_tied_rows tied;         /* the same by what ties others to them; filled when it is asked */
    cf_record_held held;
    bool *filled;  /* of the file's rows: the file is to say more than was read; NULL: none */
    cf_rows *seen; /* what cf_record_run_seen() made last; NULL: nothing */
    cf_unseen_field *unseen; /* what was never shown when the file was read; not in the arena */
    size_t unseen_count, unseen_capacity;
    bool *renewed;       /* of the file's rows: they became as they are shown; NULL: nobody asks */
    cf_rows *troubled;   /* the places that can't be read */
    bool *ignored;       /* of the file's rows: they are none of ours; NULL: none is */
    bool *astray;        /* of the file's rows: the base has them, and they refer to ignored ones */
    cf_known_row *known; /* of the file's rows: which of the base each is; NULL: none is astray */
    uint8_t *stays;      /* of the file's rows: whether they stay as they are (a cf_row_fate) */
    cf_hash_table blocked; /* rows of the view that can't be shown because of rows that stay */
    bool as_base;          /* the medium shows just what the base says: nothing was done to it */
    cf_id *doubts;         /* items of the base's rows to which something was done */
    size_t doubt_count;
    bool cut;                    /* the file is cut short: nothing new is put into it, ... */
    bool cut_passes;             /* ... which may be over in a moment */
    bool wrote, wrote_end;       /* the file was written, and ends in a line end */
    bool unwritten;              /* it could not be, and is listed as a whole */
    bool unrest;                 /* something passes by itself: look again soon */
    cf_record_refusals refusals; /* of the last look that wrote */
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
 * is read. The second tells that, where this source is the first (record_source_schema.c). */
cf_status cf_record_run_know_layout(cf_record_run *run, cf_error *error);
cf_status cf_record_run_tell_layout(cf_record_run *run, cf_error *error);
/* Tells which tables and columns the source lost, and which it has though others call them
 * forgotten; rows of tables that nobody has any more go from the base (record_source_forgotten.c).
 */
cf_status cf_record_run_tell_forgotten(cf_record_run *run, cf_error *error);
/* Lists patterns of `--include` that match nothing; that so many rows are not asked for any more.
 */
void cf_record_run_note_unmatched(cf_record_run *run);
void cf_record_run_note_unasked(cf_record_run *run, size_t rows);
/* Lists where a database's tables are not those of the collection; needs the view. */
void cf_record_run_note_differences(cf_record_run *run);
/* Whether the source is a CSV file without a map: its fields are columns with their own names. */
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
/* Looks up what the source had room for, and tells the medium (record_source_held.c). */
cf_status cf_record_run_know_held(cf_record_run *run, cf_error *error);
/* Gives the rows what the base has in columns that are new to the source. */
void cf_record_run_fill(cf_record_run *run);
/* Whether the source has the table again, which it had not when it last was made to show anything,
 * or all of the source was made anew (record_source_held.c). */
bool cf_record_run_is_back(const cf_record_run *run, cf_bytes table);
/* Of tables that are back the base forgets rows that are gone: they don't count as deleted. */
void cf_record_run_forget_gone(cf_record_run *run);
/* Keeps, with what is committed next, to which rows columns are still new. */
void cf_record_run_keep_held(cf_record_run *run);
/* The base as the source showed it: without what others wrote in a column that the source had no
 * room for. Who wrote something else into that column, once it was new, never saw what the base has
 * there, so both values stay, and one of them is listed. It is made of the base as the base is when
 * this is called, and lives until the next call; where all was shown it is the base itself
 * (record_source_held.c). */
const cf_rows *cf_record_run_seen(cf_record_run *run);
/* The trouble that the whole source is in; CF_OK: in none any more. */
void cf_record_run_trouble(cf_record_run *run, cf_status status, const char *text);

/* Looks, publishes and applies what may be. A failure is one of the peer's store. */
cf_status cf_record_source_run(cf_record_source *source, uint64_t now_ms, cf_look_kind kind,
                               cf_error *error);
/* Until when to rest after a look: a multiple of what it took. */
uint64_t cf_record_source_rest(uint64_t began_ms, uint64_t ended_ms);
/* A row of this place is in the medium, and can't be read. */
bool cf_record_run_troubles(const cf_record_run *run, cf_bytes table, cf_bytes key);
/* Finds out whether the file is cut short (record_source_cut.c), and lists it; once its rows are
 * placed. */
void cf_record_run_find_cut(cf_record_run *run);
/* Keeps, with what is committed next, whether the last line had an end. */
void cf_record_run_keep_ended(cf_record_run *run);
/* Makes the view of the state as it is now, and says which of it is asked for here. */
void cf_record_run_view(cf_record_run *run);
/* The row of the view that is to be shown here; NULL: there is none. */
const cf_row *cf_record_run_shown(const cf_record_run *run, cf_bytes table, cf_bytes key);
/* Finds the rows of the file that are ignored (record_source_ignored.c): new here, and not asked
 * for, or referring to such a row. To be called once rows are placed. */
void cf_record_run_find_ignored(cf_record_run *run);
size_t cf_record_run_count_ignored(const cf_record_run *run);
/* Whether this row of the file is ignored; or what has this key here is such a row. */
bool cf_record_run_ignores(const cf_record_run *run, const cf_row *row);
bool cf_record_run_ignores_at(const cf_record_run *run, cf_bytes table, cf_bytes key);
/* The row here that is tied to by what a row says; NULL: none. */
const cf_row *cf_record_run_tied(cf_record_run *run, const cf_row_tie *tie, const cf_row *row);
/* Whether this row of the file, which the base has, refers to an ignored one, and did not before:
 * that is not published. */
bool cf_record_run_is_astray(const cf_record_run *run, const cf_row *row);
/* What the others are told of a row that is astray. False: nothing, as the format doesn't hold its
 * table, or the base has no row any more that the row of the file could be. */
bool cf_record_run_told(cf_record_run *run, const cf_row *row, cf_arena *arena, cf_row *out);
void cf_record_run_note_astray(cf_record_run *run);
/* Any row here is ignored, or astray. */
bool cf_record_run_leaves_any(const cf_record_run *run);
/* Finds what can't be brought here (record_source_blocked.c): rows here that stay as they are, rows
 * of the view that can't be shown because of these. Needs the view as it is from then on. */
void cf_record_run_find_blocked(cf_record_run *run);
/* This row of the view waits for its long values: the row here in whose place it comes stays there,
 * and so does the row here that it is, if that is another. False: it is in its place already. To be
 * called before the blocked rows are found again. */
bool cf_record_run_keep_places(cf_record_run *run, const cf_row *viewed);
bool cf_record_run_stays(const cf_record_run *run, const cf_row *here);
bool cf_record_run_is_blocked(const cf_record_run *run, const cf_row *viewed);
void cf_record_run_note_blocked(cf_record_run *run);
/* False: the row of the base goes from here only, and waits until the broker has its long values
 * (record_source_blocked.c). */
bool cf_record_run_may_leave(cf_record_run *run, const cf_row *base);
/* The last look let a row wait to leave, and the next one needn't. */
bool cf_record_source_has_awaited(const cf_record_source *source);
/* A row of the view that the source neither shows nor is to show. */
bool cf_record_run_hides(const cf_record_run *run, const cf_row *viewed);
/* Whether both rows say the same, or there is neither: the first with a row of the base, which says
 * what was shown; the second with a row of the view, which may have more than that. */
bool cf_record_run_same(cf_record_run *run, const cf_row *disk, const cf_row *base);
bool cf_record_run_shows(cf_record_run *run, const cf_row *disk, const cf_row *viewed);
/* The row of the view as the base takes it: what the format says of the row, and what the format
 * has no room for. The first where the row is written, the second where `here` shows it. */
cf_row cf_record_run_based(cf_record_run *run, const cf_row *viewed, const cf_row *expressed);
cf_row cf_record_run_based_here(cf_record_run *run, const cf_row *viewed, const cf_row *here);
/* What people call a row of this place; appended. */
void cf_record_run_path(const cf_record_run *run, const cf_row_place *place, cf_buffer *path);
void cf_record_note(cf_record_run *run, cf_pending_kind kind, const cf_row_place *place,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Lists a row with a reason of any length. */
void cf_record_note_text(cf_record_run *run, cf_pending_kind kind, const cf_row_place *place,
                         const char *reason);
/* Lists the source as a whole. */
void cf_record_note_whole(cf_record_run *run, cf_pending_kind kind, const char *reason);
/* What keeps from publishing now, and how to list it; NULL: nothing. */
const char *cf_record_run_silence(cf_record_run *run, cf_pending_kind *kind);
/* Another device has a record locked: any of the collection; this one. */
bool cf_record_run_any_locked(const cf_record_run *run);
bool cf_record_run_is_locked(const cf_record_run *run, const cf_row *base);
/* Lists that what was done to the locked row is not published until the lock is over. */
void cf_record_run_note_locked(cf_record_run *run, const cf_row *base);
/* The user's word for deletions: for this look, or else for the source. */
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
/* Whether what was done to rows together is to be seen together: a database's transactions. */
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

/* What is kept of the source in one table of the home. No bytes: nothing, or it can't be read; then
 * `status` lacks reasons, or something is found out anew. */
cf_bytes cf_record_run_kept(cf_record_run *run, cf_table_letter table);
/* Keeps this instead, no bytes: nothing; added to `records`. False: that is kept already. */
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
/* Whether any of a row that is different here was true once. In any case `*out` is what the base
 * takes of the row that is shown: nobody has seen here what it has instead of what is new, so that
 * this is no edit of that when it is published. */
bool cf_record_run_is_old_in_part(cf_record_run *run, const cf_row *here, const cf_row *shown,
                                  cf_row *out);
cf_status cf_record_run_know_past(cf_record_run *run, unsigned meets, cf_peer *peer,
                                  cf_error *error);

/* Takes for agreed what both sides have, or had (record_source_adopt.c). */
void cf_record_run_adopt(cf_record_run *run);
/* Does that, and publishes what else the user did. */
cf_status cf_record_run_publish(cf_record_run *run, cf_error *error);
/* Publishes that rows made apart are one, which say the same, if the source's user said so; to be
 * called before anything is applied (record_source_alike.c). */
cf_status cf_record_run_make_one(cf_record_run *run, cf_error *error);
/* Brings what others did to the medium. */
cf_status cf_record_run_apply(cf_record_run *run, cf_error *error);
/* Rows that the source doesn't show and that hang on rows of the base (record_source_family.c).
 * find_doubts is to be called before anything is written here; keep_family, which notes which of
 * their writes this device knows, once the base has become what was written. */
void cf_record_run_find_doubts(cf_record_run *run);
void cf_record_run_keep_family(cf_record_run *run);
/* Only lists what others did. */
void cf_record_run_tell(cf_record_run *run);
/* Lists what others did, of a source that only sends, and takes none of that. */
void cf_record_run_tell_untaken(cf_record_run *run);

#endif
