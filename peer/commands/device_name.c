/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/device_name.h"

#include "peer/log/catalog.h"

#include <string.h>
#include <unistd.h>

cf_status cf_device_name_of(const cf_run *run, cf_arena *arena, const char **out, cf_error *error)
{
    const char *given = cf_options_value(&run->options, "name");
    char machine[CF_NAME_MAX + 1] = "";

    if (given) {
        *out = given;
        return cf_catalog_check_name(given, error);
    }
    if (gethostname(machine, sizeof machine - 1) || cf_catalog_check_name(machine, error))
        strcpy(machine, "device");
    *out = cf_arena_text(arena, cf_bytes_of_text(machine));
    return CF_OK;
}
