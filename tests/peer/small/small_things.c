/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small/small_things.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void gather(const small_device *self, const char *below, things *out)
{
    char path[2 * THING_PATH];

    snprintf(path, sizeof path, "%s/%s", self->folder, below);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        thing *found = &out->at[out->count];
        cf_buffer bytes = {0};
        struct stat stat;

        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
            !strcmp(entry->d_name, ".counterfoil"))
            continue;
        cr_assert_lt(out->count++, THINGS_MAX - 1);
        *found = (thing){0};
        snprintf(found->path, THING_PATH, "%s%s%s", below, *below ? "/" : "", entry->d_name);
        snprintf(path, sizeof path, "%s/%s", self->folder, found->path);
        lstat(path, &stat);
        found->is_directory = S_ISDIR(stat.st_mode);
        found->mode = stat.st_mode & 0777;
        if (found->is_directory) {
            gather(self, found->path, out);
        } else if (user_reads(self, found->path, &bytes)) {
            cf_buffer_append(&bytes, "", 1);
            found->content = atoi((const char *)bytes.data);
        }
        cf_buffer_release(&bytes);
    }
    if (folder)
        closedir(folder);
}

void things_look(const small_device *self, things *out)
{
    out->count = 0;
    gather(self, "", out);
}

const thing *things_find(const things *in, const char *path)
{
    for (int i = 0; i < in->count; i++)
        if (!strcmp(in->at[i].path, path))
            return &in->at[i];
    return NULL;
}

bool things_have(const things *in, int content)
{
    for (int i = 0; i < in->count; i++)
        if (!in->at[i].is_directory && in->at[i].content == content)
            return true;
    return false;
}
