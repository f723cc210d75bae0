/* SPDX-License-Identifier: Apache-2.0 */
/* What `counterfoil broker LINE` does with an invitation: shows the user at the broker's door, goes
 * there, and tells the broker before. */
#include "tests/worlds/inside.h"

#include "codec/pack.h"
#include "peer/account/migration.h"
#include "peer/log/birth.h"
#include "peer/account/pairing_joiner.h"
#include "peer/engine/brief_sync.h"
#include "tests/worlds/causes.h"

enum { DOOR_TURNS = 400, FAREWELL_TURNS = 200, MIGRATION_MS = 30000 };

/* ---- At the door ---- */

static void invite(world_broker *self, cf_code *out)
{
    cf_invitation_terms terms = {.address = self->line};
    cf_buffer line = {0};
    cf_error error;

    must(cf_management_invite(self->broker.management, &terms, self->in->now_ms, &line, &error),
         &error, "invitation");
    cf_buffer_append(&line, "", 1);
    must(cf_code_take((const char *)line.data, true, self->in->now_ms, out, &error), &error,
         "invitation");
    cf_buffer_release(&line);
}

/* The member log behind its first entry, as a KNOCK brings it. */
static void pack_members(const cf_peer *peer, cf_buffer *out)
{
    const cf_registry *registry = cf_log_registry(peer->log);
    size_t count = cf_registry_count(registry);

    cf_pack_array(out, count - 1);
    for (size_t i = 1; i < count; i++)
        cf_pack_bin(out, cf_registry_entry(registry, i));
}

static bool knock(device *self, world_broker *at)
{
    cf_buffer first = {0}, members = {0};
    cf_status status = CF_UNREACHABLE;
    bool is_over = false;
    terminal station;
    cf_code code;
    cf_error error;

    invite(at, &code);
    must(cf_birth_first_entry(self->home, &first, &error), &error, "first entry");
    pack_members(device_peer(self), &members);
    cf_pairing_joiner *newcomer =
        cf_pairing_joiner_new(&(cf_pairing_joiner_options){.env = &self->env,
                                                           .code = &code,
                                                           .first_entry = cf_buffer_view(&first),
                                                           .members = cf_buffer_view(&members)});
    station_open(&station, self, cf_pairing_joiner_link(newcomer),
                 cf_pairing_joiner_curve_public(newcomer), at->number);
    for (int i = 0; i < DOOR_TURNS && !is_over; i++) {
        uint64_t deadline = UINT64_MAX;

        station_pump(&station, &deadline);
        world_turn(self->in);
        is_over = cf_pairing_joiner_over(newcomer, &status, &error);
    }
    station_close(&station);
    cf_pairing_joiner_destroy(&newcomer);
    cf_buffer_release(&first);
    cf_buffer_release(&members);
    return is_over && !status;
}

/* ---- Farewell ---- */

void device_tells(device *self, int old)
{
    const cf_peer *peer = device_peer(self);
    cf_status status;
    cf_error error;
    terminal station;
    bool is_over = false;

    cf_brief_sync *visit = cf_brief_sync_new(&(cf_brief_sync_options){
        .env = &self->env, .store = cf_home_store(self->home), .user = *cf_peer_user(peer)});
    station_open(&station, self, cf_brief_sync_link(visit), cf_keys_public(peer->keys)->curve, old);
    for (int i = 0; i < FAREWELL_TURNS && !is_over; i++) {
        uint64_t deadline = UINT64_MAX;

        station_pump(&station, &deadline);
        world_turn(self->in);
        is_over = cf_brief_sync_over(visit, &status, &error);
    }
    station_close(&station);
    cf_brief_sync_destroy(&visit);
}

/* ---- What comes along ---- */

typedef struct {
    device *of;
    cf_migration *migration;
    terminal from, to;
    int new;
} luggage;

static void carry(luggage *self)
{
    uint64_t deadline = UINT64_MAX;

    station_pump(&self->from, &deadline);
    if (!self->to.outbox && cf_migration_to(self->migration))
        station_open(&self->to, self->of, cf_migration_to(self->migration), self->from.curve.bytes,
                     self->new);
    if (self->to.outbox)
        station_pump(&self->to, &deadline);
    world_turn(self->of->in);
}

static bool is_fetched(luggage *self)
{
    uint64_t now_ms = self->of->in->now_ms;
    bool over =
        cf_migration_over(self->migration, now_ms) || cf_migration_waits(self->migration, now_ms);

    return cf_round_over(self->of->round, now_ms) && over;
}

/* Before the old broker hears of the move. */
static void fetch(luggage *self, int old)
{
    const world_round round = {0};
    cf_peer *peer = device_peer(self->of);
    cf_migration_options options = {
        .env = &self->of->env, .peer = peer, .timeout_ms = MIGRATION_MS};

    self->migration = cf_migration_new(&options, self->of->in->now_ms);
    station_open(&self->from, self->of, cf_migration_from(self->migration),
                 cf_keys_public(peer->keys)->curve, old);
    device_begin_round(self->of, &round);
    for (int i = 0; i < TURNS_MAX && !is_fetched(self); i++)
        carry(self);
    device_end_round(self->of);
    station_close(&self->from);
    if (self->to.outbox)
        station_close(&self->to);
    cf_migration_destroy(&self->migration);
}

/* ---- Going ---- */

static bool is_owner(device *self)
{
    const cf_peer *peer = device_peer(self);
    const cf_device *known = cf_registry_device(cf_log_registry(peer->log), cf_peer_device(peer));

    return known && known->role == CF_ROLE_OWNER;
}

static bool use(device *self, const char *line)
{
    cf_error error;

    if (is_owner(self) && cf_engine_publish_home(self->engine, line, &error))
        return false;
    must(device_set_broker(self, line, &error), &error, "broker");
    device_connect(self);
    return true;
}

bool world_move_home(world *self, device *with, int to)
{
    world_broker *there = &self->brokers[to];
    int old = with->station.broker;
    world_round round = {.set = 1u << with->number, .turns = TURNS_MAX};
    luggage along = {.of = with, .new = to};
    bool leaves = old >= 0 && old != to;

    if (!is_owner(with) && !cf_engine_is_home(with->engine, there->line))
        return false;
    causes_excuse_all(self);
    world_tell(self, "device %d: the user goes to broker %d", with->number, to);
    if (!broker_knows_user(there) && !knock(with, there))
        return false;
    if (!use(with, there->line))
        return false;
    self->home = to;
    if (leaves)
        fetch(&along, old);
    world_sync(self, &round);
    if (!cf_engine_is_home(with->engine, there->line) && use(with, there->line))
        world_sync(self, &round);
    /* Whoever went with an old log may hear there that the user is elsewhere by now. */
    if (with->station.broker >= 0)
        self->home = with->station.broker;
    if (leaves)
        device_tells(with, old);
    return true;
}
