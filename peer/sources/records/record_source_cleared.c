/* SPDX-License-Identifier: Apache-2.0 */
/* A column of a file that has nothing in it any more, or a member that its objects lack, in too
 * many of the rows that had something there, as of a folder's items (guard.h): then nothing that
 * was done to these rows goes on its way from here, until its user's word.
 *
 *   [{"id": 1, "mail": "a@x"}, ...] is [{"id": 1}, ...] now: held, or it was empty in a CSV
 * elsewhere
 */
#include "peer/sources/records/record_source_counted.h"

#include "broker/platform/names.h"
#include "codec/pack.h"

#include <stdlib.h>

typedef struct {
    cf_bytes table, field;
    size_t gone, count; /* rows here that have nothing in it any more, and that had something */
    size_t went;        /* lost it just before, by what was published: they count with these */
    size_t empty;       /* rows that have nothing in it, here and in the base */
    bool was_held;
} column;

typedef struct {
    cf_record_counted *counted;
    column *at; /* ascending, once they are found */
    size_t count, capacity;
} columns;

static int by_name(const void *left, const void *right)
{
    const column *a = left, *b = right;
    const int order = cf_bytes_compare(a->table, b->table);

    return order ? order : cf_bytes_compare(a->field, b->field);
}

static column *find_column(const columns *self, cf_bytes table, cf_bytes field)
{
    const column wanted = {.table = table, .field = field};

    return self->count ? bsearch(&wanted, self->at, self->count, sizeof wanted, by_name) : NULL;
}

/* None, an empty text, list or object: a program drops them as it likes. */
static bool is_nothing(cf_bytes value)
{
    static const char *const all[] = {"\xc0", "\xa0", "\x90", "\x80"};
    bool is = value.size == 0 || cf_bytes_equal(value, cf_bytes_of("\xc4", 2));

    for (size_t i = 0; !is && i < sizeof all / sizeof *all; i++)
        is = cf_bytes_equal(value, cf_bytes_of_text(all[i]));
    return is;
}

/* Yes, no, or one character: taken off as often as it is set, as of what is unread or done. */
static bool is_flag(cf_bytes value)
{
    enum { NO = 0xc2, YES = 0xc3, FIXSTR = 0xa0, FIXSTR_LAST = 0xbf, CONTINUES = 0x80 };
    const uint8_t head = value.size ? value.data[0] : 0;
    size_t characters = 0;

    if (head == NO || head == YES)
        return true;
    for (size_t i = 1; i < value.size; i++)
        characters += (value.data[i] & 0xc0) != CONTINUES;
    return head > FIXSTR && head <= FIXSTR_LAST && characters == 1;
}

static bool says_something(const cf_row_field *field)
{
    for (size_t i = 0; i < field->count; i++)
        if (!is_nothing(field->values[i]) && !is_flag(field->values[i]))
            return true;
    return false;
}

static bool says_nothing(const cf_row *row, cf_bytes field)
{
    const cf_row_field *here = cf_row_field_named(row, field);

    for (size_t i = 0; here && i < here->count; i++)
        if (!is_nothing(here->values[i]))
            return false;
    return true;
}

/* The row of the base that the file's row is. NULL: there is none, or what was done to it doesn't
 * count. */
static const cf_row *base_of(const cf_record_counted *counted, size_t index)
{
    const cf_record_run *run = counted->run;
    const cf_row *row = &run->content.file.rows[index];
    const bool counts = !cf_record_run_ignores(run, row) && !cf_record_run_is_odd(run, index) &&
                        !(counted->waits && counted->waits[index]);

    return counts ? cf_rows_find(run->source->binding->rows, row->table, row->key) : NULL;
}

/* The same, as the format shows it. */
static bool show_base(const cf_record_counted *counted, size_t index, cf_arena *arena, cf_row *out)
{
    const cf_row *base = base_of(counted, index);

    return base && cf_row_show(&counted->run->content.format, base, arena, out);
}

static bool is_as_base(const cf_record_counted *counted, size_t index)
{
    const cf_row *base = base_of(counted, index);

    return base && cf_row_fields_equal(base, &counted->run->content.file.rows[index]);
}

/* What each row lacks, sorted, is what the columns lack. */
static void find_gone(columns *self, cf_arena *arena)
{
    const cf_record_file *file = &self->counted->run->content.file;
    size_t kept = 0;
    cf_row base;

    for (size_t i = 0; i < file->count; i++)
        if (!is_as_base(self->counted, i) && show_base(self->counted, i, arena, &base))
            for (size_t k = 0; k < base.field_count; k++)
                if (says_something(&base.fields[k]) &&
                    says_nothing(&file->rows[i], base.fields[k].name))
                    *cf_one_more(self->at, self->count, self->capacity) =
                        (column){.table = base.table, .field = base.fields[k].name, .gone = 1};
    if (self->count)
        qsort(self->at, self->count, sizeof *self->at, by_name);
    for (size_t i = 0; i < self->count; i++)
        if (kept && by_name(&self->at[kept - 1], &self->at[i]) == 0)
            self->at[kept - 1].gone++;
        else
            self->at[kept++] = self->at[i];
    self->count = kept;
}

static void count_row(column *one, const cf_row *row, const cf_row *base)
{
    const cf_row_field *had = cf_row_field_named(base, one->field);

    if (had && says_something(had))
        one->count++;
    else if (one->went && says_nothing(row, one->field))
        one->empty++;
}

/* Of what went, that only counts which wasn't put back since. */
static void count_had(columns *self, cf_arena *arena)
{
    const cf_record_file *file = &self->counted->run->content.file;
    cf_row base;

    for (size_t i = 0; i < file->count; i++)
        if (show_base(self->counted, i, arena, &base))
            for (size_t k = 0; k < self->count; k++)
                if (cf_bytes_equal(self->at[k].table, base.table))
                    count_row(&self->at[k], &file->rows[i], &base);
    for (size_t k = 0; k < self->count; k++)
        if (self->at[k].went > self->at[k].empty)
            self->at[k].went = self->at[k].empty;
}

/* ---- What went within the last minute ---- */

/* A column is rarely cleared in one save: what goes bit by bit is judged with what went just
 * before (guard.h).
 *   6 of 12, which went, and 6 of 6 half a minute later: 12 of 12, held
 *   6 of 12, which went and were put back, and 6 of 12:  6 of 12, goes */

typedef struct {
    cf_bytes table, field;
    uint64_t at_ms, gone;
} cleared;

static uint64_t now_of(const cf_record_run *run)
{
    const cf_env *env = run->source->workshop->peer->env;

    return env->now_ms(env->context);
}

static bool read_cleared(cf_reader *reader, cleared *out)
{
    cf_error ignored;

    return cf_read_array_of(reader, 4, &ignored) == CF_OK &&
           cf_read_bin(reader, &out->table, &ignored) == CF_OK &&
           cf_read_bin(reader, &out->field, &ignored) == CF_OK &&
           cf_read_uint(reader, &out->at_ms, &ignored) == CF_OK &&
           cf_read_uint(reader, &out->gone, &ignored) == CF_OK;
}

/* What is kept of the last minute; the caller frees the array. */
static cleared *read_all_cleared(cf_record_run *run, size_t *out)
{
    cf_reader reader = cf_reader_of(cf_record_run_kept(run, CF_TABLE_CLEARED));
    const uint64_t now_ms = now_of(run);
    cleared *all = NULL, one;
    size_t count = 0, kept = 0, capacity = 0;
    cf_error ignored;

    if (reader.at == reader.end || cf_read_array(&reader, &count, &ignored))
        count = 0;
    while (count-- && read_cleared(&reader, &one))
        if (cf_is_recent(one.at_ms, now_ms))
            *cf_one_more(all, kept, capacity) = one;
    *out = kept;
    return all;
}

/* What is said for once is said of what is gone now. */
static void count_went(columns *self)
{
    size_t count = 0;
    cleared *all = self->count && !self->counted->run->source->word.given
                       ? read_all_cleared(self->counted->run, &count)
                       : NULL;

    for (size_t i = 0; i < count; i++) {
        column *found = find_column(self, all[i].table, all[i].field);

        if (found)
            found->went += (size_t)all[i].gone;
    }
    free(all);
}

static void pack_cleared(cf_buffer *out, const cleared *one)
{
    cf_pack_array(out, 4);
    cf_pack_bin(out, one->table);
    cf_pack_bin(out, one->field);
    cf_pack_uint(out, one->at_ms);
    cf_pack_uint(out, one->gone);
}

/* One a second of each column, however often it is written to. */
static void keep_cleared(const columns *self)
{
    cf_record_run *run = self->counted->run;
    const uint64_t now_ms = now_of(run);
    cf_buffer now = {0};
    size_t before = 0, count = 0;
    cleared *all = read_all_cleared(run, &before);

    for (size_t i = 0; i < before; i++) {
        column *same = find_column(self, all[i].table, all[i].field);

        if (same && all[i].at_ms / 1000 == now_ms / 1000)
            same->gone += (size_t)all[i].gone;
        else
            all[count++] = all[i];
    }
    cf_pack_array(&now, count + self->count);
    for (size_t i = 0; i < count; i++)
        pack_cleared(&now, &all[i]);
    for (size_t i = 0; i < self->count; i++)
        pack_cleared(&now,
                     &(cleared){self->at[i].table, self->at[i].field, now_ms, self->at[i].gone});
    cf_record_run_keep(run, CF_TABLE_CLEARED, cf_buffer_view(&now), &run->records);
    cf_buffer_release(&now);
    free(all);
}

void cf_record_counted_keep_cleared(cf_record_counted *counted)
{
    columns self = {.counted = counted};
    cf_arena arena = {0};

    if (!counted->clears)
        return;
    if (counted->run->source->word.given) { /* the user knows of it */
        cf_record_run_keep(counted->run, CF_TABLE_CLEARED, (cf_bytes){0}, &counted->run->records);
        return;
    }
    find_gone(&self, &arena);
    if (self.count)
        keep_cleared(&self);
    free(self.at);
    cf_arena_release(&arena);
}

/* ---- What was held ---- */

/* [[table, field, how many had something, how many went just before]…], or without the last in an
 * older home. */
static bool read_held(cf_reader *reader, column *out)
{
    size_t parts = 0;
    uint64_t count = 0, went = 0;
    cf_error ignored;

    bool is_read = cf_read_array(reader, &parts, &ignored) == CF_OK && (parts == 3 || parts == 4) &&
                   cf_read_bin(reader, &out->table, &ignored) == CF_OK &&
                   cf_read_bin(reader, &out->field, &ignored) == CF_OK &&
                   cf_read_uint(reader, &count, &ignored) == CF_OK &&
                   (parts == 3 || cf_read_uint(reader, &went, &ignored) == CF_OK);
    out->count = (size_t)count;
    out->went = (size_t)went;
    return is_read;
}

/* A column that was held stays so until its user's word, however little of it is still gone: who
 * puts it back does that cell by cell. And what comes meanwhile lets nothing of it go: 12 of 12,
 * and 12 of 12 still when another device has made a 13th. */
static void count_as_first(columns *self)
{
    cf_record_run *run = self->counted->run;
    cf_reader reader = cf_reader_of(cf_record_run_kept(run, CF_TABLE_EMPTIED));
    size_t count = 0;
    column held;
    cf_error ignored;

    if (reader.at == reader.end || cf_read_array(&reader, &count, &ignored))
        count = 0;
    while (count-- && read_held(&reader, &held)) {
        column *found = find_column(self, held.table, held.field);

        if (!found)
            continue;
        found->was_held = true;
        found->count = found->gone > held.count ? found->gone : held.count;
        found->went = held.went;
    }
}

/* Most sources have none, and needn't ask the store twice. */
static bool keeps_any(cf_record_run *run)
{
    cf_record_source *source = run->source;

    if (!source->emptied_known)
        source->keeps_emptied = cf_record_run_kept(run, CF_TABLE_EMPTIED).size > 0;
    source->emptied_known = true;
    return source->keeps_emptied;
}

static void keep_first(const columns *self)
{
    cf_record_run *run = self->counted->run;
    cf_buffer now = {0};

    if (run->look_only || (!self->count && !keeps_any(run)))
        return;
    if (self->count)
        cf_pack_array(&now, self->count);
    for (size_t i = 0; i < self->count; i++) {
        cf_pack_array(&now, 4);
        cf_pack_bin(&now, self->at[i].table);
        cf_pack_bin(&now, self->at[i].field);
        cf_pack_uint(&now, self->at[i].count);
        cf_pack_uint(&now, self->at[i].went);
    }
    cf_record_run_keep(run, CF_TABLE_EMPTIED, cf_buffer_view(&now), &run->records);
    run->source->emptied_known = true;
    run->source->keeps_emptied = self->count > 0;
    cf_buffer_release(&now);
}

/* Of one that was held the usual measure decides nothing any more: a word does that is given now,
 * or the source's own limit, if that lets all go that the column had. */
static bool may_go(const cf_record_source *source, const column *one)
{
    const cf_guard_count lost = {one->gone, one->count, one->gone, one->count};
    const size_t all = one->count + one->went;

    if (!one->was_held)
        return cf_guard_allows_values(cf_record_source_word(source), one->gone + one->went, all);
    return source->word.given ? cf_guard_allows(source->word, &lost)
                              : cf_guard_allows_values(source->binding->limit, all, all);
}

/* Those of which too much is gone. */
static void keep_emptied(columns *self)
{
    size_t kept = 0;

    for (size_t i = 0; i < self->count; i++)
        if (!may_go(self->counted->run->source, &self->at[i]))
            self->at[kept++] = self->at[i];
    self->count = kept;
}

/* Most edits take too little for that, whatever the columns have. */
static bool may_be_too_many(const columns *self)
{
    bool any = self->count && keeps_any(self->counted->run);

    for (size_t i = 0; !any && i < self->count; i++) {
        const size_t gone = self->at[i].gone + self->at[i].went;

        any =
            !cf_guard_allows_values(cf_record_source_word(self->counted->run->source), gone, gone);
    }
    return any;
}

static bool is_cleared(const columns *self, const cf_row *row, const cf_row *base)
{
    for (size_t i = 0; i < base->field_count; i++)
        if (says_something(&base->fields[i]) && says_nothing(row, base->fields[i].name) &&
            find_column(self, base->table, base->fields[i].name))
            return true;
    return false;
}

static void note_emptied_column(cf_record_run *run, const column *one)
{
    char shown[CF_NAME_SHOWN];
    cf_buffer name = {0}, word = {0}, before = {0}, text = {0};

    cf_record_field_text(one->field, &name);
    cf_name_show(cf_buffer_view(&name), shown);
    cf_binding_path_word(run->source->binding, &word);
    cf_buffer_append(&word, "", 1);
    const char *path = (const char *)word.data;
    if (one->went)
        cf_buffer_append_text(&before, ", after %zu that went just before", one->went);
    cf_buffer_append(&before, "", 1);
    cf_buffer_append_text(&text,
                          "%zu of %zu records that had something in %s have nothing there any "
                          "more%s: put it back, or `counterfoil repair %s --refill` does, or "
                          "`counterfoil sync %s --yes` deletes it elsewhere too",
                          one->gone, one->count, shown, (const char *)before.data, path, path);
    cf_buffer_append(&text, "", 1);
    cf_record_run_note_column(run, CF_PENDING_HELD, one->field, (const char *)text.data);
    cf_buffer_release(&name);
    cf_buffer_release(&word);
    cf_buffer_release(&before);
    cf_buffer_release(&text);
}

static void hold_cleared(columns *self, cf_arena *arena)
{
    cf_record_counted *counted = self->counted;
    const cf_record_file *file = &counted->run->content.file;
    cf_row base;

    counted->cleared = cf_arena_allocate(&counted->arena, file->count, sizeof *counted->cleared);
    for (size_t i = 0; i < file->count; i++)
        counted->cleared[i] =
            show_base(counted, i, arena, &base) && is_cleared(self, &file->rows[i], &base);
    if (!counted->waits)
        counted->waits = cf_arena_allocate(&counted->arena, file->count, sizeof *counted->waits);
    for (size_t i = 0; i < file->count; i++) {
        counted->waits[i] |= counted->cleared[i];
        counted->waiting += counted->cleared[i];
    }
    for (size_t i = 0; i < self->count; i++)
        note_emptied_column(counted->run, &self->at[i]);
}

/* In a database it is its program that clears a column, as it does with a queue. */
void cf_record_counted_hold_cleared(cf_record_counted *counted)
{
    columns self = {.counted = counted};
    cf_arena arena = {0};

    if (counted->run->content.blank ||
        !cf_adapter_is_mapped(cf_adapter_of(counted->run->source->binding->format)))
        return;
    find_gone(&self, &arena);
    counted->clears = self.count > 0;
    count_went(&self);
    if (may_be_too_many(&self)) {
        count_had(&self, &arena);
        count_as_first(&self);
        keep_emptied(&self);
    } else {
        self.count = 0;
    }
    keep_first(&self);
    if (self.count)
        hold_cleared(&self, &arena);
    free(self.at);
    cf_arena_release(&arena);
}

void cf_record_run_end_cleared(cf_record_run *run)
{
    if (!cf_adapter_is_mapped(cf_adapter_of(run->source->binding->format)) || !keeps_any(run))
        return;
    cf_record_run_keep(run, CF_TABLE_EMPTIED, (cf_bytes){0}, &run->records);
    run->source->keeps_emptied = false;
}
