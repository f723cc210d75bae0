/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a medium that is a folder share: the folder itself (medium_folder.c), its items
 * and what each holds (medium_folder_items.c), what they are given (medium_folder_keys.c), what is
 * shown and doubtful of them (medium_folder_show.c), which records lie where in the home
 * (medium_folder_kept.c), and writing.
 */
#ifndef CF_PEER_SOURCES_RECORDS_MEDIUM_FOLDER_INSIDE_H
#define CF_PEER_SOURCES_RECORDS_MEDIUM_FOLDER_INSIDE_H
#include "peer/adapters/record_format.h"
#include "peer/records/record_diff.h"
#include "peer/sources/records/medium_folder.h"
#include "peer/sources/records/record_disk.h"

/* A file of the folder. What it held is kept in the home: so it is known what may be in it when it
 * can't be read any more, and which of two with one UID came first. */
typedef struct {
    cf_bytes name;
    bool there;
    cf_stat stat;        /* when it was read */
    cf_record_file file; /* what it shows, if `read` */
    cf_bytes layout;     /* how it is laid out, in the arena of that; nothing: it doesn't say */
    bool read;
    bool passes;         /* it couldn't be read, but can soon */
    bool empty;          /* nothing is in it, or blanks: rather cut off than meant */
    bool unseen;         /* its bytes couldn't be had: as it is, it may show anything */
    const char *trouble; /* why it couldn't be read; NULL: it could */

    bool is_synced; /* it was made durable, as that file */
    cf_node_stat synced;
    bool racy; /* it may have been saved since it was read, and not show it */

    bool known;               /* what it held is */
    bool guessed;             /* it was never read: it may be any of these, or a new one */
    const cf_row_place *held; /* keys that it showed, or that may be in it */
    size_t held_count;
    bool changed; /* what it held, since that was kept */

    cf_arena name_arena, trouble_arena, held_arena;
} cf_folder_item;

/* A file that was put in its place, and is durable. */
typedef struct {
    cf_bytes name;
    cf_node_stat stat;
    cf_row_place row; /* the first in it */
} cf_folder_written;

/* A row that is shown, and by which item. */
typedef struct {
    const cf_row *row;
    size_t item;
} cf_folder_place;

typedef struct {
    cf_medium medium;
    cf_record_options options;
    cf_folder *root, *temporary; /* held until it rests */
    cf_stat seen;                /* of the root, when it was last listed */
    cf_stat durable;             /* the same, at rest, when its names were last made durable */
    bool watched;
    uint64_t now_ms;        /* of the last read */
    cf_folder_item **items; /* ascending by name */
    size_t count, capacity;
    bool loaded;             /* what items held, from the home */
    cf_folder_place *places; /* of the last read, ascending by table and key */
    size_t place_count, place_capacity;
    cf_folder_written *written; /* since the last commit */
    size_t written_count, written_capacity;
    cf_arena written_arena;
    uint64_t intents; /* kept for the steps since the last commit, numbered from 1 */
} cf_folder_medium;

/* Holds the folder, which is the one that was added; and lets go of it. */
cf_status cf_folder_medium_open(cf_folder_medium *self, cf_error *error);
void cf_folder_medium_rest(cf_folder_medium *self);

/* ---- Items ---- */

int cf_row_place_compare(cf_bytes table, cf_bytes key, cf_bytes other_table, cf_bytes other_key);
/* NULL when there is none. */
cf_folder_item *cf_folder_item_find(const cf_folder_medium *self, cf_bytes name);
cf_folder_item *cf_folder_item_make(cf_folder_medium *self, cf_bytes name);
void cf_folder_items_release(cf_folder_medium *self);
void cf_folder_item_forget_file(cf_folder_item *item);
void cf_folder_item_hold(cf_folder_item *item, const cf_row_place *places, size_t count);
/* Lists the folder and reads what changed there; adds what is no item, but should be named. */
cf_status cf_folder_items_read(cf_folder_medium *self, cf_record_file *out, cf_error *error);

/* Gives each card a UID that has none. True: files were written, and are to be read again. */
bool cf_folder_items_fill(cf_folder_medium *self);

/* ---- What it all shows ---- */

/* Fills `out` with the rows of all items, and the troubles; decides which of two items with one key
 * counts, and which records of the base may be in an item that can't be read. */
void cf_folder_items_show(cf_folder_medium *self, cf_record_file *out);
/* NULL: no item shows it. */
const cf_folder_place *cf_folder_place_find(const cf_folder_medium *self, cf_bytes table,
                                            cf_bytes key);
/* All that is in it is known. */
bool cf_folder_item_is_clear(const cf_folder_item *item);
/* A card that nobody has seen yet may be in it. */
bool cf_folder_item_may_be_new(const cf_folder_item *item);

/* ---- Kept in the home ---- */

cf_status cf_folder_kept_load(cf_folder_medium *self, cf_error *error);
void cf_folder_kept_save(cf_folder_medium *self, cf_kv_list *records);
/* To be kept with the next commit, so that no look makes durable again what was written. */
void cf_folder_kept_note(cf_folder_medium *self, const cf_folder_written *written);

/* ---- Writing ---- */

cf_status cf_folder_medium_write(cf_medium *medium, const cf_row *rows, size_t count,
                                 cf_medium_outcome *out, cf_error *error);

/* What is about to be done to one file. */
typedef struct {
    cf_record_disk disk; /* as it was read */
    cf_record_replacement by;
    cf_buffer name, temporary, after; /* `after` empty: it is deleted */
    bool deletes, made;
    cf_file *file;   /* while it is made */
    uint64_t number; /* of its intent */
    cf_row *rows;    /* that are refused if it fails */
    size_t row_count;
} cf_folder_step;
void cf_folder_step_release(cf_folder_step *step);
/* Steps that are made together: one sync serves all of a batch, and no more than 64 MiB are held.
 */
typedef struct {
    cf_folder_step *steps;
    size_t count, capacity, bytes;
} cf_folder_batch; /* {0} is empty */
/* Takes the step; where the batch is full by that, performs it. */
void cf_folder_batch_add(cf_folder_batch *batch, cf_folder_medium *self, const cf_folder_step *step,
                         cf_medium_outcome *out);
/* Makes all steps, keeping an intent for each meanwhile. Those that fail refuse their rows. Leaves
 * the batch empty. */
void cf_folder_batch_perform(cf_folder_batch *batch, cf_folder_medium *self,
                             cf_medium_outcome *out);
cf_status cf_folder_medium_recover(cf_medium *medium, cf_error *error);
void cf_folder_intents_settle(cf_folder_medium *self, cf_kv_list *records);

#endif
