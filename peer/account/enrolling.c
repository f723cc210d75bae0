/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/account/enrolling.h"

#include "codec/pack.h"
#include "codec/secret.h"
#include "peer/log/birth.h"
#include "peer/account/pairing_joiner.h"
#include "peer/engine/brief_sync.h"

#include <stdlib.h>

enum { MEMBERS_MAX = 60000 }; /* what fits a KNOCK beside the first entry */

struct cf_enrolling {
    const cf_connections *connections;
    cf_home *home;
    cf_address address;
    cf_keys *account;
    cf_hash user;
    uint64_t timeout_ms, deadline_ms;
    cf_pairing_joiner *joiner;
    cf_brief_sync *brief;
    cf_connection *connection;
};

static cf_status knock(cf_enrolling *self, const cf_enrolling_options *with, cf_bytes first_entry,
                       cf_bytes members, cf_error *error)
{
    cf_pairing_joiner_options options = {.env = self->connections->env,
                                         .code = with->code,
                                         .first_entry = first_entry,
                                         .members = members};
    cf_status status = CF_OK;

    if (with->staging)
        options.said = cf_staging_said(with->staging);
    self->joiner = cf_pairing_joiner_new(&options);
    if (with->staging && !options.said.size)
        status = cf_staging_keep(with->staging, cf_pairing_joiner_said(self->joiner), with->secret,
                                 error);
    if (status)
        return status;
    self->connection = cf_connect(
        self->connections,
        &(cf_connection_options){.link = cf_pairing_joiner_link(self->joiner),
                                 .address = &self->address,
                                 .curve_public = cf_pairing_joiner_curve_public(self->joiner),
                                 .curve_secret = cf_pairing_joiner_curve_secret(self->joiner)});
    return CF_OK;
}

static void begin_brief_sync(cf_enrolling *self)
{
    cf_disconnect(self->connections, &self->connection);
    cf_pairing_joiner_destroy(&self->joiner);
    self->brief = cf_brief_sync_new(&(cf_brief_sync_options){
        .env = self->connections->env, .store = cf_home_store(self->home), .user = self->user});
    self->connection =
        cf_connect(self->connections,
                   &(cf_connection_options){.link = cf_brief_sync_link(self->brief),
                                            .address = &self->address,
                                            .curve_public = cf_keys_public(self->account)->curve,
                                            .curve_secret = cf_keys_curve_secret(self->account)});
    self->deadline_ms = cf_connections_now(self->connections) + self->timeout_ms;
}

static cf_status check_user(cf_enrolling *self, cf_bytes first_entry, cf_error *error)
{
    cf_arena arena = {0};
    cf_entry first;

    cf_status status = cf_entry_read(first_entry, &arena, &first, error);
    if (!status && !cf_hash_equal(&first.header.user, &self->user))
        status = cf_fail(error, CF_DENIED, "this is the recovery phrase of another user");
    cf_arena_release(&arena);
    return status;
}

/* The member log behind its first entry, as a KNOCK brings it. */
static cf_status pack_members(const cf_peer *peer, cf_buffer *out, cf_error *error)
{
    const cf_registry *registry = cf_log_registry(peer->log);
    size_t count = cf_registry_count(registry);

    cf_pack_array(out, count - 1);
    for (size_t i = 1; i < count; i++)
        cf_pack_bin(out, cf_registry_entry(registry, i));
    return out->size <= MEMBERS_MAX ? CF_OK
                                    : cf_fail(error, CF_USAGE,
                                              "this user has too many devices to show them to the "
                                              "broker: give the recovery phrase with "
                                              "--recovery-file FILE (- is stdin)");
}

static cf_status identify(cf_enrolling *self, const cf_enrolling_options *options,
                          cf_buffer *first_entry, cf_buffer *members, cf_error *error)
{
    cf_status status = cf_birth_first_entry(self->home, first_entry, error);

    if (status || !options->secret)
        return status ? status : pack_members(options->peer, members, error);
    self->account = cf_keys_of_phrase(options->secret);
    self->user = cf_device_id(cf_keys_public(self->account)->signing);
    return check_user(self, cf_buffer_view(first_entry), error);
}

cf_status cf_enrolling_new(const cf_enrolling_options *options, cf_enrolling **out, cf_error *error)
{
    cf_enrolling *self = cf_allocate(1, sizeof *self);
    cf_buffer first_entry = {0}, members = {0};

    self->connections = options->connections;
    self->home = options->home;
    self->address = options->code->broker;
    self->timeout_ms = options->timeout_ms;
    self->deadline_ms = cf_connections_now(self->connections) + self->timeout_ms;
    cf_status status = identify(self, options, &first_entry, &members, error);
    if (!status)
        status =
            knock(self, options, cf_buffer_view(&first_entry), cf_buffer_view(&members), error);
    if (!status)
        *out = self;
    else
        cf_enrolling_destroy(&self);
    cf_buffer_release(&first_entry);
    cf_buffer_release(&members);
    return status;
}

void cf_enrolling_destroy(cf_enrolling **enrolling)
{
    if (!*enrolling)
        return;
    cf_disconnect((*enrolling)->connections, &(*enrolling)->connection);
    cf_pairing_joiner_destroy(&(*enrolling)->joiner);
    cf_brief_sync_destroy(&(*enrolling)->brief);
    cf_keys_destroy(&(*enrolling)->account);
    free(*enrolling);
    *enrolling = NULL;
}

bool cf_enrolling_has_knocked(const cf_enrolling *enrolling)
{
    return !enrolling->joiner || cf_pairing_joiner_has_knocked(enrolling->joiner);
}

bool cf_enrolling_step(cf_enrolling *enrolling, uint64_t now_ms, uint64_t *deadline_ms,
                       cf_status *status, cf_error *error)
{
    *deadline_ms = enrolling->deadline_ms;
    if (enrolling->joiner && cf_pairing_joiner_over(enrolling->joiner, status, error)) {
        if (*status || !enrolling->account)
            return true;
        begin_brief_sync(enrolling);
        *deadline_ms = enrolling->deadline_ms;
    }
    if (enrolling->brief && cf_brief_sync_over(enrolling->brief, status, error)) {
        if (*status)
            cf_error_while(error, "the invitation is used now");
        return true;
    }
    if (enrolling->brief && cf_link_waits_for_room(cf_brief_sync_link(enrolling->brief))) {
        *status = cf_fail(error, CF_FULL,
                          "the broker has no room: whoever runs it has to make some; nothing is "
                          "spent");
        return true;
    }
    if (now_ms < enrolling->deadline_ms)
        return false;
    const char *delay = enrolling->joiner ? cf_pairing_joiner_delay(enrolling->joiner) : NULL;
    *status = delay ? cf_fail(error, CF_UNREACHABLE, "the broker lets nobody in for now: %s", delay)
                    : cf_fail(error, CF_UNREACHABLE, "the broker does not answer");
    return true;
}
