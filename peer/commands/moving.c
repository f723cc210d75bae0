/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/moving.h"

#include "peer/commands/catching_up.h"
#include "peer/log/gone.h"
#include "peer/membership/left.h"

#include <stdlib.h>

struct cf_moving {
    cf_moving_options options;
    cf_catching_up catching_up;
    bool has_caught_up; /* or never will */
};

cf_moving *cf_moving_new(const cf_moving_options *options)
{
    cf_moving *moving = cf_allocate(1, sizeof *moving);

    moving->options = *options;
    cf_catching_up_begin(&moving->catching_up, options->run, options->timeout_ms);
    return moving;
}

void cf_moving_destroy(cf_moving **moving)
{
    free(*moving);
    *moving = NULL;
}

static void tell_lost(const cf_moving *self)
{
    cf_run *run = self->options.run;
    cf_broker_status broker;

    cf_engine_broker_status(cf_loop_engine(run->loop), &broker);
    cf_say(&run->output,
           "%s:%u, where this user was, could not be asked what others wrote last%s%s: it is asked "
           "again, and they may bring it",
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
    return moving->has_caught_up;
}

cf_status cf_moving_leave(const cf_moving *moving, cf_error *error)
{
    return cf_left_note(cf_loop_home(moving->options.run->loop), &moving->options.from, error);
}

cf_status cf_moving_over(const cf_moving *moving, bool *over, cf_error *error)
{
    cf_left left;

    cf_status status = cf_left_read(cf_loop_home(moving->options.run->loop), &left, error);
    if (status)
        return status;
    const char *trouble = cf_left_trouble(&left, &moving->options.from);
    *over = !trouble || *trouble;
    return CF_OK;
}

cf_status cf_moving_tell(const cf_moving *moving, cf_error *error)
{
    const cf_address *from = &moving->options.from;
    cf_run *run = moving->options.run;
    cf_peer *peer = cf_loop_peer(run->loop);
    cf_arena arena = {0};
    cf_gone gone = {0};
    cf_left left;

    cf_status status = cf_left_read(cf_loop_home(run->loop), &left, error);
    const char *trouble = status ? NULL : cf_left_trouble(&left, from);
    if (!status)
        status = cf_gone_keep(peer, error);
    if (!status)
        status = cf_gone_recall(peer, &arena, &gone, error);
    if (!status && gone.count)
        cf_say(
            &run->output,
            "%llu version%s in the history could not be brought: if anybody has %s, it is %s:%u, "
            "where this user was%s%s; `counterfoil status` names what is missing",
            (unsigned long long)gone.count, gone.count == 1 ? "" : "s",
            gone.count == 1 ? "it" : "them", from->host, (unsigned)from->port, trouble ? ": " : "",
            trouble ? trouble : "");
    cf_arena_release(&arena);
    return status;
}
