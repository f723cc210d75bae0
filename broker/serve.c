/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/serve_inside.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "broker/place.h"
#include "broker/removal.h"

enum { HOUSEKEEPING_MS = 5000 };

static int on_control(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void)loop;
    (void)item;
    cf_control_readable(((cf_broker *)context)->control);
    return 0;
}

static int on_store(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    cf_broker *self = context;

    (void)loop;
    (void)item;
    cf_store_actor_deliver(self->premises.store_actor);
    cf_gateway_zmq_wake(self->door);
    return 0;
}

static int on_blobs(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    cf_broker *self = context;

    (void)loop;
    (void)item;
    cf_blob_actor_deliver(self->premises.blob_actor);
    cf_gateway_zmq_wake(self->door);
    return 0;
}

static int on_jobs(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    cf_broker *self = context;

    (void)loop;
    (void)item;
    self->jobs->deliver(self->jobs);
    return 0;
}

static int on_signal(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    cf_broker *self = context;

    (void)loop;
    (void)item;
    self->stops = true;
    return -1;
}

static void watch(cf_broker *self, int descriptor, zloop_fn *handler)
{
    zmq_pollitem_t item = {.fd = descriptor, .events = ZMQ_POLLIN};

    zloop_poller(self->loop, &item, handler, self);
    zloop_poller_set_tolerant(self->loop, &item);
}

static cf_status open_door(cf_broker *self, cf_error *error)
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

static void make_gateway(cf_broker *self)
{
    cf_gateway_options gateway = {.env = self->options->env,
                                  .store = self->premises.store,
                                  .blobs = self->premises.blobs,
                                  .users = self->premises.users,
                                  .management = self->premises.management,
                                  .audit = self->premises.audit,
                                  .quotas = self->premises.quotas,
                                  .sessions_of_user =
                                      self->options->restraints.connections_per_user,
                                  .waste_per_second = self->options->restraints.waste_per_second};

    self->outbox = gateway.outbox = cf_outbox_new();
    self->gateway = cf_gateway_new(&gateway);
    self->desk = (cf_desk){&self->premises, self->gateway, self->address, NULL};
}

/* What is due now and then: counts of the audit log, blobs that nothing names. */
static int on_housekeeping(zloop_t *loop, int timer, void *context)
{
    cf_broker *self = context;
    const cf_env *env = self->options->env;
    uint64_t now_ms = env->now_ms(env->context);

    (void)loop;
    (void)timer;
    cf_audit_tick(self->premises.audit, now_ms);
    cf_sweep_tick(self->sweep, now_ms);
    cf_gateway_zmq_wake(self->door);
    return 0;
}

static void sweep_ready(void *context)
{
    cf_broker *self = context;

    zloop_timer(self->loop, 1, 1, on_housekeeping, self);
}

static void keep_house(cf_broker *self)
{
    cf_sweep_options sweep = {.env = self->options->env,
                              .store = self->premises.store,
                              .blobs = self->premises.blobs,
                              .users = self->premises.users,
                              .quotas = self->premises.quotas,
                              .audit = self->premises.audit,
                              .jobs = self->jobs,
                              .ready = sweep_ready,
                              .context = self};

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

static cf_status watch_signals(cf_broker *self, cf_error *error)
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

static cf_status start(cf_broker *self, cf_error *error)
{
    const cf_serve_options *options = self->options;
    cf_premises_options premises = {.env = options->env,
                                    .path = options->data,
                                    .create = true,
                                    .serves = true,
                                    .closed = options->closed,
                                    .entries_per_minute = options->restraints.entries_per_minute};
    cf_control_handler handler = {self, cf_broker_request, cf_broker_abandoned};

    cf_status status = cf_premises_open(&premises, &self->premises, error);
    if (!status)
        status = cf_removal_resume(&self->premises, error);
    if (status)
        return status;
    self->loop = zloop_new();
    make_gateway(self);
    status = watch_signals(self, error);
    if (!status)
        status = open_door(self, error);
    if (!status)
        status = cf_jobs_threads_new(1, CF_ERRAND_MEMORY, &self->jobs, error);
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

/* The door first, so that nothing new comes; what was accepted is committed and answered to the
 * gateway, which is still there to hear it. */
static void stop(cf_broker *self)
{
    cf_gateway_zmq_destroy(&self->door);
    cf_broker_finish_errands(self);
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
    cf_broker self = {.options = options, .restraints = options->restraints, .signals = -1};

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
