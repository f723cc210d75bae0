/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the view of records: what it knows of each row while it decides what is shown. */
#ifndef CF_PEER_RECORDS_RECORD_VIEW_INSIDE_H
#define CF_PEER_RECORDS_RECORD_VIEW_INSIDE_H
#include "codec/hash_table.h"
#include "peer/records/occurrence.h"
#include "peer/records/record_facts.h"
#include "peer/records/record_view.h"
#include "peer/records/row_instead.h"
#include "peer/records/when.h"

/* A field of the state as the schema sees it: a field of the row, or an entry of one. */
typedef struct {
    cf_hash_link link;
    const cf_schema_table *table;
    uint32_t field;
    cf_bytes name; /* of the row's field */
    cf_merge merge;
    bool tie;       /* no field of the row, but it leads to a row all the same */
    bool same;      /* a tie that says which row this one is */
    bool seated;    /* entries of the set have seats (peer/records/seats.h) */
    bool has_lines; /* there may be lines that say what the field says */
    bool greatest;  /* the greatest value is shown */
    bool excludes;  /* is not shown beside a field above or below */
    bool nested;    /* and some record may have one above */
    cf_when when;   /* what it says of when the row is */
    bool occurs;    /* it says something of one occurrence of the row */
} cf_row_property;

/* Who comes first to a key or a unique value (rule x). */
typedef struct {
    cf_time time;
    cf_dot dot;
} cf_claimed;

typedef struct cf_viewed cf_viewed;

/* A row refers to another one, or to a key that no row had. */
typedef struct cf_row_edge {
    cf_viewed *child;
    cf_bytes *value;   /* in the child; in the end the key that is shown; NULL: a tie */
    bool bound;        /* the child can't be without the row */
    cf_bytes nothing;  /* the key that no row had; else */
    cf_id target;      /* the item, */
    cf_viewed *parent; /* and its row; NULL: nothing is known of it */
    struct cf_row_edge *next_of_child, *next_of_parent;
} cf_row_edge;

/* What a row says of a column that can give way (model, rule h). */
typedef struct cf_column_instead {
    cf_bytes column;
    cf_row_instead said;
    struct cf_column_instead *next;
} cf_column_instead;

/* What a row says that is one with another (model, rule m). */
typedef struct cf_row_said_same {
    const cf_viewed *viewed;
    cf_id other;
    struct cf_row_said_same *next;
} cf_row_said_same;
typedef struct cf_row_group cf_row_group;

struct cf_viewed {
    cf_row row; /* in the end as it is shown */
    /* The fields that it claims with; those of `row` are others where a column gives way. */
    const cf_row_field *wished;
    size_t wished_count;
    cf_column_instead *instead;
    cf_hash_link item_link, place_link;
    const cf_schema_table *table;
    bool alive;   /* by itself */
    bool deleted; /* somebody deleted the row, whatever became of that */
    bool visible; /* the row lives, or a row that is visible refers to it (rule e), or it went with
                     one that somebody edited (record_family.c) */
    bool tied;    /* visible only since ties lead to the row */
    bool dropped; /* held back with a row that it refers to */
    bool lacking; /* held back for a field that is required */
    bool beaten;  /* held back for a unique value, for now: */
    const cf_unique *beaten_in; /* of this tuple (NULL: of the key), */
    const cf_viewed *beaten_by; /* which this row has */
    bool contends;              /* claims a unique value that another claims, too */
    bool pinned;                /* a column gives way that did so when its user changed the table */
    bool gave_way;              /* to a row that claims the same, or would have had to, for now */
    bool pending;               /* will be looked at */
    uint64_t level;
    cf_claimed key_claimed;
    cf_claimed unique_claimed; /* of those that contend */
    cf_bytes key;              /* the key wished for */
    int64_t number;            /* of a serial table: the key, first as wished, then as shown */
    bool searched;             /* who looked for a free key came by, */
    int64_t next;              /* and found none before this one */
    cf_row_edge *parents, *children;
    cf_row_edge *wishes; /* to rows that it would refer to, but that a column gave way (`pinned`) */
};

typedef struct {
    cf_viewed **at;
    size_t count, capacity;
} cf_viewed_list;
void cf_viewed_add(cf_viewed_list *list, cf_viewed *viewed);

/* Room for finding out which writes one row shows. */
typedef struct {
    cf_row_facts facts;
    struct cf_named_fact *named;
    cf_row_ref *refs;
    size_t named_capacity, ref_capacity;
    cf_buffer packed;
} cf_row_agreeing;
void cf_row_agreeing_release(cf_row_agreeing *room);

struct cf_row_view {
    const cf_state *state;
    const cf_schema *schema;
    cf_arena arena;
    cf_hash_table properties, items, places;
    cf_row_said_same *sames; /* all that is said */
    cf_hash_table members;   /* the rows that are one with others */
    cf_viewed_list rows;     /* all that the state has */
    cf_viewed_list shown;    /* those that are shown, */
    cf_viewed_list gave;     /* and of them those of which a column gives way */
    cf_row_conflict *conflicts;
    size_t conflict_count, conflict_capacity;
    cf_row_held *held;
    size_t held_count;
    uint64_t level_max;
    cf_row_agreeing agreeing;
    bool simple; /* each row lives by itself, under the key that it wishes for, and none is held */
};

static inline bool cf_viewed_is_held(const cf_viewed *viewed)
{
    return viewed->dropped || viewed->lacking || viewed->beaten;
}

/* How the table sees this field of the state. */
const cf_row_property *cf_row_view_property(cf_row_view *view, const cf_schema_table *table,
                                            uint32_t field);
/* Says of all facts of one record which are shown (model, rules c, d, y). */
void cf_row_view_stand(cf_row_view *view, const cf_schema_table *table, cf_row_facts *facts);
/* A write that says when the row is. */
typedef struct {
    cf_row_fact *fact;
    cf_when when;
} cf_row_when;
/* Lets such writes of one record, in any order, stand or fall by acts. */
void cf_row_when_stand(cf_row_when *all, size_t count);
/* Lets fields of one record of which each stands by itself give way to better ones that exclude
 * them (rule c). */
void cf_row_view_exclude(cf_row_view *view, const cf_schema_table *table, cf_row_facts *facts);
/* Says of the facts of one record which occurrences they are of, by the series that is shown. */
void cf_row_view_follow(cf_row_view *view, const cf_schema_table *table, cf_row_facts *facts);
/* Makes the row that the facts of an item say, references as in the state; NULL: they say none. */
cf_viewed *cf_viewed_of(cf_row_view *view, const cf_id *id, cf_row_facts *facts);
/* Of rows that are one makes one; the view has all rows by now, and nothing is known of what they
 * refer to. */
void cf_row_view_make_one(cf_row_view *view);
/* The facts of a row, with those of the others that are one with it. */
void cf_row_view_facts(const cf_row_view *view, const cf_id *item, cf_row_facts *out);
/* Shown or not; NULL: the state has no such row. */
cf_viewed *cf_viewed_of_item(const cf_row_view *view, const cf_id *item);
/* Whether the key can be one of the table. */
bool cf_viewed_key_read(const cf_schema_table *table, cf_bytes key, int64_t *number);

/* Whether the child comes back with `parent`, which lives: each deletion of the child was made in
 * one act with one of the parent, and all that the child can't be without is there. */
bool cf_viewed_comes_back(const cf_row_view *view, const cf_viewed *child, const cf_viewed *parent);

/* Both by one writer, in one changeset, of which each may be in another part. */
bool cf_writes_are_one_act(const cf_write *a, const cf_write *b);

/* Keeps of two writes of what is claimed the later one. */
void cf_claimed_note(cf_claimed *claimed, const cf_write *write);
/* Less than zero: `a` claims before `b`, by `claimed` of each. */
int cf_viewed_compare(const cf_viewed *a, const cf_claimed *a_claimed, const cf_viewed *b,
                      const cf_claimed *b_claimed);

/* Gives the row this value in a column that it has; nothing: takes the column away. */
void cf_viewed_set_column(const cf_row_view *view, cf_viewed *viewed, cf_bytes column,
                          cf_bytes value);
/* What the row was shown with in the stead of a wish that it still has is what it claims. */
void cf_viewed_pin(const cf_row_view *view, cf_viewed *viewed);
/* Of the rows that are shown: lists what they wish for and are not shown with. */
void cf_row_view_list_wishes(cf_row_view *view);

/* Rules u and h: says of all visible rows which are held back, as if nobody had said it before, and
 * with which values the others are shown. */
void cf_row_view_hold(cf_row_view *view);
/* Rules k and f: gives each row that is shown its key, and its references. */
void cf_row_view_give_keys(cf_row_view *view);

/* The highest level that any write gives. */
uint64_t cf_row_view_level(const cf_row_view *view);
uint64_t cf_row_place_hash(cf_bytes table, cf_bytes key);

#endif
