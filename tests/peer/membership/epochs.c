/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/membership/left_brokers.h"
#include "peer/membership/membership.h"
#include "tests/peer/log/ann.h"

#include <stdlib.h>

/* What the broker says of a device, more than an operation may name. */
static cf_heads made_up(void)
{
    cf_heads told = {0};

    for (uint32_t i = 0; i < CF_MEMBER_HEADS_MAX; i++) {
        cf_head head = {{"writer"}, i + 1, {{0}}};

        cf_put_u32(head.writer.bytes + 8, i);
        cf_heads_insert(&told, &head);
    }
    return told;
}

/* Devices that were let in besides ann's laptop: with that and the account more than an opening
 * takes. */
enum { MANY = CF_MEMBER_RECIPIENTS_MAX + 3 };

static cf_hash let_one_in(ann *self, uint32_t number)
{
    const cf_signatory by = {self->peer, false};
    uint8_t seed[32] = {1}, proof[64];
    cf_head head;

    cf_put_u32(seed + 1, number);
    cf_keys *keys = cf_keys_new(seed);
    const cf_hash device = cf_device_id(cf_keys_public(keys)->signing);
    cf_keys_prove(keys, cf_peer_user(self->peer), proof);
    const cf_admission admission = {*cf_keys_public(keys), proof, CF_ROLE_MEMBER};
    expect_ok(cf_membership_add(&by, &admission, &head, &self->error), self->error);
    cf_keys_destroy(&keys);
    return device;
}

static size_t count_lacking(const ann *self)
{
    const cf_registry *registry = cf_log_registry(self->peer->log);
    cf_hash *lacking = cf_allocate(cf_registry_device_count(registry), sizeof *lacking);
    const size_t count = cf_registry_list_lacking(registry, cf_registry_epoch(registry), lacking);

    for (size_t i = 0; i < count; i++)
        cr_expect_not(cf_hash_equal(&lacking[i], cf_peer_user(self->peer)) ||
                      cf_hash_equal(&lacking[i], cf_peer_device(self->peer)));
    free(lacking);
    return count;
}

/* An owner can always shut out: who let in more than that, to keep this one from doing so, too. The
 * account has the new key, and so has the own device; those that lack it are granted it. */
Test(epochs, are_opened_with_more_devices_than_an_opening_takes)
{
    ann *self = make_ann();
    const cf_signatory by = {self->peer, false};
    cf_hash out = {0};
    cf_head head;

    for (uint32_t i = 0; i < MANY; i++)
        out = let_one_in(self, i);
    cf_status status = cf_membership_revoke(&by, &(cf_limited){.device = &out},
                                            &(cf_outgoers){&out, 1}, &head, &self->error);
    expect_ok(status, self->error);
    const cf_registry *registry = cf_log_registry(self->peer->log);
    cr_expect_not(cf_registry_device(registry, &out)->is_valid);
    cr_assert(cf_hash_equal(cf_registry_epoch(registry), &head.hash));
    cr_expect(cf_ring_holds(self->peer->ring, &head.hash));
    cr_expect_eq(count_lacking(self), MANY + 1 - CF_MEMBER_RECIPIENTS_MAX);
    expect_ok(cf_epochs_hand_out(self->peer, &self->error), self->error);
    cr_expect_eq(count_lacking(self), 0);
    end_ann(self);
}

/* All that may be read of heads, devices and keys is more than an entry: what is named leaves room
 * for the rest. */
Test(membership, names_so_many_heads_that_a_revocation_is_an_entry_whatever_else_it_says)
{
    ann *self = make_ann();
    const cf_signatory by = {self->peer, false};
    const cf_hash out = let_one_in(self, 0);
    cf_heads told = made_up();
    size_t count;
    cf_head head;

    cf_status status = cf_membership_revoke(&by, &(cf_limited){&out, &told},
                                            &(cf_outgoers){&out, 1}, &head, &self->error);
    expect_ok(status, self->error);
    const cf_limit *limits = cf_registry_limits(cf_log_registry(self->peer->log), &out, &count);
    cr_assert_eq(count, 1);
    cr_expect_eq(limits[0].head_count, CF_MEMBER_HEADS_NAMED_MAX);
    cf_heads_release(&told);
    end_ann(self);
}

/* ---- Brokers that were left ---- */

static cf_address broker_number(uint8_t number)
{
    cf_address broker = {.host = "left.example", .port = 7817};

    broker.key[0] = number;
    return broker;
}

static void note(ann *self, uint8_t number)
{
    const cf_address broker = broker_number(number);

    expect_ok(cf_left_brokers_note(self->home, &broker, &self->error), self->error);
}

static cf_left_brokers left_by(ann *self)
{
    cf_left_brokers left;

    ann_begins_again(self); /* what is durable is there */
    expect_ok(cf_left_brokers_read(self->home, &left, &self->error), self->error);
    return left;
}

static const char *trouble_with(ann *self, uint8_t number)
{
    static cf_left_brokers left;
    const cf_address broker = broker_number(number);

    left = left_by(self);
    return cf_left_brokers_trouble(&left, &broker);
}

Test(left_brokers, are_so_many_and_no_more_and_the_first_are_given_up)
{
    ann *self = make_ann();

    for (uint8_t i = 1; i <= CF_LEFT_BROKERS_MAX; i++)
        note(self, i);
    cr_expect_str_empty(trouble_with(self, 1));
    note(self, 1); /* left once more: the last now */
    note(self, CF_LEFT_BROKERS_MAX + 1);
    cr_expect_eq(left_by(self).count, CF_LEFT_BROKERS_MAX);
    cr_expect_null(trouble_with(self, 2));
    cr_expect_not_null(trouble_with(self, 1));
    cr_expect_not_null(trouble_with(self, CF_LEFT_BROKERS_MAX + 1));
    end_ann(self);
}

Test(left_brokers, say_why_until_they_are_done)
{
    ann *self = make_ann();
    const cf_address one = broker_number(1), other = broker_number(2);

    note(self, 1);
    note(self, 1);
    expect_ok(cf_left_brokers_tried(self->home, &one, "it is silent", &self->error), self->error);
    expect_ok(cf_left_brokers_tried(self->home, &other, "nobody left it", &self->error),
              self->error);
    cr_expect_str_eq(trouble_with(self, 1), "it is silent");
    cr_expect_null(trouble_with(self, 2));
    note(self, 2);
    expect_ok(cf_left_brokers_settle(self->home, &one, &self->error), self->error);
    cr_expect_null(trouble_with(self, 1));
    cr_expect_not_null(trouble_with(self, 2));
    expect_ok(cf_left_brokers_give_up(self->home, &self->error), self->error);
    cr_expect_eq(left_by(self).count, 0);
    end_ann(self);
}
