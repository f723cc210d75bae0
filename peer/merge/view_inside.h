/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the view: what it knows of each item between two calls. Only view*.c, pins.c and
 * gone_along.c see this. What an item's writes say is not kept but read from the state when it is
 * needed. */
#ifndef CF_PEER_MERGE_VIEW_INSIDE_H
#define CF_PEER_MERGE_VIEW_INSIDE_H
#include "codec/hash_table.h"
#include "peer/merge/view.h"

typedef struct cf_seen cf_seen;

/* A content write and an item which is, or would be, a copy of it (model, rules H and V). Each
 * write has claims along the chain of its copies: on those that the state has, the last of them is
 * its home, and on the next, which it has not. */
typedef struct cf_copy_claim {
    cf_hash_link link; /* by `copy` */
    struct cf_copy_claim *next;
    cf_seen *holder; /* where the write is stored */
    cf_dot dot;
    cf_id copy;
    bool home;
} cf_copy_claim;

struct cf_seen {
    cf_hash_link link; /* by id */
    cf_id id;
    bool exists;   /* the state has a write of it */
    bool anchored; /* shown for its own sake */
    bool visible;
    bool is_several;                     /* a file with more contents than one */
    bool is_pinned_copy;                 /* as in cf_wish */
    bool touched, gathered;              /* during an update */
    bool leads;                          /* the place of what is cut hangs on it, or did */
    uint32_t cut;                        /* which of the view's cuts it is, from 1 on; 0: none */
    uint8_t marks;                       /* in which lists of changed directories it is */
    uint32_t walk;                       /* the last walk that came by, in the search for cycles */
    uint32_t supported;                  /* how many visible items wish it as their directory */
    uint32_t homed;                      /* how many claims have it as their home */
    uint32_t crowded;                    /* how many of its children share a name with another, */
    uint32_t several;                    /* and how many have several contents */
    cf_seen *wished;                     /* the directory it should be in; the root's is NULL */
    cf_seen *parent;                     /* the directory it is shown in; NULL: not visible */
    cf_seen *children, *next, *previous; /* by `parent` */
    cf_hash_link by_name;                /* while it is in `parent`: by that and its name */
    cf_bytes name;                       /* of a directory, owned; else only during an update */
    cf_copy_claim *claims;               /* of the content writes stored here */
    struct cf_grave *grave;              /* NULL: nobody deleted it */
};

typedef struct {
    cf_seen **at;
    size_t count, capacity;
} cf_seen_list;
void cf_seen_list_add(cf_seen_list *list, cf_seen *seen);

/* An item that may be shown otherwise in a directory, or left it; of a directory that was plain
 * whenever it was marked. */
typedef struct {
    cf_seen *directory, *item;
} cf_seen_change;

typedef struct {
    cf_seen_change *at;
    size_t count, capacity;
} cf_seen_changes;

/* In `changed`, `tried`, `uneven`, `pinned_copies`; and while conflict copies are looked for. */
enum {
    CF_MARK_CHANGED = 1,
    CF_MARK_TRIAL = 2,
    CF_MARK_UNEVEN = 4,
    CF_MARK_PINNED_COPY = 8,
    CF_MARK_SEARCHED = 16,
};

/* Of a cycle of moves the directory that was moved last, which is shown where it was. */
typedef struct {
    cf_seen *seen, *former;
} cf_cycle_cut;

struct cf_view {
    const cf_rules *rules;
    const cf_state *state;
    cf_hash_table seen, claims, places, graves;
    cf_seen *root;
    uint64_t crowded;    /* of all directories together */
    cf_seen_list uneven; /* each that isn't even, and some that were so since they were asked for */
    cf_seen_list pinned_copies;  /* the same of these: wherever they lie, or if nowhere */
    cf_seen_list changed, tried; /* directories whose group may have changed */
    cf_seen_changes changed_items, tried_items; /* of others */
    cf_view_listener *listener;                 /* or NULL */
    void *listener_context;
    cf_cycle_cut *cuts; /* all that are cut */
    size_t cut_count, cut_capacity;
    bool is_told; /* the listener, since the changed ones were taken */
    bool trying;
    uint32_t walks;
    struct { /* the group that was listed last */
        cf_arena arena;
        bool known;
        cf_id first;
        const cf_shown *shown;
        size_t count;
        cf_hash_table by_item;
    } last;
};

cf_seen *cf_view_seen(const cf_view *view, const cf_id *id); /* NULL: not known */
cf_seen *cf_view_get(cf_view *view, const cf_id *id);
/* Keeps the claims of what is stored with `holder` up with the state; adds homes, old and new, to
 * `homes`. */
void cf_view_claim(cf_view *view, cf_seen *holder, cf_seen_list *homes);
void cf_view_drop_claims(cf_view *view, cf_seen *holder);
const cf_copy_claim *cf_view_next_claim(const cf_view *view, const cf_id *copy,
                                        const cf_copy_claim *previous);
/* Where the write belongs. */
const cf_seen *cf_view_home(const cf_view *view, const cf_seen *holder, const cf_dot *dot);

uint64_t cf_view_place_hash(const cf_seen *parent, cf_bytes name);
/* The visible directories shown as one with `directory`, itself included, in the order of their
 * coming. */
cf_seen **cf_view_members(cf_view *view, cf_seen *directory, cf_arena *arena, size_t *count);
void cf_view_mark(cf_view *view, cf_seen *directory);
/* Marks one item in the directory, if that is enough. */
void cf_view_mark_in(cf_view *view, cf_seen *directory, cf_seen *item);
/* Each of its children has a name of its own and one content. */
bool cf_seen_is_even(const cf_seen *directory);
/* Adds its children that are directories. */
void cf_view_subdirectories(const cf_seen *directory, cf_seen_list *out);
/* Whether the group of this directory is plain. */
bool cf_view_is_plain(cf_view *view, cf_seen *directory);
/* Marks the groups that are as they are only because this directory is shown as one with others. */
void cf_view_mark_merged(cf_view *view, cf_seen *directory);
void cf_view_forget_last(cf_view *view);
/* The nodes of a group; they borrow from the state and the arena. Refs are left out on request. */
typedef enum { CF_LAY_ALL, CF_LAY_PLACES } cf_lay;
void cf_view_lay(cf_view *view, cf_lay what, cf_seen *directory, cf_arena *arena, cf_shown **out,
                 size_t *count);
/* The nodes of these items, those of them that are in a directory whose group is plain. */
void cf_view_lay_items(cf_view *view, cf_lay what, cf_seen *directory, const cf_seen_list *items,
                       cf_arena *arena, cf_shown **out, size_t *count);

/* While both are on trial: what changes is listed in `tried`, and nowhere else. */
void cf_view_trial_begin(cf_view *view);
void cf_view_trial_end(cf_view *view);

/* ---- One update: it looks at the items that changed and the directories above ---- */

/* What becomes of one item whose facts may have changed. */
typedef struct {
    cf_seen *seen;
    bool anchored;
    cf_seen *wished;
    cf_bytes name;
    bool is_several, is_pinned_copy;
} cf_judged;

/* What becomes of one item on the way from a changed one to the root. */
typedef struct {
    cf_seen *seen;
    bool was_visible, was_cut, moves;
    cf_seen *parent; /* from now on */
} cf_affected;

typedef struct {
    cf_view *view;
    cf_arena arena; /* the new names */
    cf_seen_list touched;
    cf_judged *verdicts; /* one for each touched */
    cf_affected *passages;
    size_t passage_count, passage_capacity;
    bool regrouped; /* the places of what is cut hang on what happened */
} cf_renewal;

/* Brings all that is affected where the verdicts put it (model, rules O and Y), and marks the
 * groups it leaves and enters. */
void cf_renewal_place(cf_renewal *update);
/* Gives a directory its name. */
void cf_seen_name(cf_seen *seen, cf_bytes name);

#endif
