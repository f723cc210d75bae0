/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/change.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/limits.h"
#include "codec/pack.h"
#include "tests/support/expect.h"

static const cf_dot ann1 = {{"ann"}, 1, {"x"}}, ann2 = {{"ann"}, 2, {"x"}},
                    bob4 = {{"bob"}, 4, {"x"}}, bob5_forked = {{"bob"}, 5, {"y"}};
static const cf_id deleted = {"d, gone"}, edited = {"f, edited"}, pinned = {"f, pinned"},
                   contact = {"c, a contact"};

/* The entry that the bodies here are in: the fifth of bob's. */
static const cf_entry of_bob = {
    .header = {.version = 1, .type = CF_ENTRY_CHANGE, .writer = {"bob"}, .sequence = 5}};

static cf_status read_as(const cf_entry *entry, cf_bytes plain)
{
    cf_arena arena = {0};
    cf_body body;
    cf_error error;
    cf_status status = cf_body_read(plain, entry, &arena, &body, &error);

    cf_arena_release(&arena);
    return status;
}

static cf_status read_it(const cf_buffer *plain)
{
    return read_as(&of_bob, cf_buffer_view(plain));
}

/* A body with a change of each sort. */
typedef struct {
    cf_buffer covers, pin;
    cf_dot over[2];
    cf_change changes[5];
    cf_body body;
} sample;

static void make_sample(sample *out)
{
    cf_cover covers[] = {{cf_bytes_of_text("/kind"), ann1}, {cf_bytes_of_text("/name"), bob4}};
    cf_pin pin = {deleted, cf_bytes_of_text("here"), true, false, ann2, {{{0}}, 0, {0}}};

    *out = (sample){0};
    cf_covers_pack(&out->covers, covers, 2);
    cf_pin_pack(&out->pin, &pin);
    out->over[0] = bob4;
    out->over[1] = ann2;
    cf_change changes[] = {
        {contact, cf_bytes_of_text("/pin"), cf_bytes_of_text("\x92\x01\xc0"), NULL, 0, false},
        {deleted, cf_bytes_of_text(""), cf_buffer_view(&out->covers), NULL, 0, false},
        {edited, cf_bytes_of_text("/content"), {0}, out->over, 1, false},
        {edited, cf_bytes_of_text("/mode"), cf_bytes_of_text("\x07"), out->over, 2, true},
        {pinned, cf_bytes_of_text("/pin"), cf_buffer_view(&out->pin), NULL, 0, true},
    };
    memcpy(out->changes, changes, sizeof changes);
    out->body = (cf_body){{CF_TIME_MS_MAX, 7}, 2, 3, out->changes, 5, NULL, 0};
}

static void release_sample(sample *made)
{
    cf_buffer_release(&made->covers);
    cf_buffer_release(&made->pin);
}

Test(body, reads_back_what_was_written)
{
    sample made;
    cf_arena arena = {0};
    cf_buffer plain = {0};
    cf_body back;
    cf_error error;

    make_sample(&made);
    cf_body_pack(&made.body, &plain);
    expect_ok(cf_body_read(cf_buffer_view(&plain), &of_bob, &arena, &back, &error), error);
    cr_assert(cf_time_compare(back.time, made.body.time) == 0);
    cr_assert_eq(back.part, 2);
    cr_assert_eq(back.parts, 3);
    cr_assert_eq(back.change_count, 5);
    for (size_t i = 0; i < 5; i++) {
        const cf_change *a = &back.changes[i], *b = &made.changes[i];

        cr_assert(cf_id_equal(&a->item, &b->item));
        cr_assert(cf_bytes_equal(a->field, b->field));
        cr_assert(cf_bytes_equal(a->value, b->value));
        cr_assert_eq(a->weak, b->weak);
        cr_assert_eq(a->over_count, b->over_count);
    }
    cr_assert(cf_dot_equal(&back.changes[3].over[0], &ann2)); /* ascending now */
    cr_assert(cf_dot_equal(&back.changes[3].over[1], &bob4));
    cf_buffer_release(&plain);
    cf_arena_release(&arena);
    release_sample(&made);
}

Test(body, of_nothing_is_a_body)
{
    cf_buffer plain = {0};
    cf_body nothing = {.part = 1, .parts = 1};

    cf_body_pack(&nothing, &plain);
    cr_assert_eq(read_it(&plain), CF_OK);
    cf_buffer_release(&plain);
}

Test(body, is_refused_cut_at_any_length)
{
    sample made;
    cf_buffer plain = {0};

    make_sample(&made);
    cf_body_pack(&made.body, &plain);
    for (size_t size = 0; size < plain.size; size++) {
        uint8_t *cut = malloc(size ? size : 1);

        memcpy(cut, plain.data, size);
        cr_assert_eq(read_as(&of_bob, cf_bytes_of(cut, size)), CF_MALFORMED, "cut at %zu", size);
        free(cut);
    }
    cf_buffer_append(&plain, "\xc0", 1);
    cr_assert_eq(read_it(&plain), CF_MALFORMED);
    cf_buffer_release(&plain);
    release_sample(&made);
}

Test(body, whatever_is_read_is_written_again_byte_for_byte)
{
    sample made;
    cf_buffer plain = {0}, again = {0};
    size_t taken = 0;

    make_sample(&made);
    cf_body_pack(&made.body, &plain);
    for (size_t i = 0; i < plain.size; i++) {
        uint8_t kept = plain.data[i];

        for (int byte = 0; byte < 256; byte++) {
            cf_arena arena = {0};
            cf_body body;
            cf_error error;

            plain.data[i] = (uint8_t)byte;
            if (!cf_body_read(cf_buffer_view(&plain), &of_bob, &arena, &body, &error)) {
                cf_buffer_clear(&again);
                cf_body_pack(&body, &again);
                cr_assert(cf_bytes_equal(cf_buffer_view(&plain), cf_buffer_view(&again)));
                taken++;
            }
            cf_arena_release(&arena);
        }
        plain.data[i] = kept;
    }
    cr_assert(taken > plain.size);
    cf_buffer_release(&plain);
    cf_buffer_release(&again);
    release_sample(&made);
}

/* A body written by hand, to break one rule at a time. Dots and changes are those given. */
typedef struct {
    uint64_t ms, part, parts;
    const cf_dot *dots;
    size_t dot_count;
    const char *changes; /* the array of changes, encoded */
    size_t changes_size;
} by_hand;

static cf_status read_by_hand(by_hand hand)
{
    cf_buffer plain = {0};

    cf_pack_array(&plain, 7);
    cf_pack_uint(&plain, hand.ms);
    cf_pack_uint(&plain, 0);
    cf_pack_uint(&plain, hand.part ? hand.part : 1);
    cf_pack_uint(&plain, hand.parts ? hand.parts : 1);
    cf_pack_array(&plain, hand.dot_count);
    for (size_t i = 0; i < hand.dot_count; i++) {
        cf_pack_array(&plain, 3);
        cf_pack_bin(&plain, cf_bytes_of(hand.dots[i].writer.bytes, CF_ID_SIZE));
        cf_pack_uint(&plain, hand.dots[i].sequence);
        cf_pack_bin(&plain, cf_bytes_of(hand.dots[i].hash, 16));
    }
    if (hand.changes)
        cf_buffer_append(&plain, hand.changes, hand.changes_size);
    else
        cf_pack_array(&plain, 0);
    cf_pack_array(&plain, 0);
    cf_status status = read_it(&plain);
    cf_buffer_release(&plain);
    return status;
}

#define ITEM                                                                                       \
    "\xc4\x10"                                                                                     \
    "f23456789abcdefg"
#define CHANGES(text) .changes = (text), .changes_size = sizeof(text) - 1
#define ONE_DOT .dots = &ann1, .dot_count = 1
#define TWO_DOTS .dots = (cf_dot[]){ann1, ann2}, .dot_count = 2

Test(body, has_a_time_and_a_part_that_can_be)
{
    cr_assert_eq(read_by_hand((by_hand){.ms = CF_TIME_MS_MAX}), CF_OK);
    cr_assert_eq(read_by_hand((by_hand){.ms = CF_TIME_MS_MAX + 1}), CF_MALFORMED);
    cr_assert_eq(read_by_hand((by_hand){.part = 3, .parts = 3}), CF_OK);
    cr_assert_eq(read_by_hand((by_hand){.part = 4, .parts = 3}), CF_MALFORMED);
    cr_assert_eq(read_by_hand((by_hand){.parts = (uint64_t)CF_PARTS_MAX + 1}), CF_MALFORMED);
}

Test(body, refers_to_other_entries_in_order_and_to_no_later_one_of_its_own_writer)
{
    static const cf_dot none = {{"ann"}, 0, {"x"}}, bob6 = {{"bob"}, 6, {"x"}},
                        last = {{"ann"}, CF_SEQUENCE_MAX, {"x"}},
                        beyond = {{"ann"}, CF_SEQUENCE_MAX + 1, {"x"}};
    const struct {
        cf_dot dots[2];
        cf_status wanted;
    } cases[] = {
        {{ann1, bob4}, CF_OK},
        {{bob4, ann1}, CF_MALFORMED},
        {{ann1, ann1}, CF_MALFORMED},
        {{none, bob4}, CF_MALFORMED},
        {{last, bob4}, CF_OK},
        {{beyond, bob4}, CF_MALFORMED},
        {{ann1, bob5_forked}, CF_MALFORMED},
        {{ann1, bob6}, CF_MALFORMED},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_eq(read_by_hand((by_hand){.dots = cases[i].dots,
                                            .dot_count = 2,
                                            CHANGES("\x91\x93" ITEM "\xa2/x\x92\x00\x01")}),
                     cases[i].wanted, "case %zu", i);
    cr_assert_eq(read_by_hand((by_hand){ONE_DOT}), CF_MALFORMED); /* nothing refers to it */
}

Test(body, has_changes_in_order_that_change_something)
{
    static const struct {
        const char *changes;
        size_t size;
        cf_status wanted;
    } cases[] = {
#define CASE(text, wanted) {text, sizeof(text) - 1, wanted}
        CASE("\x92\x93" ITEM "\xa2/a\x91\x00\x93" ITEM "\xa2/b\x91\x00", CF_OK),
        CASE("\x92\x93" ITEM "\xa2/b\x91\x00\x93" ITEM "\xa2/a\x91\x00", CF_MALFORMED),
        CASE("\x92\x93" ITEM "\xa2/a\x91\x00\x93" ITEM "\xa2/a\x91\x00", CF_MALFORMED),
        CASE("\x92\x93" ITEM "\xa2/a\x91\x00\x93" ITEM "\xa2/b\x90", CF_MALFORMED),
        CASE("\x92\x93" ITEM "\xa2/a\x91\x00\x94" ITEM "\xa2/b\x91\x00\xc3", CF_MALFORMED),
        CASE("\x91\x93" ITEM "\xa2/a\x91\x01", CF_MALFORMED),
        CASE("\x91\x93" ITEM "\xa2/a\x92\x00\x00", CF_MALFORMED),
        CASE("\x91\x93" ITEM "\xa1"
             "a\x91\x00",
             CF_MALFORMED),
        CASE("\x91\x95" ITEM "\xa2/a\x91\x00\x01\xc0", CF_MALFORMED),
        CASE("\x91\x95" ITEM "\xa2/a\x91\x00\xc2\xc0", CF_OK),
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_eq(read_by_hand((by_hand){ONE_DOT, .changes = cases[i].changes,
                                            .changes_size = cases[i].size}),
                     cases[i].wanted, "case %zu", i);
    cr_assert_eq(read_by_hand((by_hand){TWO_DOTS, CHANGES("\x91\x93" ITEM "\xa2/a\x92\x01\x00")}),
                 CF_MALFORMED);
}

Test(body, has_deletions_that_cover_in_order_and_replace_nothing)
{
    static const struct {
        const char *changes;
        size_t size;
        cf_status wanted;
    } cases[] = {
        CASE("\x91\x95" ITEM "\xa0\x90\xc2\x92\x92\xa2/a\x00\x92\xa2/a\x01", CF_OK),
        CASE("\x91\x95" ITEM "\xa0\x90\xc2\x92\x92\xa2/a\x01\x92\xa2/b\x00", CF_OK),
        CASE("\x91\x95" ITEM "\xa0\x90\xc2\x92\x92\xa2/a\x01\x92\xa2/a\x00", CF_MALFORMED),
        CASE("\x91\x95" ITEM "\xa0\x90\xc2\x92\x92\xa2/b\x00\x92\xa2/a\x01", CF_MALFORMED),
        CASE("\x91\x95" ITEM "\xa0\x90\xc2\x93\x92\xa2/a\x00\x92\xa2/a\x00\x92\xa2/a\x01",
             CF_MALFORMED), /* one twice */
        CASE("\x91\x95" ITEM "\xa0\x90\xc2\x92\x92\xa2/a\x00\x92\xa2/a\x02", CF_MALFORMED),
        CASE("\x91\x95" ITEM "\xa0\x90\xc3\x92\x92\xa2/a\x00\x92\xa2/a\x01",
             CF_MALFORMED), /* weak */
        CASE("\x91\x95" ITEM "\xa0\x91\x00\xc2\x92\x92\xa2/a\x00\x92\xa2/a\x01", CF_MALFORMED),
        CASE("\x91\x93" ITEM "\xa0\x92\x00\x01", CF_MALFORMED),
        CASE("\x91\x95" ITEM "\xa0\x90\xc2\xc0", CF_MALFORMED),
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_eq(read_by_hand((by_hand){TWO_DOTS, .changes = cases[i].changes,
                                            .changes_size = cases[i].size}),
                     cases[i].wanted, "case %zu", i);
}

Test(body, checks_the_form_of_files_fields)
{
    cr_assert_eq(read_by_hand((by_hand){CHANGES("\x91\x95" ITEM "\xa5/name\x90\xc2\xc4\x01x")}),
                 CF_OK);
    cr_assert_eq(read_by_hand((by_hand){CHANGES("\x91\x95" ITEM "\xa5/name\x90\xc2\xc4\x02..")}),
                 CF_MALFORMED);
    cr_assert_eq(read_by_hand((by_hand){CHANGES("\x91\x95" ITEM "\xa8/content\x90\xc2\xc0")}),
                 CF_MALFORMED);
    cr_assert_eq(read_by_hand((by_hand){CHANGES("\x91\x95" ITEM "\xa4/pin\x90\xc3\xc0")}),
                 CF_MALFORMED);
}

#define RECORD                                                                                     \
    "\xc4\x10"                                                                                     \
    "c23456789abcdef0"
#define BIN32                                                                                      \
    "\xc4\x20"                                                                                     \
    "0123456789abcdef0123456789abcdef"

Test(body, takes_for_the_content_of_a_record_what_begins_with_a_hash)
{
    const struct {
        const char *changes;
        size_t size;
        cf_status wanted;
    } cases[] = {
        CASE("\x91\x95" RECORD "\xa6/photo\x90\xc2\x94" BIN32 "\x01\x00\xc4\x01x", CF_OK),
        CASE("\x91\x95" RECORD "\xa6/photo\x90\xc2\x92" BIN32 "\x01", CF_MALFORMED),
        CASE("\x91\x95" RECORD "\xa6/photo\x90\xc2\x91" BIN32, CF_MALFORMED),
        CASE("\x91\x95" RECORD "\xa6/photo\x90\xc2" BIN32, CF_OK),
        CASE("\x91\x95" RECORD "\xa8/content\x90\xc2\x01", CF_OK),
        CASE("\x91\x95" RECORD "\xa6/phone\x90\xc2\x92\xa1@\xc4\x01x", CF_OK),
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_eq(
            read_by_hand((by_hand){.changes = cases[i].changes, .changes_size = cases[i].size}),
            cases[i].wanted, "case %zu", i);
}

Test(body, refuses_counts_that_its_bytes_cannot_hold)
{
    cr_assert_eq(read_by_hand((by_hand){CHANGES("\xdd\xff\xff\xff\xff")}), CF_MALFORMED);
    cr_assert_eq(read_by_hand((by_hand){CHANGES("\xdc\x00\x20")}), CF_MALFORMED);
    cr_assert_eq(read_by_hand((by_hand){CHANGES("\x91\x93" ITEM "\xa2/a\xdd\xff\xff\xff\xff")}),
                 CF_MALFORMED);
    cr_assert_eq(
        read_by_hand((by_hand){CHANGES("\x91\x95" ITEM "\xa0\x90\xc2\xdd\xff\xff\xff\xff")}),
        CF_MALFORMED);
    cr_assert_eq(read_as(&of_bob, cf_bytes_of_text("\x97\x01\x01\x01\x01\xdd\xff\xff\xff\xff")),
                 CF_MALFORMED);
}

/* A change takes 21 bytes at least, so what a count makes room for stays in proportion. */
Test(body, allocates_for_no_more_changes_than_its_bytes_can_hold)
{
    const size_t size = CF_BODY_MAX;
    uint8_t *bytes = calloc(1, size);
    cf_arena arena = {0};
    cf_body body;
    cf_error error;

    memcpy(bytes, "\x97\x01\x00\x01\x01\x90\xdd", 7);
    cf_put_u32(bytes + 7, (uint32_t)(size - 11));
    struct mallinfo2 before = mallinfo2();
    cr_assert_eq(cf_body_read(cf_bytes_of(bytes, size), &of_bob, &arena, &body, &error),
                 CF_MALFORMED);
    struct mallinfo2 after = mallinfo2();
    cr_assert_lt(after.hblkhd + after.uordblks, before.hblkhd + before.uordblks + CF_MIB);
    cf_arena_release(&arena);
    free(bytes);
}

/* One item's fields, each over all of `dot_count` dots: many mentions in few bytes. */
static cf_status read_mentions(size_t dot_count, size_t field_count)
{
    cf_dot *dots = cf_allocate(dot_count, sizeof *dots);
    cf_buffer changes = {0};

    for (size_t i = 0; i < dot_count; i++)
        dots[i].sequence = i + 1;
    cf_pack_array(&changes, field_count);
    for (size_t i = 0; i < field_count; i++) {
        char field[32];

        snprintf(field, sizeof field, "/%06zu", i);
        cf_pack_array(&changes, 3);
        cf_pack_bin(&changes, cf_bytes_of(edited.bytes, CF_ID_SIZE));
        cf_pack_text(&changes, cf_bytes_of_text(field));
        cf_pack_array(&changes, dot_count);
        for (size_t d = 0; d < dot_count; d++)
            cf_pack_uint(&changes, d);
    }
    cf_status status = read_by_hand((by_hand){.dots = dots,
                                              .dot_count = dot_count,
                                              .changes = (const char *)changes.data,
                                              .changes_size = changes.size});
    cf_buffer_release(&changes);
    free(dots);
    return status;
}

Test(body, mentions_dots_so_often_and_no_oftener)
{
    cr_assert_eq(read_mentions(128, CF_BODY_REFERENCES_MAX / 128), CF_OK);
    cr_assert_eq(read_mentions(128, CF_BODY_REFERENCES_MAX / 128 + 1), CF_TOO_LARGE);
    cr_assert_eq(read_mentions(CF_BODY_REFERENCES_MAX + 1, 1), CF_TOO_LARGE);
}

Test(body, that_is_too_large_is_not_looked_at)
{
    uint8_t *large = calloc(1, CF_BODY_MAX + 1);

    cr_assert_eq(read_as(&of_bob, cf_bytes_of(large, CF_BODY_MAX + 1)), CF_TOO_LARGE);
    cr_assert_eq(read_as(&of_bob, cf_bytes_of(large, CF_BODY_MAX)), CF_MALFORMED);
    free(large);
}

Test(body, of_a_newer_version_or_a_snapshot_waits)
{
    cf_entry newer = of_bob, snapshot = of_bob;

    newer.header.version = 2;
    snapshot.header.type = CF_ENTRY_SNAPSHOT;
    cr_assert_eq(read_as(&newer, cf_bytes_of_text("\xc0")), CF_DENIED);
    cr_assert_eq(read_as(&snapshot, cf_bytes_of_text("\xc0")), CF_DENIED);
}

Test(body, carries_supplies_of_a_checked_form)
{
    cf_buffer plain = {0};
    uint8_t hash[CF_HASH_SIZE] = {0};

    cf_buffer_append(&plain, "\x97\x01\x00\x01\x01\x90\x90\x91\x92", 9);
    cf_pack_bin(&plain, cf_bytes_of(hash, sizeof hash));
    cf_pack_nil(&plain);
    cr_assert_eq(read_it(&plain), CF_MALFORMED);
    cf_buffer_release(&plain);
}
