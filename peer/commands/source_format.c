/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/source_format.h"

#include "peer/adapters/vdir.h"
#include "peer/sources/records/record_source.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

cf_status cf_source_choose_format(const cf_run *run, const char *path, cf_format *out,
                                  cf_error *error)
{
    const char *format = cf_options_value(&run->options, "format");
    char names[CF_FORMATS_TEXT];
    struct stat found;

    if (format)
        return cf_format_of_text(format, out, error);
    *out = CF_FORMAT_FILES;
    if (stat(path, &found) == 0 && S_ISREG(found.st_mode))
        return cf_fail(error, CF_USAGE,
                       "%s is no folder: if it is a file of records, say --format %s", path,
                       cf_format_names(cf_adapter_has_records, names));
    return CF_OK;
}

/* ---- What a folder holds ---- */

enum { LOOKED_AT_MAX = 10000 };

typedef struct {
    size_t of[CF_FORMATS]; /* files are those of no other format */
    size_t count;
    bool is_source; /* it was one before */
} folder_content;

/* CF_FORMAT_FILES: its name is that of no record. */
static cf_format format_of_name(const char *name)
{
    for (size_t i = 0; i < CF_FORMATS; i++)
        if (cf_adapter_of((cf_format)i)->extension &&
            cf_vdir_name_of(cf_bytes_of_text(name), (cf_format)i) == CF_VDIR_ITEM)
            return (cf_format)i;
    return CF_FORMAT_FILES;
}

static void count_name(const char *name, bool is_file, folder_content *out)
{
    out->is_source |= strcmp(name, ".counterfoil") == 0;
    if (!is_file || name[0] == '.')
        return;
    out->of[format_of_name(name)]++;
    out->count++;
}

static void look_into(const char *path, folder_content *out)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;

    for (size_t i = 0; folder && i < LOOKED_AT_MAX && (entry = readdir(folder)); i++)
        count_name(entry->d_name, entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN, out);
    if (folder)
        closedir(folder);
}

/* Most of its files are of that format; CF_FORMAT_FILES: of none, or it was a source already.
 *   3 .vcf, 1 .txt: contacts
 *   1 .ics, 40 others: files */
static cf_format format_of_most(const folder_content *content)
{
    for (size_t i = 0; !content->is_source && i < CF_FORMATS; i++)
        if (content->of[i] > content->count - content->of[i])
            return (cf_format)i;
    return CF_FORMAT_FILES;
}

static cf_status ask(cf_run *run, const char *path, cf_format format, size_t count, cf_error *error)
{
    const char *files = cf_adapter_of(format)->extension, *what = cf_format_what(format);
    bool yes = false;

    if (!cf_run_is_at_terminal())
        return cf_fail(error, CF_USAGE,
                       "%s holds %zu %s files: --format %s syncs the %s in them, field by field, "
                       "--format %s the files",
                       path, count, files, cf_format_text(format), what,
                       cf_format_text(CF_FORMAT_FILES));
    cf_status status = cf_run_confirm(run, &yes, error,
                                      "%s holds %zu %s files: are the %s in them to be synced, "
                                      "field by field? (else the files) [y/N]",
                                      path, count, files, what);
    if (!status)
        cf_run_choose(run, "format", cf_format_text(yes ? format : CF_FORMAT_FILES));
    return status;
}

cf_status cf_source_ask_format(cf_run *run, cf_error *error)
{
    folder_content content = {0};
    cf_buffer path = {0};

    if (run->options.argument_count != 1 || cf_options_has(&run->options, "format"))
        return CF_OK;
    cf_status status = cf_run_path(run, run->options.arguments[0], &path, error);
    if (!status) {
        look_into((const char *)path.data, &content);
        const cf_format format = format_of_most(&content);
        if (cf_format_is_records(format))
            status = ask(run, (const char *)path.data, format, content.of[format], error);
    }
    cf_buffer_release(&path);
    return status;
}

/* ---- Options ---- */

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
    char names[CF_FORMATS_TEXT];
    const char *key;
    size_t at = 0, count = 0;

    while ((key = cf_options_next(&run->options, "key", &at)))
        keys[count++] = key;
    out->keys = keys;
    out->key_count = count;
    if (!cf_format_is_records(format))
        return count ? cf_fail(error, CF_USAGE, "--key goes with --format %s",
                               cf_format_names(cf_adapter_has_named_keys, names))
                     : CF_OK;
    return cf_source_check_options(run, format, error);
}

bool cf_source_is_folder(cf_format format, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    struct stat found;

    switch (cf_adapter_of(format)->storage) {
    case CF_STORAGE_TREE:
        return true;
    case CF_STORAGE_FILE_OR_FOLDER:
        if (stat(path, &found) == 0)
            return S_ISDIR(found.st_mode);
        return cf_vdir_name_of(cf_bytes_of_text(name), format) != CF_VDIR_ITEM;
    case CF_STORAGE_FILE:
    case CF_STORAGE_DATABASE:
        break;
    }
    return false;
}

cf_status cf_source_check_records(const cf_run *run, const cf_binding_options *options, bool *there,
                                  bool *senseless, cf_error *error)
{
    const cf_env *env = cf_loop_env(run->loop);
    cf_binding *trial = NULL;

    *there = *senseless = false;
    cf_status status = cf_binding_new(options, &trial, error);
    if (status)
        return status;
    if (cf_source_is_folder(options->format, options->path))
        env->random(env->context, trial->instance.bytes, CF_ID_SIZE);
    status = cf_record_source_check(env->files, trial, there, senseless, error);
    cf_binding_destroy(&trial, env->files);
    return status;
}
