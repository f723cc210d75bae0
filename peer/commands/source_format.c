/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/source_format.h"

#include "peer/adapters/vdir.h"
#include "peer/sources/records/record_source.h"

#include <string.h>
#include <sys/stat.h>

cf_status cf_source_choose_format(const cf_run *run, const char *path, cf_format *out,
                                  cf_error *error)
{
    const char *format = cf_options_value(&run->options, "format");
    struct stat found;

    if (format)
        return cf_format_of_text(format, out, error);
    *out = CF_FORMAT_FILES;
    if (stat(path, &found) == 0 && S_ISREG(found.st_mode))
        return cf_fail(error, CF_USAGE,
                       "%s is no folder: if it is a file of records, say --format csv, json, "
                       "vcard, icalendar or sqlite",
                       path);
    return CF_OK;
}

cf_status cf_source_check_options(const cf_run *run, cf_format format, cf_error *error)
{
    static const char *const of_files[] = {"base", "base-dir", "merge", "poll"};

    for (size_t i = 0; i < sizeof of_files / sizeof *of_files && cf_format_is_records(format); i++)
        if (cf_options_has(&run->options, of_files[i]))
            return cf_fail(error, CF_USAGE, "--%s does not go with --format %s", of_files[i],
                           cf_format_text(format));
    return CF_OK;
}

cf_status cf_source_choose_keys(const cf_run *run, cf_format format, cf_arena *arena,
                                cf_binding_options *out, cf_error *error)
{
    const char **keys = cf_arena_allocate(arena, run->options.choice_count, sizeof *keys);
    const char *key;
    size_t at = 0, count = 0;

    while ((key = cf_options_next(&run->options, "key", &at)))
        keys[count++] = key;
    out->keys = keys;
    out->key_count = count;
    if (!cf_format_is_records(format))
        return count ? cf_fail(error, CF_USAGE, "--key goes with --format csv or json") : CF_OK;
    return cf_source_check_options(run, format, error);
}

bool cf_source_is_folder(cf_format format, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    struct stat found;

    if (format != CF_FORMAT_VCARD && format != CF_FORMAT_ICALENDAR)
        return format == CF_FORMAT_FILES;
    if (stat(path, &found) == 0)
        return S_ISDIR(found.st_mode);
    return cf_vdir_name_of(cf_bytes_of_text(name), format) != CF_VDIR_ITEM;
}

cf_status cf_source_check_records(const cf_run *run, const cf_binding_options *options, bool *there,
                                  cf_error *error)
{
    const cf_env *env = cf_loop_env(run->loop);
    cf_binding *trial = NULL;

    cf_status status = cf_binding_new(options, &trial, error);
    if (status)
        return status;
    if (cf_source_is_folder(options->format, options->path))
        env->random(env->context, trial->instance.bytes, CF_ID_SIZE);
    status = cf_record_source_check(env->files, trial, there, error);
    cf_binding_destroy(&trial, env->files);
    return status;
}
