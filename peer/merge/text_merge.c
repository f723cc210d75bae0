/* SPDX-License-Identifier: Apache-2.0 */
/* Whether two edits of a text become one: none of the versions has a zero byte, all end their lines
 * alike (the one before may have no line end), no edit lies where the other does, and something is
 * left. Else there is no merged text. */
#include "peer/merge/text_merge.h"

#include <git2.h>

/* ---- Texts ---- */

typedef enum { NO_LINES, BARE, WITH_RETURN, MIXED, BINARY } line_ends;

/* What ends the text's lines: newlines alone, or each with a carriage return before it. A text with
 * a zero byte is none. */
static line_ends ends_of(cf_bytes text)
{
    size_t bare = 0, with_return = 0;

    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\0')
            return BINARY;
        if (text.data[i] != '\n')
            continue;
        if (i && text.data[i - 1] == '\r')
            with_return++;
        else
            bare++;
    }
    if (bare && with_return)
        return MIXED;
    return bare ? BARE : with_return ? WITH_RETURN : NO_LINES;
}

/* All three versions end their lines alike; only `before` may have no line end at all. With other
 * line ends each line would differ, and nothing would be in a different place. */
static bool agree(const cf_text_versions *versions)
{
    line_ends before = ends_of(versions->before), shown = ends_of(versions->shown),
              other = ends_of(versions->other);

    return (shown == BARE || shown == WITH_RETURN) && shown == other &&
           (before == shown || before == NO_LINES);
}

/* ---- Merging ---- */

static git_merge_file_input input_of(cf_bytes text)
{
    return (git_merge_file_input){.version = GIT_MERGE_FILE_INPUT_VERSION,
                                  .ptr = text.size ? (const char *)text.data : "",
                                  .size = text.size};
}

/* A merge that leaves no byte counts as none. */
static bool merge(const cf_text_versions *versions, cf_buffer *out)
{
    git_merge_file_input before = input_of(versions->before), shown = input_of(versions->shown),
                         other = input_of(versions->other);
    git_merge_file_result result = {0};

    if (git_merge_file(&result, &before, &shown, &other, NULL))
        return false;
    bool merged = result.automergeable && result.len > 0;
    if (merged)
        cf_buffer_append(out, result.ptr, result.len);
    git_merge_file_result_free(&result);
    return merged;
}

bool cf_text_merge(const cf_text_versions *versions, cf_buffer *out)
{
    if (!agree(versions) || git_libgit2_init() < 0)
        return false;
    bool merged = merge(versions, out);
    git_libgit2_shutdown();
    return merged;
}
