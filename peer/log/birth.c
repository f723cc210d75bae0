/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/birth.h"

#include "broker/log/log.h"
#include "codec/envelope.h"
#include "peer/log/author.h"

static cf_status refuse_second_user(const cf_birth *birth, cf_error *error)
{
    cf_buffer user = {0};

    cf_status status = cf_home_get(birth->home, CF_HOME_USER, &user, error);
    cf_buffer_release(&user);
    if (status == CF_MISSING)
        return CF_OK;
    return status ? status
                  : cf_fail(error, CF_USAGE,
                            "%s has a user already: `counterfoil devices` shows its devices, and "
                            "another user needs another --home",
                            cf_home_shown(birth->home));
}

static void fill_random(const cf_env *env, void *out, size_t size)
{
    env->random(env->context, out, size);
}

/* The account's hand, for as long as a user is born. */
typedef struct {
    const cf_birth *birth;
    cf_keys *account, *device;
    cf_hash user, device_id;
    cf_ring *ring;
    cf_log *log;
    cf_author *author;
    cf_status answer;
    cf_error error;
} midwife;

static void appended(void *context, cf_append_answer answer, uint64_t position,
                     const cf_error *error)
{
    midwife *self = context;

    (void)position;
    if (answer == CF_APPEND_FAILED)
        self->error = *error;
    self->answer = answer == CF_APPEND_STORED   ? CF_OK
                   : answer == CF_APPEND_FAILED ? error->status
                                                : CF_BROKEN;
}

static cf_status publish(midwife *self, const cf_member *member, cf_hash *name, cf_error *error)
{
    cf_buffer plain = {0}, wire = {0};
    cf_arena arena = {0};
    cf_entry entry;
    cf_verdict verdict;
    cf_offer offer = {.bringer = CF_BRINGER_SELF};
    cf_member said = *member; /* its time is for people only, and may be beyond what is read */

    said.time_ms = cf_time_after((cf_time){0}, member->time_ms).ms;
    cf_member_pack(&said, &plain);
    cf_draft draft = {
        .collection = cf_member_log_id, .type = CF_ENTRY_MEMBER, .plain = cf_buffer_view(&plain)};
    cf_status status = cf_author_entry(self->author, &draft, &wire, NULL, error);
    if (!status)
        status = cf_entry_read(cf_buffer_view(&wire), &arena, &entry, error);
    if (!status)
        status = cf_log_check(self->log, &entry, &offer, &verdict, error);
    if (!status && verdict.answer != CF_OFFER_NEW)
        status =
            cf_fail(error, CF_BROKEN, "the new log refuses its first entries: %s", verdict.text);
    if (!status) {
        cf_author_took(self->author, &entry);
        *name = entry.hash;
        cf_log_append(self->log, &entry, &offer, NULL, 0, appended, self);
        status = cf_log_store(self->log)->commit(cf_log_store(self->log), error);
    }
    if (!status && self->answer) {
        *error = self->error;
        status = self->answer;
    }
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    cf_buffer_release(&plain);
    return status;
}

static cf_status open_first_epoch(midwife *self, cf_hash *epoch, cf_error *error)
{
    uint8_t key[CF_KEY_SIZE], random[32];
    cf_arena arena = {0};
    cf_addressee account = {.device = self->user};
    cf_member first = {.kind = CF_MEMBER_FIRST,
                       .time_ms = self->birth->now_ms,
                       .keys = *cf_keys_public(self->account),
                       .opens = true};

    memcpy(account.sealing, first.keys.sealing, sizeof account.sealing);
    fill_random(self->birth->env, key, sizeof key);
    fill_random(self->birth->env, random, sizeof random);
    cf_status status = cf_opening_make(&(cf_opening_parts){self->ring, key, &account, 1, random},
                                       &arena, &first.opening, error);
    if (!status)
        status = publish(self, &first, epoch, error);
    if (!status) {
        cf_ring_expect(self->ring, epoch, &first.opening.commitment);
        status = cf_ring_give(self->ring, epoch, key, error);
    }
    cf_wipe(key, sizeof key);
    cf_arena_release(&arena);
    return status;
}

static cf_status add_device(midwife *self, const cf_hash *epoch, cf_error *error)
{
    uint8_t random[32];
    cf_hash name;
    cf_member add = {.kind = CF_MEMBER_ADD,
                     .time_ms = self->birth->now_ms,
                     .keys = *cf_keys_public(self->device),
                     .role = CF_ROLE_OWNER};

    fill_random(self->birth->env, random, sizeof random);
    cf_keys_prove(self->device, &self->user, add.proof);
    cf_status status =
        cf_access_make(self->ring, epoch, add.keys.sealing, random, &add.access, error);
    return status ? status : publish(self, &add, &name, error);
}

static cf_status deliver(midwife *self, cf_error *error)
{
    const cf_birth *birth = self->birth;
    cf_hash epoch;

    cf_status status =
        cf_log_open(cf_home_store(birth->home), &self->user, self->device, &self->log, error);
    if (!status)
        status =
            cf_author_open(&(cf_author_options){birth->env, self->log, self->account, self->ring},
                           &self->author, error);
    if (!status)
        status = open_first_epoch(self, &epoch, error);
    if (!status)
        status = add_device(self, &epoch, error);
    if (!status)
        status = cf_home_save_secrets(birth->home, self->device, self->ring, error);
    if (!status)
        status =
            cf_home_set(birth->home, CF_HOME_DEVICE, cf_bytes_of_text(birth->device_name), error);
    if (!status)
        status = cf_home_set(birth->home, CF_HOME_USER, cf_bytes_of(self->user.bytes, CF_HASH_SIZE),
                             error);
    return status;
}

cf_status cf_birth_user(const cf_birth *birth, uint8_t secret[CF_PHRASE_SECRET], cf_error *error)
{
    uint8_t seed[32];
    midwife self = {.birth = birth};

    cf_status status = refuse_second_user(birth, error);
    if (status)
        return status;
    fill_random(birth->env, secret, CF_PHRASE_SECRET);
    fill_random(birth->env, seed, sizeof seed);
    self.account = cf_keys_of_phrase(secret);
    self.device = cf_keys_new(seed);
    cf_wipe(seed, sizeof seed);
    self.user = cf_device_id(cf_keys_public(self.account)->signing);
    self.ring = cf_ring_new(&self.user);
    status = deliver(&self, error);
    cf_author_destroy(&self.author);
    cf_log_destroy(&self.log);
    cf_ring_destroy(&self.ring);
    cf_keys_destroy(&self.device);
    cf_keys_destroy(&self.account);
    if (status) {
        cf_wipe(secret, CF_PHRASE_SECRET);
        cf_error_while(error, "making a new user");
    }
    return status;
}

static bool copy_first(void *context, uint64_t position, cf_bytes wire)
{
    (void)position;
    cf_buffer_append(context, wire.data, wire.size);
    return false;
}

cf_status cf_birth_first_entry(cf_home *home, cf_buffer *wire, cf_error *error)
{
    cf_store *store = cf_home_store(home);
    cf_buffer value = {0};
    cf_hash user;

    cf_status status = cf_home_get(home, CF_HOME_USER, &value, error);
    if (!status && value.size != CF_HASH_SIZE)
        status = cf_fail(error, CF_BROKEN, "the user's record has %zu bytes", value.size);
    if (!status) {
        memcpy(user.bytes, value.data, CF_HASH_SIZE);
        status = store->read(store, &user, 1, copy_first, wire, error);
    }
    cf_buffer_release(&value);
    return status;
}

cf_status cf_birth_device(const cf_birth *birth, const cf_hash *user, const cf_keys *keys,
                          cf_error *error)
{
    cf_ring *ring = cf_ring_new(user);

    cf_status status = refuse_second_user(birth, error);
    if (!status)
        status = cf_home_save_secrets(birth->home, keys, ring, error);
    if (!status)
        status =
            cf_home_set(birth->home, CF_HOME_DEVICE, cf_bytes_of_text(birth->device_name), error);
    if (!status)
        status =
            cf_home_set(birth->home, CF_HOME_USER, cf_bytes_of(user->bytes, CF_HASH_SIZE), error);
    cf_ring_destroy(&ring);
    return status;
}
