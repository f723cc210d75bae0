/* SPDX-License-Identifier: Apache-2.0 */
/* What of a log counts, by acceptance.h, and what may count otherwise by what came: the commit of
 * an entry that disturbs a device's entries marks the device. The marks tell which collections are
 * to be looked at anew, until the records of cf_log_settle remove them. */
#include "broker/log/log_inside.h"
#include "broker/log/acceptance.h"
#include "broker/store/store.h"

#include <stdlib.h>
#include <string.h>

static cf_status weigh(cf_log *log, const cf_entry *entry, bool as_owner, cf_validity *validity,
                       cf_error *error)
{
    const cf_head head = cf_head_of(entry);
    cf_considered change = {.entry = entry, .as_owner = as_owner};
    cf_acceptance acceptance = cf_log_judge(log);

    cf_status status = cf_store_holds(log->store, &log->user, &head, &change.is_held, error);
    return status ? status : cf_validity_of(&acceptance, &change, validity, error);
}

cf_status cf_log_is_void(cf_log *log, const cf_entry *entry, bool *is_void, cf_error *error)
{
    const cf_operation *operation = cf_registry_find(log->registry, &entry->hash);
    cf_validity validity;

    if (operation) {
        *is_void = operation->is_void;
        return CF_OK;
    }
    cf_status status = weigh(log, entry, false, &validity, error);
    if (!status)
        *is_void = validity != CF_VALIDITY_COUNTS;
    return status;
}

cf_status cf_log_is_void_by_role(cf_log *log, const cf_entry *entry, bool *is_void, cf_error *error)
{
    cf_validity validity = CF_VALIDITY_COUNTS;
    cf_status status =
        entry->header.type == CF_ENTRY_MEMBER ? CF_OK : weigh(log, entry, false, &validity, error);

    if (!status)
        *is_void = validity == CF_VALIDITY_ROLE;
    return status;
}

cf_status cf_log_is_owners(cf_log *log, const cf_entry *entry, bool *is_owners, cf_error *error)
{
    cf_validity validity;

    cf_status status = weigh(log, entry, true, &validity, error);
    if (!status)
        *is_owners = validity == CF_VALIDITY_COUNTS;
    return status;
}

static bool add_end(void *context, const cf_head *head, const cf_entry *entry)
{
    (void)entry;
    cf_heads_insert(context, head);
    return true;
}

cf_status cf_log_device_heads(cf_log *log, const cf_hash *device, cf_heads *out, cf_error *error)
{
    return cf_device_ends(log->store, &log->user, device, add_end, out, error);
}

/* ---- Marks ---- */

/* What may have happened to a device's entries: some became void, or some may count again, too. */
enum { LESS = 1, ANY = 2 };

static cf_kv mark(const cf_hash *device, uint8_t what, cf_arena *arena)
{
    uint8_t key[CF_LOG_UNSETTLED_KEY] = {CF_LOG_UNSETTLED, what};

    memcpy(key + 2, device->bytes, CF_HASH_SIZE);
    return (cf_kv){cf_arena_copy(arena, cf_bytes_of(key, sizeof key)), cf_bytes_of("", 0)};
}

void cf_log_mark(const cf_log *log, const cf_entry *entry, bool is_new_member, cf_arena *arena,
                 cf_record_list *out)
{
    size_t disturbed;
    bool only_less;
    const cf_hash *devices = cf_registry_disturbed(log->registry, &disturbed, &only_less), *named;
    const cf_head head = cf_head_of(entry);

    for (size_t i = 0; is_new_member && i < disturbed; i++)
        *cf_one_more(out->at, out->count, out->capacity) =
            mark(&devices[i], only_less ? LESS : ANY, arena);
    if (entry->header.type == CF_ENTRY_MEMBER)
        return;
    for (size_t from = 0; (named = cf_registry_named_for(log->registry, &head, &from));)
        *cf_one_more(out->at, out->count, out->capacity) =
            mark(named, ANY, arena); /* what is before it counts from now on */
}

typedef struct {
    cf_hash device;
    uint8_t what;
} noted;

struct marks {
    noted *at;
    size_t count, capacity;
};

static bool add_mark(void *context, cf_bytes key, cf_bytes value)
{
    struct marks *marks = context;

    (void)value;
    if (key.size != CF_LOG_UNSETTLED_KEY)
        return true;
    noted *made = cf_one_more(marks->at, marks->count, marks->capacity);
    made->what = key.data[1];
    memcpy(made->device.bytes, key.data + 2, CF_HASH_SIZE);
    return true;
}

static cf_status read_marks(cf_log *log, struct marks *out, cf_error *error)
{
    uint8_t table = CF_LOG_UNSETTLED;

    return log->store->scan(log->store, &log->user, cf_bytes_of(&table, 1), add_mark, out, error);
}

/* ---- Which collections they concern ---- */

struct finding {
    cf_log *log;
    const struct marks *marks;
    cf_id *found;
    size_t count, capacity;
    cf_status status;
    cf_error *error;
};

static bool is_found(const struct finding *finding, const cf_id *collection)
{
    for (size_t i = 0; i < finding->count; i++)
        if (cf_id_equal(&finding->found[i], collection))
            return true;
    return false;
}

/* Where entries only became void, the end of a branch shows it: what is behind a void entry was
 * void before it. */
static bool may_differ(struct finding *finding, const cf_entry *entry)
{
    bool is_less = false, is_void;

    for (size_t i = 0; i < finding->marks->count; i++) {
        const noted *mark = &finding->marks->at[i];

        if (!cf_hash_equal(&mark->device, &entry->header.device))
            continue;
        if (mark->what != LESS)
            return true;
        is_less = true;
    }
    if (!is_less)
        return false;
    finding->status = cf_log_is_void(finding->log, entry, &is_void, finding->error);
    return !finding->status && is_void;
}

static bool find_end(void *context, const cf_head *head, const cf_entry *entry)
{
    struct finding *finding = context;
    const cf_id *collection = &entry->header.collection;

    (void)head;
    if (cf_id_equal(collection, &cf_member_log_id) || is_found(finding, collection) ||
        !may_differ(finding, entry))
        return finding->status == CF_OK;
    *cf_one_more(finding->found, finding->count, finding->capacity) = *collection;
    return true;
}

cf_status cf_log_to_settle(cf_log *log, cf_collection_visit *visit, void *context, cf_error *error)
{
    struct marks marks = {0};
    struct finding finding = {.log = log, .marks = &marks, .error = error};

    cf_status status = read_marks(log, &marks, error);
    if (!status && marks.count)
        status = cf_device_ends(log->store, &log->user, NULL, find_end, &finding, error);
    if (!status)
        status = finding.status;
    for (size_t i = 0; !status && i < finding.count; i++)
        if (!visit(context, &finding.found[i]))
            break;
    free(finding.found);
    free(marks.at);
    return status;
}

cf_status cf_log_settle(cf_log *log, cf_arena *arena, cf_kv **records, size_t *count,
                        cf_error *error)
{
    struct marks marks = {0};
    cf_status status = read_marks(log, &marks, error);

    if (!status) {
        *count = marks.count;
        *records = cf_arena_allocate(arena, marks.count + 1, sizeof **records);
    }
    for (size_t i = 0; !status && i < marks.count; i++) {
        (*records)[i] = mark(&marks.at[i].device, marks.at[i].what, arena);
        (*records)[i].value = (cf_bytes){0};
    }
    free(marks.at);
    return status;
}
