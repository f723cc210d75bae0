/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/serve_inside.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "broker/platform/tallies.h"
#include "broker/platform/service_manager.h"
#include "broker/program/endpoint.h"
#include "broker/program/removal.h"
#include "broker/store/store_room.h"

#define ADDRESS_SPACE_MIN (1ull << 30)

enum { HOUSEKEEPING_MS = 5000, PATIENCE_MS = 2000, DESCRIPTORS_MIN = 128 };

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
    cf_store_actor_deliver(self->broker_data.store_actor);
    cf_gateway_zmq_wake(self->door);
    return 0;
}

static int on_blobs(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    cf_broker *self = context;

    (void)loop;
    (void)item;
    cf_blob_actor_deliver(self->broker_data.blob_actor);
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

/* Each connection takes a descriptor: as many as the system gives, and of these a part only for
 * strangers. Libraries abort where they get none. */
static cf_status share_descriptors(cf_allowances *allowances, cf_error *error)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return CF_OK;
    if (limit.rlim_max < (rlim_t)DESCRIPTORS_MIN)
        return cf_fail(error, CF_FULL,
                       "only %llu files may be open at once, %d are needed: see ulimit -n, or the "
                       "service's LimitNOFILE",
                       (unsigned long long)limit.rlim_max, DESCRIPTORS_MIN);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (!allowances->strangers || allowances->strangers > limit.rlim_cur / 4)
        allowances->strangers = limit.rlim_cur / 4;
    return CF_OK;
}

/* The limits come to who connects, and asks, from now on; nobody is put out. */
static cf_status take_terms(cf_broker *self, cf_error *error)
{
    const cf_allowances *allowances = &self->terms.allowances;
    cf_serve_terms terms;

    cf_status status = self->options->reread(self->options->context, &terms, error);
    if (!status)
        status = share_descriptors(&terms.allowances, error);
    if (status)
        return status;
    self->terms = terms;
    cf_gateway_zmq_set_allowances(self->door, allowances);
    cf_gateway_limit_sessions(self->gateway, allowances->connections_per_user);
    cf_authority_set_allowance(self->authority, allowances->waste_per_second);
    cf_quotas_set_limit(self->broker_data.quotas, allowances->entries_per_minute);
    cf_management_close(self->broker_data.management, terms.closed);
    self->broker_data.quota = terms.quota;
    return CF_OK;
}

static void reload(cf_broker *self)
{
    const cf_env *env = self->options->env;
    char limits[CF_ALLOWANCES_TEXT], quota[CF_SIZE_TEXT];
    cf_error error;

    cf_service_manager_tell_reloading();
    if (take_terms(self, &error)) {
        cf_report(env, CF_REPORT_ERROR, "the settings stay as they were: %s", error.text);
    } else {
        cf_allowances_write(&self->terms.allowances, limits);
        cf_size_write(self->terms.quota, quota);
        cf_report(env, CF_REPORT_NOTICE,
                  "read the settings anew: enrol %s, quota %s, limits: %s; all others are as they "
                  "were at the start",
                  self->terms.closed ? "closed" : "invitation", self->terms.quota ? quota : "none",
                  limits);
    }
    cf_service_manager_tell("READY=1");
}

static int on_signal(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    cf_broker *self = context;
    struct signalfd_siginfo signal;

    (void)loop;
    (void)item;
    if (read(self->signals, &signal, sizeof signal) != sizeof signal)
        return 0;
    if (signal.ssi_signo == SIGHUP) {
        reload(self);
        return 0;
    }
    self->stopped_by = signal.ssi_signo;
    return -1;
}

static void watch(cf_broker *self, int descriptor, zloop_fn *handler)
{
    zmq_pollitem_t item = {.fd = descriptor, .events = ZMQ_POLLIN};

    zloop_poller(self->loop, &item, handler, self);
    zloop_poller_set_tolerant(self->loop, &item);
}

/* For the others of a name whose first address has it. */
static void set_port(char endpoint[CF_ADDRESS_TEXT], uint16_t port)
{
    char *old = strrchr(endpoint, ':') + 1;

    snprintf(old, CF_ADDRESS_TEXT - (size_t)(old - endpoint), "%u", port);
}

/* On each that was given; of a name's addresses one is enough, and of the others it is said. */
static cf_status listen_on_all(cf_broker *self, const cf_endpoints *place, cf_error *error)
{
    const cf_env *env = self->options->env;

    for (size_t i = 0, next; i < place->count; i = next) {
        cf_error why[CF_LISTEN_ADDRESSES_MAX];
        size_t failed = 0;
        uint16_t port = 0;

        for (next = i;
             next < place->count && place->endpoints[next].given == place->endpoints[i].given;
             next++) {
            cf_endpoint at = place->endpoints[next];

            if (at.is_open && port)
                set_port(at.text, port);
            failed += cf_gateway_zmq_listen(self->door, at.text, &port, &why[failed]) != CF_OK;
        }
        if (failed == next - i) {
            *error = why[0];
            return error->status;
        }
        while (failed > 0)
            cf_report(env, CF_REPORT_NOTICE, "%s; other addresses of that name are listened on",
                      why[--failed].text);
    }
    return CF_OK;
}

static cf_status open_door(cf_broker *self, const cf_endpoints *place, cf_error *error)
{
    const cf_serve_options *options = self->options;
    const cf_keys *keys = cf_datadir_keys(self->broker_data.datadir);

    cf_gateway_zmq_options door = {.env = options->env,
                                   .loop = self->loop,
                                   .gateway = self->gateway,
                                   .outbox = self->outbox,
                                   .audit = self->broker_data.audit,
                                   .allowances = &self->terms.allowances,
                                   .store = self->broker_data.store,
                                   .zap_domain = CF_BROKER_ZAP_DOMAIN,
                                   .curve_public = cf_keys_public(keys)->curve,
                                   .curve_secret = cf_keys_curve_secret(keys)};
    cf_status status = cf_gateway_zmq_new(&door, &self->door, error);
    if (!status)
        status = listen_on_all(self, place, error);
    if (status)
        return status;
    cf_address advertised = place->advertised;
    memcpy(advertised.key, door.curve_public, sizeof advertised.key);
    const uint16_t heard = cf_gateway_zmq_port(self->door);
    if (advertised.port == 0)
        advertised.port = heard;
    if (!options->advertise && advertised.port != heard)
        cf_report(options->env, CF_REPORT_WARNING,
                  "devices are told %s:%u, as `init` was told, and the broker listens on port %u: "
                  "where that leads nowhere, see --advertise, or remove %s/advertise",
                  advertised.host, advertised.port, heard, options->data);
    if (cf_endpoint_is_bare(advertised.host))
        cf_report(options->env, CF_REPORT_WARNING, CF_ENDPOINT_BARE_FORMAT, advertised.host);
    cf_address_write(&advertised, self->address);
    cf_gateway_advertise(self->gateway, &advertised);
    return cf_datadir_keep_address(self->broker_data.datadir, self->address, error);
}

static cf_reserve room_left(void *context)
{
    const cf_broker *self = context;
    cf_reserve left;
    cf_error ignored;

    if (cf_datadir_reserve(self->broker_data.datadir, &left, &ignored))
        left = (cf_reserve){.room = UINT64_MAX}; /* writing will tell */
    return left;
}

static void absent(void *context, const cf_hash *user)
{
    const cf_broker *self = context;
    const cf_env *env = self->options->env;

    cf_search_note(self->search, user, cf_env_steady_ms(env));
}

static void make_gateway(cf_broker *self)
{
    cf_gateway_options gateway = {.env = self->options->env,
                                  .store = self->broker_data.store,
                                  .blobs = self->broker_data.blobs,
                                  .users = self->broker_data.users,
                                  .sessions_of_user = self->terms.allowances.connections_per_user,
                                  .room_left = room_left,
                                  .absent = absent,
                                  .context = self};

    self->outbox = gateway.outbox = cf_outbox_new();
    self->gateway = cf_gateway_new(&gateway);
    cf_authority_options authority = {.gateway = self->gateway,
                                      .management = self->broker_data.management,
                                      .quotas = self->broker_data.quotas,
                                      .audit = self->broker_data.audit,
                                      .waste_per_second = self->terms.allowances.waste_per_second};
    self->authority = cf_authority_new(&authority);
    self->desk = (cf_desk){
        .broker_data = &self->broker_data, .gateway = self->gateway, .address = self->address};
}

static void sweep_ready(void *context)
{
    cf_broker *self = context;

    zloop_timer(self->loop, 1, 1, cf_broker_tick, self);
}

static void ask(void *context, const cf_hash *user, const cf_hash *blobs, size_t count)
{
    cf_broker *self = context;

    cf_gateway_ask(self->gateway, user, blobs, count);
    cf_gateway_zmq_wake(self->door);
    self->missed += count;
}

static void start_upkeep(cf_broker *self)
{
    cf_sweep_options sweep = {.env = self->options->env,
                              .store = self->broker_data.store,
                              .blobs = self->broker_data.blobs,
                              .users = self->broker_data.users,
                              .quotas = self->broker_data.quotas,
                              .audit = self->broker_data.audit,
                              .jobs = self->jobs,
                              .ready = sweep_ready,
                              .context = self};

    cf_search_options search = {.env = self->options->env,
                                .store = self->broker_data.store,
                                .blobs = self->broker_data.blobs,
                                .users = self->broker_data.users,
                                .quotas = self->broker_data.quotas,
                                .jobs = self->jobs,
                                .ask = ask,
                                .context = self};

    self->sweep = cf_sweep_new(&sweep);
    self->search = cf_search_new(&search);
    self->blobs_inode = cf_datadir_blobs(self->broker_data.datadir);
    self->clock_offset_ms = cf_broker_clock_offset_ms(self->options->env);
    cf_broker_look_at_room(self);
    zloop_timer(self->loop, HOUSEKEEPING_MS, 0, cf_broker_tick, self);
}

/* What libraries reserve for their threads and tables is address space; they abort without. */
static cf_status check_memory(cf_error *error)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_max >= ADDRESS_SPACE_MIN)
        return CF_OK;
    return cf_fail(error, CF_FULL,
                   "only %llu MiB of address space are allowed, %llu are needed: see ulimit -v",
                   (unsigned long long)limit.rlim_max >> 20,
                   (unsigned long long)ADDRESS_SPACE_MIN >> 20);
}

static cf_status watch_signals(cf_broker *self, cf_error *error)
{
    sigset_t wanted;

    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGHUP);
    self->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    if (self->signals < 0)
        return cf_fail_errno(error, errno, "waiting for signals");
    watch(self, self->signals, on_signal);
    return CF_OK;
}

const char *cf_serve_advertise(const cf_env *env, const char *data, const char *given,
                               char kept[CF_ADDRESS_TEXT])
{
    const char *text = given ? given : cf_datadir_advertise(env, data, kept);
    cf_error damaged;

    if (given || !text || cf_endpoint_check_advertise(text, &damaged) == CF_OK)
        return text;
    cf_report(env, CF_REPORT_WARNING, "%s/advertise, which init made, is passed over: %s", data,
              damaged.text);
    return NULL;
}

static void hold_room_back(const cf_broker *self)
{
    if (!cf_ballast_keep(cf_datadir_descriptor(self->broker_data.datadir)))
        cf_report(self->options->env, CF_REPORT_WARNING,
                  "too little room is left on the disk to hold any back for `users remove`: when "
                  "the disk is full, that needs room made first");
}

static cf_status start(cf_broker *self, cf_error *error)
{
    const cf_serve_options *options = self->options;
    cf_broker_data_options broker_data = {
        .env = options->env,
        .path = options->data,
        .way = options->existing ? CF_DATADIR_EXISTING : CF_DATADIR_EITHER,
        .writes = true,
        .serves = true,
        .doing = "it starts to serve",
        .patience_ms = PATIENCE_MS,
        .closed = self->terms.closed,
        .quota = self->terms.quota,
        .entries_per_minute = self->terms.allowances.entries_per_minute};
    cf_control_handler handler = {self, cf_broker_request, cf_broker_abandoned};

    char kept[CF_ADDRESS_TEXT];
    cf_endpoints place;

    const char *advertise =
        cf_serve_advertise(options->env, options->data, options->advertise, kept);
    cf_status status = cf_endpoints_find(options->listen, advertise, &place, error);
    if (!status && !options->existing && !cf_datadir_is_there(options->env, options->data))
        status = cf_endpoints_try(&place, error); /* so that none is made that serves nobody */
    if (!status)
        status = cf_broker_data_open(&broker_data, &self->broker_data, error);
    if (!status)
        status = cf_removal_resume(&self->broker_data, error);
    if (status)
        return status;
    self->loop = zloop_new();
    make_gateway(self);
    status = watch_signals(self, error);
    if (!status)
        status = open_door(self, &place, error);
    if (!status)
        cf_endpoints_tell(&place, options->env);
    if (!status)
        status = cf_jobs_threads_new(1, CF_ERRAND_MEMORY, &self->jobs, error);
    if (!status)
        status = cf_control_listen(options->data, &handler, &self->control, error);
    if (status)
        return status;
    watch(self, cf_store_actor_descriptor(self->broker_data.store_actor), on_store);
    watch(self, cf_blob_actor_descriptor(self->broker_data.blob_actor), on_blobs);
    watch(self, self->jobs->descriptor(self->jobs), on_jobs);
    start_upkeep(self);
    hold_room_back(self);
    watch(self, cf_control_descriptor(self->control), on_control);
    return CF_OK;
}

/* The door first, so that nothing new comes; what was accepted is committed and answered to the
 * gateway, which is still there to hear it. */
static void stop(cf_broker *self)
{
    cf_error lost;

    cf_gateway_zmq_destroy(&self->door);
    cf_broker_finish_errands(self);
    cf_control_destroy(&self->control);
    if (self->sweep)
        cf_sweep_stop(self->sweep);
    if (self->search)
        cf_search_stop(self->search);
    cf_jobs_destroy(&self->jobs);
    cf_sweep_destroy(&self->sweep);
    cf_search_destroy(&self->search);
    cf_broker_data_finish(&self->broker_data);
    cf_authority_destroy(&self->authority);
    cf_gateway_destroy(&self->gateway);
    cf_outbox_destroy(&self->outbox);
    if (self->loop)
        zloop_destroy(&self->loop);
    if (self->signals >= 0)
        close(self->signals);
    if (self->broker_data.datadir) {
        if (cf_datadir_keep_key(self->broker_data.datadir, &lost)) /* it goes with this process */
            cf_report(self->options->env, CF_REPORT_WARNING, "%s", lost.text);
        cf_ballast_drop(cf_datadir_descriptor(self->broker_data.datadir));
    }
    cf_broker_data_close(&self->broker_data);
}

static void say_started(cf_broker *self)
{
    char limits[CF_ALLOWANCES_TEXT];
    struct rlimit descriptors = {0};

    getrlimit(RLIMIT_NOFILE, &descriptors);
    cf_allowances_write(&self->terms.allowances, limits);
    cf_report(self->options->env, CF_REPORT_NOTICE,
              "version %s serves %s as %s; limits: %s; %llu descriptors", CF_VERSION,
              self->options->data, self->address, limits, (unsigned long long)descriptors.rlim_cur);
    cf_broker_look_at_damage(self);
}

cf_status cf_serve(const cf_serve_options *options, cf_error *error)
{
    cf_broker self = {.options = options, .terms = options->terms, .signals = -1};

    cf_status status = share_descriptors(&self.terms.allowances, error);
    if (!status)
        status = check_memory(error);
    if (!status)
        status = start(&self, error);
    if (!status) {
        cf_gateway_zmq_wake(self.door);
        say_started(&self);
        cf_datadir_tell(self.broker_data.datadir, "it serves");
        options->ready(options->context, self.address);
        cf_service_manager_tell("READY=1");
        while (!self.stopped_by)
            zloop_start(self.loop);
        cf_service_manager_tell("STOPPING=1");
        cf_datadir_tell(self.broker_data.datadir, "it ends");
        cf_report(options->env, CF_REPORT_NOTICE, "SIG%s: stopping",
                  sigabbrev_np((int)self.stopped_by));
    }
    stop(&self);
    if (options->env->repeats) /* nothing is told behind the end */
        cf_repeats_tick(options->env->repeats, options->env, UINT64_MAX);
    if (!status)
        cf_report(options->env, CF_REPORT_NOTICE, "stopped");
    return status;
}
