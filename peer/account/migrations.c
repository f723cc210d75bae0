/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/account/migrations.h"

#include "codec/deadlines.h"
#include "peer/account/migration.h"
#include "peer/membership/left_brokers.h"

#include <stdlib.h>
#include <string.h>

enum {
    PATIENCE_MS = 30000,
    AGAIN_MS = 10 * 60000,
    LOOK_AGAIN_MS = 250,
    FIRST_MS = 60000, /* who is shut out since is told of after so long in any case */
};

/* A broker that the user was at before, and what is brought from there. */
typedef struct {
    cf_address from, to;
    cf_migration *migration; /* NULL: it has ended, and is due again */
    cf_connection *at_from, *at_to;
    uint64_t began_ms;
    bool is_asked_for;
} former;

struct cf_migrations {
    const cf_connections *connections;
    cf_engine *engine;
    former formers[CF_LEFT_BROKERS_MAX];
    size_t count;
};

cf_migrations *cf_migrations_new(const cf_connections *connections, cf_engine *engine)
{
    cf_migrations *migrations = cf_allocate(1, sizeof *migrations);

    migrations->connections = connections;
    migrations->engine = engine;
    return migrations;
}

static void end(cf_migrations *migrations, former *it)
{
    cf_disconnect(migrations->connections, &it->at_from);
    cf_disconnect(migrations->connections, &it->at_to);
    cf_migration_destroy(&it->migration);
}

void cf_migrations_destroy(cf_migrations **migrations)
{
    if (!*migrations)
        return;
    for (size_t i = 0; i < (*migrations)->count; i++)
        end(*migrations, &(*migrations)->formers[i]);
    free(*migrations);
    *migrations = NULL;
}

static bool is_same(const cf_address *a, const cf_address *b)
{
    return memcmp(a->key, b->key, sizeof a->key) == 0;
}

static former *find(const cf_migrations *migrations, const cf_address *broker)
{
    for (size_t i = 0; i < migrations->count; i++)
        if (is_same(&migrations->formers[i].from, broker))
            return (former *)&migrations->formers[i];
    return NULL;
}

/* ---- Beginning ---- */

static cf_connection *connect(cf_migrations *migrations, cf_link *link, const cf_address *address)
{
    const cf_keys *keys = cf_engine_peer(migrations->engine)->keys;

    return cf_connect(migrations->connections,
                      &(cf_connection_options){.link = link,
                                               .address = address,
                                               .curve_public = cf_keys_public(keys)->curve,
                                               .curve_secret = cf_keys_curve_secret(keys)});
}

static void begin(cf_migrations *migrations, former *it, const cf_address *home, uint64_t now_ms)
{
    cf_migration_options options = {.env = migrations->connections->env,
                                    .peer = cf_engine_peer(migrations->engine),
                                    .timeout_ms = PATIENCE_MS};

    it->to = *home;
    it->began_ms = now_ms;
    it->is_asked_for = false;
    it->migration = cf_migration_new(&options, now_ms);
    it->at_from = connect(migrations, cf_migration_from(it->migration), &it->from);
}

/* Those that were given up, by the user or because they are too many, end. */
static void forget_others(cf_migrations *migrations, const cf_left_brokers *left)
{
    size_t kept = 0;

    for (size_t i = 0; i < migrations->count; i++)
        if (cf_left_brokers_trouble(left, &migrations->formers[i].from))
            migrations->formers[kept++] = migrations->formers[i];
        else
            end(migrations, &migrations->formers[i]);
    migrations->count = kept;
}

cf_status cf_migrations_look(cf_migrations *migrations, const cf_address *home, uint64_t now_ms,
                             cf_error *error)
{
    cf_left_brokers left;

    cf_status status =
        cf_left_brokers_settle(cf_engine_peer(migrations->engine)->home, home, error);
    if (!status)
        status = cf_left_brokers_read(cf_engine_peer(migrations->engine)->home, &left, error);
    if (status)
        return status;
    forget_others(migrations, &left);
    for (size_t i = 0; i < left.count; i++) {
        former *it = find(migrations, &left.at[i].broker);
        bool is_due =
            !it || (!it->migration && (it->is_asked_for || now_ms >= it->began_ms + AGAIN_MS));

        if (!it) {
            it = &migrations->formers[migrations->count++];
            *it = (former){.from = left.at[i].broker};
        }
        if (is_due)
            begin(migrations, it, home, now_ms);
    }
    return CF_OK;
}

void cf_migrations_try_all(cf_migrations *migrations)
{
    for (size_t i = 0; i < migrations->count; i++)
        migrations->formers[i].is_asked_for = !migrations->formers[i].migration;
}

/* ---- Going on ---- */

static void take_back(cf_migrations *migrations, former *it)
{
    cf_home *home = cf_engine_peer(migrations->engine)->home;
    const char *trouble = cf_migration_trouble(it->migration);
    cf_error error;

    cf_status status = *trouble ? cf_left_brokers_tried(home, &it->from, trouble, &error)
                                : cf_left_brokers_settle(home, &it->from, &error);
    if (status)
        cf_report(migrations->connections->env, CF_REPORT_WARNING,
                  "keeping what is still to be brought: %s", error.text);
    end(migrations, it);
    cf_engine_use_keep(migrations->engine);
    cf_engine_try_again(migrations->engine);
    cf_connections_wake(migrations->connections);
}

static bool step_former(cf_migrations *migrations, former *it, uint64_t now_ms)
{
    bool over = cf_migration_over(it->migration, now_ms);

    if (over)
        take_back(migrations, it);
    else if (!it->at_to && cf_migration_to(it->migration))
        it->at_to = connect(migrations, cf_migration_to(it->migration), &it->to);
    return over;
}

bool cf_migrations_step(cf_migrations *migrations, uint64_t now_ms, uint64_t *next_ms)
{
    bool is_time = false;

    *next_ms = UINT64_MAX;
    for (size_t i = 0; i < migrations->count; i++) {
        former *it = &migrations->formers[i];
        uint64_t due_ms = now_ms + LOOK_AGAIN_MS;

        if (it->migration)
            is_time |= step_former(migrations, it, now_ms);
        else
            due_ms = it->began_ms + AGAIN_MS;
        is_time |= !it->migration && now_ms >= due_ms;
        cf_deadline_lower(next_ms, due_ms);
    }
    return is_time;
}

bool cf_migrations_are_out(const cf_migrations *migrations)
{
    uint64_t now_ms = cf_connections_now(migrations->connections);
    bool out = false;

    for (size_t i = 0; i < migrations->count; i++)
        out |= migrations->formers[i].migration &&
               !cf_migration_waits(migrations->formers[i].migration, now_ms);
    return out;
}

bool cf_migrations_are_first(const cf_migrations *migrations, const cf_address *broker)
{
    const former *it = find(migrations, broker);

    return it && it->migration &&
           cf_connections_now(migrations->connections) < it->began_ms + FIRST_MS;
}
