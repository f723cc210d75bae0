/* SPDX-License-Identifier: Apache-2.0 */
/* A member has opened more chains than an entry can name: entries that say nothing go first, and
 * what the user did arrives whole. */
#include "tests/peer/small/shut_out.h"
#include "tests/peer/small/small_table.h"

#include "codec/content.h"
#include "codec/seal.h"
#include "peer/merge/fields.h"
#include "tests/support/expect.h"

enum { MOST = 8, CHAINS = 30, TABLE = 1, ROWS = 24, NOTE = 30000 };

static cf_id collection_of(const small_device *self, size_t index)
{
    return cf_engine_binding_at(self->engine, index)->collection;
}

/* ---- The member with many chains ---- */

/* One entry, the first of a chain of its own, with this change or, where there is none, without. */
static void begin_chain(small_device *self, const cf_id *collection, const cf_change *change)
{
    cf_peer *peer = peer_of(self);
    const cf_heads *seen = cf_registry_heads(registry_of(self));
    cf_body said = {.time = cf_author_time(peer->author, self->in->now_ms),
                    .part = 1,
                    .parts = 1,
                    .changes = change,
                    .change_count = change != NULL};
    cf_header header = {.version = 1,
                        .type = CF_ENTRY_CHANGE,
                        .user = *cf_peer_user(peer),
                        .device = *cf_peer_device(peer),
                        .collection = *collection,
                        .sequence = 1,
                        .after = seen->heads,
                        .after_count = seen->count};
    cf_buffer open = {0}, plain = {0}, body = {0}, wire = {0};
    cf_hash hash;
    cf_error error;

    self->env.random(self->env.context, header.previous.bytes, 16);
    header.writer = cf_writer_id(&header.user, &header.device, collection, header.previous.bytes);
    expect_ok(cf_peer_epoch(peer, &header.epoch, &error), error);
    cf_header_pack_open(&header, &open);
    cf_body_pack(&said, &plain);
    expect_ok(cf_body_seal(&(cf_seal_place){peer->ring, &header.epoch, collection},
                           cf_buffer_view(&open), cf_buffer_view(&plain), &body, &error),
              error);
    expect_ok(cf_entry_build(&header, cf_buffer_view(&body), cf_keys_signing_secret(peer->keys),
                             &wire, &hash, &error),
              error);
    cf_bytes bytes = cf_buffer_view(&wire);
    expect_ok(cf_peer_take(peer, &bytes, 1, &error), error);
    cf_buffer_release(&open);
    cf_buffer_release(&plain);
    cf_buffer_release(&body);
    cf_buffer_release(&wire);
}

/* Each writes the content that the file has: nothing to see, but an edit replaces them all. */
static void chains_write_the_file(small_device *self, const char *name, const char *text)
{
    const cf_id collection = collection_of(self, 0);
    const cf_binding *binding = cf_engine_binding_at(self->engine, 0);
    const cf_node *node = cf_nodes_child(binding->nodes, CF_NODE_ROOT, cf_bytes_of_text(name));
    const cf_bytes bytes = cf_bytes_of_text(text);
    cf_buffer value = {0};

    cr_assert_not_null(node);
    const cf_id item = node->items[0];
    cf_content_pack(&value, &(cf_content){.hash = cf_content_hash(bytes),
                                          .size = bytes.size,
                                          .how = {.is_inline = true, .bytes = bytes}});
    for (size_t i = 0; i < CHAINS; i++)
        begin_chain(self, &collection,
                    &(cf_change){.item = item,
                                 .field = cf_field_fixed(CF_FIELD_NUMBER_CONTENT),
                                 .value = cf_buffer_view(&value)});
    cf_buffer_release(&value);
}

/* ---- What an author wrote ---- */

typedef struct {
    size_t told_first;  /* entries without a change, before all others */
    size_t interrupted; /* the same after one with a change */
    size_t said;        /* entries with a change */
    size_t parts;       /* of the changeset of the last of them */
    size_t named_late;  /* heads in the `after` of a second or later part */
    size_t named_most;  /* heads in one `after` */
} account;

static void look_at(const cf_peer *reader, cf_bytes wire, const cf_hash *author,
                    const cf_id *collection, account *out)
{
    cf_arena arena = {0};
    cf_buffer plain = {0};
    cf_entry entry;
    cf_body body;
    cf_error error;

    expect_ok(cf_entry_read(wire, &arena, &entry, &error), error);
    if (cf_hash_equal(&entry.header.device, author) &&
        cf_id_equal(&entry.header.collection, collection)) {
        expect_ok(cf_body_open(&(cf_seal_place){reader->ring, &entry.header.epoch, collection},
                               entry.sealed_under, entry.body, &plain, &error),
                  error);
        expect_ok(cf_body_read(cf_buffer_view(&plain), &entry, &arena, &body, &error), error);
        out->said += body.change_count > 0;
        out->told_first += !body.change_count && !out->said;
        out->interrupted += !body.change_count && out->said;
        if (body.change_count)
            out->parts = body.parts;
        if (body.part > 1)
            out->named_late += entry.header.after_count;
        if (entry.header.after_count > out->named_most)
            out->named_most = entry.header.after_count;
    }
    cf_buffer_release(&plain);
    cf_arena_release(&arena);
}

/* Of what `author` wrote there since the reader held so many entries. */
static account account_of(small_device *author, small_device *reader, const cf_id *collection,
                          size_t since)
{
    parcel all = parcel_of(reader);
    const cf_hash id = id_of(author);
    account found = {0};

    for (size_t i = since; i < all.count; i++)
        look_at(peer_of(reader), cf_buffer_view(&all.wires[i]), &id, collection, &found);
    parcel_release(&all);
    return found;
}

static size_t held_by(small_device *self)
{
    parcel all = parcel_of(self);
    size_t count = all.count;

    parcel_release(&all);
    return count;
}

/* ---- Stories ---- */

/* The edit replaces what 31 chains wrote, of which 30 are new to its author: of 8 heads each that
 * takes three entries before its own, which names the last six. */
Test(engine_tells_first, an_edit_of_a_file_that_many_chains_wrote_arrives)
{
    small_world *w = small_world_new(7301, 3);
    small_device *a = &w->devices[0], *hostile = &w->devices[1], *b = &w->devices[2];

    user_writes_text(a, "notes", "as all wrote it");
    settles_equal(w);
    const cf_id collection = collection_of(a, 0);
    chains_write_the_file(hostile, "notes", "as all wrote it");
    settles_equal(w);
    expect_text(b, "notes", "as all wrote it");
    size_t since = held_by(b);
    cf_author_bound_after(peer_of(a)->author, MOST);
    user_writes_text(a, "notes", "edited");
    settles_equal(w);
    for (int i = 0; i < w->count; i++)
        expect_text(&w->devices[i], "notes", "edited");
    cr_expect_eq(count_texts(b, "as all wrote it"), 0, "a copy");
    expect_nothing_pending(b);
    account wrote = account_of(a, b, &collection, since);
    cr_expect_eq(wrote.told_first, CHAINS / MOST, "%zu", wrote.told_first);
    cr_expect_eq(wrote.said, 1);
    cr_expect_eq(wrote.named_most, MOST);
    cr_expect_eq(wrote.interrupted, 0);
    small_world_destroy(&w);
}

/* None of the chains is needed, but nothing may come between the parts: of 30 heads 24 go before.
 */
Test(engine_tells_first, a_changeset_of_several_parts_is_preceded_by_all)
{
    small_world *w = small_world_new(7302, 3);
    small_device *a = &w->devices[0], *hostile = &w->devices[1], *b = &w->devices[2];
    table rows = {0}, seen = {0};
    cf_arena arena = {0};

    small_world_bind_tables(w);
    for (long id = 1; id <= ROWS; id++)
        table_add(&rows, id, 100, cf_bytes_of_text("new"));
    user_writes_table(a, &rows);
    settles_equal_by(small_world_tables_equal, w, "before", 0);
    const cf_id collection = collection_of(a, TABLE);
    for (size_t i = 0; i < CHAINS; i++)
        begin_chain(hostile, &collection, NULL);
    settles_equal_by(small_world_tables_equal, w, "with the chains", 0);
    size_t since = held_by(b);
    cf_author_bound_after(peer_of(a)->author, MOST);
    for (size_t i = 0; i < rows.count; i++) {
        cf_bytes note = noise_text(w, NOTE, &arena);

        cf_buffer_clear(&rows.at[i].note);
        cf_buffer_append(&rows.at[i].note, note.data, note.size);
    }
    user_writes_table(a, &rows);
    settles_equal_by(small_world_tables_equal, w, "after", 0);
    cr_assert(user_reads_table(b, &seen));
    cr_expect(tables_equal(&seen, &rows));
    account wrote = account_of(a, b, &collection, since);
    cr_expect_eq(wrote.told_first, CHAINS / MOST, "%zu", wrote.told_first);
    cr_expect_geq(wrote.parts, 2);
    cr_expect_eq(wrote.said, wrote.parts);
    cr_expect_eq(wrote.interrupted, 0);
    cr_expect_eq(wrote.named_late, 0, "%zu", wrote.named_late);
    table_release(&rows);
    table_release(&seen);
    cf_arena_release(&arena);
    small_world_destroy(&w);
}
