/* SPDX-License-Identifier: Apache-2.0 */
/* Whether large contents wait: the user chose `pause`, and the network is metered, or
 * NetworkManager was asked and has not answered yet, CF_METERED_PATIENCE_MS at most. What
 * NetworkManager guesses counts as known; what it doesn't know holds up nothing. */
#include "peer/engine/metered.h"

#include <string.h>

static const char metered_name[] = "metered"; /* a choice by its name */

static const char *const choices[] = {[CF_METERED_SEND] = "send", [CF_METERED_PAUSE] = "pause"};

const char *cf_metered_name(cf_metered_choice choice)
{
    return choices[choice];
}

static bool find(const char *name, cf_metered_choice *out)
{
    for (cf_metered_choice choice = CF_METERED_SEND; choice <= CF_METERED_PAUSE; choice++)
        if (strcmp(name, choices[choice]) == 0) {
            *out = choice;
            return true;
        }
    return false;
}

cf_status cf_metered_read(const char *text, cf_metered_choice *out, cf_error *error)
{
    return find(text, out) ? CF_OK
                           : cf_fail(error, CF_USAGE, "--metered %s: it is pause or send", text);
}

cf_status cf_metered_recall(cf_home *home, cf_metered_choice *out, cf_error *error)
{
    size_t kept = CF_METERED_SEND;

    cf_status status =
        cf_home_get_choice(home, metered_name, choices, CF_METERED_PAUSE + 1, &kept, error);
    if (!status)
        *out = (cf_metered_choice)kept;
    return status == CF_BROKEN
               ? cf_fail(error, CF_BROKEN,
                         "what is kept here of metered networks is damaged: say `counterfoil set "
                         "--metered pause` or `send` again")
               : status;
}

cf_status cf_metered_keep(cf_home *home, cf_metered_choice choice, cf_error *error)
{
    return cf_home_set(home, metered_name, cf_bytes_of_text(cf_metered_name(choice)), error);
}

cf_network cf_network_of(uint32_t metered)
{
    static const cf_network networks[] = {CF_NETWORK_UNKNOWN, CF_NETWORK_METERED,
                                          CF_NETWORK_UNMETERED, CF_NETWORK_METERED,
                                          CF_NETWORK_UNMETERED};

    return metered < sizeof networks / sizeof *networks ? networks[metered] : CF_NETWORK_UNKNOWN;
}

void cf_metered_ask(cf_metered *metered, uint64_t now_ms)
{
    metered->network = CF_NETWORK_ASKED;
    metered->asked_until_ms = now_ms + CF_METERED_PATIENCE_MS;
}

bool cf_metered_awaits(const cf_metered *metered, uint64_t now_ms)
{
    return metered->choice == CF_METERED_PAUSE && metered->network == CF_NETWORK_ASKED &&
           now_ms < metered->asked_until_ms;
}

bool cf_metered_holds(const cf_metered *metered)
{
    return metered->choice == CF_METERED_PAUSE && metered->network == CF_NETWORK_METERED;
}

uint64_t cf_metered_most(const cf_metered *metered, uint64_t now_ms)
{
    return cf_metered_holds(metered) || cf_metered_awaits(metered, now_ms) ? CF_METERED_MAX
                                                                           : UINT64_MAX;
}
