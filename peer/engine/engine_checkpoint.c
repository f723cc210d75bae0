/* SPDX-License-Identifier: Apache-2.0 */
/* This device's word for what the broker shows it, and whether it shows others the same. */
#include "codec/deadlines.h"
#include "peer/engine/engine_inside.h"
#include "peer/log/catalog.h"

#include "codec/limits.h"
#include "peer/membership/membership.h"

#include <stdio.h>

enum { SAID_MAX = 4 }; /* in one session, in ten minutes */

static bool is_without(const cf_engine *engine)
{
    return cf_link_is_without(engine->peer->link, CF_COMMAND_CHECKPOINT, engine->steady_ms);
}

static uint64_t travelled(const cf_engine *engine)
{
    return engine->traffic.entries_sent + engine->traffic.entries_received;
}

/* However much goes to and fro in one session. */
static bool may_say(const cf_engine *engine)
{
    const cf_engine_checkpoint *self = &engine->checkpoint;

    return self->said_session != cf_link_session(engine->peer->link) || self->said < SAID_MAX ||
           engine->steady_ms >= self->said_steady_ms + CF_CHECKPOINT_AGAIN_MS;
}

static void note_said(cf_engine *engine)
{
    cf_engine_checkpoint *self = &engine->checkpoint;
    const uint64_t session = cf_link_session(engine->peer->link);

    if (self->said_session != session ||
        engine->steady_ms >= self->said_steady_ms + CF_CHECKPOINT_AGAIN_MS) {
        self->said_session = session;
        self->said_steady_ms = engine->steady_ms;
        self->said = 0;
    }
    self->said++;
}

/* What came before the answer is taken; what is still in the inbox would be missing. */
void cf_engine_located(cf_engine *engine, const uint8_t instance[16], uint64_t position)
{
    cf_engine_checkpoint *self = &engine->checkpoint;
    bool is_new;
    cf_checkpoint made;
    cf_error error;

    if (engine->inbox_count)
        return;
    self->looked_session = cf_link_session(engine->peer->link);
    self->looked_travelled = travelled(engine);
    if (!may_say(engine) || engine->session.crowded || engine->session.is_told_some ||
        is_without(engine))
        return;
    if (cf_checkpoints_here(&self->own, engine->peer, &engine->acknowledged, instance, position,
                            engine->now_ms, &is_new, &made, &error))
        cf_report(engine->env, CF_REPORT_WARNING, "what the broker shows: %s", error.text);
    if (!is_new)
        return;
    self->is_due = true;
    self->due = made;
    engine->context.activity++;
}

/* What came or went since says more. */
static bool is_latest(const cf_engine *engine)
{
    return engine->checkpoint.looked_session == cf_link_session(engine->peer->link) &&
           engine->checkpoint.looked_travelled == travelled(engine);
}

bool cf_engine_owes_checkpoint(const cf_engine *engine)
{
    const cf_link *link = engine->peer->link;

    return engine->checkpoint.is_due && link && cf_link_is_idle(link) && is_latest(engine);
}

void cf_engine_say_checkpoint(cf_engine *engine)
{
    cf_engine_checkpoint *self = &engine->checkpoint;

    if (!cf_engine_owes_checkpoint(engine))
        return;
    self->is_due = false;
    note_said(engine);
    cf_link_checkpoint(engine->peer->link, &self->due);
}

void cf_engine_ask_position(cf_engine *engine)
{
    cf_engine_checkpoint *self = &engine->checkpoint;
    const uint64_t session = cf_link_session(engine->peer->link);

    if (is_latest(engine) || !may_say(engine) || is_without(engine))
        return;
    self->looked_session = session; /* whatever comes of it: not once more for these */
    self->looked_travelled = travelled(engine);
    cf_link_locate_first(engine->peer->link);
}

void cf_engine_hear_checkpoints(cf_engine *engine, const cf_checkpoint *others, size_t count)
{
    char name[CF_ADDRESS_TEXT];
    cf_arena arena = {0};
    cf_error error;

    cf_engine_name_broker(engine, name);
    for (size_t i = 0; i < count; i++) {
        const cf_two_logs found = {others[i].device, engine->now_ms, others[i].position, name};
        bool is_new = false;

        if (!cf_checkpoints_differ(&engine->checkpoint.own, engine->peer, &others[i]))
            continue;
        if (cf_two_logs_keep(engine->peer, &found, &is_new, &error))
            cf_report(engine->env, CF_REPORT_WARNING, "noting what the broker shows: %s",
                      error.text);
        if (is_new)
            cf_report(engine->env, CF_REPORT_WARNING,
                      "the broker at %s shows %s and this device different logs", name,
                      cf_catalog_device_name(engine->peer, &others[i].device, &arena));
    }
    cf_arena_release(&arena);
}

/* ---- Faults ---- */

/* A broker that sends entries which no honest log holds, or holds back what they build on: what can
 * be taken is taken, the rest is told by name, and asked for again in another session. */

enum { AGAIN_MS = 2000, AGAIN_SHIFT_MAX = 5, TOLD_MAX = 20 /* in a session */ };

void cf_engine_fault(cf_engine *engine, const char *text)
{
    cf_fault *fault = &engine->session.fault;
    uint64_t session = engine->peer->link ? cf_link_session(engine->peer->link) : 0;

    if (!fault->count || fault->session != session) {
        unsigned times = fault->sessions < AGAIN_SHIFT_MAX ? fault->sessions : AGAIN_SHIFT_MAX;

        fault->session = session;
        fault->again_ms = engine->steady_ms + ((uint64_t)AGAIN_MS << times);
        fault->count = 0;
        fault->sessions++;
        snprintf(fault->first, sizeof fault->first, "%s", text);
    }
    fault->count++;
    cf_report(engine->env, fault->count <= TOLD_MAX ? CF_REPORT_WARNING : CF_REPORT_DETAIL, "%s",
              text);
}

static void taken(void *context, const cf_entry *entry)
{
    cf_acknowledged_add(&((cf_engine *)context)->acknowledged, entry);
}

static void refused(void *context, const cf_entry *entry, const char *why)
{
    cf_engine *engine = context;

    if (engine->peer->link)
        cf_link_distrust(engine->peer->link, &entry->hash);
    cf_engine_fault(engine, why);
}

void cf_engine_watch_intake(cf_engine *engine)
{
    engine->peer->intake = (cf_intake_events){taken, refused, engine};
}

void cf_engine_end_fault(cf_engine *engine)
{
    cf_error held_back;

    if (cf_admitted_check(engine->peer, &held_back))
        cf_engine_fault(engine, held_back.text);
    if (cf_link_session(engine->peer->link) != engine->session.fault.session)
        engine->session.fault = (cf_fault){0};
}

/* Only who goes on serving; else the next run does. */
void cf_engine_step_fault(cf_engine *engine, uint64_t *deadline)
{
    const cf_fault *fault = &engine->session.fault;
    cf_link *link = engine->peer->link;
    cf_error why;

    if (!fault->count || !engine->context.watch || cf_link_session(link) != fault->session)
        return;
    if (engine->steady_ms < fault->again_ms) {
        cf_deadline_lower(deadline, fault->again_ms);
        return;
    }
    cf_fail(&why, CF_MALFORMED, "what it sent can't be taken; it is asked for once more");
    cf_link_disconnected(link, &why, engine->steady_ms);
}

bool cf_engine_tell_fault(const cf_engine *engine, char out[CF_ERROR_TEXT])
{
    const cf_fault *fault = &engine->session.fault;
    cf_error text;

    if (!fault->count)
        return false;
    if (fault->count == 1)
        cf_fail(&text, CF_MALFORMED, "%s", fault->first);
    else
        cf_fail(&text, CF_MALFORMED, "it sends %zu entries that can't be taken; the first: %s",
                fault->count, fault->first);
    snprintf(out, CF_ERROR_TEXT, "%s", text.text);
    return true;
}
