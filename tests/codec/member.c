/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/member.h"

#include <stdlib.h>
#include <string.h>

#include "codec/limits.h"
#include "codec/pack.h"
#include "tests/support/expect.h"

static const cf_head heads[] = {
    {{"writer a"}, 3, {"x"}}, {{"writer a"}, 3, {"y"}}, {{"writer b"}, 1, {"z"}}};
static const cf_recipient recipients[] = {{{"ann"}, {"key"}}, {{"bob"}, {"another"}}};
static const cf_share shares[] = {{{"notes"}, {"key"}}, {{"photos"}, {"another"}}};
static const uint64_t now = 1700000000000;

static cf_opening opening(void)
{
    return (cf_opening){.commitment = {"committed"},
                        .recipients = recipients,
                        .recipient_count = 2,
                        .earlier = cf_bytes_of_text("earlier")};
}

/* One of each kind, with the optional parts both ways. */
static size_t examples(cf_member out[16])
{
    size_t count = 0;

    out[count++] = (cf_member){.kind = CF_MEMBER_FIRST, .opens = true};
    out[count++] =
        (cf_member){.kind = CF_MEMBER_ADD, .role = CF_ROLE_OWNER, .access = {.readable = true}};
    out[count++] = (cf_member){.kind = CF_MEMBER_ADD, .role = CF_ROLE_RELAY};
    out[count] = (cf_member){.kind = CF_MEMBER_ADD, .role = CF_ROLE_READER};
    out[count++].access =
        (cf_access){.readable = true, .limited = true, .shares = shares, .share_count = 2};
    out[count++] = (cf_member){.kind = CF_MEMBER_EPOCH, .opens = true};
    out[count++] = (cf_member){.kind = CF_MEMBER_GRANT, .access = {.readable = true}};
    out[count++] =
        (cf_member){.kind = CF_MEMBER_REVOKE, .opens = true, .heads = heads, .head_count = 3};
    out[count++] = (cf_member){.kind = CF_MEMBER_ANNUL, .revocation = {"revocation"}};
    out[count++] = (cf_member){.kind = CF_MEMBER_LEAVE, .heads = heads, .head_count = 1};
    out[count++] = (cf_member){
        .kind = CF_MEMBER_HOME, .generation = 2, .address = cf_bytes_of_text("tcp://x:1#k")};
    out[count++] = (cf_member){
        .kind = CF_MEMBER_ROLE, .role = CF_ROLE_READER, .heads = heads, .head_count = 2};
    out[count++] = (cf_member){.kind = CF_MEMBER_ROLE, .role = CF_ROLE_RELAY, .opens = true};
    for (size_t i = 0; i < count; i++) {
        out[i].time_ms = now;
        memcpy(out[i].keys.curve, "curve", 5);
        memcpy(out[i].proof, "proof", 5);
        memcpy(out[i].device.bytes, "device", 6);
        memcpy(out[i].access.epoch.bytes, "epoch", 5);
        if (out[i].opens)
            out[i].opening = opening();
    }
    return count;
}

Test(member, goes_round_in_every_kind)
{
    cf_error error;
    cf_member all[16], back;
    size_t count = examples(all);

    for (size_t i = 0; i < count; i++) {
        cf_arena arena = {0};
        cf_buffer packed = {0}, again = {0};

        cf_member_pack(&all[i], &packed);
        expect_ok(cf_member_read(cf_buffer_view(&packed), &arena, &back, &error), error);
        cr_assert_eq(back.kind, all[i].kind);
        cr_assert_eq(back.time_ms, now);
        cr_assert_eq(back.opens, all[i].opens);
        cr_assert_eq(back.role, all[i].role);
        cr_assert_eq(back.head_count, all[i].head_count);
        cr_assert_eq(back.access.share_count, all[i].access.share_count);
        cf_member_pack(&back, &again);
        cr_assert(cf_bytes_equal(cf_buffer_view(&packed), cf_buffer_view(&again)));
        cf_buffer_release(&packed);
        cf_buffer_release(&again);
        cf_arena_release(&arena);
    }
}

Test(member, is_refused_when_cut_or_followed_by_more)
{
    cf_error error;
    cf_member all[16], back;
    size_t count = examples(all);

    for (size_t i = 0; i < count; i++) {
        cf_arena arena = {0};
        cf_buffer packed = {0};

        cf_member_pack(&all[i], &packed);
        for (size_t size = 0; size < packed.size; size++)
            expect_fails(cf_member_read(cf_bytes_of(packed.data, size), &arena, &back, &error),
                         CF_MALFORMED);
        cf_buffer_append(&packed, "", 1);
        expect_fails(cf_member_read(cf_buffer_view(&packed), &arena, &back, &error), CF_MALFORMED);
        cf_buffer_release(&packed);
        cf_arena_release(&arena);
    }
}

/* What is read after a change, if it is read at all, is written as it was read: one form each. */
Test(member, has_one_form_whatever_byte_is_changed)
{
    cf_error error;
    cf_member all[16], back;
    size_t count = examples(all);

    for (size_t i = 0; i < count; i++) {
        cf_buffer packed = {0}, again = {0};

        cf_member_pack(&all[i], &packed);
        for (size_t at = 0; at < packed.size; at++)
            for (unsigned change = 1; change < 256; change += 3) {
                cf_arena arena = {0};

                packed.data[at] ^= (uint8_t)change;
                cf_buffer_clear(&again);
                if (cf_member_read(cf_buffer_view(&packed), &arena, &back, &error) == CF_OK) {
                    cf_member_pack(&back, &again);
                    cr_assert(cf_bytes_equal(cf_buffer_view(&packed), cf_buffer_view(&again)));
                }
                packed.data[at] ^= (uint8_t)change;
                cf_arena_release(&arena);
            }
        cf_buffer_release(&packed);
        cf_buffer_release(&again);
    }
}

static void expect_refused(const cf_member *member, cf_status expected)
{
    cf_error error;
    cf_member back;
    cf_arena arena = {0};
    cf_buffer packed = {0};

    cf_member_pack(member, &packed);
    expect_fails(cf_member_read(cf_buffer_view(&packed), &arena, &back, &error), expected);
    cf_buffer_release(&packed);
    cf_arena_release(&arena);
}

Test(member, refuses_what_makes_no_sense)
{
    cf_member all[16];
    const cf_recipient twice[] = {recipients[0], recipients[0]};
    const cf_share falling[] = {shares[1], shares[0]};
    const cf_head doubled[] = {heads[0], heads[0]};

    examples(all);
    all[1].access.readable = false;
    expect_refused(&all[1], CF_MALFORMED);
    all[2].access.readable = true;
    expect_refused(&all[2], CF_MALFORMED);
    all[3].role = 5;
    expect_refused(&all[3], CF_MALFORMED);
    all[3].role = CF_ROLE_MEMBER;
    all[3].access.shares = falling;
    expect_refused(&all[3], CF_MALFORMED);
    all[4].opening.recipients = twice;
    expect_refused(&all[4], CF_MALFORMED);
    all[5].access.readable = false;
    expect_refused(&all[5], CF_MALFORMED);
    all[6].heads = doubled;
    all[6].head_count = 2;
    expect_refused(&all[6], CF_MALFORMED);
    all[9].generation = 0;
    expect_refused(&all[9], CF_MALFORMED);
    all[0].time_ms = CF_TIME_MS_MAX + 1;
    expect_refused(&all[0], CF_MALFORMED);
}

Test(member, keeps_to_its_limits)
{
    static char long_address[CF_MEMBER_ADDRESS_MAX + 1];
    cf_member all[16];
    size_t many = CF_MEMBER_HEADS_MAX + 1;
    cf_head *too_many = calloc(many, sizeof *too_many);
    cf_recipient *crowd = calloc(CF_MEMBER_RECIPIENTS_MAX + 1, sizeof *crowd);

    examples(all);
    memset(long_address, 'a', sizeof long_address);
    all[9].address = cf_bytes_of(long_address, sizeof long_address);
    expect_refused(&all[9], CF_TOO_LARGE);
    all[9].address.size = 0;
    expect_refused(&all[9], CF_TOO_LARGE);
    for (size_t i = 0; i < many; i++)
        too_many[i].sequence = i + 1;
    all[8].heads = too_many;
    all[8].head_count = many;
    expect_refused(&all[8], CF_TOO_LARGE);
    for (uint32_t i = 0; i <= CF_MEMBER_RECIPIENTS_MAX; i++)
        cf_put_u32(crowd[i].device.bytes, i);
    all[4].opening.recipients = crowd;
    all[4].opening.recipient_count = CF_MEMBER_RECIPIENTS_MAX + 1;
    expect_refused(&all[4], CF_TOO_LARGE);
    free(too_many);
    free(crowd);
}

/* As an entry of an author who has seen as many heads as an `after` takes. */
static cf_status build(const cf_member *member, cf_error *error)
{
    static cf_head seen[CF_ENTRY_AFTER_MAX];
    const uint8_t seed[32] = {1};
    cf_keys *keys = cf_keys_new(seed);
    cf_buffer body = {0}, wire = {0};
    cf_hash hash;

    for (size_t i = 0; i < CF_ENTRY_AFTER_MAX; i++)
        seen[i] = (cf_head){{"writer c"}, CF_SEQUENCE_MAX - CF_ENTRY_AFTER_MAX + i, {"x"}};
    cf_header header = {.version = 1,
                        .type = CF_ENTRY_MEMBER,
                        .collection = cf_member_log_id,
                        .device = cf_device_id(cf_keys_public(keys)->signing),
                        .writer = {"writer d"},
                        .sequence = CF_SEQUENCE_MAX,
                        .after = seen,
                        .after_count = CF_ENTRY_AFTER_MAX};
    cf_member_pack(member, &body);
    cf_status status = cf_entry_build(&header, cf_buffer_view(&body), cf_keys_signing_secret(keys),
                                      &wire, &hash, error);
    cf_buffer_release(&body);
    cf_buffer_release(&wire);
    cf_keys_destroy(&keys);
    return status;
}

/* Else who has seen that many could shut out nobody: all that may be read is more than fits. */
Test(member, shuts_out_in_one_entry_with_all_that_an_author_says_at_its_most)
{
    static cf_head named[CF_MEMBER_HEADS_MAX];
    static cf_recipient crowd[CF_MEMBER_RECIPIENTS_MAX];
    static char earlier[CF_MEMBER_EPOCHS_MAX * 2 * CF_HASH_SIZE + 128];
    cf_member revoke = {.kind = CF_MEMBER_REVOKE,
                        .time_ms = CF_TIME_MS_MAX,
                        .heads = named,
                        .head_count = CF_MEMBER_HEADS_NAMED_MAX,
                        .opens = true,
                        .opening = {.recipients = crowd,
                                    .recipient_count = CF_MEMBER_RECIPIENTS_MAX,
                                    .earlier = cf_bytes_of(earlier, sizeof earlier)}};
    cf_error error;

    for (size_t i = 0; i < CF_MEMBER_HEADS_MAX; i++)
        named[i] = (cf_head){{"writer a"}, CF_SEQUENCE_MAX - CF_MEMBER_HEADS_MAX + i, {"x"}};
    for (uint32_t i = 0; i < CF_MEMBER_RECIPIENTS_MAX; i++)
        cf_put_u32(crowd[i].device.bytes, i);
    expect_ok(build(&revoke, &error), error);
    revoke.head_count = CF_MEMBER_HEADS_MAX;
    expect_fails(build(&revoke, &error), CF_TOO_LARGE);
}

/* Sealed, so they are bounded before anybody opens them. */
Test(member, keeps_to_its_limit_of_earlier_keys)
{
    enum { MOST = CF_MEMBER_EPOCHS_MAX * 2 * CF_HASH_SIZE + 128 };
    static char earlier[MOST + 1];
    cf_member all[16], back;
    cf_buffer packed = {0};
    cf_arena arena = {0};
    cf_error error;

    examples(all);
    all[4].opening.earlier = cf_bytes_of(earlier, MOST);
    cf_member_pack(&all[4], &packed);
    expect_ok(cf_member_read(cf_buffer_view(&packed), &arena, &back, &error), error);
    all[4].opening.earlier = cf_bytes_of(earlier, MOST + 1);
    expect_refused(&all[4], CF_TOO_LARGE);
    cf_buffer_release(&packed);
    cf_arena_release(&arena);
}

Test(member, refuses_kinds_it_does_not_know)
{
    cf_error error;
    cf_member back;
    cf_arena arena = {0};

    for (uint64_t kind = 0; kind < 100; kind += kind == 0 ? 10 : 1) {
        cf_buffer packed = {0};

        cf_pack_array(&packed, 3);
        cf_pack_uint(&packed, kind);
        cf_pack_uint(&packed, now);
        cf_pack_nil(&packed);
        expect_fails(cf_member_read(cf_buffer_view(&packed), &arena, &back, &error), CF_MALFORMED);
        cf_buffer_release(&packed);
    }
    cf_arena_release(&arena);
}

Test(roles, have_names_that_come_back)
{
    cf_error error;
    cf_role back;

    for (cf_role role = CF_ROLE_OWNER; role <= CF_ROLE_RELAY; role++) {
        expect_ok(cf_role_read(cf_role_name(role), &back, &error), error);
        cr_assert_eq(back, role);
    }
    expect_fails(cf_role_read("king", &back, &error), CF_USAGE);
    cr_assert(strstr(error.text, "unknown role king"));
}
