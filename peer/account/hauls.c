/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/account/hauls.h"

#include "peer/account/haul.h"
#include "peer/membership/left.h"

#include <stdlib.h>
#include <string.h>

enum {
    PATIENCE_MS = 30000,
    AGAIN_MS = 10 * 60000,
    LOOK_AGAIN_MS = 250,
    FIRST_MS = 60000, /* who is shut out since is told of after so long in any case */
};

/* One broker, and the haul there. */
typedef struct {
    cf_address from, to;
    cf_haul *haul; /* NULL: it has ended, and is due again */
    cf_connection *at_from, *at_to;
    uint64_t began_ms;
    bool is_asked_for;
} errand;

struct cf_hauls {
    const cf_connections *connections;
    cf_engine *engine;
    errand errands[CF_LEFT_MAX];
    size_t count;
};

cf_hauls *cf_hauls_new(const cf_connections *connections, cf_engine *engine)
{
    cf_hauls *hauls = cf_allocate(1, sizeof *hauls);

    hauls->connections = connections;
    hauls->engine = engine;
    return hauls;
}

static void end(cf_hauls *hauls, errand *it)
{
    cf_disconnect(hauls->connections, &it->at_from);
    cf_disconnect(hauls->connections, &it->at_to);
    cf_haul_destroy(&it->haul);
}

void cf_hauls_destroy(cf_hauls **hauls)
{
    if (!*hauls)
        return;
    for (size_t i = 0; i < (*hauls)->count; i++)
        end(*hauls, &(*hauls)->errands[i]);
    free(*hauls);
    *hauls = NULL;
}

static bool is_same(const cf_address *a, const cf_address *b)
{
    return memcmp(a->key, b->key, sizeof a->key) == 0;
}

static errand *find(const cf_hauls *hauls, const cf_address *broker)
{
    for (size_t i = 0; i < hauls->count; i++)
        if (is_same(&hauls->errands[i].from, broker))
            return (errand *)&hauls->errands[i];
    return NULL;
}

/* ---- Beginning ---- */

static cf_connection *connect(cf_hauls *hauls, cf_link *link, const cf_address *address)
{
    const cf_keys *keys = cf_engine_peer(hauls->engine)->keys;

    return cf_connect(hauls->connections,
                      &(cf_connection_options){.link = link,
                                               .address = address,
                                               .curve_public = cf_keys_public(keys)->curve,
                                               .curve_secret = cf_keys_curve_secret(keys)});
}

static void begin(cf_hauls *hauls, errand *it, const cf_address *home, uint64_t now_ms)
{
    cf_haul_options options = {.env = hauls->connections->env,
                               .peer = cf_engine_peer(hauls->engine),
                               .timeout_ms = PATIENCE_MS};

    it->to = *home;
    it->began_ms = now_ms;
    it->is_asked_for = false;
    it->haul = cf_haul_new(&options, now_ms);
    it->at_from = connect(hauls, cf_haul_from(it->haul), &it->from);
}

/* Those that were given up, by the user or because they are too many, end. */
static void forget_others(cf_hauls *hauls, const cf_left *left)
{
    size_t kept = 0;

    for (size_t i = 0; i < hauls->count; i++)
        if (cf_left_trouble(left, &hauls->errands[i].from))
            hauls->errands[kept++] = hauls->errands[i];
        else
            end(hauls, &hauls->errands[i]);
    hauls->count = kept;
}

cf_status cf_hauls_look(cf_hauls *hauls, const cf_address *home, uint64_t now_ms, cf_error *error)
{
    cf_left left;

    cf_status status = cf_left_settle(cf_engine_peer(hauls->engine)->home, home, error);
    if (!status)
        status = cf_left_read(cf_engine_peer(hauls->engine)->home, &left, error);
    if (status)
        return status;
    forget_others(hauls, &left);
    for (size_t i = 0; i < left.count; i++) {
        errand *it = find(hauls, &left.at[i].broker);
        bool is_due = !it || (!it->haul && (it->is_asked_for || now_ms >= it->began_ms + AGAIN_MS));

        if (!it) {
            it = &hauls->errands[hauls->count++];
            *it = (errand){.from = left.at[i].broker};
        }
        if (is_due)
            begin(hauls, it, home, now_ms);
    }
    return CF_OK;
}

void cf_hauls_try_all(cf_hauls *hauls)
{
    for (size_t i = 0; i < hauls->count; i++)
        hauls->errands[i].is_asked_for = !hauls->errands[i].haul;
}

/* ---- Going on ---- */

static void take_back(cf_hauls *hauls, errand *it)
{
    cf_home *home = cf_engine_peer(hauls->engine)->home;
    const char *trouble = cf_haul_trouble(it->haul);
    cf_error error;

    cf_status status = *trouble ? cf_left_tried(home, &it->from, trouble, &error)
                                : cf_left_settle(home, &it->from, &error);
    if (status)
        cf_report(hauls->connections->env, CF_REPORT_WARNING,
                  "keeping what is still to be brought: %s", error.text);
    end(hauls, it);
    cf_engine_use_keep(hauls->engine);
    cf_engine_try_again(hauls->engine);
    cf_connections_wake(hauls->connections);
}

static bool step_errand(cf_hauls *hauls, errand *it, uint64_t now_ms)
{
    bool over = cf_haul_over(it->haul, now_ms);

    if (over)
        take_back(hauls, it);
    else if (!it->at_to && cf_haul_to(it->haul))
        it->at_to = connect(hauls, cf_haul_to(it->haul), &it->to);
    return over;
}

bool cf_hauls_step(cf_hauls *hauls, uint64_t now_ms, uint64_t *next_ms)
{
    bool is_time = false;

    *next_ms = UINT64_MAX;
    for (size_t i = 0; i < hauls->count; i++) {
        errand *it = &hauls->errands[i];
        uint64_t due_ms = now_ms + LOOK_AGAIN_MS;

        if (it->haul)
            is_time |= step_errand(hauls, it, now_ms);
        else
            due_ms = it->began_ms + AGAIN_MS;
        is_time |= !it->haul && now_ms >= due_ms;
        if (due_ms < *next_ms)
            *next_ms = due_ms;
    }
    return is_time;
}

bool cf_hauls_are_out(const cf_hauls *hauls)
{
    uint64_t now_ms = cf_connections_now(hauls->connections);
    bool out = false;

    for (size_t i = 0; i < hauls->count; i++)
        out |= hauls->errands[i].haul && !cf_haul_waits(hauls->errands[i].haul, now_ms);
    return out;
}

bool cf_hauls_are_first(const cf_hauls *hauls, const cf_address *broker)
{
    const errand *it = find(hauls, broker);

    return it && it->haul && cf_connections_now(hauls->connections) < it->began_ms + FIRST_MS;
}
