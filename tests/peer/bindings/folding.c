/* SPDX-License-Identifier: Apache-2.0 */
/* What entries become in the state. A changeset counts as a whole or not at all, whatever comes
 * between its parts. */
#include "peer/bindings/inspection.h"
#include "peer/log/birth.h"
#include "peer/log/changesets.h"
#include "peer/log/refold.h"

#include "tests/peer/log/ann.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- What is kept ---- */

static cf_hash hash(uint8_t byte)
{
    return (cf_hash){{byte}};
}

static void hold(cf_changesets *changesets, uint8_t name, uint8_t previous, uint64_t part,
                 uint64_t parts)
{
    cf_entry entry = {.hash = hash(name), .wire = {(const uint8_t *)"abcdefgh" + name, 1}};

    entry.header.sequence = part;
    entry.header.previous = hash(previous);
    cf_changesets_hold(changesets, &entry, part, parts);
}

static bool is_named(void *context, const cf_head *part)
{
    const cf_hash *counted = context;

    return cf_hash_equal(counted, &part->hash);
}

/* What is whole now, as letters; the entry `counted` is said to count already. */
static void expect_whole(cf_changesets *changesets, uint8_t counted, const char *letters)
{
    cf_arena arena = {0};
    cf_hash known = hash(counted);
    cf_bytes *wires;
    size_t count = 0;

    bool whole = cf_changesets_take(changesets, is_named, &known, &arena, &wires, &count);
    cr_assert_eq(whole, *letters != '\0');
    cr_assert_eq(whole ? count : 0, strlen(letters));
    for (size_t i = 0; whole && i < count; i++)
        cr_assert_eq(*wires[i].data, letters[i]);
    cf_arena_release(&arena);
}

Test(changesets, are_given_out_when_all_parts_are_here_in_whatever_order)
{
    cf_changesets *changesets = cf_changesets_new();

    hold(changesets, 3, 2, 3, 3);
    hold(changesets, 1, 7, 1, 3);
    expect_whole(changesets, 0, "");
    hold(changesets, 1, 7, 1, 3);
    hold(changesets, 2, 1, 2, 3);
    expect_whole(changesets, 0, "bcd");
    expect_whole(changesets, 0, "");
    cr_assert_eq(cf_changesets_count(changesets), 0);
    cf_changesets_destroy(&changesets);
}

Test(changesets, wait_on_where_what_precedes_is_no_part_of_them)
{
    cf_changesets *changesets = cf_changesets_new();

    hold(changesets, 1, 7, 1, 2);
    hold(changesets, 2, 1, 3, 3);
    expect_whole(changesets, 0, "");
    cf_changesets_destroy(&changesets);
}

Test(changesets, go_on_from_a_part_that_counts_with_another_branch)
{
    cf_changesets *changesets = cf_changesets_new();

    hold(changesets, 1, 7, 1, 2);
    hold(changesets, 2, 1, 2, 2);
    expect_whole(changesets, 0, "bc");
    hold(changesets, 3, 1, 2, 2);
    expect_whole(changesets, 0, "");
    expect_whole(changesets, 1, "d");
    cf_changesets_destroy(&changesets);
}

/* ---- What counts ---- */

static ann *make_ann_of_the_bank(void)
{
    ann *self = make_ann();

    self->collection = (cf_id){"bank of rows"};
    return self;
}

static cf_collection *bank(ann *self)
{
    cf_collection *collection = NULL;

    expect_ok(cf_peer_collection(self->peer, &self->collection, &collection, &self->error),
              self->error);
    return collection;
}

static void publish_change(ann *self, const cf_change *change)
{
    cf_publication *publication = cf_publication_new(self->peer, bank(self));
    cf_kv_list records = {0};
    cf_body body = {.time = cf_publication_time(publication, 2000),
                    .part = 1,
                    .parts = 1,
                    .changes = change,
                    .change_count = 1};
    cf_dot dot;

    expect_ok(cf_publication_add(publication, &body, NULL, 0, &dot, &self->error), self->error);
    expect_ok(cf_publication_commit(publication, &records, &self->error), self->error);
    cf_publication_destroy(&publication);
    cf_kv_list_release(&records);
}

/* One commit with the parts from `first` to `last` of so many; each writes an item of its own. */
static void publish(ann *self, uint64_t first, uint64_t last, uint64_t parts)
{
    cf_publication *publication = cf_publication_new(self->peer, bank(self));
    cf_kv_list records = {0};

    for (uint64_t part = first; part <= last; part++) {
        cf_change change = {.item = {{'r', (uint8_t)part}},
                            .field = cf_bytes_of_text("/columns/sum"),
                            .value = cf_bytes_of("\x0a", 1)};
        cf_body body = {.time = cf_publication_time(publication, 2000),
                        .part = part,
                        .parts = parts,
                        .changes = &change,
                        .change_count = 1};
        cf_dot dot;

        expect_ok(cf_publication_add(publication, &body, NULL, 0, &dot, &self->error), self->error);
    }
    expect_ok(cf_publication_commit(publication, &records, &self->error), self->error);
    cf_publication_destroy(&publication);
    cf_kv_list_release(&records);
}

static void expect_items(ann *self, size_t count)
{
    cf_refolded refolded = {0};

    cr_expect_eq(cf_state_item_count(bank(self)->state), count);
    expect_ok(cf_refold(self->peer, false, &refolded, &self->error), self->error);
    for (size_t i = 0; i < refolded.count; i++)
        if (cf_id_equal(&refolded.at[i]->id, &self->collection))
            cr_expect_eq(cf_state_item_count(refolded.at[i]->state), count, "folded anew");
    cf_refolded_release(&refolded);
}

Test(changesets, count_when_the_last_part_is_here)
{
    ann *self = make_ann_of_the_bank();

    publish(self, 1, 2, 3);
    expect_items(self, 0);
    publish(self, 3, 3, 3);
    expect_items(self, 3);
    cr_expect_eq(cf_changesets_count(bank(self)->changesets), 0);
    ann_begins_again(self);
    expect_items(self, 3);
    cr_expect_eq(cf_changesets_count(bank(self)->changesets), 0);
    end_ann(self);
}

Test(changesets, count_at_once_when_they_come_at_once)
{
    ann *self = make_ann_of_the_bank();

    publish(self, 1, 3, 3);
    expect_items(self, 3);
    end_ann(self);
}

Test(changesets, wait_for_their_last_part_through_a_restart)
{
    ann *self = make_ann_of_the_bank();

    publish(self, 1, 2, 3);
    ann_begins_again(self);
    expect_items(self, 0);
    cr_expect_eq(cf_changesets_count(bank(self)->changesets), 2);
    cr_expect_null(bank(self)->waits);
    publish(self, 3, 3, 3);
    expect_items(self, 3);
    ann_begins_again(self);
    expect_items(self, 3);
    end_ann(self);
}

Test(changesets, that_were_given_up_hold_nothing_up)
{
    ann *self = make_ann_of_the_bank();

    publish(self, 1, 2, 3);
    publish(self, 1, 1, 1);
    expect_items(self, 1);
    publish(self, 1, 2, 2);
    expect_items(self, 2);
    ann_begins_again(self);
    expect_items(self, 2);
    end_ann(self);
}

/* ---- Contents ---- */

Test(folding, reduces_a_long_value_of_a_record_to_its_identity)
{
    ann *self = make_ann_of_the_bank();
    cf_bytes photo = cf_bytes_of_text("\xa5photo");
    cf_content content = {.hash = cf_content_hash(photo),
                          .size = photo.size,
                          .how = {.is_inline = true, .bytes = photo, .length = photo.size}};
    cf_change change = {.item = {{'c', 1}}, .field = cf_bytes_of_text("/media/abcd")};
    cf_buffer reference = {0}, identity = {0};
    uint64_t depth, size;

    cf_content_pack(&reference, &content);
    cf_content_identity_pack(&identity, &content.hash, content.size);
    change.value = cf_buffer_view(&reference);
    publish_change(self, &change);
    const cf_item *item = cf_state_item(bank(self)->state, &change.item);
    cr_assert(item);
    cr_expect(cf_bytes_equal(cf_state_write(bank(self)->state, item, 0).value,
                             cf_buffer_view(&identity)));
    expect_ok(cf_contents_find(self->peer->contents, &self->collection, &content.hash, &depth,
                               &size, &self->error),
              self->error);
    cf_buffer_release(&reference);
    cf_buffer_release(&identity);
    end_ann(self);
}

/* ---- Names that older programs left ---- */

static cf_dot publish_sum(ann *self, const char *value, const cf_dot *over)
{
    cf_change change = {.item = {{'r', 1}},
                        .field = cf_bytes_of_text("/columns/sum"),
                        .value = cf_bytes_of_text(value),
                        .over = over,
                        .over_count = over != NULL};

    publish_change(self, &change);
    const cf_item *item = cf_state_item(bank(self)->state, &change.item);
    cr_assert_eq(cf_item_write_count(item), 1);
    return cf_state_write(bank(self)->state, item, 0).dot;
}

static void pack_older_dot(cf_buffer *out, const cf_dot *dot, cf_time time)
{
    cf_pack_array(out, 5);
    cf_pack_bin(out, cf_bytes_of(dot->writer.bytes, sizeof dot->writer.bytes));
    cf_pack_uint(out, dot->sequence);
    cf_pack_bin(out, cf_bytes_of(dot->hash, sizeof dot->hash));
    cf_pack_uint(out, time.ms);
    cf_pack_uint(out, time.counter);
}

/* The item as it is, and the name of a write that was replaced and has come all the same; in no
 * order, as older programs wrote it. Or that name alone. */
static void record_as_older(ann *self, const cf_dot *replaced, bool with_write)
{
    cf_store *store = cf_home_store(self->home);
    const cf_id item = {{'r', 1}};
    const cf_bytes field = cf_bytes_of_text("/columns/sum");
    cf_arena arena = {0};
    cf_buffer record = {0};
    cf_write write = cf_state_write(bank(self)->state, cf_state_item(bank(self)->state, &item), 0);

    cf_pack_array(&record, 3);
    cf_pack_array(&record, 2);
    pack_older_dot(&record, &write.dot, write.time);
    pack_older_dot(&record, replaced, (cf_time){7, 0});
    cf_pack_array(&record, with_write);
    if (with_write) {
        cf_pack_array(&record, 4);
        cf_field_pack(&record, field);
        cf_pack_uint(&record, 0);
        cf_pack_bool(&record, false);
        cf_pack_raw(&record, write.value);
    }
    cf_pack_array(&record, 1);
    cf_pack_array(&record, 2);
    cf_field_pack(&record, field);
    cf_pack_uint(&record, 1);
    cf_kv put = {cf_key_item(&arena, &self->collection, &item), cf_buffer_view(&record)};
    expect_ok(store->write(store, cf_peer_user(self->peer), &put, 1, true, &self->error),
              self->error);
    cf_buffer_release(&record);
    cf_arena_release(&arena);
}

static void count_damage(void *context, const cf_damage *damage)
{
    cr_expect_eq(damage->kind, CF_DAMAGE_STATE, "%s", damage->what);
    ++*(size_t *)context;
}

static size_t damages(ann *self)
{
    size_t count = 0;

    expect_ok(cf_inspect(self->peer, count_damage, &count, &self->error), self->error);
    return count;
}

static void expect_sum(ann *self, const char *value)
{
    const cf_item *item = cf_state_item(bank(self)->state, &(cf_id){{'r', 1}});

    cr_assert(item);
    cr_expect_eq(cf_item_write_count(item), 1);
    cr_expect(
        cf_bytes_equal(cf_state_write(bank(self)->state, item, 0).value, cf_bytes_of_text(value)));
}

Test(folding, takes_a_name_that_an_older_program_left_for_no_damage)
{
    ann *self = make_ann_of_the_bank();
    cf_refolded refolded = {0};
    cf_dot first = publish_sum(self, "\x0a", NULL);

    publish_sum(self, "\x0b", &first);
    cr_expect_eq(damages(self), 0);
    record_as_older(self, &first, true);
    ann_begins_again(self);
    expect_sum(self, "\x0b");
    cr_expect_eq(damages(self), 0);
    expect_ok(cf_table_clear(self->peer, CF_TABLE_ITEM, &self->error), self->error);
    expect_ok(cf_refold(self->peer, true, &refolded, &self->error), self->error);
    cf_refolded_release(&refolded);
    ann_begins_again(self);
    expect_sum(self, "\x0b");
    cr_expect_eq(damages(self), 0);
    end_ann(self);
}

Test(folding, finds_damage_beside_such_a_name)
{
    ann *self = make_ann_of_the_bank();
    cf_dot first = publish_sum(self, "\x0a", NULL), second = publish_sum(self, "\x0b", &first);

    record_as_older(self, &first, false);
    cr_expect_eq(damages(self), 1, "the write is lost");
    record_as_older(self, &second, false);
    cr_expect_eq(damages(self), 1, "it is not replaced");
    end_ann(self);
}
