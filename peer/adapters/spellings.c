/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/spellings.h"

#include <stdlib.h>

uint8_t cf_spelling_lower(uint8_t letter)
{
    return letter >= 'A' && letter <= 'Z' ? (uint8_t)(letter - 'A' + 'a') : letter;
}

bool cf_spelling_alike(cf_bytes a, cf_bytes b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        if (cf_spelling_lower(a.data[i]) != cf_spelling_lower(b.data[i]))
            return false;
    return true;
}

static int by_bytes(const void *a, const void *b)
{
    return cf_bytes_compare(*(const cf_bytes *)a, *(const cf_bytes *)b);
}

cf_status cf_spellings_list(cf_files *files, const cf_folder *folder, cf_spellings *out,
                            cf_error *error)
{
    *out = (cf_spellings){.files = files, .folder = folder};
    cf_status status = cf_files_names(files, folder, &out->arena, &out->names, error);
    if (status)
        cf_spellings_release(out);
    else if (out->names.count)
        qsort(out->names.at, out->names.count, sizeof *out->names.at, by_bytes);
    return status;
}

void cf_spellings_release(cf_spellings *spellings)
{
    free(spellings->names.at);
    cf_arena_release(&spellings->arena);
    *spellings = (cf_spellings){0};
}

bool cf_spellings_have(const cf_spellings *spellings, cf_bytes name)
{
    const cf_folder_names *names = &spellings->names;

    return names->count && bsearch(&name, names->at, names->count, sizeof *names->at, by_bytes);
}

/* ---- Whether two spellings are one thing ---- */

static bool is_ascii(cf_bytes name)
{
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] >= 0x80)
            return false;
    return true;
}

/* As far as stats tell; numbers don't, since some file systems have one for each spelling. */
static bool looks_like(const cf_spellings *spellings, cf_bytes name, const cf_stat *found)
{
    cf_stat stat;
    cf_error ignored;

    return spellings->files->stat(spellings->files, spellings->folder, name, &stat, &ignored) ==
               CF_OK &&
           stat.kind == found->kind && stat.size == found->size && stat.mtime_ns == found->mtime_ns;
}

/* Other letters have tables of their own on each file system: of two names that are not of ASCII
 * alone, those are one that lead to the same thing. */
static cf_bytes spelled_otherwise(const cf_spellings *spellings, cf_bytes name,
                                  const cf_stat *found)
{
    const cf_folder_names *names = &spellings->names;
    cf_bytes like = {0};

    for (size_t i = 0; i < names->count; i++)
        if (cf_spelling_alike(names->at[i], name))
            return names->at[i];
    for (size_t i = 0; i < names->count; i++) {
        if ((is_ascii(name) && is_ascii(names->at[i])) ||
            !looks_like(spellings, names->at[i], found))
            continue;
        if (like.size)
            return (cf_bytes){0}; /* more than one */
        like = names->at[i];
    }
    return like;
}

cf_bytes cf_spellings_of(const cf_spellings *spellings, cf_bytes name)
{
    cf_stat found;
    cf_error ignored;

    if (spellings->files->stat(spellings->files, spellings->folder, name, &found, &ignored))
        return (cf_bytes){0};
    return cf_spellings_have(spellings, name) ? name : spelled_otherwise(spellings, name, &found);
}
