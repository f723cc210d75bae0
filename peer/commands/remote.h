/* SPDX-License-Identifier: Apache-2.0 */
/* How this device, the broker and the others compare, as `status --remote` shows it. Counts are of
 * entries. */
#ifndef CF_PEER_COMMANDS_REMOTE_H
#define CF_PEER_COMMANDS_REMOTE_H
#include "peer/engine/broker_query.h"
#include "peer/log/keeping.h"
#include "peer/program/verb.h"

typedef struct {
    const char *name;
    uint64_t lacks; /* the broker has them, this device does not */
    uint64_t waits; /* this device has them, the broker does not */
} cf_remote_collection;

typedef struct {
    cf_hash id;
    const char *name;
    bool is_this;
    uint64_t at_ms;  /* of its last report; 0: there was none */
    uint64_t behind; /* the broker has them, it has not applied them */
} cf_remote_device;

typedef struct {
    uint64_t position;
    cf_remote_collection *collections;
    size_t collection_count;
    cf_remote_device *devices;
    size_t device_count;
} cf_remote;

/* In the arena. Of the devices that are in, and that apply anything; of this one as `own` says. */
void cf_remote_take(cf_peer *peer, const cf_kept *own, const cf_query_answer *found,
                    cf_arena *arena, cf_remote *out);

/* Sets what is known of the device as fields, and prints what these fields say. */
void cf_remote_device_describe(const cf_remote_device *device, json_t *object);
void cf_remote_device_print(const json_t *object, const cf_output *output);

json_t *cf_remote_json(const cf_remote *remote);
void cf_remote_print(const cf_remote *remote, const cf_output *output);

#endif
