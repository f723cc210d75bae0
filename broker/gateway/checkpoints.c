/* SPDX-License-Identifier: Apache-2.0 */
/* Whose checkpoints a device gets: those of other valid devices, by their ids from its own on, then
 * from the beginning, CF_CHECKPOINTS_MAX at most. Who says one of another device is dismissed. */
#include "broker/gateway/checkpoints.h"

#include "broker/gateway/prices.h"
#include "broker/members/registry.h"
#include "codec/limits.h"
#include "codec/pack.h"

#include <stdlib.h>

enum { TABLE = 'j', KEY_SIZE = 1 + CF_HASH_SIZE };

static cf_status keep(const cf_service *service, const cf_session *session,
                      const cf_checkpoint *checkpoint, cf_error *error)
{
    cf_store *store = service->store;
    uint8_t key[KEY_SIZE] = {TABLE};
    cf_buffer value = {0};

    memcpy(key + 1, session->device.bytes, CF_HASH_SIZE);
    cf_checkpoint_pack(&value, checkpoint);
    const cf_kv record = {cf_bytes_of(key, sizeof key), cf_buffer_view(&value)};
    cf_status status = store->write(store, cf_log_user(session->log), &record, 1, false, error);
    cf_buffer_release(&value);
    return status;
}

/* Of more than are told those that follow the asker, so that of any two devices one is told of the
 * other, or both are of somebody between. */
typedef struct {
    const cf_registry *registry;
    const cf_hash *asker;
    bool before; /* what comes before the asker is looked at */
    cf_checkpoint *at;
    size_t count, capacity;
} gathering;

static bool gather(void *context, cf_bytes key, cf_bytes value)
{
    gathering *self = context;
    cf_reader reader = cf_reader_of(value);
    cf_checkpoint one;
    cf_error ignored;

    if (key.size != KEY_SIZE || cf_checkpoint_read(&reader, &one, &ignored))
        return true;
    const int order = memcmp(one.device.bytes, self->asker->bytes, CF_HASH_SIZE);
    if ((self->before ? order < 0 : order > 0) &&
        cf_registry_is_valid(self->registry, &one.device)) {
        *cf_one_more(self->at, self->count, self->capacity) = one;
    }
    return self->count < CF_CHECKPOINTS_MAX;
}

static cf_status gather_others(const cf_service *service, gathering *self, const cf_hash *user,
                               cf_error *error)
{
    cf_store *store = service->store;
    const uint8_t table = TABLE;
    cf_status status = CF_OK;

    for (int pass = 0; pass < 2 && !status && self->count < CF_CHECKPOINTS_MAX; pass++) {
        self->before = pass == 1;
        status = store->scan(store, user, cf_bytes_of(&table, 1), gather, self, error);
    }
    return status;
}

void cf_checkpoints_take(cf_service *service, cf_session *session, const cf_message *message)
{
    const cf_checkpoint *checkpoint = &message->checkpoint;
    const cf_hash *user = cf_log_user(session->log);
    gathering others = {.registry = cf_log_registry(session->log), .asker = &session->device};
    cf_error error;

    if (!cf_hash_equal(&checkpoint->device, &session->device)) {
        cf_session_charge(service, session, CF_PRICE_GARBAGE);
        cf_session_dismiss(service, session, "it says a checkpoint of another device");
        return;
    }
    if (keep(service, session, checkpoint, &error))
        cf_report(service->env, CF_REPORT_WARNING, "user %s: keeping a checkpoint: %s",
                  cf_user_shorten(user).text, error.text);
    if (gather_others(service, &others, user, &error)) {
        cf_session_end_unread(service, session, &error);
    } else {
        const cf_message answer = {.command = CF_COMMAND_CHECKPOINTS,
                                   .checkpoints = {.at = others.at, .count = others.count}};

        cf_session_send(service, session, &answer);
    }
    free(others.at);
}
