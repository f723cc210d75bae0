/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked through the control socket: most verbs are done at once, in the loop; `verify` and
 * `users remove` are errands, done by jobs beside the loop. A removal begins once no replay of its
 * user is under way; where it fails, it is tried again, though its caller has had an answer. */
#include "broker/program/serve_inside.h"

#include "broker/management/reports.h"
#include "broker/program/removal.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RETRY_MS = 2000, RETRY_MS_MAX = 600000 };

/* A verb that takes long: it runs beside the loop. */
typedef struct errand errand;

struct errand {
    cf_job job;
    errand *next; /* of those that wait for replays to end, or to be tried again */
    cf_broker *broker;
    cf_control_call *call; /* NULL: the caller went away */
    bool json;
    bool known;            /* of a verify, */
    cf_lost_blobs missing; /* and what it missed */
    cf_hash user;          /* of a removal, and what it was called */
    cf_user_name name;
    bool begun;        /* a removal: it is known of at the next start, too */
    bool finished;     /* nothing of it is to be tried again */
    uint64_t retry_ms; /* after which it was tried again */
    cf_exclusion *exclusion;
    cf_status status;
    cf_error error;
    cf_buffer out;
};

static void answer(cf_control_call *call, cf_status status, const cf_buffer *out,
                   const cf_error *error)
{
    static const char program[] = "counterfoild: ";

    cf_control_write(call, CF_CONTROL_OUTPUT, cf_buffer_view(out));
    if (status) {
        cf_control_write(call, CF_CONTROL_MESSAGES, cf_bytes_of(program, sizeof program - 1));
        cf_control_write(call, CF_CONTROL_MESSAGES, cf_bytes_of_text(error->text));
        cf_control_write(call, CF_CONTROL_MESSAGES, cf_bytes_of_text("\n"));
    }
    cf_control_end(call, cf_status_exit_code(status));
}

static void end_errand(errand *self)
{
    self->broker->errands--;
    if (self->call)
        answer(self->call, self->status, &self->out, &self->error);
    cf_buffer_release(&self->out);
    free(self);
}

static errand *new_errand(cf_broker *self, cf_control_call *call, bool json)
{
    errand *made = cf_allocate(1, sizeof *made);

    made->broker = self;
    made->call = call;
    made->json = json;
    cf_control_set_data(call, made);
    self->errands++;
    return made;
}

static void submit(errand *self, void (*work)(cf_job *job), void (*done)(cf_job *job))
{
    cf_jobs *jobs = self->broker->jobs;

    self->job = (cf_job){.work = work, .done = done, .memory = CF_ERRAND_MEMORY};
    jobs->submit(jobs, &self->job);
}

static void verify_work(cf_job *job)
{
    errand *self = (errand *)job;
    cf_operator_verb verb = {.verb = "verify", .json = self->json, .known = self->known};
    cf_desk desk = self->broker->desk;

    desk.missing = &self->missing;
    self->status = cf_verb_run(&desk, &verb, &self->out, &self->error);
}

static void say_verified(const errand *self)
{
    const cf_env *env = self->broker->options->env;
    uint64_t owed = 0;

    for (size_t i = 0; i < self->missing.owed_count; i++)
        owed += self->missing.owed[i].count;
    if (self->status)
        cf_report(env, CF_REPORT_ERROR, "verify has ended: %s", self->error.text);
    else
        cf_report(env, CF_REPORT_NOTICE,
                  "verify has ended: no damage was found; %" PRIu64 " blob%s that changes name %s "
                  "missing",
                  owed, owed == 1 ? "" : "s", owed == 1 ? "is" : "are");
}

static void verify_done(cf_job *job)
{
    errand *self = (errand *)job;

    const cf_broker_data *broker_data = &self->broker->broker_data;

    self->broker->verifies--;
    if (!job->dropped)
        say_verified(self);
    if (!job->dropped && (!self->status || self->status == CF_BROKEN))
        self->broker->desk.lost_blobs = false;
    if (!job->dropped)
        cf_quotas_doubt_all(broker_data->quotas, broker_data->users);
    if (!job->dropped && (!self->status || self->status == CF_BROKEN))
        cf_reports_forget_lacking(broker_data->store, broker_data->users);
    if (!job->dropped)
        cf_lost_blobs_note(broker_data->users, broker_data->quotas, broker_data->blobs,
                           &self->missing);
    for (size_t i = 0; !job->dropped && i < self->missing.count; i++)
        cf_gateway_ask(self->broker->gateway, &self->missing.list[i].user,
                       &self->missing.list[i].blob, 1);
    cf_lost_blobs_release(&self->missing);
    end_errand(self);
}

static void start_verify(cf_broker *self, cf_control_call *call, const cf_operator_verb *verb)
{
    errand *it = new_errand(self, call, verb->json);

    it->known = verb->known;
    self->verifies++;
    submit(it, verify_work, verify_done);
}

static void removal_work(cf_job *job)
{
    errand *self = (errand *)job;

    self->status =
        cf_removal_work(&self->broker->broker_data, &self->user, &self->finished, &self->error);
}

static void note_removal(const errand *self, cf_audit_decision what)
{
    const cf_env *env = self->broker->options->env;

    cf_audit_note(self->broker->broker_data.audit,
                  &(cf_audit_event){.what = what, .user = &self->user, .why = "users remove"},
                  env->now_ms(env->context));
}

static void end_removal(errand *self)
{
    note_removal(self, CF_AUDIT_EXCLUSIVE_ENDED);
    if (self->begun)
        cf_removal_end(&self->broker->broker_data, &self->user, self->finished,
                       self->status ? &self->error : NULL);
    cf_exclusion_end(&self->exclusion);
    if (self->finished)
        cf_verb_removed(&self->user, &self->name, self->json, &self->out);
    end_errand(self);
}

static void removal_done(cf_job *job);

static int on_unfinished(zloop_t *loop, int timer, void *context)
{
    cf_broker *self = context;
    errand *it = self->unfinished;

    (void)loop;
    (void)timer;
    if (it) {
        self->unfinished = it->next;
        self->errands++;
        submit(it, removal_work, removal_done);
    }
    return 0;
}

/* Until it is finished the user can't come back. All have the same timers, so the one that waits
 * longest may be tried for another. */
static void try_again(errand *self)
{
    cf_broker *broker = self->broker;
    errand *later = cf_allocate(1, sizeof *later), **at = &broker->unfinished;

    *later = (errand){
        .broker = broker, .user = self->user, .begun = true, .retry_ms = 2 * self->retry_ms};
    if (later->retry_ms < RETRY_MS)
        later->retry_ms = RETRY_MS;
    if (later->retry_ms > RETRY_MS_MAX)
        later->retry_ms = RETRY_MS_MAX;
    while (*at)
        at = &(*at)->next;
    *at = later;
    zloop_timer(broker->loop, later->retry_ms, 1, on_unfinished, broker);
}

static void removal_done(cf_job *job)
{
    errand *self = (errand *)job;

    if (!self->finished && !job->dropped && !self->broker->stopped_by)
        try_again(self);
    end_removal(self);
}

/* Those whose user has no replay under way. */
static int on_removals(zloop_t *loop, int timer, void *context)
{
    cf_broker *self = context;

    (void)loop;
    (void)timer;
    for (errand **at = &self->removals; *at;) {
        errand *it = *at;

        if (!cf_exclusion_is_ready(it->exclusion)) {
            at = &it->next;
            continue;
        }
        *at = it->next;
        note_removal(it, CF_AUDIT_EXCLUSIVE_BEGUN);
        it->begun = false;
        it->status =
            cf_removal_begin(&self->broker_data, self->gateway, &it->user, &it->begun, &it->error);
        if (it->status)
            end_removal(it);
        else
            submit(it, removal_work, removal_done);
    }
    cf_gateway_zmq_wake(self->door); /* who was put out is told at once */
    return 0;
}

/* It may come in the middle of something: the rest is done from the loop. */
static void removal_ready(void *context)
{
    cf_broker *self = context;

    zloop_timer(self->loop, 1, 1, on_removals, self);
}

static void start_removal(cf_broker *self, cf_control_call *call, const cf_operator_verb *verb)
{
    cf_replay_lock *replay_lock = cf_users_replay_lock(self->broker_data.users);
    const cf_env *env = self->options->env;
    cf_buffer none = {0};
    cf_user_name name;
    cf_hash user;
    cf_error error;
    cf_status status =
        cf_removal_find(&self->broker_data, verb->arguments[1], &user, &name, &error);

    if (status) {
        answer(call, status, &none, &error);
        return;
    }
    errand *it = new_errand(self, call, verb->json);
    it->user = user;
    it->name = name;
    it->next = self->removals;
    self->removals = it;
    it->exclusion =
        cf_exclusion_begin(replay_lock, &user, cf_env_steady_ms(env), removal_ready, self);
    removal_ready(self);
}

enum { ARGUMENTS_MAX = 8, ARGUMENT_SIZE = 128 };

typedef struct {
    char texts[ARGUMENTS_MAX][ARGUMENT_SIZE];
    const char *arguments[ARGUMENTS_MAX];
    size_t count;
} request_words;

static cf_status copy_words(const cf_control_request *request, request_words *out, cf_error *error)
{
    if (request->count > ARGUMENTS_MAX)
        return cf_fail(error, CF_USAGE, "these are too many arguments");
    for (size_t i = 0; i < request->count; i++) {
        const cf_bytes argument = request->arguments[i];

        if (argument.size >= ARGUMENT_SIZE)
            return cf_fail(error, CF_USAGE, "an argument has %d bytes at most", ARGUMENT_SIZE - 1);
        memcpy(out->texts[i], argument.data, argument.size);
    }
    out->count = request->count;
    for (size_t i = 0; i < ARGUMENTS_MAX; i++)
        out->arguments[i] = out->texts[i];
    return CF_OK;
}

static bool take_option(cf_operator_verb *verb, const char *word)
{
    if (strcmp(word, CF_VERB_CHECK) == 0)
        verb->check = true;
    else if (strcmp(word, CF_VERB_KNOWN) == 0)
        verb->known = true;
    else if (strncmp(word, CF_VERB_NAME, strlen(CF_VERB_NAME)) == 0)
        verb->name = word + strlen(CF_VERB_NAME);
    else if (strncmp(word, CF_VERB_FOR, strlen(CF_VERB_FOR)) == 0)
        verb->for_ms = strtoull(word + strlen(CF_VERB_FOR), NULL, 10);
    else
        return false;
    return true;
}

/* The verb, the quota in bytes (of invite; empty: none is given), what follows the verb, options.
 * Who asks has confirmed what can't be undone. */
static cf_operator_verb verb_of(const request_words *words, bool json)
{
    const char *const *all = words->arguments;
    cf_operator_verb verb = {.verb = all[0],
                             .arguments = all + 2,
                             .count = words->count > 2 ? words->count - 2 : 0,
                             .quota = strtoull(all[1], NULL, 10),
                             .has_quota = *all[1] != '\0',
                             .yes = true,
                             .json = json};

    while (verb.count && take_option(&verb, verb.arguments[verb.count - 1]))
        verb.count--;
    return verb;
}

static void run_verb(cf_broker *self, cf_control_call *call, const cf_operator_verb *verb)
{
    cf_buffer out = {0}, said = {0};
    cf_desk desk = self->desk;
    cf_error error;

    desk.said = &said;
    cf_status status = cf_verb_run(&desk, verb, &out, &error);
    cf_control_write(call, CF_CONTROL_MESSAGES, cf_buffer_view(&said));
    answer(call, status, &out, &error);
    cf_buffer_wipe(&out); /* it may be an invitation */
    cf_buffer_release(&said);
    cf_gateway_zmq_wake(self->door);
}

/* What is asked by another path than that which is served is told of no file that isn't there. */
static cf_status check_place(const cf_broker *self, cf_error *error)
{
    if (cf_datadir_is_at_its_path(self->broker_data.datadir))
        return CF_OK;
    return cf_fail(error, CF_UNREACHABLE,
                   "the broker here serves %s, and this directory is not there any more: move it "
                   "back, or end the broker, process %ld, and start it with the --data that you "
                   "mean",
                   self->options->data, (long)getpid());
}

void cf_broker_request(void *context, cf_control_call *call, const cf_control_request *request)
{
    const cf_buffer none = {0};
    cf_broker *self = context;
    request_words words = {0};
    cf_operator_verb verb = {0};
    cf_error error;

    cf_status status = check_place(self, &error);
    if (!status)
        status = copy_words(request, &words, &error);
    if (!status) {
        verb = verb_of(&words, request->json);
        status = cf_verb_check(&verb, &error);
    }
    if (status)
        answer(call, status, &none, &error);
    else if (strcmp(verb.verb, "verify") == 0)
        start_verify(self, call, &verb);
    else if (cf_verb_is_removal(&verb))
        start_removal(self, call, &verb);
    else
        run_verb(self, call, &verb);
}

void cf_broker_abandoned(void *context, cf_control_call *call)
{
    errand *it = cf_control_data(call);

    (void)context;
    if (it)
        it->call = NULL;
}

/* What has not begun is not done. */
static void give_up_removals(cf_broker *self)
{
    for (errand *it = self->removals, *next; it; it = next) {
        next = it->next;
        it->status = cf_fail(&it->error, CF_UNREACHABLE, "the broker ends");
        cf_exclusion_end(&it->exclusion);
        end_errand(it);
    }
    self->removals = NULL;
    for (errand *it = self->unfinished, *next; it; it = next) {
        next = it->next;
        free(it);
    }
    self->unfinished = NULL;
}

void cf_broker_finish_errands(cf_broker *self)
{
    give_up_removals(self);
    while (self->errands) {
        struct pollfd ready = {self->jobs->descriptor(self->jobs), POLLIN, 0};
        poll(&ready, 1, -1);
        self->jobs->deliver(self->jobs);
    }
}
