/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/audit.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/keys.h"
#include "codec/limits.h"

enum {
    MINUTE_MS = 60000,
    TALLIES_MAX = 1024, /* beyond it, what is refused is counted for no one in particular */
    SOURCE_SIZE = 64,
    SHORT_ID = 6, /* bytes, written in hexadecimal: a prefix that the verbs take */
    /* Lines of one source in a minute. */
    NOISE = 1,
    FEW = 5,
    CALM = 60,
};

/* What one user or address brought about in the minute that began at `since_ms`. */
typedef struct {
    cf_audit_decision what;
    char source[SOURCE_SIZE]; /* as it is written: " user=…", " address=…", or "" */
    uint64_t since_ms;
    unsigned written;
    uint64_t counted; /* beyond what was written */
} tally;

struct cf_audit {
    const cf_env *env;
    pthread_mutex_t mutex; /* of the tallies */
    tally *tallies;
    size_t count, capacity;
};

static const struct {
    const char *name;
    unsigned burst; /* lines of one source in a minute; 0: the operator's doing, or rare */
} decisions[CF_AUDIT_DECISIONS] = {
    [CF_AUDIT_CONNECTION_ADMITTED] = {"connection-admitted", CALM},
    [CF_AUDIT_CONNECTION_REFUSED] = {"connection-refused", NOISE},
    [CF_AUDIT_SESSION_BEGUN] = {"session-begun", CALM},
    [CF_AUDIT_SESSION_REFUSED] = {"session-refused", FEW},
    [CF_AUDIT_SESSION_ENDED] = {"session-ended", CALM},
    [CF_AUDIT_REPLAY_BEGUN] = {"replay-begun", CALM},
    [CF_AUDIT_REPLAY_ENDED] = {"replay-ended", CALM},
    [CF_AUDIT_MESSAGE_REFUSED] = {"message-refused", FEW},
    [CF_AUDIT_PUBLISH_REFUSED] = {"publish-refused", FEW},
    [CF_AUDIT_QUOTA_REFUSED] = {"quota-refused", FEW},
    [CF_AUDIT_DEVICE_ADDED] = {"device-added", CALM},
    [CF_AUDIT_DEVICE_REVOKED] = {"device-revoked", CALM},
    [CF_AUDIT_DEVICE_RESTORED] = {"device-restored", CALM},
    [CF_AUDIT_DEVICE_ROLE] = {"device-role", CALM},
    [CF_AUDIT_GUEST_REGISTERED] = {"guest-registered", CALM},
    [CF_AUDIT_GUEST_REFUSED] = {"guest-refused", FEW},
    [CF_AUDIT_GUEST_ADMITTED] = {"guest-admitted", CALM},
    [CF_AUDIT_INVITATION_MADE] = {"invitation-made", 0},
    [CF_AUDIT_INVITATION_USED] = {"invitation-used", 0},
    [CF_AUDIT_INVITATION_REFUSED] = {"invitation-refused", FEW},
    [CF_AUDIT_LEASE_GRANTED] = {"lease-granted", CALM},
    [CF_AUDIT_LEASE_WAITED] = {"lease-waited", CALM},
    [CF_AUDIT_LEASE_RELEASED] = {"lease-released", CALM},
    [CF_AUDIT_LEASE_BROKEN] = {"lease-broken", CALM},
    [CF_AUDIT_LEASE_EXPIRED] = {"lease-expired", CALM},
    [CF_AUDIT_LEASE_REFUSED] = {"lease-refused", FEW},
    [CF_AUDIT_EXCLUSIVE_BEGUN] = {"exclusive-begun", CALM},
    [CF_AUDIT_EXCLUSIVE_ENDED] = {"exclusive-ended", CALM},
    [CF_AUDIT_USER_QUOTA] = {"user-quota", 0},
    [CF_AUDIT_USER_REMOVED] = {"user-removed", 0},
    [CF_AUDIT_USER_MOVED] = {"user-moved", 0},
    [CF_AUDIT_BLOBS_COLLECTED] = {"blobs-collected", 0},
};

const char *cf_audit_name(cf_audit_decision decision)
{
    return decisions[decision].name;
}

cf_audit *cf_audit_new(const cf_env *env)
{
    cf_audit *audit = cf_allocate(1, sizeof *audit);

    audit->env = env;
    pthread_mutex_init(&audit->mutex, NULL);
    return audit;
}

static void write_tally(const cf_audit *audit, const tally *it)
{
    if (it->counted)
        cf_report(audit->env, CF_REPORT_NOTICE, "audit what=%s%s count=%" PRIu64,
                  cf_audit_name(it->what), it->source, it->counted);
}

void cf_audit_destroy(cf_audit **audit)
{
    if (!*audit)
        return;
    for (size_t i = 0; i < (*audit)->count; i++)
        write_tally(*audit, &(*audit)->tallies[i]);
    pthread_mutex_destroy(&(*audit)->mutex);
    free((*audit)->tallies);
    free(*audit);
    *audit = NULL;
}

static void append_id(cf_buffer *line, const char *name, const uint8_t *id)
{
    char text[2 * SHORT_ID + 1];

    cf_hex(cf_bytes_of(id, SHORT_ID), text);
    cf_buffer_append_text(line, " %s=%s", name, text);
}

static void append_device(cf_buffer *line, const cf_hash *device)
{
    char text[CF_FINGERPRINT_TEXT];

    cf_fingerprint(device, text);
    cf_buffer_append_text(line, " device=%s", text);
}

/* Whatever the text is, it stays within its quotes and its line. */
static void append_quoted(cf_buffer *line, const char *name, const char *text)
{
    cf_buffer_append_text(line, " %s=\"", name);
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte == '"' || byte == '\\')
            cf_buffer_append(line, "\\", 1);
        cf_buffer_append(line, byte < ' ' || byte == 0x7f ? "?" : text, 1);
    }
    cf_buffer_append(line, "\"", 1);
}

static void write_event(const cf_audit *audit, const cf_audit_event *event)
{
    cf_buffer line = {0};

    if (event->user)
        append_id(&line, "user", event->user->bytes);
    if (event->device)
        append_device(&line, event->device);
    if (event->key)
        append_id(&line, "key", event->key->bytes);
    if (event->entry)
        append_id(&line, "entry", event->entry->bytes);
    if (event->collection)
        append_id(&line, "collection", event->collection->bytes);
    if (event->address)
        cf_buffer_append_text(&line, " address=%s", event->address);
    if (event->size)
        cf_buffer_append_text(&line, " size=%" PRIu64, event->size);
    if (event->why)
        append_quoted(&line, "why", event->why);
    cf_report(audit->env, CF_REPORT_NOTICE, "audit what=%s%.*s", cf_audit_name(event->what),
              (int)line.size, (const char *)line.data);
    cf_buffer_release(&line);
}

static void source_of(const cf_audit_event *event, char out[SOURCE_SIZE])
{
    cf_buffer text = {0};

    if (event->user)
        append_id(&text, "user", event->user->bytes);
    else if (event->address)
        cf_buffer_append_text(&text, " address=%s", event->address);
    snprintf(out, SOURCE_SIZE, "%.*s", (int)text.size, (const char *)text.data);
    cf_buffer_release(&text);
}

static uint64_t drop_old(cf_audit *audit, uint64_t now_ms)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = audit->count; i-- > 0;) {
        tally *it = &audit->tallies[i];
        bool is_over = now_ms < it->since_ms || now_ms - it->since_ms >= MINUTE_MS;

        if (is_over) {
            write_tally(audit, it);
            *it = audit->tallies[--audit->count];
        } else if (it->since_ms + MINUTE_MS < next) {
            next = it->since_ms + MINUTE_MS;
        }
    }
    return next;
}

static tally *find(const cf_audit *audit, cf_audit_decision what, const char *source)
{
    for (size_t i = 0; i < audit->count; i++)
        if (audit->tallies[i].what == what && strcmp(audit->tallies[i].source, source) == 0)
            return &audit->tallies[i];
    return NULL;
}

/* The last places belong to the sums of all who have no place of their own. */
static tally *find_or_add(cf_audit *audit, const cf_audit_event *event, uint64_t now_ms)
{
    char source[SOURCE_SIZE];
    tally *found;

    source_of(event, source);
    found = find(audit, event->what, source);
    if (!found && audit->count >= TALLIES_MAX) {
        source[0] = '\0';
        found = find(audit, event->what, source);
    }
    if (found)
        return found;
    audit->tallies =
        cf_grow(audit->tallies, &audit->capacity, audit->count + 1, sizeof *audit->tallies);
    found = &audit->tallies[audit->count++];
    *found = (tally){.what = event->what, .since_ms = now_ms};
    memcpy(found->source, source, sizeof source);
    return found;
}

static bool is_counted(cf_audit *audit, const cf_audit_event *event, uint64_t now_ms)
{
    unsigned burst = decisions[event->what].burst;
    tally *it;

    if (burst == 0)
        return false;
    it = find_or_add(audit, event, now_ms);
    if (it->written < burst) {
        it->written++;
        return false;
    }
    it->counted++;
    return true;
}

void cf_audit_note(cf_audit *audit, const cf_audit_event *event, uint64_t now_ms)
{
    if (!audit)
        return;
    pthread_mutex_lock(&audit->mutex);
    drop_old(audit, now_ms);
    if (!is_counted(audit, event, now_ms))
        write_event(audit, event);
    pthread_mutex_unlock(&audit->mutex);
}

uint64_t cf_audit_tick(cf_audit *audit, uint64_t now_ms)
{
    uint64_t next;

    if (!audit)
        return UINT64_MAX;
    pthread_mutex_lock(&audit->mutex);
    next = drop_old(audit, now_ms);
    pthread_mutex_unlock(&audit->mutex);
    return next;
}
