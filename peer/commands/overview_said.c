/* SPDX-License-Identifier: Apache-2.0 */
/* Only what is wrong. */
#include "broker/platform/names.h"
#include "peer/bindings/pendings.h"
#include "peer/commands/metered_shown.h"
#include "peer/commands/overview.h"

#include <stdlib.h>

static bool is_error(const cf_pending *pending)
{
    return pending->kind == CF_PENDING_SKIPPED || pending->kind == CF_PENDING_LOCKED;
}

static void say_held(const cf_overview_source *source, const cf_output *output)
{
    const cf_binding_status *status = &source->status;
    size_t count;
    cf_arena arena = {0};
    cf_held_group *groups =
        cf_pendings_group_held(status->pending, status->pending_count, &arena, &count);

    for (size_t i = 0; i < count; i++)
        cf_say(output, "%s: %s", source->name, groups[i].text);
    cf_arena_release(&arena);
    free(groups);
}

static void say_source(const cf_overview_source *source, const cf_output *output)
{
    const cf_binding_status *status = &source->status;
    size_t errors = 0, waiting = 0;
    char path[CF_NAME_SHOWN];

    if (status->trouble)
        cf_say(output, "%s: %s", source->name, status->trouble_text);
    if (source->advice)
        cf_say(output, "%s: %s", source->name, source->advice);
    say_held(source, output);
    for (size_t i = 0; i < status->pending_count; i++) {
        const cf_pending *pending = &status->pending[i];

        if (cf_pending_is_held(pending))
            continue;
        cf_name_show(pending->path, path);
        if (is_error(pending) && errors++ < CF_OVERVIEW_LISTED)
            cf_say(output, "%s: %s%s%s", source->name, path, path[0] ? ": " : "", pending->reason);
        waiting += !is_error(pending) && pending->kind != CF_PENDING_LEFT_OUT;
    }
    if (errors > CF_OVERVIEW_LISTED)
        cf_say(output, "%s: and %zu more: `counterfoil status`", source->name,
               errors - CF_OVERVIEW_LISTED);
    if (waiting)
        cf_say(output, "%s: %zu more not in sync yet: `counterfoil status`", source->name, waiting);
}

void cf_overview_say(const cf_overview *overview, const cf_output *output)
{
    for (size_t i = 0; i < overview->count; i++)
        say_source(&overview->sources[i], output);
    if (overview->metered.deferred && cf_metered_line(&overview->metered))
        cf_say(output, "%s", cf_metered_line(&overview->metered));
}
