/* SPDX-License-Identifier: Apache-2.0 */
/* What is a rate or a size: digits, with K, M or G behind them, within the bounds of its kind, or
 * `none`. What is kept and isn't that is CF_BROKEN, and no limit is guessed from it. */
#include "peer/engine/limits.h"

#include "broker/link/rate_limit.h"
#include "codec/limits.h"
#include "peer/transfer/carried.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char limits_name[] = "limits";    /* "UP DOWN", in digits */
static const char carried_name[] = "max-size"; /* digits; nothing: all */

static bool is_rate(uint64_t rate)
{
    return rate == 0 || (rate >= CF_RATE_MIN && rate <= CF_RATE_MAX);
}

cf_status cf_limits_recall(cf_home *home, cf_limits *out, cf_error *error)
{
    cf_buffer text = {0};
    cf_limits kept = {0};
    int end = 0;

    cf_status status = cf_home_get(home, limits_name, &text, error);
    cf_buffer_append(&text, "", 1);
    if (status == CF_MISSING)
        status = CF_OK;
    else if (!status && (sscanf((const char *)text.data, "%" SCNu64 " %" SCNu64 "%n", &kept.up,
                                &kept.down, &end) != 2 ||
                         (size_t)end + 1 != text.size || !is_rate(kept.up) || !is_rate(kept.down)))
        status = cf_fail(error, CF_BROKEN,
                         "the limits kept here are damaged: say `counterfoil limit --up RATE "
                         "--down RATE` again");
    if (!status)
        *out = kept;
    cf_buffer_release(&text);
    return status;
}

cf_status cf_limits_keep(cf_home *home, const cf_limits *limits, cf_error *error)
{
    char text[48];

    snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64, limits->up, limits->down);
    return cf_home_set(home, limits_name, cf_bytes_of_text(text), error);
}

/* 0: no unit of these. */
static uint64_t unit_of(const char *text)
{
    static const char letters[] = "KMG";

    if (!*text)
        return 1;
    const char *found = strchr(letters, toupper((unsigned char)*text));
    return found && !text[1] ? UINT64_C(1) << (10 * (found - letters + 1)) : 0;
}

/* Digits, and a unit, of something up to `most`: false where there is something else. More than
 * that is `most` and one more. */
static bool read_number(const char *text, uint64_t most, uint64_t *out)
{
    uint64_t number = 0;
    const char *at = text;

    for (; isdigit((unsigned char)*at) && number <= most; at++)
        number = 10 * number + (uint64_t)(*at - '0');
    const bool is_more = isdigit((unsigned char)*at);
    while (isdigit((unsigned char)*at))
        at++;
    const uint64_t unit = at > text ? unit_of(at) : 0;
    *out = unit && !is_more && number <= most / unit ? number * unit : most + 1;
    return unit != 0;
}

cf_status cf_limits_read_rate(const char *text, uint64_t *out, cf_error *error)
{
    uint64_t rate;

    if (strcmp(text, "none") == 0) {
        *out = 0;
        return CF_OK;
    }
    if (!read_number(text, CF_RATE_MAX, &rate))
        return cf_fail(error, CF_USAGE,
                       "%s is no rate such as 500K or 2M, bytes in a second, or none", text);
    if (rate > CF_RATE_MAX || rate < CF_RATE_MIN)
        return cf_fail(error, CF_USAGE, "%s is no rate from 1K to 1024G bytes in a second", text);
    *out = rate;
    return CF_OK;
}

/* ---- What a relay carries ---- */

#define CARRIED_MIN (CF_BLOB_MAX + CF_BLOB_OVERHEAD)
#define CARRIED_MAX (UINT64_C(1) << 60)

cf_status cf_limits_recall_carried(cf_home *home, uint64_t *out, cf_error *error)
{
    cf_buffer text = {0};

    *out = CF_CARRIED_ALL;
    cf_status status = cf_home_get(home, carried_name, &text, error);
    cf_buffer_append(&text, "", 1);
    if (status == CF_MISSING)
        status = CF_OK;
    else if (!status && text.size > 1 && !read_number((const char *)text.data, CARRIED_MAX, out))
        status = cf_fail(error, CF_BROKEN,
                         "the size kept here for what is carried is damaged: say `counterfoil "
                         "limit --max-size SIZE` again");
    cf_buffer_release(&text);
    return status;
}

cf_status cf_limits_keep_carried(cf_home *home, uint64_t most, cf_error *error)
{
    char text[24] = "";

    if (most != CF_CARRIED_ALL)
        snprintf(text, sizeof text, "%" PRIu64, most);
    return cf_home_set(home, carried_name, cf_bytes_of_text(text), error);
}

cf_status cf_limits_read_carried(const char *text, uint64_t *out, cf_error *error)
{
    uint64_t size;

    if (strcmp(text, "none") == 0) {
        *out = CF_CARRIED_ALL;
        return CF_OK;
    }
    if (!read_number(text, CARRIED_MAX, &size))
        return cf_fail(error, CF_USAGE, "%s is no size such as 500M or 20G, or none", text);
    if (size > CARRIED_MAX || (size && size < CARRIED_MIN))
        return cf_fail(error, CF_USAGE, "%s is no size from 17M to 1073741824G, or 0", text);
    *out = size;
    return CF_OK;
}
