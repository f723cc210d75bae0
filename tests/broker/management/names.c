/* SPDX-License-Identifier: Apache-2.0 */
/* Whom and what the operator means by a word: users and invitations, by their names, numbers and
 * digits. */
#include "broker/management/management.h"

#include <stdlib.h>
#include <string.h>

#include "broker/management/invitation.h"
#include "tests/broker/people/broker_world.h"

static const cf_hash ann = {{0x12, 0x34, 0x56, 0x78, 0x9a, 1}};
static const cf_hash ben = {{0x12, 0x34, 0x56, 0x78, 0x9a, 2}};

static void add_user(broker_world *world, const cf_hash *user)
{
    cf_log *log;
    cf_error error;

    expect_ok(cf_users_add(world->broker.users, user, &log, &error), error);
}

static cf_user_name name_of(const char *text)
{
    cf_user_name name = {0};

    memcpy(name.text, text, strlen(text));
    return name;
}

static cf_status call(broker_world *world, const cf_hash *user, const char *text, cf_error *error)
{
    const cf_user_name name = name_of(text);

    return cf_management_name(world->broker.management, user, &name, world->now_ms, error);
}

static cf_status invite(broker_world *world, const char *name, cf_error *error)
{
    const cf_invitation_terms terms = {.address = BROKER_ADDRESS, .name = name_of(name)};
    cf_buffer line = {0};

    cf_status status =
        cf_management_invite(world->broker.management, &terms, world->now_ms, &line, error);
    cf_buffer_release(&line);
    return status;
}

static cf_status take_back(broker_world *world, const char *which, cf_error *error)
{
    cf_invitation_info revoked;

    return cf_management_revoke(world->broker.management, which, world->now_ms, &revoked, error);
}

Test(users_by_name, are_told_apart_or_named_all)
{
    broker_world *world = a_broker_world();
    cf_hash first = {{0x12, 0x34, 0x56, 0x78, 0x9a, 1}},
            second = {{0x12, 0x34, 0x56, 0x78, 0x9a, 2}};
    cf_hash found;
    cf_log *log;
    cf_error error;

    expect_ok(cf_users_add(world->broker.users, &first, &log, &error), error);
    expect_ok(cf_users_add(world->broker.users, &second, &log, &error), error);
    expect_fails(cf_management_find(world->broker.management, "123456789a", &found, &error),
                 CF_USAGE);
    cr_expect(strstr(error.text, "123456789a01"), "%s", error.text);
    cr_expect(strstr(error.text, "123456789a02"), "%s", error.text);
    expect_fails(cf_management_find(world->broker.management, "1234567", &found, &error), CF_USAGE);
    expect_fails(cf_management_find(world->broker.management, "", &found, &error), CF_MISSING);
    expect_fails(cf_management_find(world->broker.management, "12345678ff", &found, &error),
                 CF_MISSING);
    expect_ok(cf_management_find(world->broker.management, "123456789A02", &found, &error), error);
    cr_expect(cf_hash_equal(&found, &second));

    /* digits of both mean neither, whether or not one can be served */
    broker_world_damage(world, &second);
    broker_world_crash(world);
    cr_assert(cf_users_is_damaged(world->broker.users, &second));
    expect_ok(cf_management_find(world->broker.management, "123456789a01", &found, &error), error);
    expect_fails(cf_management_find(world->broker.management, "123456789a02", &found, &error),
                 CF_BROKEN);
    expect_fails(cf_management_find(world->broker.management, "123456789a", &found, &error),
                 CF_USAGE);
    cr_expect(strstr(error.text, "123456789a01"), "%s", error.text);
    cr_expect(strstr(error.text, "123456789a02"), "%s", error.text);
    expect_fails(cf_management_find(world->broker.management, "", &found, &error), CF_MISSING);
    broker_world_end(world);
}

Test(users_by_name, have_names_within_bounds)
{
    char text[CF_USER_NAME_MAX + 2];
    cf_user_name name;
    cf_error error;

    memset(text, 'x', sizeof text);
    text[CF_USER_NAME_MAX] = '\0';
    expect_ok(cf_user_name_read(text, &name, &error), error);
    cr_expect_str_eq(name.text, text);
    text[CF_USER_NAME_MAX] = 'x';
    text[CF_USER_NAME_MAX + 1] = '\0';
    expect_fails(cf_user_name_read(text, &name, &error), CF_USAGE);
    expect_ok(cf_user_name_read("deadbee", &name, &error), error);
    expect_fails(cf_user_name_read("deadbeef", &name, &error), CF_USAGE);
}

/* Seven digits may be a name; more of them are the beginning of an id. */
Test(users_by_name, may_be_called_by_few_digits)
{
    broker_world *world = a_broker_world();
    cf_hash found;
    cf_error error;

    add_user(world, &ann);
    expect_fails(cf_management_find(world->broker.management, "deadbee", &found, &error), CF_USAGE);
    expect_ok(call(world, &ann, "deadbee", &error), error);
    expect_ok(cf_management_find(world->broker.management, "deadbee", &found, &error), error);
    cr_expect(cf_hash_equal(&found, &ann));
    broker_world_end(world);
}

Test(users_by_name, get_a_name_that_nobody_has)
{
    broker_world *world = a_broker_world();
    cf_hash found;
    cf_error error;

    add_user(world, &ann);
    add_user(world, &ben);
    expect_ok(call(world, &ann, "ann", &error), error);
    expect_ok(call(world, &ann, "ann", &error), error);
    expect_fails(call(world, &ben, "ann", &error), CF_USAGE);
    expect_ok(cf_management_find(world->broker.management, "ann", &found, &error), error);
    cr_expect(cf_hash_equal(&found, &ann));
    expect_ok(invite(world, "carl", &error), error);
    expect_fails(call(world, &ben, "carl", &error), CF_USAGE);
    broker_world_damage(world, &ann);
    broker_world_crash(world);
    expect_fails(call(world, &ben, "ann", &error), CF_BROKEN);
    expect_ok(call(world, &ben, "ben", &error), error);
    broker_world_end(world);
}

static cf_status (*get_from_store)(cf_store *store, const cf_hash *user, cf_bytes key,
                                   cf_buffer *out, cf_error *error);

static cf_status get_no_name_of_ann(cf_store *store, const cf_hash *user, cf_bytes key,
                                    cf_buffer *out, cf_error *error)
{
    return key.size == 1 && *key.data == 'n' && cf_hash_equal(user, &ann)
               ? cf_fail(error, CF_BROKEN, "a bad block")
               : get_from_store(store, user, key, out, error);
}

/* That is nobody else's for it. Digits mean an id, whatever anybody is called. */
Test(users_by_name, are_found_beside_one_whose_name_can_not_be_read)
{
    broker_world *world = a_broker_world();
    cf_hash found;
    cf_error error;

    add_user(world, &ann);
    add_user(world, &ben);
    expect_ok(call(world, &ben, "ben", &error), error);
    get_from_store = world->broker.store->get;
    world->broker.store->get = get_no_name_of_ann;
    expect_ok(cf_management_find(world->broker.management, "ben", &found, &error), error);
    cr_expect(cf_hash_equal(&found, &ben));
    expect_fails(cf_management_find(world->broker.management, "carl", &found, &error), CF_BROKEN);
    expect_fails(cf_management_find(world->broker.management, "ffffffff", &found, &error),
                 CF_MISSING);
    broker_world_end(world);
}

/* ---- Invitations ---- */

Test(invitations_by_name, are_one_for_each_name)
{
    broker_world *world = a_broker_world();
    cf_error error;

    expect_ok(invite(world, "ann", &error), error);
    expect_fails(invite(world, "ann", &error), CF_USAGE);
    expect_ok(invite(world, "ben", &error), error);
    expect_ok(take_back(world, "ann", &error), error);
    expect_ok(invite(world, "ann", &error), error);
    broker_world_end(world);
}

Test(invitations_by_name, are_taken_back_by_name_number_or_digits)
{
    broker_world *world = a_broker_world();
    cf_invitation_info *kept = NULL;
    char digits[2 * CF_HASH_SIZE + 1];
    size_t count = 0;
    cf_error error;

    expect_ok(invite(world, "", &error), error);
    expect_ok(invite(world, "ann", &error), error);
    expect_ok(invite(world, "", &error), error);
    expect_ok(cf_management_invitations(world->broker.management, &kept, &count, &error), error);
    cr_assert_eq(count, 3);
    cf_hex(cf_bytes_of(kept[2].guest.bytes, CF_HASH_SIZE), digits);
    free(kept);
    expect_fails(take_back(world, "", &error), CF_MISSING);
    expect_fails(take_back(world, "ben", &error), CF_MISSING);
    expect_ok(take_back(world, "ann", &error), error);
    digits[CF_USER_DIGITS - 1] ^= 1;
    digits[CF_USER_DIGITS] = '\0';
    expect_fails(take_back(world, digits, &error), CF_MISSING);
    digits[CF_USER_DIGITS - 1] ^= 1;
    expect_ok(take_back(world, digits, &error), error);
    expect_ok(take_back(world, "1", &error), error);
    broker_world_end(world);
}

/* As earlier versions made them. */
Test(invitations_by_name, are_not_meant_by_0_where_they_have_no_number)
{
    broker_world *world = a_broker_world();
    const cf_invitation_terms terms = {.address = BROKER_ADDRESS};
    cf_buffer line = {0};
    cf_hash guest;
    cf_error error;

    expect_ok(cf_invitation_make(&world->env, world->broker.store, &terms, &line, &guest, &error),
              error);
    expect_fails(take_back(world, "0", &error), CF_MISSING);
    cf_buffer_release(&line);
    broker_world_end(world);
}

Test(invitations_by_name, go_with_who_came_in_by_them)
{
    broker_world *world = a_broker_world();
    const cf_invitation used[] = {{.is_used = true, .user = ann}, {.is_used = true, .user = ben}};
    const cf_hash guests[] = {{{'a'}}, {{'b'}}};
    cf_invitation_info *kept = NULL;
    size_t count = 0;
    cf_error error;

    for (size_t i = 0; i < 2; i++)
        expect_ok(cf_invitation_keep(world->broker.store, &guests[i], &used[i], &error), error);
    expect_ok(cf_management_forget(world->broker.management, &ann, &error), error);
    expect_ok(cf_management_invitations(world->broker.management, &kept, &count, &error), error);
    cr_assert_eq(count, 1);
    cr_expect(cf_hash_equal(&kept->user, &ben));
    free(kept);
    broker_world_end(world);
}

/* ---- Figures ---- */

static void count_listed(void *context, const cf_user_figures *figures)
{
    (void)figures;
    ++*(size_t *)context;
}

static cf_status (*last_in_store)(cf_store *store, const cf_hash *user, uint64_t *position,
                                  cf_error *error);
static bool fails_once;

static cf_status last_not_at_once(cf_store *store, const cf_hash *user, uint64_t *position,
                                  cf_error *error)
{
    if (!fails_once)
        return last_in_store(store, user, position, error);
    fails_once = false;
    return cf_fail(error, CF_IO, "the disk");
}

static void add_family(broker_world *world, uint16_t seed)
{
    person account = an_account(seed);
    person desk = a_device(seed + 1, &account.user), lap = a_device(seed + 2, &account.user);

    settle_in(world, &account, &desk, &lap);
    person_end(&account);
    person_end(&desk);
    person_end(&lap);
}

/* Not who has no first entry yet; and nobody behind one whose figures can't be had. */
Test(users_by_name, are_listed_until_one_can_not_be_counted)
{
    broker_world *world = a_broker_world();
    size_t listed = 0;
    cf_error error;

    add_family(world, 21);
    add_family(world, 31);
    add_user(world, &ann);
    add_user(world, &ben);
    expect_ok(cf_management_users(world->broker.management, count_listed, &listed, &error), error);
    cr_expect_eq(listed, 2);
    broker_world_damage(world, &ben);
    broker_world_crash(world);
    listed = 0;
    expect_ok(cf_management_users(world->broker.management, count_listed, &listed, &error), error);
    cr_expect_eq(listed, 3);
    last_in_store = world->broker.store->last;
    world->broker.store->last = last_not_at_once;
    fails_once = true;
    listed = 0;
    expect_fails(cf_management_users(world->broker.management, count_listed, &listed, &error),
                 CF_IO);
    cr_expect_eq(listed, 0);
    broker_world_end(world);
}
