/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/remote.h"

#include "broker/platform/times.h"
#include "peer/log/acknowledged.h"
#include "peer/log/catalog.h"
#include "peer/log/keeping.h"

/* ---- Comparing ---- */

static const char *name_of(cf_peer *peer, const cf_id *collection, cf_arena *arena)
{
    if (cf_id_equal(collection, &cf_member_log_id))
        return "(members)";
    return cf_id_equal(collection, &cf_catalog_id) ? "(catalog)"
                                                   : cf_catalog_name(peer, collection, arena);
}

typedef struct {
    cf_peer *peer;
    const cf_kept *own; /* what this device keeps */
    const cf_query_answer *found;
    cf_hash **writers; /* of each head of each collection that the broker has; zero: not known */
    cf_arena *arena;
    cf_remote *out;
} comparing;

static const cf_heads *held_of(const cf_query_answer *found, const cf_id *collection)
{
    static const cf_heads none;

    for (size_t i = 0; i < found->held_count; i++)
        if (cf_id_equal(&found->held[i].collection, collection))
            return &found->held[i].heads;
    return &none;
}

static void add(const comparing *self, const cf_id *collection, const cf_heads *theirs,
                const cf_heads *ours)
{
    self->out->collections[self->out->collection_count++] =
        (cf_remote_collection){name_of(self->peer, collection, self->arena),
                               cf_heads_lacking(theirs, ours), cf_heads_lacking(ours, theirs)};
}

static void count_own(void *context, const cf_id *collection, const cf_heads *heads)
{
    (void)collection, (void)heads;
    (*(size_t *)context)++;
}

static void add_own(void *context, const cf_id *collection, const cf_heads *heads)
{
    const comparing *self = context;

    add(self, collection, held_of(self->found, collection), heads);
}

static void compare_collections(comparing *self)
{
    const cf_author *author = self->peer->author;
    size_t count = self->found->held_count;

    cf_author_each(author, count_own, &count);
    self->out->collections = cf_arena_allocate(self->arena, count, sizeof *self->out->collections);
    cf_author_each(author, add_own, self);
    for (size_t i = 0; i < self->found->held_count; i++) {
        const cf_held *held = &self->found->held[i];
        const cf_heads *ours = cf_author_heads(author, &held->collection);

        if (!ours->count && cf_kept_has(self->own, &held->collection))
            add(self, &held->collection, &held->heads, ours);
    }
}

static const cf_device_report *report_of(const cf_query_answer *found, const cf_hash *device)
{
    for (size_t i = 0; i < found->report_count; i++)
        if (cf_hash_equal(&found->reports[i].device, device))
            return &found->reports[i];
    return NULL;
}

/* Whose the writer is, as the last of its entries that is here says. */
static cf_hash device_of(const comparing *self, const cf_id *collection, const cf_id *writer)
{
    size_t count = 0;
    const cf_head *head =
        cf_heads_of_writer(cf_author_heads(self->peer->author, collection), writer, &count);
    cf_buffer wire = {0};
    cf_entry entry;
    cf_error ignored;
    cf_hash device = {0};

    if (count && cf_log_get(self->peer->log, head, &wire, &ignored) == CF_OK &&
        cf_entry_read(cf_buffer_view(&wire), self->arena, &entry, &ignored) == CF_OK)
        device = entry.header.device;
    cf_buffer_release(&wire);
    return device;
}

static void learn_writers(comparing *self)
{
    const cf_query_answer *found = self->found;

    self->writers = cf_arena_allocate(self->arena, found->held_count, sizeof *self->writers);
    for (size_t i = 0; i < found->held_count; i++) {
        const cf_heads *heads = &found->held[i].heads;

        self->writers[i] = cf_arena_allocate(self->arena, heads->count, sizeof **self->writers);
        for (size_t j = 0; j < heads->count; j++)
            self->writers[i][j] =
                device_of(self, &found->held[i].collection, &heads->heads[j].writer);
    }
}

/* What the member log and the catalog say holds here as soon as it is here. */
static bool is_applied_here(const comparing *self, const cf_hash *device, const cf_id *collection)
{
    return cf_hash_equal(device, cf_peer_device(self->peer)) &&
           (cf_id_equal(collection, &cf_member_log_id) || cf_id_equal(collection, &cf_catalog_id));
}

/* Entries of one collection that a device hasn't applied. Those that it wrote itself it has, though
 * it may not have reported since: who paired another one wrote of that, and ended. */
static uint64_t lacking_of(const comparing *self, size_t collection, const cf_hash *device,
                           const cf_heads *applied)
{
    const cf_held *held = &self->found->held[collection];
    uint64_t count = 0;

    if (is_applied_here(self, device, &held->collection))
        applied = cf_author_heads(self->peer->author, &held->collection);
    for (size_t i = 0; i < held->heads.count; i++) {
        const cf_heads one = {.heads = &held->heads.heads[i], .count = 1};

        if (!cf_hash_equal(&self->writers[collection][i], device))
            count += cf_heads_lacking(&one, applied);
    }
    return count;
}

/* Of what it keeps. */
static uint64_t behind(const comparing *self, const cf_hash *device, const cf_kept *kept,
                       const cf_device_report *report)
{
    static const cf_heads none;
    uint64_t count = 0;

    for (size_t i = 0; i < self->found->held_count; i++)
        if (cf_kept_has(kept, &self->found->held[i].collection))
            count += lacking_of(self, i, device, report ? &report->applied : &none);
    return count;
}

static void compare_devices(comparing *self)
{
    const cf_registry *registry = cf_log_registry(self->peer->log);
    size_t count = cf_registry_device_count(registry);

    self->out->devices = cf_arena_allocate(self->arena, count, sizeof *self->out->devices);
    for (size_t i = 0; i < count; i++) {
        const cf_device *device = cf_registry_device_at(registry, i);
        const cf_device_report *report = report_of(self->found, &device->id);

        if (cf_hash_equal(&device->id, cf_peer_user(self->peer)) || !device->is_valid ||
            device->role == CF_ROLE_RELAY)
            continue;
        const bool is_this = cf_hash_equal(&device->id, cf_peer_device(self->peer));
        const cf_kept kept =
            is_this ? *self->own : cf_kept_of(self->peer, &device->id, self->arena);
        self->out->devices[self->out->device_count++] = (cf_remote_device){
            .id = device->id,
            .name = cf_catalog_device_name(self->peer, &device->id, self->arena),
            .is_this = is_this,
            .at_ms = report ? report->at_ms : 0,
            .behind = behind(self, &device->id, &kept, report),
        };
    }
}

void cf_remote_take(cf_peer *peer, const cf_kept *own, const cf_query_answer *found,
                    cf_arena *arena, cf_remote *out)
{
    comparing self = {.peer = peer, .own = own, .found = found, .arena = arena, .out = out};

    *out = (cf_remote){.position = found->position};
    compare_collections(&self);
    learn_writers(&self);
    compare_devices(&self);
}

/* ---- Showing ---- */

void cf_remote_device_describe(const cf_remote_device *device, json_t *object)
{
    char time[CF_TIME_TEXT];

    cf_time_show(device->at_ms, time);
    json_object_update_new(object, json_pack("{s:s?, s:I}", "reported", device->at_ms ? time : NULL,
                                             "behind", (json_int_t)device->behind));
}

void cf_remote_device_print(const json_t *object, const cf_output *output)
{
    const char *reported = json_string_value(json_object_get(object, "reported"));
    const json_int_t behind = json_integer_value(json_object_get(object, "behind"));

    if (!reported)
        cf_print(output, "has not reported yet\n");
    else if (behind)
        cf_print(output, "%lld %s not applied, as of %s\n", (long long)behind,
                 behind == 1 ? "entry is" : "entries are", reported);
    else
        cf_print(output, "has applied everything, as of %s\n", reported);
}

static json_t *device_json(const cf_remote_device *device)
{
    json_t *object = json_pack("{s:s, s:b}", "name", device->name, "this", (int)device->is_this);

    cf_remote_device_describe(device, object);
    return object;
}

json_t *cf_remote_json(const cf_remote *remote)
{
    json_t *collections = json_array(), *devices = json_array();

    for (size_t i = 0; i < remote->collection_count; i++) {
        const cf_remote_collection *one = &remote->collections[i];

        json_array_append_new(collections,
                              json_pack("{s:s, s:I, s:I}", "name", one->name, "lacks",
                                        (json_int_t)one->lacks, "waits", (json_int_t)one->waits));
    }
    for (size_t i = 0; i < remote->device_count; i++)
        json_array_append_new(devices, device_json(&remote->devices[i]));
    return json_pack("{s:I, s:o, s:o}", "position", (json_int_t)remote->position, "collections",
                     collections, "devices", devices);
}

void cf_remote_print(const cf_remote *remote, const cf_output *output)
{
    for (size_t i = 0; i < remote->collection_count; i++) {
        const cf_remote_collection *one = &remote->collections[i];

        if (one->lacks || one->waits)
            cf_print(output, "%s: %llu %s not here, %llu here that %s not there\n", one->name,
                     (unsigned long long)one->lacks,
                     one->lacks == 1 ? "entry at the broker that is"
                                     : "entries at the broker that are",
                     (unsigned long long)one->waits, one->waits == 1 ? "is" : "are");
    }
    for (size_t i = 0; i < remote->device_count; i++) {
        json_t *object = device_json(&remote->devices[i]);

        cf_print(output, "%s: ", remote->devices[i].name);
        cf_remote_device_print(object, output);
        json_decref(object);
    }
}
