/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/entry.h"

#include <stdlib.h>

#include "codec/bulk.h"
#include "codec/heads.h"
#include "codec/limits.h"
#include "codec/pack.h"
#include "tests/support/author.h"
#include "tests/support/expect.h"

static const cf_head some_heads[] = {
    {{"a writer"}, 3, {"its third header"}},
    {{"a writer"}, 3, {"of another branch"}},
    {{"b writer"}, CF_SEQUENCE_MAX, {"the last there can be"}},
};
static const cf_hash some_blobs[] = {{"a blob"}, {"another"}};

/* The second entry of a chain, with everything that an entry can have. */
static void write_rich(author *ann, cf_buffer *wire)
{
    author_write(ann, cf_bytes_of_text("first"), wire);
    ann->next.after = some_heads;
    ann->next.after_count = 3;
    ann->next.blobs = some_blobs;
    ann->next.blob_count = 2;
    author_write(ann, cf_bytes_of_text("sealed"), wire);
}

static cf_status read_it(const cf_buffer *wire)
{
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;
    cf_status status = cf_entry_read(cf_buffer_view(wire), &arena, &entry, &error);

    cf_arena_release(&arena);
    return status;
}

Test(entry, reads_back_what_was_built)
{
    author ann = an_author(1);
    cf_arena arena = {0};
    cf_buffer wire = {0}, open = {0};
    cf_entry entry;
    cf_error error;

    write_rich(&ann, &wire);
    expect_ok(cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &error), error);
    expect_ok(cf_entry_verify(&entry, ann.key, &error), error);
    cr_assert_eq(entry.header.version, 1);
    cr_assert_eq(entry.header.type, CF_ENTRY_CHANGE);
    cr_assert_eq(entry.header.sequence, 2);
    cr_assert(cf_hash_equal(&entry.header.device, &ann.next.device));
    cr_assert(cf_id_equal(&entry.header.writer, &ann.next.writer));
    cr_assert(cf_hash_equal(&entry.hash, &ann.next.previous));
    cr_assert(cf_hash_equal(&entry.header.epoch, &ann.next.epoch));
    cr_assert_eq(entry.header.after_count, 3);
    cr_assert(cf_head_compare(&entry.header.after[2], &some_heads[2]) == 0);
    cr_assert_eq(entry.header.blob_count, 2);
    cr_assert(cf_hash_equal(&entry.header.blobs[1], &some_blobs[1]));
    cr_assert(cf_bytes_equal(entry.body, cf_bytes_of_text("sealed")));
    cf_header_pack_open(&entry.header, &open);
    cr_assert(cf_bytes_equal(entry.sealed_under, cf_buffer_view(&open)));
    cf_dot dot = cf_entry_dot(&entry);
    cr_assert_eq(dot.sequence, 2);
    cr_assert(memcmp(dot.hash, entry.hash.bytes, sizeof dot.hash) == 0);
    cf_buffer_release(&wire);
    cf_buffer_release(&open);
    cf_arena_release(&arena);
}

Test(entry, names_its_predecessor)
{
    author ann = an_author(1);
    cf_arena arena = {0};
    cf_buffer first = {0}, second = {0};
    cf_entry a, b;
    cf_error error;

    author_write(&ann, cf_bytes_of_text("a"), &first);
    author_write(&ann, cf_bytes_of_text("b"), &second);
    expect_ok(cf_entry_read(cf_buffer_view(&first), &arena, &a, &error), error);
    expect_ok(cf_entry_read(cf_buffer_view(&second), &arena, &b, &error), error);
    cr_assert(cf_hash_equal(&b.header.previous, &a.hash));
    cf_buffer_release(&first);
    cf_buffer_release(&second);
    cf_arena_release(&arena);
}

Test(entry, refuses_one_cut_at_any_length)
{
    author ann = an_author(1);
    cf_buffer wire = {0};

    write_rich(&ann, &wire);
    for (size_t size = 0; size < wire.size; size++) {
        cf_buffer cut = {0};

        cf_buffer_append(&cut, wire.data, size);
        cr_assert_neq(read_it(&cut), CF_OK, "cut at %zu", size);
        cf_buffer_release(&cut);
    }
    cf_buffer_append(&wire, "", 1);
    cr_assert_neq(read_it(&wire), CF_OK);
    cf_buffer_release(&wire);
}

Test(entry, refuses_one_with_any_byte_changed)
{
    author ann = an_author(1);
    cf_buffer wire = {0};

    write_rich(&ann, &wire);
    for (size_t i = 0; i < wire.size; i++)
        for (int flip = 1; flip < 256; flip = 2 * flip + 1) {
            cf_arena arena = {0};
            cf_entry entry;
            cf_error error;

            wire.data[i] ^= (uint8_t)flip;
            cf_status status = cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &error);
            if (!status)
                status = cf_entry_verify(&entry, ann.key, &error);
            cr_assert_neq(status, CF_OK, "byte %zu", i);
            wire.data[i] ^= (uint8_t)flip;
            cf_arena_release(&arena);
        }
    cf_buffer_release(&wire);
}

Test(entry, is_forged_under_another_key_or_another_entrys_signature)
{
    author ann = an_author(1), bob = an_author(2);
    cf_arena arena = {0};
    cf_buffer first = {0}, second = {0};
    cf_entry a, b;
    cf_error error;

    author_write(&ann, cf_bytes_of_text("a"), &first);
    author_write(&ann, cf_bytes_of_text("b"), &second);
    expect_ok(cf_entry_read(cf_buffer_view(&first), &arena, &a, &error), error);
    expect_ok(cf_entry_read(cf_buffer_view(&second), &arena, &b, &error), error);
    expect_fails(cf_entry_verify(&a, bob.key, &error), CF_FORGED);
    a.signature = b.signature;
    expect_fails(cf_entry_verify(&a, ann.key, &error), CF_FORGED);
    cf_buffer_release(&first);
    cf_buffer_release(&second);
    cf_arena_release(&arena);
}

/* Whoever has a key can sign, but not as the device that another key names. */
Test(entry, binds_the_device_to_its_key)
{
    author ann = an_author(1), bob = an_author(2);
    cf_arena arena = {0};
    cf_buffer wire = {0};
    cf_entry entry;
    cf_error error;

    memcpy(ann.secret, bob.secret, sizeof ann.secret);
    author_write(&ann, cf_bytes_of_text("by bob, as ann"), &wire);
    expect_ok(cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &error), error);
    expect_fails(cf_entry_verify(&entry, bob.key, &error), CF_FORGED);
    cf_buffer_release(&wire);
    cf_arena_release(&arena);
}

Test(entry, binds_the_writer_to_user_device_collection_and_random_bytes)
{
    for (int part = 0; part < 4; part++) {
        author ann = an_author(1);
        cf_buffer wire = {0};

        ann.next.user.bytes[0] ^= part == 0;
        ann.next.device.bytes[0] ^= part == 1;
        ann.next.collection.bytes[0] ^= part == 2;
        ann.next.previous.bytes[15] ^= part == 3;
        author_write(&ann, cf_bytes_of_text("x"), &wire);
        cr_assert_eq(read_it(&wire), CF_FORGED);
        cf_buffer_release(&wire);
    }
}

Test(entry, of_the_member_log_is_clear_and_no_other_is)
{
    author ann = an_author(1), owner = an_owner(1), in_log = an_owner(1), outside = an_author(1);
    cf_buffer wire = {0};

    author_write(&owner, cf_bytes_of_text("clear"), &wire);
    cr_assert_eq(read_it(&wire), CF_OK);
    in_log.next.type = CF_ENTRY_CHANGE;
    author_write(&in_log, cf_bytes_of_text("sealed"), &wire);
    cr_assert_eq(read_it(&wire), CF_MALFORMED);
    outside.next.type = CF_ENTRY_MEMBER;
    author_write(&outside, cf_bytes_of_text("clear"), &wire);
    cr_assert_eq(read_it(&wire), CF_MALFORMED);
    owner.next.blobs = some_blobs;
    owner.next.blob_count = 1;
    author_write(&owner, cf_bytes_of_text("clear"), &wire);
    cr_assert_eq(read_it(&wire), CF_MALFORMED);
    ann.next.type = 4;
    author_write(&ann, cf_bytes_of_text("sealed"), &wire);
    cr_assert_eq(read_it(&wire), CF_MALFORMED);
    cf_buffer_release(&wire);
}

Test(entry, of_a_snapshot_is_read_like_a_change)
{
    author ann = an_author(1);
    cf_buffer wire = {0};

    ann.next.type = CF_ENTRY_SNAPSHOT;
    author_write(&ann, cf_bytes_of_text("sealed"), &wire);
    cr_assert_eq(read_it(&wire), CF_OK);
    cf_buffer_release(&wire);
}

Test(entry, counts_from_one_and_never_too_far)
{
    author ann = an_author(1);
    cf_buffer wire = {0};

    ann.next.sequence = 0;
    author_write(&ann, cf_bytes_of_text("x"), &wire);
    cr_assert_eq(read_it(&wire), CF_MALFORMED);
    ann.next.sequence = CF_SEQUENCE_MAX;
    author_write(&ann, cf_bytes_of_text("x"), &wire);
    cr_assert_eq(read_it(&wire), CF_OK);
    author_write(&ann, cf_bytes_of_text("x"), &wire);
    cr_assert_eq(read_it(&wire), CF_MALFORMED);
    cf_buffer_release(&wire);
}

Test(entry, refuses_heads_out_of_order_twice_or_of_its_own_writer)
{
    author ann = an_author(1);
    cf_buffer wire = {0};
    cf_head heads[] = {some_heads[1], some_heads[0]};

    ann.next.after = heads;
    ann.next.after_count = 2;
    author_write(&ann, cf_bytes_of_text("x"), &wire);
    cr_assert_eq(read_it(&wire), CF_MALFORMED);
    heads[0] = heads[1];
    author_write(&ann, cf_bytes_of_text("x"), &wire);
    cr_assert_eq(read_it(&wire), CF_MALFORMED);
    heads[0].writer = ann.next.writer;
    ann.next.after_count = 1;
    author_write(&ann, cf_bytes_of_text("x"), &wire);
    cr_assert_eq(read_it(&wire), CF_MALFORMED);
    cf_buffer_release(&wire);
}

/* The limits, as bytes that break them: the builder refuses to make such. */
static void write_raw(cf_buffer *wire, size_t after_count, size_t blob_count)
{
    author ann = an_author(1);
    cf_hash *blobs = cf_allocate(blob_count, sizeof *blobs);
    cf_buffer open = {0};

    ann.next.blobs = blobs;
    ann.next.blob_count = blob_count;
    cf_head *heads = cf_allocate(after_count, sizeof *heads);
    for (size_t i = 0; i < after_count; i++)
        heads[i].sequence = i + 1;
    ann.next.after = heads;
    ann.next.after_count = after_count;
    cf_header_pack_open(&ann.next, &open);
    cf_hash body = {0};
    cf_pack_bin(&open, cf_bytes_of(body.bytes, CF_HASH_SIZE));
    cf_buffer_append(wire, open.data, open.size);
    cf_buffer_append(wire, blobs, CF_SIGNATURE_SIZE);
    cf_buffer_release(&open);
    free(heads);
    free(blobs);
}

Test(entry, refuses_what_is_beyond_a_limit)
{
    static const struct {
        size_t after, blobs;
        cf_status wanted;
    } cases[] = {
        {CF_ENTRY_AFTER_MAX, CF_ENTRY_BLOBS_MAX, CF_FORGED}, /* as far as the body's hash */
        {CF_ENTRY_AFTER_MAX + 1, 2, CF_TOO_LARGE},
        {0, CF_ENTRY_BLOBS_MAX + 1, CF_TOO_LARGE},
        {0, CF_ENTRY_MAX / CF_HASH_SIZE, CF_TOO_LARGE},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cf_buffer wire = {0};

        write_raw(&wire, cases[i].after, cases[i].blobs);
        cr_assert_eq(read_it(&wire), cases[i].wanted, "case %zu", i);
        cf_buffer_release(&wire);
    }
}

/* Sound in all else: signed, and its body is the one that the header names. */
static void write_of_size(cf_buffer *wire, size_t size)
{
    author ann = an_author(1);
    cf_buffer open = {0};
    uint8_t *bytes = calloc(1, size);

    cf_header_pack_open(&ann.next, &open);
    size_t header_size = open.size + 2 + CF_HASH_SIZE;
    cf_bytes body = cf_bytes_of(bytes, size - header_size - CF_SIGNATURE_SIZE);
    cf_hash hash = cf_hash_of("body", &body, 1);
    cf_pack_bin(&open, cf_bytes_of(hash.bytes, CF_HASH_SIZE));
    cf_buffer_append(wire, open.data, open.size);
    cf_buffer_append(wire, bytes, CF_SIGNATURE_SIZE);
    cf_buffer_append(wire, body.data, body.size);
    cf_buffer_release(&open);
    free(bytes);
}

Test(entry, refuses_one_that_is_too_large_and_else_sound)
{
    cf_buffer wire = {0};

    write_of_size(&wire, CF_ENTRY_MAX);
    cr_assert_eq(wire.size, CF_ENTRY_MAX);
    cr_assert_eq(read_it(&wire), CF_OK);
    cf_buffer_clear(&wire);
    write_of_size(&wire, CF_ENTRY_MAX + 1);
    cr_assert_eq(read_it(&wire), CF_TOO_LARGE);
    cf_buffer_release(&wire);
}

Test(entry, is_not_built_beyond_a_limit)
{
    author ann = an_author(1);
    cf_buffer wire = {0};
    cf_error error;
    cf_hash hash;
    uint8_t *body = calloc(1, CF_ENTRY_MAX + 1);

    expect_fails(cf_entry_build(&ann.next, cf_bytes_of(body, CF_ENTRY_MAX + 1), ann.secret, &wire,
                                &hash, &error),
                 CF_TOO_LARGE);
    expect_fails(cf_entry_build(&ann.next, cf_bytes_of(body, CF_ENTRY_MAX - 100), ann.secret, &wire,
                                &hash, &error),
                 CF_TOO_LARGE);
    ann.next.after_count = CF_ENTRY_AFTER_MAX + 1;
    expect_fails(cf_entry_build(&ann.next, cf_bytes_of(body, 1), ann.secret, &wire, &hash, &error),
                 CF_TOO_LARGE);
    ann.next.after_count = 0;
    ann.next.blob_count = CF_ENTRY_BLOBS_MAX + 1;
    expect_fails(cf_entry_build(&ann.next, cf_bytes_of(body, 1), ann.secret, &wire, &hash, &error),
                 CF_TOO_LARGE);
    cr_assert_eq(wire.size, 0);
    free(body);
}

/* The header of `wire` with its first elements kept, `more` values before the last one and another
 * version; unsigned. */
static void make_newer(cf_buffer *wire, uint8_t version, size_t more)
{
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;
    cf_buffer newer = {0};

    expect_ok(cf_entry_read(cf_buffer_view(wire), &arena, &entry, &error), error);
    size_t fixed = entry.sealed_under.size;
    cf_pack_array(&newer, 12 + more);
    cf_pack_uint(&newer, version);
    cf_pack_raw(&newer, cf_bytes_of(entry.sealed_under.data + 2, fixed - 2));
    for (size_t i = 0; i < more; i++)
        cf_pack_text(&newer, cf_bytes_of_text("a word of tomorrow"));
    cf_pack_bin(&newer, cf_bytes_of(entry.header.body.bytes, CF_HASH_SIZE));
    cf_pack_raw(&newer, entry.signature);
    cf_pack_raw(&newer, entry.body);
    cf_arena_release(&arena);
    cf_buffer_release(wire);
    *wire = newer;
}

Test(entry, of_a_newer_version_gives_what_is_known_of_it)
{
    author ann = an_author(1);
    cf_arena arena = {0};
    cf_buffer wire = {0};
    cf_entry entry;
    cf_error error;

    write_rich(&ann, &wire);
    make_newer(&wire, 2, 2);
    expect_ok(cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &error), error);
    cr_assert_eq(entry.header.version, 2);
    cr_assert_eq(entry.header.sequence, 2);
    cr_assert_eq(entry.header.after_count, 3);
    cr_assert_eq(entry.header.blob_count, 0);
    cr_assert(cf_bytes_equal(entry.body, cf_bytes_of_text("sealed")));
    cf_buffer_release(&wire);
    cf_arena_release(&arena);
}

Test(entry, of_version_one_has_twelve_elements)
{
    author ann = an_author(1);
    cf_buffer wire = {0};

    write_rich(&ann, &wire);
    make_newer(&wire, 1, 1);
    cr_assert_eq(read_it(&wire), CF_MALFORMED);
    write_rich(&ann, &wire);
    make_newer(&wire, 0, 0);
    cr_assert_eq(read_it(&wire), CF_MALFORMED);
    cf_buffer_release(&wire);
}

Test(entry, refuses_counts_that_its_bytes_cannot_hold)
{
    cf_buffer wire = {0};

    cf_buffer_append(&wire, "\xdd\xff\xff\xff\xff", 5);
    cr_assert_eq(read_it(&wire), CF_MALFORMED);
    cf_buffer_release(&wire);
    cr_assert_eq(read_it(&wire), CF_MALFORMED);
}
