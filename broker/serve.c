/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "broker/control.h"
#include "broker/gateway_zmq.h"
#include "broker/jobs.h"
#include "broker/place.h"
#include "broker/removal.h"
#include "broker/sweep.h"
#include "broker/verbs_users.h"

enum { ERRAND_MEMORY = 1 << 20, HOUSEKEEPING_MS = 5000 };

typedef struct {
    const cf_serve_options *options;
    cf_restraints restraints;
    cf_premises premises;
    char address[CF_ADDRESS_TEXT];
    cf_desk desk;
    cf_outbox *outbox;
    cf_gateway *gateway;
    cf_gateway_zmq *door;
    cf_control *control;
    cf_jobs *jobs;
    cf_sweep *sweep;
    size_t errands;          /* under way */
    struct errand *removals; /* of them, those that wait for replays to end */
    zloop_t *loop;
    int signals; /* -1: none */
    bool stops;
} broker;

/* A verb that takes long: it runs beside the loop. */
typedef struct errand errand;

struct errand {
    cf_job job;
    errand *next; /* of those that wait for replays to end */
    broker *broker;
    cf_control_call *call; /* NULL: the caller went away */
    bool json;
    cf_hash user; /* of a removal */
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

static errand *new_errand(broker *self, cf_control_call *call, bool json)
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

    self->job = (cf_job){.work = work, .done = done, .memory = ERRAND_MEMORY};
    jobs->submit(jobs, &self->job);
}

static void verify_work(cf_job *job)
{
    errand *self = (errand *)job;
    cf_verb verb = {.verb = "verify", .json = self->json};

    self->status = cf_verb_run(&self->broker->desk, &verb, &self->out, &self->error);
}

static void verify_done(cf_job *job)
{
    end_errand((errand *)job);
}

static void removal_work(cf_job *job)
{
    errand *self = (errand *)job;

    self->status = cf_removal_work(&self->broker->premises, &self->user, &self->error);
}

static void end_removal(errand *self)
{
    cf_removal_end(&self->broker->premises, &self->user, self->status ? &self->error : NULL);
    cf_exclusion_end(&self->exclusion);
    if (!self->status)
        cf_verb_removed(&self->user, self->json, &self->out);
    end_errand(self);
}

static void removal_done(cf_job *job)
{
    end_removal((errand *)job);
}

/* Those whose user has no replay under way. */
static int on_removals(zloop_t *loop, int timer, void *context)
{
    broker *self = context;

    (void)loop;
    (void)timer;
    for (errand **at = &self->removals; *at;) {
        errand *it = *at;

        if (!cf_exclusion_is_ready(it->exclusion)) {
            at = &it->next;
            continue;
        }
        *at = it->next;
        it->status = cf_removal_begin(&self->premises, self->gateway, &it->user, &it->error);
        if (it->status)
            end_removal(it);
        else
            submit(it, removal_work, removal_done);
    }
    return 0;
}

/* It may come in the middle of something: the rest is done from the loop. */
static void removal_ready(void *context)
{
    broker *self = context;

    zloop_timer(self->loop, 1, 1, on_removals, self);
}

static void start_removal(broker *self, cf_control_call *call, const cf_verb *verb)
{
    cf_communication *communication = cf_users_communication(self->premises.users);
    const cf_env *env = self->options->env;
    cf_buffer none = {0};
    cf_hash user;
    cf_error error;
    cf_status status =
        cf_management_find(self->premises.management, verb->arguments[1], &user, &error);

    if (status) {
        answer(call, status, &none, &error);
        return;
    }
    errand *it = new_errand(self, call, verb->json);
    it->user = user;
    it->next = self->removals;
    self->removals = it;
    it->exclusion =
        cf_exclusion_begin(communication, &user, env->now_ms(env->context), removal_ready, self);
    removal_ready(self);
}

enum { ARGUMENTS_MAX = 8, ARGUMENT_SIZE = 128 };

static const char *text_of(cf_bytes argument, char text[ARGUMENT_SIZE])
{
    size_t size = argument.size < ARGUMENT_SIZE ? argument.size : ARGUMENT_SIZE - 1;

    memcpy(text, argument.data, size);
    text[size] = '\0';
    return text;
}

/* Arguments: the verb, the quota in bytes (of invite), and what follows the verb. Who asks has
 * confirmed what can't be undone. */
static void on_request(void *context, cf_control_call *call, const cf_control_request *request)
{
    broker *self = context;
    char texts[ARGUMENTS_MAX][ARGUMENT_SIZE] = {""};
    const char *arguments[ARGUMENTS_MAX];
    size_t count = request->count < ARGUMENTS_MAX ? request->count : ARGUMENTS_MAX;
    cf_buffer out = {0};
    cf_error error;

    for (size_t i = 0; i < ARGUMENTS_MAX; i++)
        arguments[i] = i < count ? text_of(request->arguments[i], texts[i]) : "";
    cf_verb verb = {.verb = arguments[0],
                    .arguments = arguments + 2,
                    .count = count > 2 ? count - 2 : 0,
                    .quota = strtoull(arguments[1], NULL, 10),
                    .yes = true,
                    .json = request->json};
    cf_status status = cf_verb_check(&verb, &error);
    if (!status && strcmp(verb.verb, "verify") == 0) {
        submit(new_errand(self, call, verb.json), verify_work, verify_done);
        return;
    }
    if (!status && cf_verb_is_removal(&verb)) {
        start_removal(self, call, &verb);
        return;
    }
    if (!status)
        status = cf_verb_run(&self->desk, &verb, &out, &error);
    answer(call, status, &out, &error);
    cf_buffer_wipe(&out); /* it may be an invitation */
    cf_gateway_zmq_wake(self->door);
}

static void on_abandoned(void *context, cf_control_call *call)
{
    errand *it = cf_control_data(call);

    (void)context;
    if (it)
        it->call = NULL;
}

static int on_control(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void)loop;
    (void)item;
    cf_control_readable(((broker *)context)->control);
    return 0;
}

static int on_store(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    broker *self = context;

    (void)loop;
    (void)item;
    cf_store_actor_deliver(self->premises.store_actor);
    cf_gateway_zmq_wake(self->door);
    return 0;
}

static int on_blobs(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    broker *self = context;

    (void)loop;
    (void)item;
    cf_blob_actor_deliver(self->premises.blob_actor);
    cf_gateway_zmq_wake(self->door);
    return 0;
}

static int on_jobs(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    broker *self = context;

    (void)loop;
    (void)item;
    self->jobs->deliver(self->jobs);
    return 0;
}

static int on_signal(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    broker *self = context;

    (void)loop;
    (void)item;
    self->stops = true;
    return -1;
}

static void watch(broker *self, int descriptor, zloop_fn *handler)
{
    zmq_pollitem_t item = {.fd = descriptor, .events = ZMQ_POLLIN};

    zloop_poller(self->loop, &item, handler, self);
    zloop_poller_set_tolerant(self->loop, &item);
}

static cf_status open_door(broker *self, cf_error *error)
{
    const cf_serve_options *options = self->options;
    const cf_keys *keys = cf_datadir_keys(self->premises.datadir);
    cf_place place;

    cf_status status = cf_place_find(options->listen, options->advertise,
                                     cf_keys_public(keys)->curve, &place, error);
    if (status)
        return status;
    cf_gateway_zmq_options door = {.env = options->env,
                                   .loop = self->loop,
                                   .gateway = self->gateway,
                                   .outbox = self->outbox,
                                   .audit = self->premises.audit,
                                   .restraints = &self->restraints,
                                   .zap_domain = CF_BROKER_ZAP_DOMAIN,
                                   .endpoint = place.endpoint,
                                   .curve_public = cf_keys_public(keys)->curve,
                                   .curve_secret = cf_keys_curve_secret(keys)};
    status = cf_gateway_zmq_new(&door, &self->door, error);
    if (status)
        return status;
    if (place.advertised.port == 0)
        place.advertised.port = cf_gateway_zmq_port(self->door);
    cf_address_write(&place.advertised, self->address);
    cf_gateway_advertise(self->gateway, &place.advertised);
    return cf_datadir_keep_address(self->premises.datadir, self->address, error);
}

static void make_gateway(broker *self)
{
    cf_gateway_options gateway = {.env = self->options->env,
                                  .store = self->premises.store,
                                  .blobs = self->premises.blobs,
                                  .users = self->premises.users,
                                  .management = self->premises.management,
                                  .audit = self->premises.audit,
                                  .quotas = self->premises.quotas,
                                  .sessions_of_user =
                                      self->options->restraints.connections_per_user};

    self->outbox = gateway.outbox = cf_outbox_new();
    self->gateway = cf_gateway_new(&gateway);
    self->desk = (cf_desk){&self->premises, self->gateway, self->address};
}

/* What is due now and then: counts of the audit log, blobs that nothing names. */
static int on_housekeeping(zloop_t *loop, int timer, void *context)
{
    broker *self = context;
    const cf_env *env = self->options->env;
    uint64_t now_ms = env->now_ms(env->context);

    (void)loop;
    (void)timer;
    cf_audit_tick(self->premises.audit, now_ms);
    cf_sweep_tick(self->sweep, now_ms);
    return 0;
}

static void keep_house(broker *self)
{
    cf_sweep_options sweep = {.env = self->options->env,
                              .store = self->premises.store,
                              .blobs = self->premises.blobs,
                              .users = self->premises.users,
                              .quotas = self->premises.quotas,
                              .audit = self->premises.audit,
                              .jobs = self->jobs};

    self->sweep = cf_sweep_new(&sweep);
    zloop_timer(self->loop, HOUSEKEEPING_MS, 0, on_housekeeping, self);
}

/* Each connection takes a descriptor: as many as the system gives, and of these a part only for
 * strangers. */
static void share_descriptors(cf_restraints *restraints)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (!restraints->strangers || restraints->strangers > limit.rlim_cur / 4)
        restraints->strangers = limit.rlim_cur / 4;
}

static cf_status watch_signals(broker *self, cf_error *error)
{
    sigset_t wanted;

    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    self->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    if (self->signals < 0)
        return cf_fail_errno(error, errno, "waiting for signals");
    watch(self, self->signals, on_signal);
    return CF_OK;
}

static cf_status start(broker *self, cf_error *error)
{
    const cf_serve_options *options = self->options;
    cf_premises_options premises = {.env = options->env,
                                    .path = options->data,
                                    .create = true,
                                    .serves = true,
                                    .closed = options->closed,
                                    .entries_per_minute = options->restraints.entries_per_minute};
    cf_control_handler handler = {self, on_request, on_abandoned};

    cf_status status = cf_premises_open(&premises, &self->premises, error);
    if (status)
        return status;
    self->loop = zloop_new();
    make_gateway(self);
    status = watch_signals(self, error);
    if (!status)
        status = open_door(self, error);
    if (!status)
        status = cf_jobs_threads_new(1, ERRAND_MEMORY, &self->jobs, error);
    if (!status)
        status = cf_control_listen(options->data, &handler, &self->control, error);
    if (status)
        return status;
    watch(self, cf_store_actor_descriptor(self->premises.store_actor), on_store);
    watch(self, cf_blob_actor_descriptor(self->premises.blob_actor), on_blobs);
    watch(self, self->jobs->descriptor(self->jobs), on_jobs);
    keep_house(self);
    watch(self, cf_control_descriptor(self->control), on_control);
    return CF_OK;
}

/* What has not begun is not done. */
static void give_up_removals(broker *self)
{
    for (errand *it = self->removals, *next; it; it = next) {
        next = it->next;
        it->status = cf_fail(&it->error, CF_UNREACHABLE, "the broker ends");
        cf_exclusion_end(&it->exclusion);
        end_errand(it);
    }
    self->removals = NULL;
}

static void finish_errands(broker *self)
{
    give_up_removals(self);
    while (self->errands) {
        struct pollfd ready = {self->jobs->descriptor(self->jobs), POLLIN, 0};
        poll(&ready, 1, -1);
        self->jobs->deliver(self->jobs);
    }
}

/* The door first, so that nothing new comes; what was accepted is committed and answered to the
 * gateway, which is still there to hear it. */
static void stop(broker *self)
{
    cf_gateway_zmq_destroy(&self->door);
    finish_errands(self);
    cf_control_destroy(&self->control);
    if (self->sweep)
        cf_sweep_stop(self->sweep);
    cf_jobs_destroy(&self->jobs);
    cf_sweep_destroy(&self->sweep);
    cf_premises_finish(&self->premises);
    cf_gateway_destroy(&self->gateway);
    cf_outbox_destroy(&self->outbox);
    if (self->loop)
        zloop_destroy(&self->loop);
    if (self->signals >= 0)
        close(self->signals);
    cf_premises_close(&self->premises);
}

cf_status cf_serve(const cf_serve_options *options, cf_error *error)
{
    broker self = {.options = options, .restraints = options->restraints, .signals = -1};

    share_descriptors(&self.restraints);
    cf_status status = start(&self, error);
    if (!status) {
        cf_gateway_zmq_wake(self.door);
        options->ready(options->context, self.address);
        while (!self.stops)
            zloop_start(self.loop);
    }
    stop(&self);
    return status;
}
