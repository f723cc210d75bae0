/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "broker/control.h"
#include "broker/gateway_zmq.h"
#include "broker/jobs.h"
#include "broker/place.h"
#include "broker/verbs.h"

enum { VERIFY_MEMORY = 1 << 20 };

typedef struct {
    const cf_serve_options *options;
    cf_premises premises;
    char address[CF_ADDRESS_TEXT];
    cf_desk desk;
    cf_outbox *outbox;
    cf_gateway *gateway;
    cf_gateway_zmq *door;
    cf_control *control;
    cf_jobs *jobs;
    size_t errands; /* under way */
    zloop_t *loop;
    int signals; /* -1: none */
    bool stops;
} broker;

/* A verb that takes long: it runs beside the loop. */
typedef struct {
    cf_job job;
    broker *broker;
    cf_control_call *call; /* NULL: the caller went away */
    bool json;
    cf_status status;
    cf_error error;
    cf_buffer out;
} errand;

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

static void errand_work(cf_job *job)
{
    errand *self = (errand *)job;
    cf_verb verb = {.verb = "verify", .json = self->json};

    self->status = cf_verb_run(&self->broker->desk, &verb, &self->out, &self->error);
}

static void errand_done(cf_job *job)
{
    errand *self = (errand *)job;

    self->broker->errands--;
    if (self->call)
        answer(self->call, self->status, &self->out, &self->error);
    cf_buffer_release(&self->out);
    free(self);
}

static void start_errand(broker *self, cf_control_call *call, bool json)
{
    errand *verify = cf_allocate(1, sizeof *verify);

    verify->job = (cf_job){.work = errand_work, .done = errand_done, .memory = VERIFY_MEMORY};
    verify->broker = self;
    verify->call = call;
    verify->json = json;
    cf_control_set_data(call, verify);
    self->errands++;
    self->jobs->submit(self->jobs, &verify->job);
}

/* Arguments: the verb and, of invite, the quota in bytes. */
static void on_request(void *context, cf_control_call *call, const cf_control_request *request)
{
    broker *self = context;
    char name[32] = "", quota[32] = "0";
    cf_verb verb = {.verb = name, .json = request->json};
    cf_buffer out = {0};
    cf_error error;

    if (request->count > 0 && request->arguments[0].size < sizeof name)
        memcpy(name, request->arguments[0].data, request->arguments[0].size);
    if (request->count > 1 && request->arguments[1].size < sizeof quota)
        memcpy(quota, request->arguments[1].data, request->arguments[1].size);
    verb.quota = strtoull(quota, NULL, 10);
    if (strcmp(name, "verify") == 0) {
        start_errand(self, call, request->json);
        return;
    }
    cf_status status = cf_verb_run(&self->desk, &verb, &out, &error);
    answer(call, status, &out, &error);
    cf_buffer_wipe(&out); /* it may be an invitation */
    cf_gateway_zmq_wake(self->door);
}

static void on_abandoned(void *context, cf_control_call *call)
{
    errand *verify = cf_control_data(call);

    (void)context;
    if (verify)
        verify->call = NULL;
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
                                   .restraints = &options->restraints,
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
        status = cf_jobs_threads_new(1, VERIFY_MEMORY, &self->jobs, error);
    if (!status)
        status = cf_control_listen(options->data, &handler, &self->control, error);
    if (status)
        return status;
    watch(self, cf_store_actor_descriptor(self->premises.store_actor), on_store);
    watch(self, cf_blob_actor_descriptor(self->premises.blob_actor), on_blobs);
    watch(self, self->jobs->descriptor(self->jobs), on_jobs);
    watch(self, cf_control_descriptor(self->control), on_control);
    return CF_OK;
}

static void finish_errands(broker *self)
{
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
    cf_jobs_destroy(&self->jobs);
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
    broker self = {.options = options, .signals = -1};

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
