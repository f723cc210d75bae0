/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/audit_kept.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const cf_hash nobody; /* whose the records are */

enum { TABLE = 'k', KEY_SIZE = 1 + 8 + 2, TIME_SIZE = 24 };

struct cf_audit_kept {
    const cf_env *env;
    char *lines[CF_AUDIT_KEPT_MAX];
    size_t count;
};

/* Whatever its level, a decision of the operator's is one that he made. */
static void keep(void *context, cf_report_level level, const char *text)
{
    cf_audit_kept *self = context;

    (void)level;
    if (self->count == CF_AUDIT_KEPT_MAX)
        return;
    self->lines[self->count++] = cf_text_copy(text);
}

cf_audit_kept *cf_audit_kept_new(const cf_env *env, cf_audit **audit)
{
    cf_audit_kept *self = cf_allocate(1, sizeof *self);
    const cf_env keeper = {.context = self, .report = keep};

    self->env = env;
    *audit = cf_audit_new(&keeper);
    return self;
}

/* In the order of their times, and of one time in that in which they were decided. */
static void write_key(uint64_t time_ms, size_t number, uint8_t key[KEY_SIZE])
{
    key[0] = TABLE;
    for (int i = 0; i < 8; i++)
        key[1 + i] = (uint8_t)(time_ms >> (56 - 8 * i));
    key[9] = (uint8_t)(number >> 8);
    key[10] = (uint8_t)number;
}

static uint64_t time_of(cf_bytes key)
{
    uint64_t time_ms = 0;

    for (int i = 0; i < 8; i++)
        time_ms = time_ms << 8 | key.data[1 + i];
    return time_ms;
}

cf_status cf_audit_kept_write(cf_audit_kept *kept, cf_store *store, cf_error *error)
{
    cf_kv records[CF_AUDIT_KEPT_MAX];
    uint8_t keys[CF_AUDIT_KEPT_MAX][KEY_SIZE];

    if (!kept || !kept->count)
        return CF_OK;
    const uint64_t now_ms = kept->env->now_ms(kept->env->context);
    for (size_t i = 0; i < kept->count; i++) {
        write_key(now_ms, i, keys[i]);
        records[i] = (cf_kv){cf_bytes_of(keys[i], KEY_SIZE), cf_bytes_of_text(kept->lines[i])};
    }
    return store->write(store, &nobody, records, kept->count, true, error);
}

void cf_audit_kept_destroy(cf_audit_kept **kept)
{
    if (!*kept)
        return;
    for (size_t i = 0; i < (*kept)->count; i++)
        free((*kept)->lines[i]);
    free(*kept);
    *kept = NULL;
}

/* ---- Told ---- */

typedef struct {
    const cf_env *env;
    uint8_t keys[CF_AUDIT_KEPT_MAX][KEY_SIZE];
    size_t count;
} telling;

static bool tell(void *context, cf_bytes key, cf_bytes value)
{
    telling *self = context;
    char at[TIME_SIZE];
    struct tm parts;

    if (key.size != KEY_SIZE)
        return true;
    const time_t seconds = (time_t)(time_of(key) / 1000);
    if (!gmtime_r(&seconds, &parts) || !strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &parts))
        at[0] = '\0';
    cf_report(self->env, CF_REPORT_NOTICE, "%.*s at=%s", (int)value.size, (const char *)value.data,
              at);
    memcpy(self->keys[self->count++], key.data, KEY_SIZE);
    return self->count < CF_AUDIT_KEPT_MAX;
}

cf_status cf_audit_kept_tell(const cf_env *env, cf_store *store, cf_error *error)
{
    static const uint8_t table = TABLE;
    cf_kv records[CF_AUDIT_KEPT_MAX];
    telling *self = cf_allocate(1, sizeof *self);

    self->env = env;
    cf_status status = store->scan(store, &nobody, cf_bytes_of(&table, 1), tell, self, error);
    for (size_t i = 0; i < self->count; i++)
        records[i] = (cf_kv){cf_bytes_of(self->keys[i], KEY_SIZE), {0}};
    if (!status && self->count)
        status = store->write(store, &nobody, records, self->count, true, error);
    free(self);
    return status;
}
