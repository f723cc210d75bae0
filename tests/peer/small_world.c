/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small_folder.h"

#include "broker/jobs.h"
#include "codec/envelope.h"
#include "peer/adapters/files_root.h"
#include "peer/birth.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void must(cf_status status, const cf_error *error, const char *what)
{
    if (!status)
        return;
    fprintf(stderr, "world: %s: status %d: %s\n", what, (int)status, error->text);
    abort();
}

/* ---- The outside ---- */

/* splitmix64, Steele et al. 2014. */
static uint64_t draw(uint64_t *seed)
{
    uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void fill(void *context, void *out, size_t size)
{
    world *self = context;

    for (size_t i = 0; i < size; i++)
        ((uint8_t *)out)[i] = (uint8_t)draw(&self->seed);
}

uint64_t world_random(world *self, uint64_t below)
{
    return draw(&self->seed) % below;
}

static uint64_t read_clock(void *context)
{
    return ((world *)context)->now_ms;
}

static void report(void *context, cf_report_level level, const char *text)
{
    (void)level;
    if (((world *)context)->loud)
        fprintf(stderr, "    %s\n", text);
}

/* ---- The broker ---- */

static void open_broker(world *self)
{
    cf_error error;

    self->store = cf_store_memory_new(self->disk);
    self->blobs = cf_blob_memory_new(self->blob_disk);
    must(cf_users_open(&(cf_users_options){.env = &self->env, .store = self->store}, &self->users,
                       &error),
         &error, "users");
    must(cf_management_open(&(cf_management_options){.env = &self->env,
                                                     .store = self->store,
                                                     .blobs = self->blobs,
                                                     .users = self->users},
                            self->now_ms, &self->management, &error),
         &error, "management");
    self->outbox = cf_outbox_new();
    self->gateway = cf_gateway_new(&(cf_gateway_options){
        .env = &self->env,
        .store = self->store,
        .blobs = self->blobs,
        .users = self->users,
        .management = self->management,
        .outbox = self->outbox,
    });
}

static void close_broker(world *self)
{
    cf_gateway_destroy(&self->gateway);
    cf_outbox_destroy(&self->outbox);
    cf_management_destroy(&self->management);
    cf_users_destroy(&self->users);
    cf_blobs_destroy(&self->blobs);
    cf_store_destroy(&self->store);
}

static void disconnect(device *self)
{
    cf_error error;

    self->is_cut = false;
    if (!self->session)
        return;
    cf_gateway_gone(self->in->gateway, cf_bytes_of(self->routing_id, sizeof self->routing_id));
    self->session = 0;
    cf_fail(&error, CF_UNREACHABLE, "the connection broke");
    if (self->engine)
        cf_link_disconnected(cf_engine_link(self->engine), &error, self->in->now_ms);
    cf_outbox_destroy(&self->outbox);
    self->outbox = cf_outbox_new();
}

void broker_crash(world *self)
{
    close_broker(self);
    for (int i = 0; i < self->count; i++) {
        device *one = &self->devices[i];
        cf_error error;

        if (!one->session)
            continue;
        one->session = 0;
        cf_fail(&error, CF_UNREACHABLE, "the broker went away");
        cf_link_disconnected(cf_engine_link(one->engine), &error, self->now_ms);
        cf_outbox_destroy(&one->outbox);
        one->outbox = cf_outbox_new();
    }
    open_broker(self);
}

/* ---- Devices ---- */

static void open_engine(device *self)
{
    cf_error error;
    cf_home_options options = {
        .env = &self->env,
        .path = self->home_path,
        .create = true,
        .store = faulty_store_new(cf_store_memory_new(self->disk), self->disk, &self->faults),
    };

    must(cf_home_open(&options, &self->home, &error), &error, "home");
}

static void start_engine(device *self)
{
    cf_error error;

    must(cf_engine_open(&(cf_engine_options){&self->env, self->home, false}, self->in->now_ms,
                        &self->engine, &error),
         &error, "engine");
    memcpy(self->curve.bytes, cf_keys_public(cf_engine_peer(self->engine)->keys)->curve,
           CF_HASH_SIZE);
}

static void stop_engine(device *self)
{
    disconnect(self);
    cf_engine_close(&self->engine);
    cf_home_close(&self->home);
}

void device_crash(device *self)
{
    stop_engine(self);
    self->faults = (disk_faults){.calls = self->faults.calls};
    cf_store_memory_disk_fail(self->disk, CF_OK);
    open_engine(self);
    start_engine(self);
}

static void make_home(device *self)
{
    world *in = self->in;
    uint8_t id[16];

    snprintf(self->home_path, sizeof self->home_path, "%s/home%d", in->path, self->number);
    snprintf(self->folder, sizeof self->folder, "%s/folder%d", in->path, self->number);
    mkdir(self->folder, 0755);
    fill(in, id, sizeof id);
    self->disk = cf_store_memory_disk_new(id);
    self->outbox = cf_outbox_new();
    self->env = in->env;
    self->env.files = faulty_files_new(&self->faults);
    self->env.files->tick_ns = in->files.tick_ns;
    open_engine(self);
}

static void set_broker(device *self)
{
    cf_error error;

    must(cf_home_set(self->home, CF_HOME_BROKER, cf_bytes_of_text("tcp://world"), &error), &error,
         "broker");
}

/* The first device is born with its user; its broker knows the user's first entries. */
static bool bring(void *context, uint64_t position, cf_bytes wire)
{
    world *in = context;
    cf_arena arena = {0};
    cf_error error;
    cf_entry entry;
    cf_log *log;

    (void)position;
    must(cf_entry_read(wire, &arena, &entry, &error), &error, "first entries");
    log = cf_users_find(in->users, &entry.header.user);
    if (!log)
        must(cf_users_add(in->users, &entry.header.user, &log, &error), &error, "user");
    cf_offer offer = {.bringer = CF_BRINGER_DEVICE};
    cf_verdict verdict;
    must(cf_log_check(log, &entry, &offer, &verdict, &error), &error, "first entries");
    cf_log_append(log, &entry, &offer, NULL, 0, NULL, NULL);
    must(in->store->commit(in->store, &error), &error, "first entries");
    cf_users_refresh(in->users, &entry.header.user);
    cf_arena_release(&arena);
    return true;
}

static void bear_user(device *self)
{
    uint8_t secret[CF_PHRASE_SECRET];
    cf_error error;
    cf_buffer user = {0};
    cf_hash id;

    make_home(self);
    must(cf_birth_user(&(cf_birth){&self->env, self->home, "desk", self->in->now_ms}, secret,
                       &error),
         &error, "birth");
    set_broker(self);
    must(cf_home_get(self->home, CF_HOME_USER, &user, &error), &error, "user");
    memcpy(id.bytes, user.data, CF_HASH_SIZE);
    cf_store *store = cf_home_store(self->home);
    must(store->read(store, &id, 1, bring, self->in, &error), &error, "first entries");
    cf_buffer_release(&user);
    start_engine(self);
}

static void admit(device *owner, device *self)
{
    world *in = self->in;
    cf_peer *peer = cf_engine_peer(owner->engine);
    uint8_t seed[32], random[32];
    cf_error error;
    cf_hash epoch;
    cf_member add = {.kind = CF_MEMBER_ADD, .time_ms = in->now_ms, .role = CF_ROLE_MEMBER};

    make_home(self);
    fill(in, seed, sizeof seed);
    fill(in, random, sizeof random);
    self->keys = cf_keys_new(seed);
    add.keys = *cf_keys_public(self->keys);
    cf_keys_prove(self->keys, cf_peer_user(peer), add.proof);
    must(cf_peer_epoch(peer, &epoch, &error), &error, "epoch");
    must(cf_access_make(peer->ring, &epoch, add.keys.sealing, random, &add.access, &error), &error,
         "access");
    must(cf_peer_publish_member(peer, &add, &error), &error, "add");
    must(cf_birth_device(&(cf_birth){&self->env, self->home, "lap", in->now_ms}, cf_peer_user(peer),
                         self->keys, &error),
         &error, "device");
    cf_keys_destroy(&self->keys);
    set_broker(self);
    start_engine(self);
}

static void bind_folder(device *self)
{
    world *in = self->in;
    cf_peer *peer = cf_engine_peer(self->engine);
    cf_binding *binding;
    cf_folder *root;
    cf_error error;

    must(cf_ring_collection_id(peer->ring, cf_bytes_of_text("things"), &in->collection, &error),
         &error, "collection");
    must(cf_binding_new(
             &(cf_binding_options){.number = 1, .collection = in->collection, .path = self->folder},
             &binding, &error),
         &error, "binding");
    fill(in, binding->instance.bytes, CF_ID_SIZE);
    must(in->env.files->open_root(in->env.files, self->folder, &root, &error), &error, "root");
    must(cf_root_make(in->env.files, root, &binding->instance, &error), &error, "root");
    in->env.files->close_folder(in->env.files, &root);
    must(cf_binding_save(peer, binding, &error), &error, "binding");
    must(cf_engine_take_binding(self->engine, binding, &error), &error, "binding");
}

world *world_new(uint64_t seed, int devices)
{
    world *self = cf_allocate(1, sizeof *self);
    uint8_t id[16];

    strcpy(self->path, "/tmp/counterfoil-world-XXXXXX");
    if (!mkdtemp(self->path))
        abort();
    self->loud = getenv("WORLD_LOUD") != NULL;
    self->seed = seed;
    self->now_ms = (uint64_t)time(NULL) * 1000;
    self->files = *cf_files_posix();
    self->files.tick_ns = -INT64_C(1000000000000); /* the world's clock is not the file system's */
    self->env =
        (cf_env){self, fill, read_clock, report, &self->files, cf_jobs_inline_new(seed | 1)};
    fill(self, id, sizeof id);
    self->disk = cf_store_memory_disk_new(id);
    self->blob_disk = cf_blob_memory_disk_new();
    open_broker(self);
    self->count = devices;
    for (int i = 0; i < devices; i++)
        self->devices[i] = (device){.in = self, .number = i};
    bear_user(&self->devices[0]);
    for (int i = 1; i < devices; i++) {
        admit(&self->devices[0], &self->devices[i]);
        device_sync(&self->devices[0]);
        device_sync(&self->devices[i]);
    }
    for (int i = 0; i < devices; i++)
        bind_folder(&self->devices[i]);
    return self;
}

void world_destroy(world **self)
{
    world *w = *self;

    for (int i = 0; i < w->count; i++) {
        stop_engine(&w->devices[i]);
        cf_outbox_destroy(&w->devices[i].outbox);
        cf_store_memory_disk_destroy(&w->devices[i].disk);
        free(w->devices[i].env.files);
    }
    close_broker(w);
    cf_store_memory_disk_destroy(&w->disk);
    cf_blob_memory_disk_destroy(&w->blob_disk);
    cf_jobs_destroy(&w->env.jobs);
    folder_remove(w->path);
    free(w);
    *self = NULL;
}

/* ---- The network ---- */

static bool is_cut(world *self)
{
    return self->loss && world_random(self, 1000) < self->loss;
}

static cf_send_answer to_gateway(void *context, cf_bytes destination, cf_frames *frames)
{
    device *self = context;
    cf_bytes list[8];

    (void)destination;
    self->is_cut |= is_cut(self->in);
    if (!self->session || self->is_cut)
        return CF_SEND_GONE;
    for (size_t i = 0; i < frames->count; i++)
        list[i] = cf_buffer_view(&frames->frame[i]);
    cf_gateway_handle(self->in->gateway,
                      &(cf_gateway_peer){cf_bytes_of(self->routing_id, sizeof self->routing_id),
                                         self->curve, "world"},
                      list, frames->count, self->in->now_ms);
    return CF_SEND_DONE;
}

static cf_send_answer to_device(void *context, cf_bytes destination, cf_frames *frames)
{
    world *self = context;
    cf_bytes list[8];

    for (int i = 0; i < self->count; i++) {
        device *one = &self->devices[i];

        if (!one->session || destination.size != sizeof one->routing_id ||
            memcmp(destination.data, one->routing_id, destination.size))
            continue;
        one->is_cut |= is_cut(self);
        if (one->deaf)
            return CF_SEND_DONE;
        if (one->is_cut)
            return CF_SEND_GONE;
        for (size_t k = 0; k < frames->count; k++)
            list[k] = cf_buffer_view(&frames->frame[k]);
        cf_link_handle(cf_engine_link(one->engine), list, frames->count, self->now_ms, one->outbox);
        return CF_SEND_DONE;
    }
    return CF_SEND_GONE;
}

static void connect(device *self)
{
    uint64_t wanted = cf_link_session(cf_engine_link(self->engine));
    cf_error error;

    if (wanted == self->session)
        return;
    if (self->session)
        cf_gateway_gone(self->in->gateway, cf_bytes_of(self->routing_id, sizeof self->routing_id));
    self->session = 0;
    if (!wanted)
        return;
    if (self->offline) {
        cf_fail(&error, CF_UNREACHABLE, "no network");
        cf_link_disconnected(cf_engine_link(self->engine), &error, self->in->now_ms);
        return;
    }
    self->session = wanted;
    cf_put_u64(self->routing_id, ++self->in->connections);
}

/* One turn of everything that this device has to do with; false: its engine can't go on. */
static bool turn(device *self)
{
    world *in = self->in;
    uint64_t deadline;
    cf_error error;

    in->env.jobs->deliver(in->env.jobs);
    self->trouble = cf_engine_step(self->engine, in->now_ms, &deadline, &error);
    if (self->trouble) {
        report(in, CF_REPORT_ERROR, error.text);
        return false;
    }
    cf_link_tick(cf_engine_link(self->engine), in->now_ms, self->outbox);
    connect(self);
    if (!cf_outbox_send(self->outbox, to_gateway, self) ||
        (self->session && cf_outbox_size(self->outbox)))
        disconnect(self);
    must(in->store->commit(in->store, &error), &error, "commit");
    cf_gateway_tick(in->gateway, in->now_ms);
    cf_outbox_send(in->outbox, to_device, in);
    for (int i = 0; i < in->count; i++)
        if (in->devices[i].is_cut)
            disconnect(&in->devices[i]);
    return true;
}

bool device_round(device *self, const cf_round_options *options, unsigned turns)
{
    cf_round *round = cf_round_begin(self->engine, options);
    bool over = false;

    for (unsigned i = 0; i < turns && !over && turn(self); i++) {
        self->in->now_ms += TURN_MS;
        over = cf_round_over(round, self->in->now_ms);
    }
    cf_round_end(&round);
    return over;
}

bool device_sync(device *self)
{
    cf_round_options options = {.kind = CF_ROUND_SYNC};

    if (!self->in->guarded)
        options.word = cf_delete_word_all();
    bool over = device_round(self, &options, TURNS_MAX);
    if (self->trouble)
        device_crash(self);
    return over;
}

static bool settle_once(world *self)
{
    for (int i = 0; i < self->count; i++) {
        self->now_ms += 60000;
        device *one = &self->devices[i];

        /* A store that failed some time ago says so when it is written to. */
        if (!device_sync(one) && !(one->trouble && device_sync(one))) {
            fprintf(stderr, "world: device %d does not come to an end\n", i);
            return false;
        }
    }
    return true;
}

static void list_all(world *self, cf_buffer *out)
{
    cf_buffer_clear(out);
    for (int i = 0; i < self->count; i++)
        device_tree(&self->devices[i], out);
}

bool world_settle(world *self)
{
    cf_buffer before = {0}, after = {0};
    bool quiet = false, goes_on = true;

    for (int i = 0; i < self->count; i++)
        self->devices[i].offline = false;
    self->loss = 0;
    for (int round = 0; round < 12 && !quiet && goes_on; round++) {
        uint64_t entries = world_entries(self);

        list_all(self, &before);
        goes_on = settle_once(self);
        list_all(self, &after);

        quiet = round > 0 && goes_on && entries == world_entries(self) &&
                cf_bytes_equal(cf_buffer_view(&before), cf_buffer_view(&after));
    }
    cf_buffer_release(&before);
    cf_buffer_release(&after);
    return quiet;
}

static bool add_entries(void *context, const cf_head *head)
{
    *(uint64_t *)context += head->sequence;
    return true;
}

uint64_t world_entries(world *self)
{
    uint64_t count = 0;
    cf_error error;

    must(self->store->heads(self->store, cf_peer_user(cf_engine_peer(self->devices[0].engine)),
                            add_entries, &count, &error),
         &error, "heads");
    return count;
}
