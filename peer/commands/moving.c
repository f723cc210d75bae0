/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/moving.h"

#include "peer/account/haul.h"
#include "peer/commands/catching_up.h"
#include "peer/log/gone.h"

#include <stdlib.h>

struct cf_moving {
    cf_moving_options options;
    cf_catching_up catching_up;
    bool has_caught_up; /* or never will */
    cf_haul *haul;
    cf_connection *from, *to; /* the haul's */
};

static cf_connection *connect(const cf_moving *self, cf_link *link, const cf_address *address)
{
    cf_loop *loop = self->options.run->loop;
    const cf_keys *keys = cf_loop_peer(loop)->keys;

    return cf_loop_connect(loop,
                           &(cf_connection_options){.link = link,
                                                    .address = address,
                                                    .curve_public = cf_keys_public(keys)->curve,
                                                    .curve_secret = cf_keys_curve_secret(keys)});
}

cf_moving *cf_moving_new(const cf_moving_options *options)
{
    cf_moving *moving = cf_allocate(1, sizeof *moving);
    cf_loop *loop = options->run->loop;
    cf_haul_options haul = {
        .env = cf_loop_env(loop), .peer = cf_loop_peer(loop), .timeout_ms = options->timeout_ms};

    moving->options = *options;
    cf_catching_up_begin(&moving->catching_up, options->run, options->timeout_ms);
    moving->haul = cf_haul_new(&haul, cf_loop_now(loop));
    moving->from = connect(moving, cf_haul_from(moving->haul), &moving->options.from);
    return moving;
}

void cf_moving_destroy(cf_moving **moving)
{
    cf_moving *it = *moving;

    if (!it)
        return;
    cf_loop_disconnect(it->options.run->loop, &it->from);
    cf_loop_disconnect(it->options.run->loop, &it->to);
    cf_haul_destroy(&it->haul);
    free(it);
    *moving = NULL;
}

static void tell_lost(const cf_moving *self)
{
    cf_run *run = self->options.run;
    cf_broker_status broker;

    cf_engine_broker_status(cf_loop_engine(run->loop), &broker);
    cf_say(&run->output,
           "%s:%u, where this user was, could not be asked what others wrote last%s%s: that comes "
           "when they bring it",
           self->options.from.host, (unsigned)self->options.from.port, broker.text[0] ? ": " : "",
           broker.text);
}

bool cf_moving_is_packed(cf_moving *moving, uint64_t now_ms)
{
    if (!moving->has_caught_up) {
        cf_reach reached = cf_catching_up_step(&moving->catching_up, moving->options.run, now_ms);

        if (reached == CF_REACH_LOST)
            tell_lost(moving);
        moving->has_caught_up = reached != CF_REACH_TRYING;
    }
    return moving->has_caught_up && cf_haul_is_settled(moving->haul, now_ms);
}

bool cf_moving_over(cf_moving *moving, uint64_t now_ms)
{
    bool over = cf_haul_over(moving->haul, now_ms);

    if (!over && !moving->to && cf_haul_to(moving->haul))
        moving->to = connect(moving, cf_haul_to(moving->haul), &moving->options.to);
    return over;
}

cf_status cf_moving_tell(const cf_moving *moving, cf_error *error)
{
    const cf_address *from = &moving->options.from;
    const char *trouble = cf_haul_trouble(moving->haul);
    cf_run *run = moving->options.run;
    cf_peer *peer = cf_loop_peer(run->loop);
    cf_arena arena = {0};
    cf_gone gone = {0};

    cf_status status = cf_gone_keep(peer, error);
    if (!status)
        status = cf_gone_recall(peer, &arena, &gone, error);
    if (!status && gone.count)
        cf_say(
            &run->output,
            "%llu version%s in the history could not be brought: if anybody has %s, it is %s:%u, "
            "where this user was%s%s; `counterfoil status` names what is missing",
            (unsigned long long)gone.count, gone.count == 1 ? "" : "s",
            gone.count == 1 ? "it" : "them", from->host, (unsigned)from->port, *trouble ? ": " : "",
            trouble);
    cf_arena_release(&arena);
    return status;
}
