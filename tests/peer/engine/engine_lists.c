/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of a JSON document whose objects have an id, which devices change apart. */
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_inside.h"
#include "tests/support/bound_source.h"

#include "peer/adapters/text/json_document.h"
#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER = 3, PATH = 160, ELEMENTS_MAX = 400, NOTHING = -1 };

/* {"id": 7, "m0": 1, "m2": 5}: each device writes a member of its own. */
typedef struct {
    long id, members[SMALL_DEVICES_MAX];
} element;

typedef struct {
    element at[ELEMENTS_MAX];
    size_t count;
} list;

/* ---- Documents ---- */

static void path_of(const small_device *self, char path[PATH])
{
    snprintf(path, PATH, "%s.json", self->folder);
}

static void bind_documents(small_world *w)
{
    for (int i = 0; i < w->count; i++) {
        small_device *self = &w->devices[i];
        char path[PATH];

        path_of(self, path);
        bind_source(
            self->engine,
            &(bound_source){.collection = "document",
                            .options = {.number = NUMBER, .format = CF_FORMAT_JSON, .path = path}});
    }
}

static void user_writes_list(small_device *self, const list *what)
{
    char path[PATH];

    path_of(self, path);
    FILE *file = fopen(path, "we");
    cr_assert(file);
    fprintf(file, "{\"unit\": \"g\", \"list\": [");
    for (size_t i = 0; i < what->count; i++) {
        fprintf(file, "%s\n{\"id\": %ld", i ? "," : "", what->at[i].id);
        for (int k = 0; k < SMALL_DEVICES_MAX; k++)
            if (what->at[i].members[k] != NOTHING)
                fprintf(file, ", \"m%d\": %ld", k, what->at[i].members[k]);
        fputs("}", file);
    }
    fputs("]}\n", file);
    cr_assert_eq(fclose(file), 0);
}

static long number_of(const cf_json *json, size_t object, const char *name)
{
    const size_t member = cf_json_member(json, object, cf_bytes_of_text(name));
    char digits[24] = "";

    if (member == CF_JSON_NONE)
        return NOTHING;
    const cf_bytes spelled = cf_json_spelled(json, member);
    cr_assert_lt(spelled.size, sizeof digits);
    memcpy(digits, spelled.data, spelled.size);
    return strtol(digits, NULL, 10);
}

static list user_reads_list(const small_device *self)
{
    char bytes[1 << 16];
    list found = {.count = 0};
    char path[PATH];
    cf_error error;
    cf_json json;

    path_of(self, path);
    FILE *file = fopen(path, "re");
    if (!file)
        return found;
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    expect_ok(cf_json_read(cf_bytes_of(bytes, size), &json, &error), error);
    const size_t array = cf_json_member(&json, 0, cf_bytes_of_text("list"));
    for (size_t node = array + 1; array != CF_JSON_NONE && node < json.nodes[array].end;
         node = json.nodes[node].end) {
        element *one = &found.at[found.count++];

        *one = (element){.id = number_of(&json, node, "id")};
        for (int k = 0; k < SMALL_DEVICES_MAX; k++) {
            char name[8];

            snprintf(name, sizeof name, "m%d", k);
            one->members[k] = number_of(&json, node, name);
        }
    }
    cf_json_release(&json);
    return found;
}

static element *find(list *in, long id)
{
    for (size_t i = 0; i < in->count; i++)
        if (in->at[i].id == id)
            return &in->at[i];
    return NULL;
}

static element *add(list *to, long id)
{
    element *one = &to->at[to->count++];

    cr_assert_lt(to->count, ELEMENTS_MAX);
    *one = (element){.id = id, .members = {NOTHING, NOTHING, NOTHING, NOTHING}};
    return one;
}

static bool lists_equal(small_world *w, cf_buffer *difference)
{
    const list first = user_reads_list(&w->devices[0]);

    for (int i = 1; i < w->count; i++) {
        const list other = user_reads_list(&w->devices[i]);

        if (first.count == other.count &&
            memcmp(first.at, other.at, first.count * sizeof *first.at) == 0)
            continue;
        cf_buffer_append_text(difference, "device %d has another list", i);
        return false;
    }
    return true;
}

static size_t conflicts(const small_device *self)
{
    cf_binding_status status;
    cf_arena arena = {0};

    for (size_t i = 0;; i++) {
        const cf_binding *binding = cf_engine_binding_at(self->engine, i);

        if (binding->format != CF_FORMAT_JSON)
            continue;
        cf_engine_status(self->engine, binding, &arena, &status);
        cf_arena_release(&arena);
        return status.conflict_count;
    }
}

/* ---- A history ---- */

/* What must come of it. */
typedef struct {
    list written;              /* the last that each device wrote, by element */
    bool taken[ELEMENTS_MAX];  /* by the one who made it */
    bool shared[ELEMENTS_MAX]; /* another one wrote in it */
    bool clashes;              /* one writes in another's member, too */
    long next;
} expected;

static int maker_of(const small_world *w, long id)
{
    return (int)(id % w->count);
}

static void change(small_device *self, list *own, expected *of)
{
    element *one = &own->at[chance_below(&self->in->chance, own->count)];
    const long value = (long)chance_below(&self->in->chance, 1000);
    const bool clashes = of->clashes && chance_below(&self->in->chance, 3) == 0;
    const int member = clashes ? 0 : self->number;

    one->members[member] = value;
    find(&of->written, one->id)->members[member] = value;
    of->shared[one->id] |= maker_of(self->in, one->id) != self->number;
}

static void make(small_device *self, list *own, expected *of)
{
    const long id = of->next++ * self->in->count + self->number;
    const size_t place = chance_below(&self->in->chance, own->count + 1);

    add(&of->written, id)->members[self->number] = 1;
    *add(own, id) = of->written.at[of->written.count - 1];
    const element made = own->at[own->count - 1];
    memmove(&own->at[place + 1], &own->at[place], (own->count - 1 - place) * sizeof made);
    own->at[place] = made;
}

static void take(small_device *self, list *own, expected *of)
{
    element *one = &own->at[chance_below(&self->in->chance, own->count)];

    if (maker_of(self->in, one->id) != self->number)
        return;
    of->taken[one->id] = true;
    memmove(one, one + 1, (size_t)(&own->at[--own->count] - one) * sizeof *one);
}

static void act(small_device *self, expected *of)
{
    list own = user_reads_list(self);

    switch (own.count ? chance_below(&self->in->chance, 4) : 0) {
    case 0:
        make(self, &own, of);
        break;
    case 1:
        take(self, &own, of);
        break;
    default:
        change(self, &own, of);
    }
    user_writes_list(self, &own);
}

static void expect_all(small_world *w, expected *of, uint64_t seed)
{
    list found = user_reads_list(&w->devices[0]);

    for (size_t i = 0; i < of->written.count; i++) {
        const element *wanted = &of->written.at[i];
        const element *one = find(&found, wanted->id);

        if (of->taken[wanted->id] && !of->shared[wanted->id] && !of->clashes)
            cr_expect_null(one, "seed %lu: %ld is back", (unsigned long)seed, wanted->id);
        if (of->taken[wanted->id])
            continue;
        cr_assert(one, "seed %lu: %ld is lost", (unsigned long)seed, wanted->id);
        if (of->clashes)
            continue;
        cr_expect_eq(memcmp(one->members, wanted->members, sizeof wanted->members), 0,
                     "seed %lu: an edit of %ld is lost", (unsigned long)seed, wanted->id);
    }
}

static void try_history(uint64_t seed, int devices, bool clashes)
{
    enum { STEPS = 60 };
    small_world *w = small_world_new(seed, devices);
    expected *of = cf_allocate(1, sizeof *of);
    list empty = {.count = 0};

    of->clashes = clashes;
    bind_documents(w);
    user_writes_list(&w->devices[0], &empty);
    settles_equal_by(lists_equal, w, "seed", seed);
    for (int step = 0; step < STEPS; step++) {
        small_device *self = &w->devices[chance_below(&w->chance, (uint64_t)devices)];

        switch (chance_below(&w->chance, 6)) {
        case 0:
            small_device_unplug(self);
            break;
        case 1:
            self->offline = false;
            break;
        case 2:
            small_device_sync(self);
            break;
        case 3:
            small_device_crash(self);
            break;
        default:
            act(self, of);
            small_device_sync(self);
        }
    }
    for (int i = 0; i < devices; i++)
        w->devices[i].offline = false;
    settles_equal_by(lists_equal, w, "seed", seed);
    const uint64_t entries = small_world_entries(w);
    settles_equal_by(lists_equal, w, "seed", seed);
    cr_expect_eq(small_world_entries(w), entries, "seed %lu is not quiet", (unsigned long)seed);
    expect_all(w, of, seed);
    for (int i = 0; i < devices && !clashes; i++)
        cr_expect_eq(conflicts(&w->devices[i]), 0, "seed %lu", (unsigned long)seed);
    free(of);
    small_world_destroy(&w);
}

static void try_histories(bool clashes)
{
    const char *first = getenv("LISTS_SEED"), *count = getenv("LISTS_COUNT");
    const uint64_t begin = first ? strtoull(first, NULL, 10) : 1;

    for (uint64_t seed = begin; seed < begin + (count ? strtoull(count, NULL, 10) : 20); seed++)
        try_history(seed, 2 + (int)(seed % 2), clashes);
}

Test(engine_lists, lose_no_edit_of_two_or_three_devices)
{
    try_histories(false);
}

/* All come to the same, and to rest, and what each made is there. */
Test(engine_lists, have_all_elements_of_two_or_three_devices_that_clash)
{
    try_histories(true);
}

/* More writes ago than are looked at: nobody knows what was taken away meanwhile. */
Test(engine_lists, are_one_value_where_they_parted_too_long_ago)
{
    enum { LOOKED_AT = 256 };
    small_world *w = small_world_new(70, 2);
    small_device *away = &w->devices[0], *other = &w->devices[1];
    list mine = {.count = 0}, theirs;

    bind_documents(w);
    for (long id = 0; id < 3; id++)
        add(&mine, id)->members[0] = 0;
    user_writes_list(away, &mine);
    settles_equal_by(lists_equal, w, "begin", 0);
    theirs = mine;
    small_device_unplug(away);
    mine.count = 2; /* it takes one away, and then another one comes and goes */
    for (long i = 1; i <= LOOKED_AT + 2; i++) {
        if (i % 2)
            add(&mine, 9)->members[0] = 0;
        else
            mine.count--;
        user_writes_list(away, &mine);
        small_device_sync(away);
    }
    add(&theirs, 5)->members[1] = 7;
    user_writes_list(other, &theirs);
    cr_assert(small_device_sync(other));
    away->offline = false;
    settles_equal_by(lists_equal, w, "end", 0);
    cr_expect_eq(conflicts(away), 1);
    cr_expect_eq(conflicts(other), 1);
    small_world_destroy(&w);
}
