/* SPDX-License-Identifier: Apache-2.0 */
/* Of a value that one side alone changed that side's counts; what one took away and the other
 * changed stays; objects and lists are merged part by part; of all else that both changed the shown
 * one counts, and they clash. The order is the shown list's, unless the other alone moved what was
 * there before. */
#include "peer/records/list_merge.h"

#include "codec/arena.h"
#include "codec/pack.h"

#include <stdlib.h>
#include <string.h>

/* A member of an object by its name, or an element of a list by its id; both as they are encoded.
 */
typedef struct {
    cf_bytes name, value;
    size_t place; /* in its list */
} part;

typedef struct {
    part *at; /* ascending by name */
    size_t count;
} parts; /* {0} is of nothing */

typedef struct {
    cf_arena arena;
    bool differs; /* both did something else to one thing */
} merging;

/* ---- Taking apart ---- */

static int by_name(const void *a, const void *b)
{
    return cf_bytes_compare(((const part *)a)->name, ((const part *)b)->name);
}

static int by_place(const void *a, const void *b)
{
    const size_t left = ((const part *)a)->place, right = ((const part *)b)->place;

    return (left > right) - (left < right);
}

static const part *find(const parts *self, cf_bytes name)
{
    const part wanted = {.name = name};

    return self->count ? bsearch(&wanted, self->at, self->count, sizeof wanted, by_name) : NULL;
}

static cf_bytes value_in(const parts *self, cf_bytes name)
{
    const part *found = find(self, name);

    return found ? found->value : (cf_bytes){0};
}

/* False: the value is no object. */
static bool members_of(cf_bytes value, cf_arena *arena, parts *out)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;
    size_t count;

    if (!value.size || cf_read_map(&reader, &count, &ignored))
        return false;
    part *at = cf_arena_allocate(arena, count, sizeof *at);
    for (size_t i = 0; i < count; i++)
        if (cf_read_value(&reader, &at[i].name, &ignored) ||
            cf_read_value(&reader, &at[i].value, &ignored))
            return false;
    *out = (parts){at, count};
    return true;
}

/* False: the element is no object with an id that is a text or an integer. */
static bool id_of(cf_bytes element, cf_arena *arena, cf_bytes *out)
{
    static const uint8_t id[] = {0xa2, 'i', 'd'};
    cf_type type;
    cf_error ignored;
    parts members;

    if (!members_of(element, arena, &members))
        return false;
    *out = value_in(&members, cf_bytes_of(id, sizeof id));
    cf_reader reader = cf_reader_of(*out);
    return out->size && cf_read_type(&reader, &type, &ignored) == CF_OK &&
           (type == CF_TYPE_TEXT || type == CF_TYPE_UINT || type == CF_TYPE_INT);
}

/* False: the value is no list, or an element of it has no id, or the id of another. */
static bool elements_of(cf_bytes value, cf_arena *arena, parts *out)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;
    size_t count;

    if (!value.size || cf_read_array(&reader, &count, &ignored))
        return false;
    part *at = cf_arena_allocate(arena, count, sizeof *at);
    for (size_t i = 0; i < count; i++) {
        at[i].place = i;
        if (cf_read_value(&reader, &at[i].value, &ignored) ||
            !id_of(at[i].value, arena, &at[i].name))
            return false;
    }
    if (count)
        qsort(at, count, sizeof *at, by_name);
    for (size_t i = 1; i < count; i++)
        if (cf_bytes_equal(at[i - 1].name, at[i].name))
            return false;
    *out = (parts){at, count};
    return true;
}

bool cf_list_is_mergeable(cf_bytes value)
{
    cf_arena arena = {0};
    parts ignored;

    bool is = elements_of(value, &arena, &ignored);
    cf_arena_release(&arena);
    return is;
}

/* ---- One value ---- */

typedef struct {
    parts before, shown, other;
} versions;

static cf_bytes merge_value(merging *self, const cf_list_versions *of);

static cf_bytes kept(merging *self, cf_buffer *value)
{
    cf_bytes copy = cf_arena_copy(&self->arena, cf_buffer_view(value));

    cf_buffer_release(value);
    return copy;
}

/* One member or element, by its name, of all three versions. */
static cf_bytes merge_named(merging *self, const versions *of, cf_bytes name)
{
    return merge_value(self,
                       &(cf_list_versions){value_in(&of->before, name), value_in(&of->shown, name),
                                           value_in(&of->other, name)});
}

/* The parts that either version has, each merged, ascending by name; those of which nothing is left
 * are not among them. */
static parts merge_parts(merging *self, const versions *of)
{
    const parts *shown = &of->shown, *other = &of->other;
    part *at = cf_arena_allocate(&self->arena, shown->count + other->count, sizeof *at);
    size_t count = 0;

    for (size_t i = 0, k = 0; i < shown->count || k < other->count;) {
        const int order = i == shown->count   ? 1
                          : k == other->count ? -1
                                              : by_name(&shown->at[i], &other->at[k]);

        at[count] = order <= 0 ? shown->at[i] : other->at[k];
        at[count].value = merge_named(self, of, at[count].name);
        count += at[count].value.size > 0;
        i += order <= 0;
        k += order >= 0;
    }
    return (parts){at, count};
}

static cf_bytes merge_objects(merging *self, const versions *of)
{
    const parts merged = merge_parts(self, of);
    cf_buffer value = {0};

    cf_pack_map(&value, merged.count);
    for (size_t i = 0; i < merged.count; i++) {
        cf_pack_raw(&value, merged.at[i].name);
        cf_pack_raw(&value, merged.at[i].value);
    }
    return kept(self, &value);
}

/* ---- The order of a list ---- */

static part *in_order(merging *self, const parts *list)
{
    part *at = cf_arena_allocate(&self->arena, list->count, sizeof *at);

    if (list->count) {
        memcpy(at, list->at, list->count * sizeof *at);
        qsort(at, list->count, sizeof *at, by_place);
    }
    return at;
}

/* Of what was in the list before two elements stand the other way round.
 *
 *     before a b c     a x c: not moved     a c b: moved */
static bool is_moved(merging *self, const parts *before, const parts *list)
{
    const part *at = in_order(self, list);
    const part *last = NULL;

    for (size_t i = 0; i < list->count; i++) {
        const part *was = find(before, at[i].name);

        if (was && last && was->place < last->place)
            return true;
        last = was ? was : last;
    }
    return false;
}

/* An element of the merged list, and which comes next. */
typedef struct link {
    cf_bytes value;
    bool in_second;
    struct link *next;
} link;

/* The first list as it is; each element that only the second has stands behind what comes before it
 * there, and behind what the first list alone put there:
 *
 *     a x b, a y b     a x y b: x, which the first list put behind a, comes before y */
static cf_bytes put_in_order(merging *self, const parts *merged, const parts *first,
                             const parts *second)
{
    const part *one = in_order(self, first), *two = in_order(self, second);
    link *links = cf_arena_allocate(&self->arena, merged->count, sizeof *links);
    link head = {0}, *last = &head;
    cf_buffer value = {0};

    for (size_t i = 0; i < first->count; i++) {
        const part *has = find(merged, one[i].name);

        if (!has)
            continue;
        link *next = &links[has - merged->at];
        *next = (link){.value = has->value, .in_second = find(second, has->name) != NULL};
        last = last->next = next;
    }
    last = &head;
    for (size_t i = 0; i < second->count; i++) {
        const part *has = find(merged, two[i].name);

        if (!has)
            continue;
        link *own = &links[has - merged->at];
        if (!find(first, has->name)) {
            while (last->next && !last->next->in_second)
                last = last->next;
            *own = (link){.value = has->value, .in_second = true, .next = last->next};
            last->next = own;
        }
        last = own;
    }
    cf_pack_array(&value, merged->count);
    for (const link *at = head.next; at; at = at->next)
        cf_pack_raw(&value, at->value);
    return kept(self, &value);
}

/* The other version gives the order where it alone moved what was there.
 *
 *     before a b, shown a b x, other b a     b x a */
static cf_bytes merge_lists(merging *self, const versions *of)
{
    const parts merged = merge_parts(self, of);
    const bool by_other =
        is_moved(self, &of->before, &of->other) && !is_moved(self, &of->before, &of->shown);

    return by_other ? put_in_order(self, &merged, &of->other, &of->shown)
                    : put_in_order(self, &merged, &of->shown, &of->other);
}

/* ---- The whole value ---- */

typedef bool take_apart(cf_bytes value, cf_arena *arena, parts *out);

/* What was no object, or no list, before counts as an empty one. */
static bool take_versions(merging *self, const cf_list_versions *of, take_apart *take,
                          versions *out)
{
    if (!take(of->shown, &self->arena, &out->shown) || !take(of->other, &self->arena, &out->other))
        return false;
    if (!take(of->before, &self->arena, &out->before))
        out->before = (parts){0};
    return true;
}

/* The value that only one version changed, or the one that is left where the other took it away; of
 * two objects or lists their parts merged; else the shown one, and both differ. Nothing: the value
 * is gone. True recursion: values nest, at most CF_VALUE_DEPTH_MAX deep. */
static cf_bytes merge_value(merging *self, const cf_list_versions *of)
{
    versions taken;

    if (cf_bytes_equal(of->shown, of->other) || cf_bytes_equal(of->other, of->before))
        return of->shown;
    if (cf_bytes_equal(of->shown, of->before))
        return of->other;
    if (!of->shown.size || !of->other.size)
        return of->shown.size ? of->shown : of->other;
    if (take_versions(self, of, members_of, &taken))
        return merge_objects(self, &taken);
    if (take_versions(self, of, elements_of, &taken))
        return merge_lists(self, &taken);
    self->differs = true;
    return of->shown;
}

bool cf_list_merge(const cf_list_versions *of, bool *clash, cf_buffer *out)
{
    merging self = {0};
    parts ignored;

    const bool are = elements_of(of->shown, &self.arena, &ignored) &&
                     elements_of(of->other, &self.arena, &ignored) &&
                     (!of->before.size || elements_of(of->before, &self.arena, &ignored));
    const cf_bytes merged = are ? merge_value(&self, of) : (cf_bytes){0};
    *clash = self.differs;
    if (are)
        cf_buffer_append(out, merged.data, merged.size);
    cf_arena_release(&self.arena);
    return are;
}
