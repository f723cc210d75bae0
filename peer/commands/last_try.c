/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/last_try.h"

#include <inttypes.h>
#include <stdio.h>

/* In the home: why the broker was missed, or took nothing more; empty: it was there, and did. */
#define LAST_TRY "last-try"
#define LAST_DENIAL "last-denial" /* not empty: it is there, and doesn't let this device in */
#define LAST_DELAY "last-delay"
#define LAST_HEARD "last-heard" /* ms since 1970, in decimal digits */

static cf_status keep(cf_home *home, const char *name, const char *text, cf_error *error)
{
    cf_buffer before = {0};

    cf_status status = cf_home_get(home, name, &before, error);
    if (status == CF_MISSING)
        status = CF_OK;
    if (!status && !cf_bytes_equal(cf_buffer_view(&before), cf_bytes_of_text(text)))
        status = cf_home_set(home, name, cf_bytes_of_text(text), error);
    cf_buffer_release(&before);
    return status;
}

cf_status cf_last_heard_keep(cf_home *home, const cf_broker_status *broker, cf_error *error)
{
    char digits[24];

    if (!broker->heard_at_ms)
        return CF_OK;
    snprintf(digits, sizeof digits, "%" PRIu64, broker->heard_at_ms);
    return keep(home, LAST_HEARD, digits, error);
}

cf_status cf_last_try_keep(cf_home *home, const cf_broker_status *broker, cf_error *error)
{
    cf_status status = keep(home, LAST_TRY, broker->trouble ? broker->text : "", error);

    if (!status)
        status = keep(home, LAST_DENIAL, broker->trouble == CF_DENIED ? "yes" : "", error);
    if (!status)
        status = cf_last_heard_keep(home, broker, error);
    return status ? status : keep(home, LAST_DELAY, broker->delay, error);
}

static cf_status recall(cf_home *home, const char *name, char out[CF_ERROR_TEXT], cf_error *error)
{
    cf_buffer text = {0};

    cf_status status = cf_home_get(home, name, &text, error);
    if (!status)
        snprintf(out, CF_ERROR_TEXT, "%.*s", (int)text.size, (const char *)text.data);
    cf_buffer_release(&text);
    return status == CF_MISSING ? CF_OK : status;
}

cf_status cf_last_try_recall(cf_home *home, cf_broker_status *broker, cf_error *error)
{
    char denial[CF_ERROR_TEXT] = "", heard[CF_ERROR_TEXT] = "";
    cf_status status = CF_OK;
    uint64_t at_ms;

    if (broker->set && !broker->heard_at_ms)
        status = recall(home, LAST_HEARD, heard, error);
    if (heard[0] && sscanf(heard, "%14" SCNu64, &at_ms) == 1) /* none beyond the year 9999 */
        broker->heard_at_ms = at_ms;
    if (status || !broker->set || broker->connected || broker->trouble)
        return status;
    status = recall(home, LAST_TRY, broker->text, error);
    if (!status)
        status = recall(home, LAST_DELAY, broker->delay, error);
    if (!status)
        status = recall(home, LAST_DENIAL, denial, error);
    if (!status && broker->text[0])
        broker->trouble = denial[0] ? CF_DENIED : CF_UNREACHABLE;
    return status;
}
