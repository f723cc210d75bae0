/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/splice.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void cf_splice_release(cf_splice *self)
{
    free(self->edits);
    cf_arena_release(&self->arena);
    *self = (cf_splice){0};
}

void cf_splice_put(cf_splice *self, cf_splice_edit edit)
{
    edit.order = self->count;
    edit.replacement = cf_arena_copy(&self->arena, edit.replacement);
    *cf_one_more(self->edits, self->count, self->capacity) = edit;
}

/* What counts comes before what is void because of it. */
static int compare(const void *left, const void *right)
{
    const cf_splice_edit *a = left, *b = right;

    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    if (a->length == 0 && b->length == 0)
        return a->order < b->order ? -1 : 1;
    if (a->length == 0 || b->length == 0)
        return a->length == 0 ? -1 : 1;
    if (a->length != b->length)
        return a->length > b->length ? -1 : 1;
    return a->order > b->order ? -1 : 1;
}

static bool is_marked(cf_bytes text)
{
    return text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0;
}

void cf_splice_write(cf_splice *self, cf_bytes text, const char *line_ends, cf_buffer *out)
{
    const size_t begin = out->size + (is_marked(text) ? 3 : 0);
    size_t from = 0;

    if (self->count)
        qsort(self->edits, self->count, sizeof *self->edits, compare);
    for (size_t i = 0; i < self->count; i++) {
        const cf_splice_edit *edit = &self->edits[i];

        if (edit->offset < from)
            continue;
        assert(edit->offset <= text.size && edit->length <= text.size - edit->offset);
        cf_buffer_append(out, text.data + from, edit->offset - from);
        if (edit->line_end && out->size > begin &&
            !memchr(line_ends, out->data[out->size - 1], strlen(line_ends)))
            cf_buffer_append_text(out, "%s", edit->line_end);
        cf_buffer_append(out, edit->replacement.data, edit->replacement.size);
        from = edit->offset + edit->length;
    }
    cf_buffer_append(out, text.data + from, text.size - from);
}
