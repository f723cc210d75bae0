/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a record source share: when to look (record_source.c), one run
 * (record_source_look.c), and in it publishing and applying. */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_SOURCE_INSIDE_H
#define CF_PEER_SOURCES_RECORDS_RECORD_SOURCE_INSIDE_H
#include "peer/adapters/record_format.h"
#include "peer/records/record_scan.h"
#include "peer/records/row_index.h"
#include "peer/sources/records/medium.h"
#include "peer/sources/records/record_include.h"
#include "peer/sources/records/record_values.h"
#include "peer/sources/records/record_source.h"

typedef struct {
    cf_workshop *workshop;
    cf_binding *binding;
    cf_medium *medium;
    cf_record_values *values;
    bool look, look_only; /* of the next look */
    bool asked, looked;
    bool looks_now; /* the last look was one that only looks */
    bool recovered; /* what a crash may have left was seen to */
    bool settled;   /* nothing is intended, as cf_record_run_intend says */
    uint64_t not_before_ms, poll_ms, retry_ms;
    uint64_t began_ms;  /* the last look, until the next step; 0: that was seen to */
    uint64_t rested_ms; /* until then nobody looks only because something was written */
    int tries;          /* looks in a row because it was not at rest */
    cf_delete_word word;
    uint64_t changes, guarded; /* those of the collection, and of locks, that were heeded */
    bool held_back;            /* something, because another has it locked */
    cf_pendings found, notes;  /* by the look under way, and the last one */
    cf_status trouble;
    char trouble_text[CF_ERROR_TEXT];
    uint64_t applied;
    cf_buffer schema;        /* that the last look went by, as a value */
    uint64_t schema_changes; /* of the catalog, that were heeded */
} cf_record_source;

enum { CF_RECORD_RETRY_MS = 5000 };

/* One look. All lives in the arena or in what it names. */
typedef struct {
    cf_record_source *source;
    uint64_t now_ms;
    bool look_only;
    cf_collection *collection;
    cf_schema schema; /* of the collection, as far as it is known */
    cf_medium_content content;
    cf_rows_as_read as_read; /* in the content's rows identities stand for long values */
    cf_row_index here;       /* what is shown */
    bool *filled;            /* rows as read that lack what the content's have; NULL: none */
    bool held_grew;          /* the source has room for other columns than it is known to have */
    bool unfilled;           /* such a row was left as it is */
    cf_rows *troubled;       /* the places that are in trouble */
    bool as_base;            /* it shows just what the base says: nothing was done to it */
    cf_id *doubts;           /* items of the base's rows to which something was done */
    size_t doubt_count;
    bool unrest; /* something passes: look again soon */
    cf_row_view *view;
    cf_record_selection selection; /* of the view */
    cf_records records;
    cf_arena arena;
} cf_record_run;

/* The collection's schema, and what the medium has more than that (record_source_schema.c); false:
 * nothing more can be done in this run. */
bool cf_record_run_know_schema(cf_record_run *run);
bool cf_record_run_meet_schema(cf_record_run *run);
/* Whether the schema is another one than that of the last look. */
bool cf_record_source_schema_changed(cf_record_source *source);
/* Lists what `--include` asks for, and there is not; and that rows are not asked for any more. */
void cf_record_run_note_unmatched(cf_record_run *run);
void cf_record_run_note_unasked(cf_record_run *run, size_t rows);
/* Lists where a database's tables are not those of the collection; needs the view. */
void cf_record_run_note_differences(cf_record_run *run);
/* Gives the rows what the base has in columns that are new to the source. */
cf_status cf_record_run_fill(cf_record_run *run, cf_error *error);
/* With what is committed next they are new no more. */
void cf_record_run_keep_held(cf_record_run *run);
/* Says so of the whole source; CF_OK: it has no trouble any more. */
void cf_record_run_trouble(cf_record_run *run, cf_status status, const char *text);

/* Looks, publishes and applies what may be. A failure is one of the peer's store. */
cf_status cf_record_source_run(cf_record_source *source, uint64_t now_ms, bool look_only,
                               cf_error *error);
/* Until when to rest after a look: a multiple of what it took. */
uint64_t cf_record_source_rest(uint64_t began_ms, uint64_t ended_ms);
/* Nothing of the row of this place is known: it is in trouble. */
bool cf_record_run_troubles(const cf_record_run *run, cf_bytes table, cf_bytes key);
/* Makes the view of the state as it is now, and says which of it is asked for here. */
void cf_record_run_view(cf_record_run *run);
/* The row of the view that is to be shown here; NULL: there is none. */
const cf_row *cf_record_run_shown(const cf_record_run *run, cf_bytes table, cf_bytes key);
/* A row of the source that is none of ours: new here, and not asked for. */
bool cf_record_run_ignores(const cf_record_run *run, const cf_row *row);
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
void cf_record_note(cf_record_run *run, cf_pending_kind kind, const cf_row_place *place,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Of the source as a whole. */
void cf_record_note_whole(cf_record_run *run, cf_pending_kind kind, const char *reason);
/* What keeps from publishing now, and how to list it; NULL: nothing (record_source_locks.c). */
const char *cf_record_run_silence(cf_record_run *run, cf_pending_kind *kind);
/* Another device has a record locked: any, this one. */
bool cf_record_run_any_locked(const cf_record_run *run);
bool cf_record_run_is_locked(const cf_record_run *run, const cf_row *base);
/* Lists what was done to it, and that it is not published until that is over. */
void cf_record_run_note_locked(cf_record_run *run, const cf_row *base);
/* Whether what was done to it together is to be seen together: a database's transactions. */
static inline bool cf_record_run_is_transactional(const cf_record_run *run)
{
    return run->content.schema != NULL;
}
/* Puts a row into the base. */
void cf_record_run_put(cf_record_run *run, const cf_row *row);
/* Writes the records gathered, if there are any. */
cf_status cf_record_run_commit(cf_record_run *run, cf_error *error);

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

/* Takes for agreed what both sides have. */
void cf_record_run_adopt(cf_record_run *run);
/* The same, and publishes what the user did. */
cf_status cf_record_run_publish(cf_record_run *run, cf_error *error);
/* Brings what others did to the medium. */
cf_status cf_record_run_apply(cf_record_run *run, cf_error *error);
/* What hangs on rows of the base and is hidden (record_source_family.c). The first is to be called
 * before anything is applied, the other when the base is what was. */
void cf_record_run_find_doubts(cf_record_run *run);
void cf_record_run_keep_family(cf_record_run *run);
/* Only names it. */
void cf_record_run_tell(cf_record_run *run);

#endif
