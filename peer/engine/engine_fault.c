/* SPDX-License-Identifier: Apache-2.0 */
/* A broker that sends entries which no honest log holds, or holds back what they build on: what can
 * be taken is taken, the rest is told by name, and asked for again in another session. */
#include "peer/engine/engine_inside.h"
#include "peer/membership/admitted.h"

#include <stdio.h>

enum { AGAIN_MS = 2000, AGAIN_SHIFT_MAX = 5, TOLD_MAX = 20 /* in a session */ };

void cf_engine_fault(cf_engine *engine, const char *text)
{
    cf_fault *fault = &engine->fault;
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
    if (cf_link_session(engine->peer->link) != engine->fault.session)
        engine->fault = (cf_fault){0};
}

/* Only who goes on serving; else the next run does. */
void cf_engine_step_fault(cf_engine *engine, uint64_t *deadline)
{
    const cf_fault *fault = &engine->fault;
    cf_link *link = engine->peer->link;
    cf_error why;

    if (!fault->count || !engine->workshop.watch || cf_link_session(link) != fault->session)
        return;
    if (engine->steady_ms < fault->again_ms) {
        *deadline = fault->again_ms < *deadline ? fault->again_ms : *deadline;
        return;
    }
    cf_fail(&why, CF_MALFORMED, "what it sent can't be taken; it is asked for once more");
    cf_link_disconnected(link, &why, engine->steady_ms);
}

bool cf_engine_tell_fault(const cf_engine *engine, char out[CF_ERROR_TEXT])
{
    const cf_fault *fault = &engine->fault;
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
