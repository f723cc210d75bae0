/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/home.h"
#include "peer/commands/verbs.h"

static const struct {
    const char *what;
    const char *below; /* the home */
} places[] = {{"home", ""},
              {"keys", "/keys"},
              {"store", "/store"},
              {"base", "/base"},
              {"control", "/" CF_CONTROL_NAME}};

static cf_status start(cf_run *run, cf_error *error)
{
    cf_buffer home = {0};
    json_t *list = json_object();

    cf_status status = cf_run_check_count(run, 0, 0, error);
    if (!status)
        status = cf_home_path(cf_options_value(&run->options, "home"), &home, error);
    for (size_t i = 0; !status && i < sizeof places / sizeof places[0]; i++) {
        if (run->json)
            json_object_set_new(list, places[i].what,
                                json_sprintf("%s%s", (const char *)home.data, places[i].below));
        else
            cf_print(&run->output, "%-8s %s%s\n", places[i].what, (const char *)home.data,
                     places[i].below);
    }
    if (!status && run->json)
        cf_print_json(&run->output, json_incref(list));
    json_decref(list);
    cf_buffer_release(&home);
    return status;
}

const cf_verb cf_verb_paths = {
    .name = "paths",
    .usage = "paths",
    .summary = "Shows where state and keys are kept",
    .needs = CF_NEEDS_NOTHING,
    .start = start,
};
