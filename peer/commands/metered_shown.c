/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/metered_shown.h"

cf_status cf_metered_set(cf_run *run, cf_error *error)
{
    cf_metered_choice choice = CF_METERED_SEND;

    cf_status status = cf_metered_read(cf_options_value(&run->options, "metered"), &choice, error);
    if (!status)
        status = cf_metered_keep(cf_loop_home(run->loop), choice, error);
    if (status)
        return status;
    cf_engine_use_metered(cf_loop_engine(run->loop));
    cf_loop_wake(run->loop);
    if (run->json)
        cf_print_json(&run->output, json_pack("{s:s}", "metered", cf_metered_name(choice)));
    else if (!run->quiet)
        cf_print(&run->output, "metered: %s\n",
                 choice == CF_METERED_PAUSE ? "contents over 1 MiB wait while the network is"
                                            : "all is sent and fetched, whatever the network is");
    return CF_OK;
}

const char *cf_metered_line(const cf_metered_status *status)
{
    return status->choice == CF_METERED_PAUSE && status->network == CF_NETWORK_METERED
               ? "contents over 1 MiB wait: this network is metered (`counterfoil set --metered "
                 "send` lets them go)"
               : NULL;
}

json_t *cf_metered_json(const cf_metered_status *status)
{
    const bool is_known =
        status->network == CF_NETWORK_METERED || status->network == CF_NETWORK_UNMETERED;

    return json_pack("{s:s, s:o, s:I}", "set", cf_metered_name(status->choice), "is_metered",
                     status->choice == CF_METERED_PAUSE && is_known
                         ? json_boolean(status->network == CF_NETWORK_METERED)
                         : json_null(),
                     "deferred", (json_int_t)status->deferred);
}
