/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a decision gets a line of its own: by `decisions` always, or so many of one user (of one
 * address, where there is no user) in a minute. What goes beyond is counted, at the most important
 * level that came. */
#include "broker/management/audit.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/platform/tallies.h"
#include "codec/keys.h"
#include "codec/limits.h"

enum {
    SHORT_ID = 6, /* bytes, written in hexadecimal: a prefix that the verbs take */
    /* Lines of one source in a minute. */
    NOISE = 1,
    FEW = 5,
    CALM = 60,
};

struct cf_audit {
    cf_env env; /* without `repeats`: what comes often is counted here */
    pthread_mutex_t mutex;
    cf_tallies tallies; /* kind: a decision's name; source: " user=…", " address=…", or "" */
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
    [CF_AUDIT_GUEST_KNOCKED] = {"guest-knocked", FEW},
    [CF_AUDIT_GUEST_REFUSED] = {"guest-refused", FEW},
    [CF_AUDIT_GUEST_ADMITTED] = {"guest-admitted", CALM},
    [CF_AUDIT_INVITATION_MADE] = {"invitation-made", 0},
    [CF_AUDIT_INVITATION_USED] = {"invitation-used", 0},
    [CF_AUDIT_INVITATION_REFUSED] = {"invitation-refused", FEW},
    [CF_AUDIT_INVITATION_REVOKED] = {"invitation-revoked", 0},
    [CF_AUDIT_LEASE_GRANTED] = {"lease-granted", CALM},
    [CF_AUDIT_LEASE_WAITED] = {"lease-waited", CALM},
    [CF_AUDIT_LEASE_RELEASED] = {"lease-released", CALM},
    [CF_AUDIT_LEASE_BROKEN] = {"lease-broken", CALM},
    [CF_AUDIT_LEASE_EXPIRED] = {"lease-expired", CALM},
    [CF_AUDIT_LEASE_REFUSED] = {"lease-refused", FEW},
    [CF_AUDIT_EXCLUSIVE_BEGUN] = {"exclusive-begun", CALM},
    [CF_AUDIT_EXCLUSIVE_ENDED] = {"exclusive-ended", CALM},
    [CF_AUDIT_USER_QUOTA] = {"user-quota", 0},
    [CF_AUDIT_USER_NAME] = {"user-name", 0},
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

    audit->env = *env;
    audit->env.repeats = NULL;
    pthread_mutex_init(&audit->mutex, NULL);
    return audit;
}

static void write_tally(void *context, const cf_tally *it)
{
    const cf_audit *audit = context;

    cf_report(&audit->env, it->level, "audit what=%s%s count=%" PRIu64, it->kind, it->source,
              it->counted);
}

void cf_audit_destroy(cf_audit **audit)
{
    if (!*audit)
        return;
    cf_tallies_release(&(*audit)->tallies, write_tally, *audit);
    pthread_mutex_destroy(&(*audit)->mutex);
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

static cf_report_level level_of(const cf_audit_event *event)
{
    return event->is_detail ? CF_REPORT_DETAIL : CF_REPORT_NOTICE;
}

static void write_event(const cf_audit *audit, const cf_audit_event *event)
{
    cf_buffer line = {0};

    if (event->user)
        append_id(&line, "user", event->user->bytes);
    if (event->name && *event->name)
        append_quoted(&line, "name", event->name);
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
    cf_report(&audit->env, level_of(event), "audit what=%s%.*s", cf_audit_name(event->what),
              (int)line.size, (const char *)line.data);
    cf_buffer_release(&line);
}

static void source_of(const cf_audit_event *event, char out[CF_TALLY_SOURCE])
{
    cf_buffer text = {0};

    if (event->user)
        append_id(&text, "user", event->user->bytes);
    else if (event->address)
        cf_buffer_append_text(&text, " address=%s", event->address);
    snprintf(out, CF_TALLY_SOURCE, "%.*s", (int)text.size, (const char *)text.data);
    cf_buffer_release(&text);
}

static bool is_counted(cf_audit *audit, const cf_audit_event *event, uint64_t now_ms)
{
    unsigned burst = decisions[event->what].burst;
    char source[CF_TALLY_SOURCE];

    if (burst == 0)
        return false;
    source_of(event, source);
    cf_tally *counted =
        cf_tallies_take(&audit->tallies, cf_audit_name(event->what), source, burst, now_ms);
    if (counted && (counted->counted == 1 || level_of(event) < counted->level))
        counted->level = level_of(event);
    return counted != NULL;
}

void cf_audit_note(cf_audit *audit, const cf_audit_event *event, uint64_t now_ms)
{
    if (!audit)
        return;
    pthread_mutex_lock(&audit->mutex);
    cf_tallies_tick(&audit->tallies, now_ms, write_tally, audit);
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
    next = cf_tallies_tick(&audit->tallies, now_ms, write_tally, audit);
    pthread_mutex_unlock(&audit->mutex);
    return next;
}
