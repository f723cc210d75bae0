/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/inspection.h"
#include "peer/commands/verbs.h"

typedef struct {
    const cf_run *run;
    json_t *list, *away;
    size_t ended; /* of the list: mended as it was found */
} answer;

static void note(void *context, const cf_damage *damage)
{
    answer *self = context;

    self->ended += damage->kind == CF_DAMAGE_ENDED;
    json_array_append_new(damage->kind == CF_DAMAGE_AWAY ? self->away : self->list,
                          json_sprintf("%s", damage->what));
    if (!self->run->json)
        cf_say(&self->run->output, "%s", damage->what);
}

static cf_status start(cf_run *run, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop), *own = NULL;
    answer self = {.run = run, .list = json_array(), .away = json_array()};

    cf_status status = cf_run_check_count(run, 0, 0, error);
    if (!status)
        status = cf_inspect_store(cf_loop_home(run->loop), note, &self, error);
    if (!status && !peer) {
        status = cf_inspect_open(cf_loop_env(run->loop), cf_loop_home(run->loop), note, &self, &own,
                                 error);
        peer = own;
    }
    if (!status && peer)
        status = cf_inspect(peer, note, &self, error);
    cf_peer_close(&own);
    if (self.ended && cf_loop_engine(run->loop)) {
        cf_engine_recheck_carried(cf_loop_engine(run->loop));
        cf_loop_wake(run->loop);
    }
    if (!status && run->json)
        cf_print_json(&run->output,
                      json_pack("{s:b, s:O, s:O}", "whole", (int)(json_array_size(self.list) == 0),
                                "damaged", self.list, "away", self.away));
    else if (!status && !run->quiet && json_array_size(self.list) == 0)
        cf_print(&run->output, json_array_size(self.away) ? "everything else is whole\n"
                                                          : "everything is whole\n");
    if (!status && json_array_size(self.away))
        run->exit_code = 1;
    if (!status && json_array_size(self.list)) {
        run->exit_code = cf_status_exit_code(CF_BROKEN);
        cf_say(&run->output, json_array_size(self.list) == self.ended
                                 ? "it was mended, or set aside to be fetched anew"
                                 : "`counterfoil repair` mends what can be made again");
    }
    json_decref(self.list);
    json_decref(self.away);
    return status;
}

const cf_verb cf_verb_verify = {
    .name = "verify",
    .usage = "verify",
    .summary = "Checks everything that is kept here, and names what is damaged",
    .needs = CF_NEEDS_HOME,
    .start = start,
};
