/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/files_root.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/platform/names.h"
#include "codec/item.h"

/* `root` holds the instance id in hexadecimal and a newline. */
enum {
    TEXT_SIZE = 2 * CF_ID_SIZE + 1,
    WORD_SHOWN = 160 /* a longer path is told once, so that the way out is shown */
};

static cf_bytes own_name(void)
{
    return cf_bytes_of_text(CF_OWN_FOLDER);
}

static cf_bytes root_name(void)
{
    return cf_bytes_of_text("root");
}

static cf_bytes before_name(void)
{
    return cf_bytes_of_text("before");
}

static cf_bytes ignored_name(void)
{
    return cf_bytes_of_text(".gitignore");
}

static cf_bytes temporary_name(void)
{
    return cf_bytes_of_text("tmp");
}

/* Opens a folder, making it where it is missing. */
static cf_status open_or_make(cf_files *files, const cf_folder *parent, cf_bytes name,
                              cf_folder **out, cf_error *error)
{
    cf_status status = files->make_folder(files, parent, name, 0700, error);

    if (status && status != CF_CHANGED)
        return status;
    return files->open_folder(files, parent, name, out, error);
}

static cf_status refuse_instance(cf_files *files, const cf_folder *root, cf_error *error)
{
    cf_id before;

    cf_status status = cf_root_read(files, root, &before, error);
    if (status == CF_MISSING)
        return CF_OK;
    if (status == CF_OK)
        status = cf_fail(error, CF_CHANGED, "%s is a source already", files->shown(files, root));
    return status;
}

/* Version control would carry it to other devices, and bring old ones back. Where that can't be
 * written now, it is the next time. */
static void keep_ignored(cf_files *files, const cf_folder *own)
{
    cf_stat stat;
    cf_error ignored;

    if (files->stat(files, own, ignored_name(), &stat, &ignored) == CF_MISSING)
        cf_files_write(files, own, ignored_name(), 0600, cf_bytes_of_text("*\n"), &ignored);
}

static cf_status write_instance(cf_files *files, const cf_folder *own, cf_bytes name,
                                const cf_id *instance, cf_error *error)
{
    char text[TEXT_SIZE + 1];

    cf_hex(cf_bytes_of(instance->bytes, CF_ID_SIZE), text);
    text[TEXT_SIZE - 1] = '\n';
    return cf_files_write(files, own, name, 0600, cf_bytes_of(text, TEXT_SIZE), error);
}

/* `before`: the id that it takes the folder over from, or NULL; that is there before. */
static cf_status mark(cf_files *files, const cf_folder *root, const cf_id *instance,
                      const cf_id *before, cf_error *error)
{
    cf_folder *own = NULL, *temporary = NULL;

    cf_status status = open_or_make(files, root, own_name(), &own, error);
    if (status == CF_OK)
        status = open_or_make(files, own, temporary_name(), &temporary, error);
    if (status)
        goto done;
    keep_ignored(files, own);
    if (before)
        status = write_instance(files, own, before_name(), before, error);
    if (status == CF_OK)
        status = write_instance(files, own, root_name(), instance, error);
    if (status == CF_OK)
        status = files->sync_folder(files, root, error);
done:
    files->close_folder(files, &temporary);
    files->close_folder(files, &own);
    return status;
}

cf_status cf_root_make(cf_files *files, const cf_folder *root, const cf_id *instance,
                       cf_error *error)
{
    cf_status status = refuse_instance(files, root, error);

    return status ? status : mark(files, root, instance, NULL, error);
}

cf_status cf_root_put_back(cf_files *files, const cf_folder *root, const cf_id *instance,
                           cf_error *error)
{
    return mark(files, root, instance, NULL, error);
}

cf_status cf_root_take_over(cf_files *files, const cf_folder *root, const cf_id *instance,
                            cf_error *error)
{
    cf_id before;

    cf_status status = cf_root_read(files, root, &before, error);
    if (status == CF_OK)
        status = cf_root_remove(files, root, error);
    return status ? status : mark(files, root, instance, &before, error);
}

static bool read_instance(const cf_buffer *bytes, cf_id *instance)
{
    char text[TEXT_SIZE];

    if (bytes->size != TEXT_SIZE || bytes->data[TEXT_SIZE - 1] != '\n')
        return false;
    memcpy(text, bytes->data, TEXT_SIZE - 1);
    text[TEXT_SIZE - 1] = '\0';
    return cf_unhex(text, instance->bytes, CF_ID_SIZE);
}

static cf_status read_named(cf_files *files, const cf_folder *root, cf_bytes name, cf_id *instance,
                            cf_error *error)
{
    cf_folder *own = NULL;
    cf_buffer bytes = {0};
    cf_id read;

    cf_status status = files->open_folder(files, root, own_name(), &own, error);
    if (status == CF_OK)
        status = cf_files_read(files, own, name, TEXT_SIZE, &bytes, error);
    bool odd = status == CF_CHANGED || status == CF_TOO_LARGE;
    if (odd || (status == CF_OK && !read_instance(&bytes, &read)))
        status = cf_fail(error, CF_BROKEN, "%s/" CF_OWN_FOLDER "/root: no instance id",
                         files->shown(files, root));
    if (status == CF_OK)
        *instance = read;
    cf_buffer_release(&bytes);
    files->close_folder(files, &own);
    return status;
}

cf_status cf_root_read(cf_files *files, const cf_folder *root, cf_id *instance, cf_error *error)
{
    return read_named(files, root, root_name(), instance, error);
}

/* What can't be read may say so. */
bool cf_root_was_taken(cf_files *files, const cf_folder *root, const cf_id *instance)
{
    cf_id before;
    cf_error error;

    cf_status status = read_named(files, root, before_name(), &before, &error);
    return status ? status != CF_MISSING : cf_id_equal(&before, instance);
}

cf_status cf_root_open_temporary(cf_files *files, const cf_folder *root, cf_folder **out,
                                 cf_error *error)
{
    cf_folder *own = NULL;

    cf_status status = files->open_folder(files, root, own_name(), &own, error);
    if (status == CF_OK)
        status = open_or_make(files, own, temporary_name(), out, error);
    if (status == CF_OK)
        keep_ignored(files, own);
    files->close_folder(files, &own);
    return status;
}

/* Removes what is in the folder, as far as it is files; `*kept`: what is the user's is left. */
static cf_status empty_folder(cf_files *files, const cf_folder *folder, bool *kept, cf_error *error)
{
    cf_arena arena = {0};
    cf_folder_names names = {0};

    *kept = false;

    cf_status status = cf_files_names(files, folder, &arena, &names, error);
    for (size_t i = 0; i < names.count && status == CF_OK; i++) {
        if (cf_bytes_equal(names.at[i], cf_bytes_of_text(CF_KEPT_FOLDER))) {
            *kept = true;
            continue;
        }
        status = files->unlink(files, folder, names.at[i], error);
        if (status == CF_MISSING)
            status = CF_OK;
    }
    free(names.at);
    cf_arena_release(&arena);
    return status;
}

static cf_status remove_temporary(cf_files *files, const cf_folder *own, cf_error *error)
{
    cf_folder *temporary = NULL;
    bool ignored;

    cf_status status = files->open_folder(files, own, temporary_name(), &temporary, error);
    if (status == CF_MISSING)
        return CF_OK;
    if (status == CF_OK)
        status = empty_folder(files, temporary, &ignored, error);
    files->close_folder(files, &temporary);
    if (status == CF_OK)
        status = files->remove_folder(files, own, temporary_name(), error);
    return status;
}

cf_status cf_root_remove(cf_files *files, const cf_folder *root, cf_error *error)
{
    cf_folder *own = NULL;
    bool kept = false;

    cf_status status = files->open_folder(files, root, own_name(), &own, error);
    if (status == CF_MISSING)
        return CF_OK;
    if (status == CF_OK)
        status = remove_temporary(files, own, error);
    if (status == CF_OK)
        status = empty_folder(files, own, &kept, error);
    files->close_folder(files, &own);
    if (status == CF_OK && !kept)
        status = files->remove_folder(files, root, own_name(), error);
    if (status == CF_OK)
        status = files->sync_folder(files, root, error);
    return status;
}

void cf_root_say_shut(const char *path, const char *and, cf_error *error)
{
    cf_buffer word = {0};

    if (error->number != EACCES)
        return;
    cf_name_word(path, &word);
    cf_fail(error, error->status,
            "%s: Permission denied%s: `chmod u+rwx %.*s` lets us in where it is ours, `chown` "
            "where it is another's",
            path, and, word.size < WORD_SHOWN ? (int)word.size : 0, (const char *)word.data);
    cf_buffer_release(&word);
}
