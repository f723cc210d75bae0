/* SPDX-License-Identifier: Apache-2.0 */
/* An item that has more writes than one may have is named on every device and shown on none; what
 * lies on the disks for it stays as it is, whoever made it so, and goes on when it is so no more.
 */
#include "tests/peer/small/shut_out.h"
#include "tests/peer/small/small_inside.h"
#include "tests/peer/small/small_table.h"

#include "peer/log/catalog.h"
#include "peer/log/catalog_schema.h"
#include "peer/log/catalog_writing.h"

#include "tests/support/expect.h"

#include <stdio.h>

enum { WRITES = 64, HOSTILE = 1, TABLE = 1 };

static const cf_binding *binding_of(const small_device *self, size_t index)
{
    return cf_engine_binding_at(self->engine, index);
}

static cf_id item_of(const small_device *self, const char *name)
{
    const cf_node *node =
        cf_nodes_child(binding_of(self, 0)->nodes, CF_NODE_ROOT, cf_bytes_of_text(name));

    cr_assert_not_null(node, "%s is not there", name);
    return node->items[0];
}

static cf_collection *collection_of(small_device *self, size_t index)
{
    cf_collection *collection;
    cf_error error;

    expect_ok(cf_peer_collection(peer_of(self), &binding_of(self, index)->collection, &collection,
                                 &error),
              error);
    return collection;
}

/* One entry that writes so many fields of the item, or, where `over` is one that did, takes them
 * away again. */
static cf_dot write_into(small_device *self, cf_collection *collection, const cf_id *item,
                         size_t count, const cf_dot *over)
{
    cf_publication *publication = cf_publication_new(peer_of(self), collection);
    cf_change *changes = cf_allocate(count, sizeof *changes);
    char(*names)[24] = cf_allocate(count, sizeof *names);
    cf_body body = {.time = cf_publication_time(publication, self->in->now_ms),
                    .part = 1,
                    .parts = 1,
                    .changes = changes,
                    .change_count = count};
    cf_error error;
    cf_dot dot;

    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "/x%06zu", i);
        changes[i] = (cf_change){.item = *item,
                                 .field = cf_bytes_of_text(names[i]),
                                 .value = over ? (cf_bytes){0} : cf_bytes_of("\1", 1),
                                 .over = over,
                                 .over_count = over != NULL};
    }
    expect_ok(cf_publication_add(publication, &body, NULL, 0, &dot, &error), error);
    expect_ok(cf_publication_commit(publication, NULL, &error), error);
    cf_publication_destroy(&publication);
    free(changes);
    free(names);
    return dot;
}

static cf_dot write_fields(small_device *self, size_t index, const cf_id *item, size_t count,
                           const cf_dot *over)
{
    return write_into(self, collection_of(self, index), item, count, over);
}

static small_world *a_world(uint64_t seed, int devices)
{
    small_world *w = small_world_new(seed, devices);

    w->env.item_writes = WRITES;
    for (int i = 0; i < devices; i++) {
        w->devices[i].env.item_writes = WRITES;
        small_device_crash(&w->devices[i]);
    }
    return w;
}

/* So many things are named as skipped, on each device. */
static void expect_named(small_world *w, size_t count, const char *when)
{
    for (int i = 0; i < w->count; i++)
        cr_expect_eq(small_device_pending(&w->devices[i], NULL, CF_PENDING_SKIPPED), count,
                     "device %d, %s", i, when);
}

static void expect_everywhere(small_world *w, const char *path, const char *text, const char *when)
{
    for (int i = 0; i < w->count; i++)
        cr_expect(holds(&w->devices[i], path, text), "device %d, %s: %s", i, when, path);
}

static void all_crash(small_world *w)
{
    for (int i = 0; i < w->count; i++)
        small_device_crash(&w->devices[i]);
}

/* How many writes the item of a file has that nobody has written into. */
static size_t writes_of(small_device *self, const cf_id *item)
{
    return cf_item_write_count(cf_state_item(collection_of(self, 0)->state, item));
}

Test(engine_overfull, leaves_a_file_where_it_lies_and_names_it)
{
    small_world *w = a_world(7001, 3);

    user_writes_text(&w->devices[0], "notes", "mine");
    user_writes_text(&w->devices[0], "other", "free");
    settles_equal(w);
    const cf_id item = item_of(&w->devices[0], "notes");
    size_t own = writes_of(&w->devices[0], &item);
    write_fields(&w->devices[HOSTILE], 0, &item, WRITES - own, NULL);
    settles_equal(w);
    expect_named(w, 0, "at the bound");
    for (int i = 0; i < w->count; i++)
        cr_expect_not_null(cf_state_item(collection_of(&w->devices[i], 0)->state, &item));

    cf_dot beyond = write_fields(&w->devices[2], 0, &item, 1, NULL);
    cr_assert(small_world_settle(w));
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < w->count; i++)
            cr_expect_null(cf_state_item(collection_of(&w->devices[i], 0)->state, &item));
        expect_everywhere(w, "notes", "mine", "one more");
        expect_everywhere(w, "other", "free", "one more");
        expect_named(w, 1, "one more");
        all_crash(w);
        cr_assert(small_world_settle(w));
    }
    user_writes_text(&w->devices[0], "other", "edited");
    cr_assert(small_world_settle(w));
    expect_everywhere(w, "other", "edited", "all else goes on");

    write_fields(&w->devices[2], 0, &item, 1, &beyond);
    settles_equal(w);
    expect_named(w, 0, "as before");
    user_writes_text(&w->devices[0], "notes", "and on");
    settles_equal(w);
    expect_everywhere(w, "notes", "and on", "as before");
    small_world_destroy(&w);
}

/* What its user does to it goes out, and the others keep what they have. */
Test(engine_overfull, leaves_a_file_to_each_of_its_users)
{
    small_world *w = a_world(7002, 3);
    small_device *a = &w->devices[0], *c = &w->devices[2];

    user_writes_text(a, "notes", "mine");
    user_writes_text(a, "list", "mine");
    settles_equal(w);
    const cf_id notes = item_of(a, "notes"), list = item_of(a, "list");
    write_fields(&w->devices[HOSTILE], 0, &notes, WRITES, NULL);
    write_fields(&w->devices[HOSTILE], 0, &list, WRITES, NULL);
    cr_assert(small_world_settle(w));
    user_writes_text(a, "notes", "edited");
    user_removes(a, "list");
    user_moves(c, "notes", "moved");
    cr_assert(small_world_settle(w));
    all_crash(w);
    cr_assert(small_world_settle(w));
    expect_text(a, "notes", "edited");
    expect_text(c, "moved", "mine");
    expect_text(&w->devices[HOSTILE], "notes", "mine");
    cr_expect_not(is_there(a, "list"));
    expect_text(c, "list", "mine");
    user_writes_text(c, "copy of moved", "mine");
    cr_assert(small_world_settle(w));
    expect_everywhere(w, "copy of moved", "mine", "a copy is another item");
    user_makes(c, "notes"); /* the name is free there */
    user_writes_text(c, "notes/more", "more");
    cr_assert(small_world_settle(w));
    expect_text(a, "notes", "edited");
    expect_text(&w->devices[HOSTILE], "notes", "mine");
    expect_text(c, "notes/more", "more");
    small_world_destroy(&w);
}

/* What is in it stays where it is; nothing comes in its place. */
Test(engine_overfull, leaves_a_directory_and_what_is_in_it)
{
    small_world *w = a_world(7003, 3);
    small_device *a = &w->devices[0], *c = &w->devices[2];

    user_makes(a, "way");
    user_makes(a, "way/in");
    user_writes_text(a, "way/in/notes", "mine");
    user_writes_text(a, "way/list", "mine");
    settles_equal(w);
    const cf_id item = item_of(a, "way");
    write_fields(&w->devices[HOSTILE], 0, &item, WRITES, NULL);
    cr_assert(small_world_settle(w));
    expect_everywhere(w, "way/in/notes", "mine", "overfull");
    expect_everywhere(w, "way/list", "mine", "overfull");
    user_writes_text(c, "way/in/notes", "edited");
    user_writes_text(c, "way/new", "new");
    user_removes(a, "way/list");
    cr_assert(small_world_settle(w));
    expect_everywhere(w, "way/in/notes", "edited", "what is in it goes on");
    expect_everywhere(w, "way/new", "new", "what is in it goes on");
    for (int i = 0; i < w->count; i++)
        cr_expect_not(is_there(&w->devices[i], "way/list"), "device %d", i);
    small_world_destroy(&w);
}

/* Somebody deletes the directory in which it lies. */
Test(engine_overfull, stays_in_a_directory_that_is_deleted_elsewhere)
{
    small_world *w = a_world(7004, 3);
    small_device *a = &w->devices[0], *c = &w->devices[2];

    user_makes(a, "way");
    user_writes_text(a, "way/list", "mine");
    for (int i = 0; i < 20; i++) {
        char name[16];

        snprintf(name, sizeof name, "file %d", i);
        user_writes_text(a, name, name);
    }
    user_writes_text(a, "notes", "mine");
    settles_equal(w);
    user_moves(a, "notes", "way/notes");
    settles_equal(w);
    const cf_node *way =
        cf_nodes_child(binding_of(a, 0)->nodes, CF_NODE_ROOT, cf_bytes_of_text("way"));
    const cf_id item =
        cf_nodes_child(binding_of(a, 0)->nodes, way->number, cf_bytes_of_text("notes"))->items[0];
    write_fields(&w->devices[HOSTILE], 0, &item, WRITES, NULL);
    cr_assert(small_world_settle(w));
    user_removes(c, "way");
    cr_assert(small_world_settle(w));
    cr_expect_not(is_there(c, "way"));
    cr_expect_not(is_there(a, "way/list"));
    expect_text(a, "way/notes", "mine");
    expect_text(&w->devices[HOSTILE], "way/notes", "mine");
    user_writes_text(c, "way", "a file in its place");
    cr_assert(small_world_settle(w));
    expect_text(a, "way/notes", "mine");
    expect_text(c, "way", "a file in its place");
    small_world_destroy(&w);
}

/* A device that has not shown it yet does not, and the name is free there. */
Test(engine_overfull, is_not_shown_to_a_newcomer)
{
    small_world *w = a_world(7005, 2);
    small_device *a = &w->devices[0];

    user_writes_text(a, "notes", "mine");
    user_writes_text(a, "other", "free");
    settles_equal(w);
    const cf_id item = item_of(a, "notes");
    write_fields(&w->devices[HOSTILE], 0, &item, WRITES, NULL);
    cr_assert(small_world_settle(w));
    small_device beside = folder_beside(a, NULL);
    cr_assert(small_world_settle(w));
    cr_expect_not(is_there(&beside, "notes"));
    expect_text(&beside, "other", "free");
    cr_expect_eq(small_device_pending(a, binding_of(a, 1), CF_PENDING_SKIPPED), 1);
    user_writes_text(&beside, "notes", "mine"); /* equal, but another */
    cr_assert(small_world_settle(w));
    const cf_node *made =
        cf_nodes_child(binding_of(a, 1)->nodes, CF_NODE_ROOT, cf_bytes_of_text("notes"));
    cr_assert_not_null(made);
    cr_expect_not(cf_id_equal(&made->items[0], &item), "it wrote into what is overfull");
    expect_text(&beside, "notes", "mine");
    expect_text(a, "notes", "mine");
    small_world_destroy(&w);
}

static cf_id row_of(const small_device *self, const char *key)
{
    const cf_rows *rows = binding_of(self, 1)->rows;

    for (const cf_row *row = NULL; (row = cf_rows_next(rows, row));) {
        cf_buffer path = {0};

        cf_binding_row_path(binding_of(self, 1), row->item.bytes[0], row->table, row->key, &path);
        bool is = cf_bytes_equal(cf_buffer_view(&path), cf_bytes_of_text(key));
        cf_buffer_release(&path);
        if (is)
            return row->item;
    }
    cr_assert_fail("there is no row %s", key);
    return (cf_id){{0}};
}

static bool has_note(const small_device *self, long id, const char *note)
{
    table rows = {0};

    user_reads_table(self, &rows);
    const table_row *row = table_find(&rows, id);
    bool found = row && cf_bytes_equal(cf_buffer_view(&row->note), cf_bytes_of_text(note));
    table_release(&rows);
    return found;
}

static void set_note(small_device *self, long id, const char *note)
{
    table rows = {0};

    user_reads_table(self, &rows);
    table_row *row = table_find(&rows, id);
    if (row) {
        cf_buffer_clear(&row->note);
        cf_buffer_append_text(&row->note, "%s", note);
    } else {
        table_add(&rows, id, 10 * id, cf_bytes_of_text(note));
    }
    user_writes_table(self, &rows);
    table_release(&rows);
}

Test(engine_overfull, leaves_a_row_where_it_is_and_names_it)
{
    small_world *w = a_world(7006, 3);
    small_device *a = &w->devices[0], *c = &w->devices[2];

    small_world_bind_tables(w);
    for (long id = 1; id <= 3; id++)
        set_note(a, id, "mine");
    cr_assert(small_world_settle(w));
    const cf_id item = row_of(a, "2");
    cf_dot dot = write_fields(&w->devices[HOSTILE], 1, &item, WRITES, NULL);
    cr_assert(small_world_settle(w));
    for (int i = 0; i < w->count; i++) {
        cr_expect(has_note(&w->devices[i], 2, "mine"), "device %d", i);
        cr_expect_eq(
            small_device_pending(&w->devices[i], binding_of(&w->devices[i], 1), CF_PENDING_SKIPPED),
            1, "device %d", i);
    }
    set_note(a, 2, "edited");
    set_note(c, 3, "edited");
    set_note(c, 4, "new");
    cr_assert(small_world_settle(w));
    all_crash(w);
    cr_assert(small_world_settle(w));
    cr_expect(has_note(a, 2, "edited"));
    cr_expect(has_note(c, 2, "mine"));
    for (int i = 0; i < w->count; i++) {
        cr_expect(has_note(&w->devices[i], 3, "edited"), "device %d", i);
        cr_expect(has_note(&w->devices[i], 4, "new"), "device %d", i);
    }
    write_fields(&w->devices[HOSTILE], 1, &item, WRITES, &dot);
    cr_assert(small_world_settle(w));
    for (int i = 0; i < w->count; i++) {
        cr_expect(has_note(&w->devices[i], 2, "edited"), "device %d", i);
        cr_expect_eq(
            small_device_pending(&w->devices[i], binding_of(&w->devices[i], 1), CF_PENDING_SKIPPED),
            0, "device %d", i);
    }
    small_world_destroy(&w);
}

static void refer(small_device *self, const cf_id *collection)
{
    const cf_field_rule fields[] = {{cf_bytes_of_text("/columns/balance"), CF_MERGE_REFERENCE,
                                     cf_bytes_of_text("records"), false}};
    const cf_schema_table tables[] = {{.name = cf_bytes_of_text("records"),
                                       .kind = CF_KIND_RECORD,
                                       .fields = fields,
                                       .field_count = 1}};
    const cf_schema schema = {tables, 1};
    cf_error error;

    expect_ok(cf_catalog_write_schema(peer_of(self), collection, &schema, self->in->now_ms, &error),
              error);
}

/* Row 2 refers to row 1, row 3 to row 2. */
Test(engine_overfull, leaves_the_rows_that_refer_to_one)
{
    small_world *w = a_world(7007, 3);
    table rows = {0};

    small_world_bind_tables(w);
    refer(&w->devices[0], &binding_of(&w->devices[0], TABLE)->collection);
    cr_assert(small_world_settle(w));
    table_add(&rows, 1, TABLE_NO_BALANCE, cf_bytes_of_text("first"));
    table_add(&rows, 2, 1, cf_bytes_of_text("second"));
    table_add(&rows, 3, 2, cf_bytes_of_text("third"));
    user_writes_table(&w->devices[0], &rows);
    table_release(&rows);
    cr_assert(small_world_settle(w));
    const cf_id item = row_of(&w->devices[0], "1");
    cf_dot dot = write_fields(&w->devices[HOSTILE], TABLE, &item, WRITES, NULL);
    cr_assert(small_world_settle(w));
    all_crash(w);
    cr_assert(small_world_settle(w));
    for (int i = 0; i < w->count; i++) {
        cr_expect(has_note(&w->devices[i], 1, "first"), "device %d", i);
        cr_expect(has_note(&w->devices[i], 2, "second"), "device %d", i);
        cr_expect(has_note(&w->devices[i], 3, "third"), "device %d", i);
        cr_expect_eq(small_device_pending(&w->devices[i], binding_of(&w->devices[i], TABLE),
                                          CF_PENDING_SKIPPED),
                     3, "device %d", i);
    }
    write_fields(&w->devices[HOSTILE], TABLE, &item, WRITES, &dot);
    cr_assert(small_world_settle(w));
    set_note(&w->devices[0], 3, "edited");
    cr_assert(small_world_settle(w));
    for (int i = 0; i < w->count; i++)
        cr_expect(has_note(&w->devices[i], 3, "edited"), "device %d", i);
    small_world_destroy(&w);
}

static size_t count_collections(small_device *self)
{
    cf_catalog_collection *list;
    cf_arena arena = {0};
    cf_error error;
    size_t count;

    expect_ok(cf_catalog_list(peer_of(self), &arena, &list, &count, &error), error);
    cf_arena_release(&arena);
    return count;
}

/* Else a member could hide what only an owner may delete. */
Test(engine_overfull, is_no_item_of_the_catalog)
{
    small_world *w = a_world(7008, 2);
    small_device *hostile = &w->devices[HOSTILE];
    const cf_catalog_new new = {"people", CF_FORMAT_CSV, NULL};
    cf_collection *catalog;
    cf_error error;
    cf_id id;

    expect_ok(cf_catalog_make(peer_of(&w->devices[0]), &new, w->now_ms, &id, &error), error);
    cr_assert(small_world_settle(w));
    size_t count = count_collections(&w->devices[0]);
    cr_assert_gt(count, 0);
    expect_ok(cf_peer_collection(peer_of(hostile), &cf_catalog_id, &catalog, &error), error);
    const cf_id item = cf_catalog_item(CF_CATALOG_COLLECTION, id.bytes);
    write_into(hostile, catalog, &item, 2 * WRITES, NULL);
    cr_assert(small_world_settle(w));
    cr_expect_eq(count_collections(&w->devices[0]), count);
    small_world_destroy(&w);
}
