/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/recovery_file.h"

#include "codec/address.h"
#include "codec/secret.h"

#include <stdio.h>
#include <string.h>

static cf_status read_file(cf_run *run, cf_choice *choice, const char **broker, cf_error *error)
{
    cf_buffer path = {0};
    char phrase[128], line[CF_ADDRESS_TEXT + 2];

    cf_status status = cf_run_path(run, choice->value, &path, error);
    FILE *file = status ? NULL : fopen((const char *)path.data, "re");
    if (!status && (!file || !fgets(phrase, sizeof phrase, file)))
        status =
            cf_fail(error, CF_MISSING, "no recovery phrase can be read from %s", choice->value);
    if (!status) {
        choice->value = cf_arena_text(&run->arena, cf_bytes_of(phrase, strcspn(phrase, "\r\n")));
        if (broker && fgets(line, sizeof line, file) && line[strspn(line, "\r\n")])
            *broker = cf_arena_text(&run->arena, cf_bytes_of(line, strcspn(line, "\r\n")));
    }
    if (file)
        fclose(file);
    cf_wipe(phrase, sizeof phrase);
    cf_buffer_release(&path);
    return status;
}

cf_status cf_recovery_file_take(cf_run *run, const char **broker, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < run->options.choice_count; i++) {
        cf_choice *choice = &run->options.choices[i];

        if (strcmp(choice->option->name, "recovery-file") == 0 && strcmp(choice->value, "-") != 0)
            status = read_file(run, choice, broker, error);
    }
    if (!status)
        status = cf_run_take_value(run, "recovery-file", "recovery phrase", error);
    return status ? status : cf_run_ask_value(run, "recovery-file", "recovery phrase", error);
}
