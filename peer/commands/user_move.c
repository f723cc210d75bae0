/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/user_move.h"
#include "peer/log/gone.h"
#include "peer/membership/left_brokers.h"

#include <stdlib.h>

cf_user_move *cf_user_move_begin(cf_run *run, const cf_address *from, uint64_t timeout_ms)
{
    cf_user_move *self = cf_allocate(1, sizeof *self);

    self->run = run;
    self->from = *from;
    cf_engine_move(cf_loop_engine(run->loop), true);
    cf_catching_up_begin(&self->catching_up, run, timeout_ms);
    return self;
}

void cf_user_move_end(cf_user_move **move)
{
    if (*move)
        cf_engine_move(cf_loop_engine((*move)->run->loop), false);
    free(*move);
    *move = NULL;
}

static void tell_lost(const cf_user_move *self)
{
    cf_run *run = self->run;
    cf_broker_status broker;

    cf_engine_broker_status(cf_loop_engine(run->loop), &broker);
    cf_say(&run->output,
           "%s:%u, where this user was, could not be asked what others wrote last%s%s: it is asked "
           "again, and they may bring it",
           self->from.host, (unsigned)self->from.port, broker.text[0] ? ": " : "", broker.text);
}

bool cf_user_move_is_packed(cf_user_move *self, uint64_t now_ms)
{
    if (!self->has_caught_up) {
        cf_connection_state reached = cf_catching_up_step(&self->catching_up, self->run, now_ms);

        self->is_lost = reached == CF_CONNECTION_LOST;
        if (self->is_lost && cf_engine_keeps_all(cf_loop_engine(self->run->loop)))
            tell_lost(self);
        self->has_caught_up = reached != CF_CONNECTION_TRYING;
    }
    return self->has_caught_up;
}

cf_status cf_user_move_leave(const cf_user_move *self, cf_error *error)
{
    return cf_left_brokers_note(cf_loop_home(self->run->loop), &self->from, error);
}

cf_status cf_user_move_is_over(const cf_user_move *self, bool *over, cf_error *error)
{
    cf_left_brokers left;

    cf_status status = cf_left_brokers_read(cf_loop_home(self->run->loop), &left, error);
    if (status)
        return status;
    const char *trouble = cf_left_brokers_trouble(&left, &self->from);
    *over = !trouble || *trouble;
    return CF_OK;
}

cf_status cf_user_move_tell(const cf_user_move *self, cf_error *error)
{
    const cf_address *from = &self->from;
    cf_peer *peer = cf_loop_peer(self->run->loop);
    cf_arena arena = {0};
    cf_gone gone = {0};
    cf_left_brokers left;

    cf_status status = cf_left_brokers_read(cf_loop_home(self->run->loop), &left, error);
    const char *trouble = status ? NULL : cf_left_brokers_trouble(&left, from);
    if (!status)
        status = cf_gone_keep(peer, error);
    if (!status)
        status = cf_gone_recall(peer, &arena, &gone, error);
    if (!status && gone.count)
        cf_say(
            &self->run->output,
            "%llu version%s in the history could not be brought: if anybody has %s, it is %s:%u, "
            "where this user was%s%s; `counterfoil status` names what is missing",
            (unsigned long long)gone.count, gone.count == 1 ? "" : "s",
            gone.count == 1 ? "it" : "them", from->host, (unsigned)from->port, trouble ? ": " : "",
            trouble ? trouble : "");
    cf_arena_release(&arena);
    return status;
}
