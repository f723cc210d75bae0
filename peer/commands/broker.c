/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/keys.h"
#include "codec/secret.h"
#include "peer/account/enrolling.h"
#include "peer/account/move_notices.h"
#include "peer/account/pairing_joiner.h"
#include "peer/commands/keep_shown.h"
#include "peer/commands/recovery_file.h"
#include "peer/commands/user_move.h"
#include "peer/commands/verbs.h"
#include "peer/engine/broker_query.h"
#include "peer/membership/left_brokers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTLE_MS = 1000, LOOK_AGAIN_MS = 250 };

/* What was typed, until the broker before was asked. */
typedef struct {
    cf_code code;
    uint8_t secret[CF_PHRASE_SECRET];
    bool has_secret;
} invited_user;

typedef struct {
    invited_user *invited;
    cf_enrolling *enrolling;
    cf_broker_query *asking; /* whether the broker of the line lets this device in */
    cf_error turned_away;    /* why the invitation was not taken, where it wasn't */
    char line[CF_ADDRESS_TEXT];
    cf_address old;
    bool has_old;
    cf_user_move *moving; /* to a broker with another key */
    bool is_there;
    bool says_home;    /* in the log, that the user is there, */
    bool has_insisted; /* and once more after it heard otherwise */
    uint64_t timeout_ms, give_up_ms;
    cf_round *round;
    size_t lacking;      /* blobs, at the new broker, */
    uint64_t lacking_ms; /* since when it is so many */
    uint64_t rest_ms;    /* when nothing was left to do at the new broker, or the round went on */
} state;

/* ---- Where it was typed ---- */

static cf_status prepare(cf_run *run, cf_error *error)
{
    cf_status status = CF_OK;

    if (run->options.argument_count == 0)
        return CF_OK;
    status = cf_run_take_argument(run, 0, "the broker's line", error);
    return status ? status : cf_recovery_file_take(run, NULL, error);
}

/* ---- Showing ---- */

static cf_status show(cf_run *run, cf_error *error)
{
    cf_broker_status broker;
    cf_buffer line = {0};

    cf_engine_broker_status(cf_loop_engine(run->loop), &broker);
    cf_status status = cf_home_get(cf_loop_home(run->loop), CF_HOME_BROKER, &line, error);
    cf_buffer_append(&line, "", 1);
    if (status && status != CF_MISSING) {
        cf_buffer_release(&line);
        return status;
    }
    const char *address = (const char *)line.data;
    if (run->json)
        cf_print_json(&run->output,
                      json_pack("{s:s?, s:b, s:i}", "address", *address ? address : NULL,
                                "connected", broker.connected, "unsent", (int)broker.unsent));
    else if (*address)
        cf_print(&run->output, "%s\n", address);
    else if (!run->quiet)
        cf_say(&run->output, "no broker is set: this user is kept here only");
    cf_buffer_release(&line);
    return CF_OK;
}

/* ---- Setting ---- */

static cf_status read_old(cf_run *run, state *self, cf_error *error)
{
    cf_buffer line = {0};

    cf_status status = cf_home_get(cf_loop_home(run->loop), CF_HOME_BROKER, &line, error);
    cf_buffer_append(&line, "", 1);
    if (status == CF_MISSING)
        status = CF_OK;
    else if (!status && line.size > 1)
        status = cf_address_read((const char *)line.data, &self->old, error);
    self->has_old = !status && line.size > 1;
    cf_buffer_release(&line);
    return status;
}

static bool is_owner(const cf_run *run)
{
    const cf_peer *peer = cf_loop_peer(run->loop);
    const cf_device *device = cf_registry_device(cf_log_registry(peer->log), cf_peer_device(peer));

    return device && device->role == CF_ROLE_OWNER;
}

/* Others go where the user is, and bring a broker back what it lost. */
static cf_status check_may_move(const cf_run *run, const state *self, cf_error *error)
{
    return !self->has_old || is_owner(run) ||
                   cf_engine_is_home(cf_loop_engine(run->loop), self->line)
               ? CF_OK
               : cf_fail(error, CF_DENIED,
                         "this device is no owner, as far as it has heard: only owners move the "
                         "user to another broker; `counterfoil broker ADDRESS` follows an owner");
}

static cf_status read_secret(const cf_run *run, const state *self, uint8_t secret[CF_PHRASE_SECRET],
                             bool *given, cf_error *error)
{
    const char *phrase = cf_options_value(&run->options, "recovery-file");

    *given = phrase != NULL;
    if (!phrase && !self->has_old)
        return cf_fail(error, CF_USAGE,
                       "a broker takes a user from its account only: give the recovery phrase with "
                       "--recovery-file FILE (- is stdin)");
    return phrase ? cf_phrase_read(phrase, secret, error) : CF_OK;
}

/* A word that is no line at all, as a subverb that there isn't; it is not shown, since it may be
 * the half of a line. */
static cf_status check_is_line(const char *text, cf_error *error)
{
    cf_code code = {0};

    cf_status status = cf_code_read(text, &code, error);
    cf_wipe(&code, sizeof code);
    if (status == CF_USAGE)
        cf_error_while(error, "this is neither the line that `counterfoild invite` printed nor an "
                              "address (tcp://HOST:PORT#KEY)");
    return status;
}

static void forget_invited(state *self)
{
    if (self->invited)
        cf_wipe(self->invited, sizeof *self->invited);
    free(self->invited);
    self->invited = NULL;
}

static cf_status begin_enrolling(cf_run *run, state *self, cf_error *error)
{
    const invited_user *invited = self->invited;
    cf_enrolling_options options = {.connections = cf_loop_connections(run->loop),
                                    .home = cf_loop_home(run->loop),
                                    .code = &invited->code,
                                    .secret = invited->has_secret ? invited->secret : NULL,
                                    .peer = cf_loop_peer(run->loop),
                                    .timeout_ms = self->timeout_ms};

    cf_status status = cf_enrolling_new(&options, &self->enrolling, error);
    forget_invited(self);
    return status;
}

/* A broker that lets this device in has the user, and takes no invitation for that. */
static void ask(const cf_run *run, state *self, const cf_address *address)
{
    self->asking = cf_broker_query_new_at(cf_loop_connections(run->loop), cf_loop_peer(run->loop),
                                          address, self->timeout_ms);
}

/* Who keeps all knocks at once: what it couldn't ask for is told, and comes later. The broker where
 * the user is already is asked first: it may have lost the user, or not. */
static cf_status enrol(cf_run *run, state *self, const char *text, cf_error *error)
{
    invited_user *invited = cf_allocate(1, sizeof *invited);
    cf_engine *engine = cf_loop_engine(run->loop);

    self->invited = invited;
    cf_status status = cf_run_timeout(run, &self->timeout_ms, error);
    if (!status)
        status = check_is_line(text, error);
    if (!status)
        status = cf_code_take(text, true, cf_loop_time(run->loop), &invited->code, error);
    bool moves = self->has_old && memcmp(self->old.key, invited->code.broker.key,
                                         sizeof invited->code.broker.key) != 0;
    if (!status) {
        cf_address_write(&invited->code.broker, self->line);
        status = check_may_move(run, self, error);
    }
    if (!status)
        status = read_secret(run, self, invited->secret, &invited->has_secret, error);
    if (!status)
        self->says_home = self->has_old && is_owner(run);
    if (!status && self->has_old && !moves)
        ask(run, self, &invited->code.broker);
    else if (!status && (!moves || cf_engine_keeps_all(engine)))
        status = begin_enrolling(run, self, error);
    if (!status && moves)
        self->moving = cf_user_move_begin(run, &self->old, self->timeout_ms);
    return status;
}

static cf_status use(cf_run *run, state *self, uint64_t now_ms, cf_error *error)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    cf_status status = self->says_home ? cf_engine_publish_home(engine, self->line, error) : CF_OK;

    if (!status)
        status = cf_home_set(cf_loop_home(run->loop), CF_HOME_BROKER, cf_bytes_of_text(self->line),
                             error);
    if (!status)
        status = cf_engine_use_broker(engine, error);
    if (status)
        return status;
    run->connects = self->has_old;
    if (self->has_old)
        self->round = cf_round_begin(engine, &(cf_round_options){.kind = CF_ROUND_SYNC});
    self->give_up_ms = now_ms + self->timeout_ms;
    cf_loop_wake(run->loop);
    return CF_OK;
}

/* The broker knows the user now: this device goes there, and brings it what it lacks. */
static cf_status go_there(cf_run *run, state *self, uint64_t now_ms, cf_error *error)
{
    self->is_there = true;
    cf_status status = self->moving ? cf_user_move_leave(self->moving, error) : CF_OK;

    return status ? status : use(run, self, now_ms, error);
}

/* The log that is there may know of later moves than this device did; who typed this knows best. */
static cf_status end_round(cf_run *run, state *self, uint64_t now_ms, cf_error *error)
{
    cf_round_end(&self->round);
    if (!self->says_home || self->has_insisted ||
        cf_engine_is_home(cf_loop_engine(run->loop), self->line))
        return CF_OK;
    self->has_insisted = true;
    return use(run, self, now_ms, error);
}

/* A device that can't hear where the user has moved is told so, and goes there once that broker has
 * let it in. */
static cf_status take_address(cf_run *run, state *self, const char *text, cf_error *error)
{
    cf_address address;

    cf_status status = cf_run_timeout(run, &self->timeout_ms, error);
    if (!status)
        status = cf_address_read(text, &address, error);
    if (!status && !self->has_old)
        status = cf_fail(error, CF_USAGE,
                         "the first broker takes the line that `counterfoild invite` printed");
    if (status)
        return status;
    cf_address_write(&address, self->line);
    ask(run, self, &address);
    return CF_OK;
}

static cf_status give_up(cf_run *run, cf_error *error)
{
    cf_status status = cf_left_brokers_give_up(cf_loop_home(run->loop), error);

    cf_engine_use_keep(cf_loop_engine(run->loop));
    if (!status)
        status = cf_move_notices_give_up(cf_loop_peer(run->loop), error);
    if (!status && !run->json && !run->quiet)
        cf_print(&run->output, "nothing more is brought from brokers where this user was, and none "
                               "is waited for\n");
    return status;
}

static cf_status start(cf_run *run, cf_error *error)
{
    bool gives_up = cf_options_has(&run->options, "give-up");
    cf_status status = cf_run_check_count(run, 0, gives_up ? 0 : 1, error);

    if (status)
        return status;
    if (gives_up)
        return give_up(run, error);
    if (run->options.argument_count == 0)
        return show(run, error);
    state *self = cf_allocate(1, sizeof *self);
    run->state = self;
    const char *text = run->options.arguments[0];
    status = read_old(run, self, error);
    if (status)
        return status;
    return strpbrk(text, ":#") ? take_address(run, self, text, error)
                               : enrol(run, self, text, error);
}

static bool is_round_over(cf_run *run, state *self, uint64_t now_ms)
{
    cf_broker_status broker;

    cf_engine_broker_status(cf_loop_engine(run->loop), &broker);
    return cf_round_over(self->round, now_ms) || (!broker.connected && now_ms >= self->give_up_ms);
}

static void finish(cf_run *run, const state *self)
{
    cf_loop_wake(run->loop);
    if (run->json)
        cf_print_json(&run->output, json_pack("{s:s}", "address", self->line));
    else
        cf_print(&run->output, "%s\n", self->line);
    if (!run->json && !run->quiet)
        cf_say(&run->output, "the recovery file is to have this line from now on");
}

/* A device that doesn't keep all has all now, and goes on; or nothing has been done yet. */
static cf_status go_on_invited(cf_run *run, state *self, uint64_t now_ms, cf_error *error)
{
    if (!cf_user_move_is_packed(self->moving, now_ms))
        return CF_OK;
    if (self->moving->is_lost)
        return cf_fail(error, CF_UNREACHABLE,
                       "%.80s:%u does not answer, and has what this device doesn't keep: try again "
                       "when it does, or on a device that keeps all; after `counterfoil set --keep "
                       "all` it is left all the same",
                       self->old.host, (unsigned)self->old.port);
    return begin_enrolling(run, self, error);
}

/* An invitation that was used may have been used by this verb, when it was ended in the middle. */
static cf_status ask_whether_taken(const cf_run *run, state *self, cf_error *error)
{
    cf_address address;

    self->turned_away = *error;
    cf_status status = cf_address_read(self->line, &address, error);
    if (!status)
        ask(run, self, &address);
    return status;
}

static cf_status step_enrolling(cf_run *run, state *self, uint64_t now_ms, cf_progress *progress,
                                cf_error *error)
{
    cf_status status = CF_OK;

    if (!cf_enrolling_step(self->enrolling, now_ms, &progress->deadline_ms, &status, error)) {
        progress->over = false;
        return CF_OK;
    }
    cf_enrolling_destroy(&self->enrolling);
    if (status == CF_DENIED && self->has_old)
        return ask_whether_taken(run, self, error);
    return status || self->moving ? status : go_there(run, self, now_ms, error);
}

/* Why is cut where the rest would not fit behind it. */
static cf_status stay(const state *self, cf_error *error)
{
    enum { WHY_DENIED = 90, WHY = 140 };
    const cf_error why = *error;
    const bool is_denied = why.status == CF_DENIED;

    return cf_fail(error, why.status, "%.*s: the broker stays tcp://%.40s:%u; %s",
                   is_denied ? WHY_DENIED : WHY, why.text, self->old.host, (unsigned)self->old.port,
                   is_denied ? "with an invitation, `counterfoil broker LINE` moves the user"
                             : "try again when it answers");
}

/* The answer may be no: an invitation is for a broker that doesn't have the user. */
static cf_status step_asking(cf_run *run, state *self, uint64_t now_ms, cf_progress *progress,
                             cf_error *error)
{
    cf_status status = CF_OK;

    if (!cf_broker_query_over(self->asking, now_ms, &progress->deadline_ms, &status, error))
        return CF_OK;
    cf_broker_query_destroy(&self->asking);
    progress->deadline_ms = now_ms + LOOK_AGAIN_MS;
    if (!status) {
        forget_invited(self);
        return self->moving ? CF_OK : go_there(run, self, now_ms, error);
    }
    if (self->invited)
        return begin_enrolling(run, self, error);
    if (!self->turned_away.status)
        return stay(self, error);
    *error = self->turned_away;
    return error->status;
}

/* The broker says what it lacks in its own time, and what this device can make again is on its way
 * then: only what nothing becomes of is left behind. */
static bool is_brought(cf_run *run, state *self, uint64_t now_ms)
{
    size_t lacking = cf_contents_lacking(cf_loop_peer(run->loop)->contents);

    if (lacking != self->lacking)
        self->lacking_ms = now_ms;
    self->lacking = lacking;
    return !lacking || now_ms >= self->lacking_ms + SETTLE_MS;
}

/* What is taken along waits for the new broker, too; where that takes no more, it comes later. */
static cf_status is_migrated(cf_run *run, state *self, uint64_t now_ms, bool *out, cf_error *error)
{
    const cf_link *link = cf_engine_link(cf_loop_engine(run->loop));

    if (self->round || (link && cf_link_is_idle(link)))
        self->rest_ms = now_ms;
    *out = !self->round;
    if (!*out || !self->moving || now_ms >= self->rest_ms + self->timeout_ms)
        return CF_OK;
    return cf_user_move_is_over(self->moving, out, error);
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    state *self = run->state;
    cf_status status = CF_OK;

    if (!self)
        return CF_OK;
    *progress = (cf_progress){false, now_ms + LOOK_AGAIN_MS};
    if (self->asking)
        status = step_asking(run, self, now_ms, progress, error);
    else if (self->invited)
        status = go_on_invited(run, self, now_ms, error);
    if (!status && self->enrolling)
        status = step_enrolling(run, self, now_ms, progress, error);
    if (status || self->asking || self->invited || self->enrolling)
        return status;
    *progress = (cf_progress){false, now_ms + LOOK_AGAIN_MS};
    if (!self->is_there)
        return cf_user_move_is_packed(self->moving, now_ms) ? go_there(run, self, now_ms, error)
                                                            : CF_OK;
    if (self->round && is_round_over(run, self, now_ms))
        status = end_round(run, self, now_ms, error);
    bool migrated = false;
    if (!status)
        status = is_migrated(run, self, now_ms, &migrated, error);
    if (status || !migrated || !is_brought(run, self, now_ms))
        return status;
    if (self->moving)
        status = cf_user_move_tell(self->moving, error);
    else if (self->has_old)
        status = cf_keep_say_unbrought(run, error);
    progress->over = true;
    if (!status)
        finish(run, self);
    return status;
}

static void end(cf_run *run)
{
    state *self = run->state;

    if (!self)
        return;
    forget_invited(self);
    cf_enrolling_destroy(&self->enrolling);
    cf_broker_query_destroy(&self->asking);
    cf_user_move_end(&self->moving);
    cf_round_end(&self->round);
    free(self);
}

static const cf_option options[] = {
    {"recovery-file", 0, "FILE", "where the recovery phrase is, or - for stdin"},
    {"timeout", 0, "T", "how long to wait for the broker (30s)"},
    {"give-up", 0, NULL, "bring nothing more from brokers before, nor wait for them"},
    {0},
};

const cf_verb cf_verb_broker = {
    .name = "broker",
    .usage = "broker [LINE | ADDRESS]",
    .summary = "Shows the broker, sets the first one, or moves to another",
    .more = "LINE is what `counterfoild invite` printed. For a user that was made without a broker "
            "the recovery phrase is needed this once. A user that has one moves, which an owner's "
            "device does, or is brought back to the same broker after that lost its data; this "
            "device brings what the broker lacks, the others follow by themselves. ADDRESS, as "
            "`counterfoild address` prints it, is for a device that can't hear of that.",
    .alone = "[--give-up]",
    .needs = CF_NEEDS_PEER,
    .options = options,
    .prepare = prepare,
    .start = start,
    .step = step,
    .end = end,
};
