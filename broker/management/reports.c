/* SPDX-License-Identifier: Apache-2.0 */
/* What of a report counts: up to HEADS_MAX heads, beyond which the session ends, and only of a
 * device that the member log knows. Of entries that devices miss the highest number is kept. Who
 * asks where another user's log is learns nothing. */
#include "broker/management/reports.h"

#include "broker/gateway/log_instance.h"
#include "broker/gateway/prices.h"
#include "broker/management/told_address.h"
#include "codec/limits.h"
#include "codec/pack.h"

#include <inttypes.h>
#include <stdlib.h>

enum { TABLE = 'a', KEY_SIZE = 1 + CF_HASH_SIZE, HEADS_MAX = 65536 };

/* ---- Reports ---- */

static void say_reported(const cf_service *service, const cf_session *session,
                         const cf_hash *device, uint64_t at_ms, const cf_heads *heads, bool last)
{
    size_t said = 0;

    do {
        size_t left = heads ? heads->count - said : 0;
        bool more = left > CF_HEADS_PAGE;
        cf_message message = {
            .command = CF_COMMAND_REPORTED,
            .reported = {.device = device,
                         .at_ms = at_ms,
                         .heads = left ? heads->heads + said : NULL,
                         .head_count = more ? CF_HEADS_PAGE : left,
                         .more = more || !last},
        };

        cf_session_send(service, session, &message);
        said += message.reported.head_count;
    } while (heads && said < heads->count);
}

static cf_status keep(const cf_service *service, const cf_session *session, cf_error *error)
{
    cf_store *store = service->store;
    uint8_t key[KEY_SIZE] = {TABLE};
    cf_buffer value = {0};

    memcpy(key + 1, session->device.bytes, CF_HASH_SIZE);
    cf_pack_array(&value, 2);
    cf_pack_uint(&value, service->now_ms);
    cf_heads_pack(&value, session->report.heads, session->report.count);
    cf_kv record = {cf_bytes_of(key, sizeof key), cf_buffer_view(&value)};
    cf_status status = store->write(store, cf_log_user(session->log), &record, 1, false, error);
    cf_buffer_release(&value);
    return status;
}

void cf_reports_take(cf_service *service, cf_session *session, const cf_message *message)
{
    cf_error error;

    cf_session_charge(service, session, (int64_t)message->report.head_count / CF_PRICE_HEADS);
    if (session->report.count + message->report.head_count > HEADS_MAX) {
        cf_session_charge(service, session, CF_PRICE_GARBAGE);
        cf_session_dismiss(service, session, "it reports too many heads");
        return;
    }
    for (size_t i = 0; i < message->report.head_count; i++)
        cf_heads_insert(&session->report, &message->report.heads[i]);
    if (message->report.more)
        return;
    if (keep(service, session, &error))
        cf_report(service->env, CF_REPORT_WARNING, "user %s: keeping a report: %s",
                  cf_user_shorten(cf_log_user(session->log)).text, error.text);
    cf_heads_release(&session->report);
    say_reported(service, session, &session->device, service->now_ms, NULL, true);
}

/* ---- A broker that went back ---- */

static const uint8_t lacking_key[] = {'o'};

void cf_reports_lacking(cf_service *service, cf_session *session, const cf_message *message)
{
    const uint64_t count = message->lacking.count;
    cf_store *store = service->store;
    const cf_hash *user = cf_log_user(session->log);
    char device[CF_FINGERPRINT_TEXT];
    uint8_t value[16];
    cf_error error;

    cf_reported_lacking before;

    if (cf_reports_last_lacking(store, user, &before, &error))
        before.count = 0;
    cf_fingerprint(&session->device, device);
    cf_put_u64(value, service->now_ms);
    cf_put_u64(value + 8, count > before.count ? count : before.count);
    cf_report(service->env, CF_REPORT_WARNING,
              "user %s: device %s says that %" PRIu64 " entr%s gone which this broker had "
              "acknowledged: it was set back to an older state, and the devices bring them again",
              cf_user_shorten(user).text, device, count, count == 1 ? "y is" : "ies are");
    const cf_kv record = {cf_bytes_of(lacking_key, sizeof lacking_key),
                          cf_bytes_of(value, sizeof value)};
    if (store->write(store, user, &record, 1, false, &error))
        cf_report(service->env, CF_REPORT_WARNING, "user %s: keeping a report: %s",
                  cf_user_shorten(user).text, error.text);
}

cf_status cf_reports_last_lacking(cf_store *store, const cf_hash *user, cf_reported_lacking *out,
                                  cf_error *error)
{
    cf_buffer value = {0};
    cf_status status =
        store->get(store, user, cf_bytes_of(lacking_key, sizeof lacking_key), &value, error);

    if (!status && value.size != 16)
        status = cf_fail(error, CF_BROKEN, "what a device reported as gone is damaged");
    if (!status)
        *out = (cf_reported_lacking){cf_get_u64(value.data), cf_get_u64(value.data + 8)};
    cf_buffer_release(&value);
    return status;
}

static void forget_lacking(void *context, cf_log *log)
{
    static const cf_kv record = {{lacking_key, sizeof lacking_key}, {0}};
    cf_reported_lacking kept;
    cf_store *store = context;
    cf_error ignored;

    if (cf_reports_last_lacking(store, cf_log_user(log), &kept, &ignored) == CF_OK)
        store->write(store, cf_log_user(log), &record, 1, false, &ignored);
}

void cf_reports_forget_lacking(cf_store *store, cf_users *users)
{
    cf_users_each(users, forget_lacking, store);
}

/* ---- Questions ---- */

typedef struct {
    cf_id collection;
    cf_head head;
} placed_head;

typedef struct {
    cf_log *log;
    placed_head *at;
    size_t count, capacity;
} placing;

static bool place(void *context, const cf_head *head)
{
    placing *self = context;
    cf_head_place found;

    if (cf_log_head_place(self->log, head, &found)) {
        *cf_one_more(self->at, self->count, self->capacity) =
            (placed_head){found.collection, *head};
    }
    return true;
}

static int by_collection(const void *a, const void *b)
{
    const placed_head *x = a, *y = b;
    int order = cf_id_compare(&x->collection, &y->collection);

    return order ? order : cf_head_compare(&x->head, &y->head);
}

static void say_holds(const cf_service *service, const cf_session *session, const placing *placed)
{
    cf_head page[CF_HEADS_PAGE];

    for (size_t from = 0, count; from < placed->count; from += count) {
        const cf_id *collection = &placed->at[from].collection;

        for (count = 0; count < CF_HEADS_PAGE && from + count < placed->count &&
                        cf_id_equal(&placed->at[from + count].collection, collection);
             count++)
            page[count] = placed->at[from + count].head;
        cf_message message = {
            .command = CF_COMMAND_HOLDS,
            .holds = {.collection = *collection, .heads = page, .head_count = count}};
        cf_session_send(service, session, &message);
    }
}

typedef struct {
    cf_hash device;
    uint64_t at_ms;
    cf_heads heads;
} report;

typedef struct {
    const cf_registry *registry;
    report *at;
    size_t count, capacity;
} gathering;

static bool gather(void *context, cf_bytes key, cf_bytes value)
{
    gathering *self = context;
    cf_reader reader = cf_reader_of(value);
    report one = {0};
    size_t count;
    cf_error ignored;

    if (key.size != KEY_SIZE)
        return true;
    memcpy(one.device.bytes, key.data + 1, CF_HASH_SIZE);
    if (cf_registry_device(self->registry, &one.device) &&
        !cf_read_array(&reader, &count, &ignored) && !cf_read_uint(&reader, &one.at_ms, &ignored) &&
        !cf_heads_read(&reader, HEADS_MAX, &one.heads, &ignored)) {
        *cf_one_more(self->at, self->count, self->capacity) = one;
    }
    return true;
}

void cf_reports_answer(cf_service *service, cf_session *session, const cf_message *message)
{
    cf_store *store = service->store;
    uint8_t table = TABLE;
    placing placed = {.log = session->log};
    gathering reports = {.registry = cf_log_registry(session->log)};
    cf_error error;

    (void)message;
    cf_status status = cf_log_heads(session->log, place, &placed, &error);
    cf_session_charge(service, session, (int64_t)placed.count / CF_PRICE_HEADS);
    if (!status)
        status = store->scan(store, cf_log_user(session->log), cf_bytes_of(&table, 1), gather,
                             &reports, &error);
    if (status) {
        cf_session_end_unread(service, session, &error);
    } else {
        if (placed.count)
            qsort(placed.at, placed.count, sizeof *placed.at, by_collection);
        say_holds(service, session, &placed);
        for (size_t i = 0; i < reports.count; i++)
            say_reported(service, session, &reports.at[i].device, reports.at[i].at_ms,
                         &reports.at[i].heads, i + 1 == reports.count);
        if (!reports.count)
            say_reported(service, session, NULL, 0, NULL, true);
    }
    for (size_t i = 0; i < reports.count; i++)
        cf_heads_release(&reports.at[i].heads);
    free(reports.at);
    free(placed.at);
}

/* ---- Chains ---- */

typedef struct {
    const cf_hash *device; /* in the question */
    cf_heads ends;
    bool is_said; /* who is asked for twice is told of once */
} asked_device;

typedef struct {
    cf_log *log;
    asked_device *at; /* ascending by device */
    size_t count;
    size_t passed; /* heads that there are */
} chains;

static int by_device(const void *a, const void *b)
{
    return cf_hash_compare(((const asked_device *)a)->device, ((const asked_device *)b)->device);
}

static asked_device *find_asked(const chains *self, const cf_hash *device)
{
    const asked_device wanted = {.device = device};

    return self->count ? bsearch(&wanted, self->at, self->count, sizeof *self->at, by_device)
                       : NULL;
}

static bool add_end(void *context, const cf_head *head)
{
    chains *self = context;
    cf_head_place place;

    self->passed++;
    asked_device *asked =
        cf_log_head_place(self->log, head, &place) ? find_asked(self, &place.device) : NULL;
    if (asked)
        cf_heads_insert(&asked->ends, head);
    return true;
}

static void say_ends(const cf_service *service, const cf_session *session, const cf_hash *device,
                     const cf_heads *ends)
{
    size_t said = 0;

    do {
        const size_t left = ends->count - said;
        const bool more = left > CF_HEADS_PAGE;
        const cf_message message = {.command = CF_COMMAND_ENDS,
                                    .ends = {.device = *device,
                                             .heads = left ? ends->heads + said : NULL,
                                             .head_count = more ? CF_HEADS_PAGE : left,
                                             .more = more}};

        cf_session_send(service, session, &message);
        said += message.ends.head_count;
    } while (said < ends->count);
}

void cf_reports_chains(cf_service *service, cf_session *session, const cf_message *message)
{
    static const cf_heads none;
    const size_t count = message->chains.count;
    const cf_hash *devices = message->chains.devices;
    chains self = {session->log, cf_allocate(count, sizeof *self.at), count, 0};
    cf_error error;

    for (size_t i = 0; i < count; i++)
        self.at[i].device = &devices[i];
    if (count)
        qsort(self.at, count, sizeof *self.at, by_device);
    cf_status status = cf_log_heads(session->log, add_end, &self, &error);
    cf_session_charge(service, session, (int64_t)self.passed / CF_PRICE_HEADS);
    for (size_t i = 0; !status && i < count; i++) {
        asked_device *asked = find_asked(&self, &devices[i]);

        say_ends(service, session, &devices[i], asked->is_said ? &none : &asked->ends);
        asked->is_said = true;
    }
    if (status)
        cf_session_end_unread(service, session, &error);
    for (size_t i = 0; i < count; i++)
        cf_heads_release(&self.at[i].ends);
    free(self.at);
}

/* ---- Location ---- */

static void write_address(const cf_service *service, char line[CF_ADDRESS_TEXT])
{
    line[0] = '\0';
    if (service->address->port)
        cf_address_write(service->address, line);
}

void cf_reports_locate(cf_service *service, cf_session *session, const cf_message *message)
{
    cf_store *store = service->store;
    const cf_hash *user = &message->locate.user;
    char line[CF_ADDRESS_TEXT];

    write_address(service, line);
    cf_bytes endpoint = cf_bytes_of_text(line);
    cf_message answer = {
        .command = CF_COMMAND_ENDPOINTS,
        .endpoints = {.endpoints = &endpoint, .endpoint_count = endpoint.size ? 1 : 0}};
    cf_refusal refusal = {.request = CF_COMMAND_LOCATE,
                          .name = cf_bytes_of(user->bytes, CF_HASH_SIZE)};
    cf_error error;

    if (!cf_hash_equal(user, cf_log_user(session->log))) {
        refusal.code = CF_REFUSED_UNKNOWN;
        refusal.text = "it is not this session's user";
    } else if (cf_log_instance(store, user, answer.endpoints.instance, &error) ||
               store->last(store, user, &answer.endpoints.position, &error)) {
        refusal.later = true;
        refusal.code = CF_REFUSED_BUSY;
        refusal.text = error.text;
    } else {
        cf_session_send(service, session, &answer);
        cf_told_address_note(service, session, line);
        return;
    }
    cf_refuse(service, cf_session_destination(session), &refusal);
}
