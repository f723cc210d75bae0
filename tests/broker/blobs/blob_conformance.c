/* SPDX-License-Identifier: Apache-2.0 */
/* What every place for blobs does. */
#include "tests/broker/blobs/blob_fixture.h"

#include <criterion/parameterized.h>
#include <poll.h>

#define EVERYWHERE(name)                                                                           \
    ParameterizedTestParameters(blobs, name)                                                       \
    {                                                                                              \
        static blobs_kind kinds[BLOB_KINDS] = {BLOBS_IN_MEMORY, BLOBS_IN_FILES,                    \
                                               BLOB_ACTOR_OF_MEMORY, BLOB_ACTOR_OF_FILES};         \
        return cr_make_param_array(blobs_kind, kinds, BLOB_KINDS);                                 \
    }                                                                                              \
    ParameterizedTest(blobs_kind *kind, blobs, name)

enum { STEP = CF_BLOB_STEP, LAST = 1 /* comes again */ };

EVERYWHERE(takes_a_blob_of_one_piece)
{
    shelf it = a_shelf(*kind);
    a_blob small = blob_of(1);

    expect_held(&it, &ann_user, &small, 0, false);
    expect_ok(shelf_put(&it, &ann_user, &small, 0), it.error);
    cr_assert(it.held.complete);
    expect_held(&it, &ann_user, &small, 1, true);
    expect_blob(&it, &ann_user, &small);
    blob_release(&small);
    shelf_end(&it);
}

EVERYWHERE(takes_a_blob_piece_by_piece_and_gives_any_part_of_it)
{
    shelf it = a_shelf(*kind);
    a_blob large = blob_of(3 * STEP + 17);
    cf_buffer got = {0};
    uint64_t total;

    for (uint64_t offset = 0; offset < 3 * STEP; offset += STEP) {
        expect_ok(shelf_put(&it, &ann_user, &large, offset), it.error);
        cr_assert_eq(it.held.size, offset + STEP);
        cr_assert(!it.held.complete);
    }
    expect_ok(shelf_put(&it, &ann_user, &large, 3 * STEP), it.error);
    cr_assert(it.held.complete);
    expect_blob(&it, &ann_user, &large);
    expect_ok(it.blobs->get(it.blobs, &ann_user, &large.id, STEP - 5, 10, &got, &total, &it.error),
              it.error);
    cr_assert_eq(total, large.bytes.size);
    cr_assert(cf_bytes_equal(cf_buffer_view(&got), cf_bytes_of(large.bytes.data + STEP - 5, 10)));
    cf_buffer_clear(&got);
    expect_ok(it.blobs->get(it.blobs, &ann_user, &large.id, total, 10, &got, &total, &it.error),
              it.error);
    cr_assert_eq(got.size, 0);
    cf_buffer_release(&got);
    blob_release(&large);
    shelf_end(&it);
}

EVERYWHERE(says_where_to_go_on_when_a_piece_is_ahead_or_repeated)
{
    shelf it = a_shelf(*kind);
    a_blob large = blob_of(3 * STEP);

    expect_ok(shelf_put(&it, &ann_user, &large, STEP), it.error);
    cr_assert_eq(it.held.size, 0);
    expect_ok(shelf_put(&it, &ann_user, &large, 0), it.error);
    expect_ok(shelf_put(&it, &ann_user, &large, STEP), it.error);
    expect_ok(shelf_put(&it, &ann_user, &large, 0), it.error);
    cr_assert_eq(it.held.size, 2 * STEP);
    expect_ok(shelf_put(&it, &ann_user, &large, 2 * STEP), it.error);
    cr_assert(it.held.complete);
    expect_ok(shelf_put(&it, &ann_user, &large, STEP), it.error);
    cr_assert(it.held.complete);
    expect_blob(&it, &ann_user, &large);
    blob_release(&large);
    shelf_end(&it);
}

EVERYWHERE(always_leaves_a_last_piece_to_come)
{
    shelf it = a_shelf(*kind);
    a_blob large = blob_of(2 * STEP + 1);

    expect_ok(shelf_put(&it, &ann_user, &large, 0), it.error);
    expect_held(&it, &ann_user, &large, STEP - LAST, false);
    expect_ok(shelf_put(&it, &ann_user, &large, STEP), it.error);
    expect_held(&it, &ann_user, &large, 2 * STEP - LAST, false);
    shelf_put_all(&it, &ann_user, &large);
    expect_blob(&it, &ann_user, &large);
    blob_release(&large);
    shelf_end(&it);
}

EVERYWHERE(drops_what_is_not_what_its_name_says)
{
    shelf it = a_shelf(*kind);
    a_blob large = blob_of(STEP + 1);

    large.bytes.data[7] ^= 1;
    expect_ok(shelf_put(&it, &ann_user, &large, 0), it.error);
    expect_fails(shelf_put(&it, &ann_user, &large, STEP), CF_FORGED);
    expect_held(&it, &ann_user, &large, 0, false);
    large.bytes.data[7] ^= 1;
    shelf_put_all(&it, &ann_user, &large);
    expect_blob(&it, &ann_user, &large);
    blob_release(&large);
    shelf_end(&it);
}

EVERYWHERE(starts_over_when_an_upload_is_longer_than_its_blob)
{
    shelf it = a_shelf(*kind);
    a_blob large = blob_of(STEP + 1), other = blob_of(4 * STEP);

    other.id = large.id;
    expect_ok(shelf_put(&it, &ann_user, &other, 0), it.error);
    expect_ok(shelf_put(&it, &ann_user, &other, STEP), it.error);
    expect_ok(shelf_put(&it, &ann_user, &large, STEP), it.error);
    cr_assert_eq(it.held.size, 0);
    shelf_put_all(&it, &ann_user, &large);
    expect_blob(&it, &ann_user, &large);
    blob_release(&large);
    blob_release(&other);
    shelf_end(&it);
}

EVERYWHERE(refuses_sizes_that_break_the_protocol)
{
    shelf it = a_shelf(*kind);
    a_blob large = blob_of(STEP + 1);
    cf_blob_put put = {.user = ann_user, .id = large.id, .total = STEP + 1};

    shelf_put_raw(&it, &put);
    cr_assert_eq(it.status, CF_MALFORMED); /* no bytes */
    put.bytes = cf_buffer_view(&large.bytes);
    shelf_put_raw(&it, &put);
    cr_assert_eq(it.status, CF_TOO_LARGE); /* piece */
    put.bytes.size = STEP;
    put.offset = 2;
    shelf_put_raw(&it, &put);
    cr_assert_eq(it.status, CF_MALFORMED); /* beyond the end */
    put.offset = UINT64_MAX - 1;
    shelf_put_raw(&it, &put);
    cr_assert_eq(it.status, CF_MALFORMED);
    put.offset = 0;
    put.total = CF_BLOB_MAX + CF_BLOB_OVERHEAD + 1;
    shelf_put_raw(&it, &put);
    cr_assert_eq(it.status, CF_TOO_LARGE);
    expect_held(&it, &ann_user, &large, 0, false);
    blob_release(&large);
    shelf_end(&it);
}

EVERYWHERE(keeps_what_is_to_be_set_aside_and_is_whole)
{
    shelf it = a_shelf(*kind);
    a_blob large = blob_of(3 * STEP), other = blob_of(STEP);

    shelf_put_all(&it, &ann_user, &large);
    shelf_put_all(&it, &ann_user, &other);
    expect_ok(it.blobs->set_aside(it.blobs, &bob_user, &large.id, &it.error), it.error);
    for (int twice = 0; twice < 2; twice++) {
        expect_fails(it.blobs->set_aside(it.blobs, &ann_user, &large.id, &it.error), CF_CHANGED);
        expect_held(&it, &ann_user, &large, large.bytes.size, true);
        expect_ok(cf_blob_check(it.blobs, &ann_user, &large.id, &it.error), it.error);
    }
    expect_held(&it, &ann_user, &other, other.bytes.size, true);
    expect_ok(it.blobs->forget(it.blobs, &ann_user, &it.error), it.error);
    blob_release(&large);
    blob_release(&other);
    shelf_end(&it);
}

EVERYWHERE(keeps_users_apart)
{
    shelf it = a_shelf(*kind);
    a_blob large = blob_of(STEP + 1);
    cf_buffer got = {0};
    uint64_t total;

    shelf_put_all(&it, &ann_user, &large);
    expect_held(&it, &bob_user, &large, 0, false);
    expect_fails(it.blobs->get(it.blobs, &bob_user, &large.id, 0, 1, &got, &total, &it.error),
                 CF_MISSING);
    blob_release(&large);
    shelf_end(&it);
}

static bool may_hold(shelf *self, const cf_hash *user, const a_blob *blob)
{
    cf_blob_first_bytes bytes;

    expect_ok(self->blobs->first_bytes(self->blobs, user, &bytes, &self->error), self->error);
    return cf_blob_first_bytes_have(&bytes, &blob->id);
}

EVERYWHERE(tells_with_what_its_ids_begin)
{
    shelf it = a_shelf(*kind);
    a_blob small = blob_of(1), large = blob_of(STEP + 1);

    cr_assert_neq(small.id.bytes[0], large.id.bytes[0]);
    cr_expect_not(may_hold(&it, &ann_user, &small));
    shelf_put_all(&it, &ann_user, &small);
    cr_expect(may_hold(&it, &ann_user, &small));
    cr_expect_not(may_hold(&it, &ann_user, &large));
    expect_ok(shelf_put(&it, &ann_user, &large, 0), it.error);
    cr_expect(may_hold(&it, &ann_user, &large));
    cr_expect_not(may_hold(&it, &bob_user, &small));
    blob_release(&small);
    blob_release(&large);
    shelf_end(&it);
}

static void begin_upload(shelf *self, uint32_t number)
{
    static const uint8_t bytes[1000];
    cf_hash id = {{(uint8_t)number}};
    cf_blob_put put = {.user = ann_user, .total = 2000, .bytes = cf_bytes_of(bytes, sizeof bytes)};

    cf_put_u32(id.bytes + 1, number);
    put.id = id;
    shelf_put_raw(self, &put);
}

EVERYWHERE(tells_of_many_uploads_that_any_id_may_be_there)
{
    shelf it = a_shelf(*kind);
    a_blob small = blob_of(1);

    for (uint32_t i = 0; i < 300; i++)
        begin_upload(&it, i);
    shelf_put_all(&it, &ann_user, &small);
    cr_expect(may_hold(&it, &ann_user, &small));
    blob_release(&small);
    shelf_end(&it);
}

EVERYWHERE(gives_nothing_of_an_upload)
{
    shelf it = a_shelf(*kind);
    a_blob large = blob_of(STEP + 1);
    cf_buffer got = {0};
    uint64_t total;

    expect_ok(shelf_put(&it, &ann_user, &large, 0), it.error);
    expect_fails(it.blobs->get(it.blobs, &ann_user, &large.id, 0, 1, &got, &total, &it.error),
                 CF_MISSING);
    blob_release(&large);
    shelf_end(&it);
}

EVERYWHERE(keeps_complete_blobs_over_a_restart)
{
    shelf it = a_shelf(*kind);
    a_blob large = blob_of(STEP + 1);

    shelf_put_all(&it, &ann_user, &large);
    shelf_restart(&it);
    expect_held(&it, &ann_user, &large, STEP + 1, true);
    expect_blob(&it, &ann_user, &large);
    blob_release(&large);
    shelf_end(&it);
}

static bool count_user(void *context, const cf_hash *user)
{
    size_t *count = context;

    cr_expect(cf_hash_equal(user, &ann_user) || cf_hash_equal(user, &bob_user));
    ++*count;
    return true;
}

EVERYWHERE(lists_users_and_what_they_have)
{
    shelf it = a_shelf(*kind);
    cf_blob_usage usage;
    size_t users = 0;

    for (size_t size = 1; size <= 20; size++) {
        a_blob blob = blob_of(size);

        shelf_put_all(&it, &ann_user, &blob);
        blob_release(&blob);
    }
    a_blob large = blob_of(STEP + 1);
    expect_ok(shelf_put(&it, &ann_user, &large, 0), it.error);
    expect_ok(shelf_put(&it, &bob_user, &large, 0), it.error);
    expect_ok(it.blobs->users(it.blobs, count_user, &users, &it.error), it.error);
    cr_assert_eq(users, 2);
    expect_ok(cf_blobs_usage(it.blobs, &ann_user, &usage, &it.error), it.error);
    cr_assert_eq(usage.count, 21);
    cr_assert_eq(usage.size, 210 + STEP);
    expect_ok(cf_blobs_usage(it.blobs, &bob_user, &usage, &it.error), it.error);
    cr_assert_eq(usage.count, 1);
    blob_release(&large);
    shelf_end(&it);
}

EVERYWHERE(drops_a_blob)
{
    shelf it = a_shelf(*kind);
    a_blob large = blob_of(STEP + 1), upload = blob_of(STEP + 2);

    shelf_put_all(&it, &ann_user, &large);
    expect_ok(shelf_put(&it, &ann_user, &upload, 0), it.error);
    expect_ok(it.blobs->drop(it.blobs, &ann_user, &large.id, &it.error), it.error);
    expect_ok(it.blobs->drop(it.blobs, &ann_user, &upload.id, &it.error), it.error);
    expect_ok(it.blobs->drop(it.blobs, &bob_user, &upload.id, &it.error), it.error);
    expect_held(&it, &ann_user, &large, 0, false);
    expect_ok(shelf_put(&it, &ann_user, &upload, STEP), it.error);
    cr_assert_eq(it.held.size, 0);
    blob_release(&large);
    blob_release(&upload);
    shelf_end(&it);
}

static void count_damage(void *context, const cf_hash *user, const cf_hash *id,
                         const cf_error *error)
{
    size_t *count = context;
    (void)user, (void)id, (void)error;

    ++*count;
}

EVERYWHERE(verifies_without_a_complaint)
{
    shelf it = a_shelf(*kind);
    a_blob large = blob_of(3 * STEP), small = blob_of(1), upload = blob_of(STEP + 2);
    size_t damaged = 0;

    shelf_put_all(&it, &ann_user, &large);
    shelf_put_all(&it, &bob_user, &small);
    expect_ok(shelf_put(&it, &bob_user, &upload, 0), it.error);
    expect_ok(cf_blobs_verify(it.blobs, count_damage, &damaged, &it.error), it.error);
    cr_assert_eq(damaged, 0);
    blob_release(&large);
    blob_release(&small);
    blob_release(&upload);
    shelf_end(&it);
}

EVERYWHERE(takes_many_blobs_at_once)
{
    shelf it = a_shelf(*kind);
    a_blob blobs[40];

    for (size_t i = 0; i < 40; i++)
        blobs[i] = blob_of(STEP + 1 + i);
    if (it.actor) { /* all pieces are under way together */
        cf_blob_put put = {.user = ann_user};

        for (size_t i = 0; i < 80; i++) {
            const a_blob *blob = &blobs[i % 40];
            size_t offset = i < 40 ? 0 : STEP, rest = blob->bytes.size - offset;

            put.id = blob->id;
            put.offset = offset;
            put.total = blob->bytes.size;
            put.bytes = cf_bytes_of(blob->bytes.data + offset, rest < STEP ? rest : STEP);
            it.blobs->put(it.blobs, &put);
        }
        struct pollfd readable = {.fd = cf_blob_actor_descriptor(it.actor), .events = POLLIN};
        cr_assert_eq(poll(&readable, 1, 10000), 1);
        cf_blob_actor_finish(it.actor);
        cr_assert_eq(cf_blob_actor_deliver(it.actor), 0);
        cr_assert_eq(poll(&readable, 1, 0), 0);
    }
    for (size_t i = 0; i < 40; i++) {
        if (!it.actor)
            shelf_put_all(&it, &ann_user, &blobs[i]);
        expect_blob(&it, &ann_user, &blobs[i]);
        blob_release(&blobs[i]);
    }
    shelf_end(&it);
}

typedef struct {
    int64_t size, count;
} change_sum;

static void put_and_count(shelf *self, const a_blob *blob, uint64_t offset, change_sum *sum)
{
    self->held.change = self->held.count_change = 0;
    shelf_put(self, &ann_user, blob, offset);
    sum->size += self->held.change;
    sum->count += self->held.count_change;
}

EVERYWHERE(tells_of_each_put_by_how_much_its_user_takes_more)
{
    shelf it = a_shelf(*kind);
    a_blob large = blob_of(2 * STEP + 7), wrong = blob_of(STEP + 5);
    cf_blob_usage usage;
    change_sum sum = {0};

    put_and_count(&it, &large, 0, &sum);
    cr_assert_eq(sum.size, STEP);
    cr_assert_eq(sum.count, 1);
    put_and_count(&it, &large, 0, &sum);        /* again */
    put_and_count(&it, &large, 2 * STEP, &sum); /* too far */
    cr_assert_eq(sum.size, STEP);
    put_and_count(&it, &large, STEP, &sum);
    put_and_count(&it, &large, 2 * STEP, &sum);
    put_and_count(&it, &large, 2 * STEP, &sum); /* stored already */
    cr_assert_eq(sum.size, 2 * STEP + 7);
    wrong.id.bytes[0] ^= 1;
    put_and_count(&it, &wrong, 0, &sum);
    cr_assert_eq(sum.count, 2);
    put_and_count(&it, &wrong, STEP, &sum);
    cr_assert_eq(it.status, CF_FORGED);
    expect_ok(cf_blobs_usage(it.blobs, &ann_user, &usage, &it.error), it.error);
    cr_assert_eq(usage.size, 2 * STEP + 7);
    cr_assert_eq(sum.size, 2 * STEP + 7);
    cr_assert_eq(usage.count, 1);
    cr_assert_eq(sum.count, 1);
    blob_release(&large);
    blob_release(&wrong);
    shelf_end(&it);
}

EVERYWHERE(forgets_all_of_one_user_and_nothing_of_others)
{
    shelf it = a_shelf(*kind);
    a_blob large = blob_of(3 * STEP), small = blob_of(1), upload = blob_of(STEP + 2);
    cf_blob_usage usage;

    shelf_put_all(&it, &ann_user, &large);
    shelf_put_all(&it, &ann_user, &small);
    shelf_put_all(&it, &bob_user, &small);
    expect_ok(shelf_put(&it, &ann_user, &upload, 0), it.error);

    for (int i = 0; i < 2; i++) {
        expect_ok(it.blobs->forget(it.blobs, &ann_user, &it.error), it.error);
        expect_ok(cf_blobs_usage(it.blobs, &ann_user, &usage, &it.error), it.error);
        cr_assert_eq(usage.count, 0);
        expect_blob(&it, &bob_user, &small);
    }
    expect_ok(shelf_put(&it, &ann_user, &small, 0), it.error);
    expect_blob(&it, &ann_user, &small);
    blob_release(&large);
    blob_release(&small);
    blob_release(&upload);
    shelf_end(&it);
}
