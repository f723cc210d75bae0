/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/intents.h"

#include "tests/worlds/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Regions ---- */

static region *find_region(const picture *self, const char *where)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->all[i].where, where) == 0)
            return &self->all[i];
    return NULL;
}

const region *picture_at(const picture *self, const char *where)
{
    static const region empty;
    const region *found = find_region(self, where);

    return found ? found : &empty;
}

static void add_line(picture *self, const char *where, cf_bytes line)
{
    region *one = find_region(self, where);

    if (!one) {
        one = cf_one_more(self->all, self->count, self->capacity);
        *one = (region){0};
        snprintf(one->where, sizeof one->where, "%s", where);
    }
    cf_buffer_append(&one->text, line.data, line.size);
    cf_buffer_append(&one->text, "\n", 1);
}

static void take_out(char *name, const char *sign)
{
    for (char *from; (from = strstr(name, sign));) {
        char *to = strchr(from, ')');

        if (!to)
            break;
        memmove(from, to + 1, strlen(to + 1) + 1);
    }
}

/* A conflict copy lies where its original does: its mark is taken out of the name, as a dump has it
 * or as it is. */
static void name_region(const char *path, size_t size, char where[96])
{
    char name[1024];

    snprintf(name, sizeof name, "/%.*s", (int)size, path);
    name[1 + strcspn(name + 1, "/")] = '\0';
    take_out(name, "\\x20(conflict\\x20");
    take_out(name, " (conflict ");
    snprintf(where, 96, "%.95s", name);
}

/* KIND/KEY; of counted rows, whose keys may become others, KIND. */
static void name_record(const char *kind, const char *key, char where[96])
{
    if (strcmp(kind, "numbers") == 0)
        snprintf(where, 96, "%.12s", kind);
    else
        snprintf(where, 96, "%.12s/%.80s", kind, key);
}

void picture_add(picture *self, cf_bytes line)
{
    char first[16], second[1024], where[96], text[1200];

    snprintf(text, sizeof text, "%.*s", (int)(line.size < 1199 ? line.size : 1199),
             (const char *)line.data);
    if (sscanf(text, "%15s %1023s", first, second) != 2)
        return;
    if (first[1] == '\0')
        name_region(second, strlen(second), where);
    else
        name_record(first, second, where);
    add_line(self, where, line);
}

void picture_add_kept(picture *self, const char *place, const char *token)
{
    char kind[16] = "", key[81] = "", where[96], line[256];

    sscanf(place, "%15[^/]/%80[^/]", kind, key);
    name_record(kind, key, where);
    snprintf(line, sizeof line, "kept %s %s", place, token);
    add_line(self, where, cf_bytes_of_text(line));
}

void picture_release(picture *self)
{
    for (size_t i = 0; i < self->count; i++)
        cf_buffer_release(&self->all[i].text);
    free(self->all);
    *self = (picture){0};
}

static bool is_same(const region *a, const region *b)
{
    return cf_bytes_equal(cf_buffer_view(&a->text), cf_buffer_view(&b->text));
}

static size_t count_conflicts(const region *self)
{
    cf_buffer text = {0};
    size_t count = 0;

    cf_buffer_append(&text, self->text.data, self->text.size);
    cf_buffer_append(&text, "", 1);
    for (char *line = strtok((char *)text.data, "\n"); line; line = strtok(NULL, "\n"))
        count += strstr(line, "(conflict\\x20") || strncmp(line, "kept ", 5) == 0;
    cf_buffer_release(&text);
    return count;
}

bool region_has_more_conflicts(const region *now, const region *meant)
{
    return count_conflicts(now) > count_conflicts(meant);
}

/* ---- What is meant ---- */

static void release_one(intent *self)
{
    cf_buffer_release(&self->meant.text);
    free(self->past);
}

void intents_release(intents *self)
{
    for (size_t i = 0; i < self->count; i++)
        release_one(&self->all[i]);
    free(self->all);
    *self = (intents){0};
}

static void remember(intent *self, uint64_t sum)
{
    *cf_one_more(self->past, self->past_count, self->past_capacity) = sum;
}

static bool was_before(const intent *self, uint64_t sum)
{
    for (size_t i = 0; i < self->past_count; i++)
        if (self->past[i] == sum)
            return true;
    return false;
}

static intent *find(const intents *self, const char *where)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->all[i].meant.where, where) == 0)
            return &self->all[i];
    return NULL;
}

/* Of what nobody has done anything with, all agree that it is empty. */
static intent *find_or_add(intents *self, const char *where)
{
    intent *one = find(self, where);

    if (one)
        return one;
    one = cf_one_more(self->all, self->count, self->capacity);
    *one = (intent){.group = ++self->groups, .is_contended = self->is_doubted};
    snprintf(one->meant.where, sizeof one->meant.where, "%s", where);
    remember(one, sum_of_bytes((cf_bytes){0}));
    return one;
}

static void mean(intent *self, const region *made)
{
    cf_buffer_clear(&self->meant.text);
    cf_buffer_append(&self->meant.text, made->text.data, made->text.size);
}

static void contend(intents *self, size_t group)
{
    for (size_t i = 0; i < self->count; i++)
        self->all[i].is_contended |= self->all[i].group == group;
}

/* They are one group from now on, and contended for if one of them was. */
static void join(intents *self, size_t a, size_t b)
{
    bool any = false;

    for (size_t i = 0; i < self->count; i++) {
        intent *one = &self->all[i];

        if (one->group == b)
            one->group = a;
        any |= one->group == a && one->is_contended;
    }
    if (any)
        contend(self, a);
}

/* Calls with each region that isn't the same in both. */
typedef void change_visit(intents *self, const region *before, const region *after,
                          const char *where, void *context);

static void each_change(intents *self, const picture *before, const picture *after,
                        change_visit *visit, void *context)
{
    for (size_t i = 0; i < after->count; i++) {
        const region *was = picture_at(before, after->all[i].where);

        if (!is_same(was, &after->all[i]))
            visit(self, was, &after->all[i], after->all[i].where, context);
    }
    for (size_t i = 0; i < before->count; i++)
        if (!find_region(after, before->all[i].where))
            visit(self, &before->all[i], picture_at(after, before->all[i].where),
                  before->all[i].where, context);
}

typedef struct {
    bool in_doubt;
    size_t group; /* 0: none yet */
} acting;

/* What is kept of the fields of a record goes when somebody looks at what its user did. */
static bool has_kept(const region *self)
{
    cf_bytes line = cf_bytes_of_text("kept "), text = cf_buffer_view(&self->text);

    for (size_t at = 0; at + line.size <= text.size; at++)
        if ((at == 0 || text.data[at - 1] == '\n') &&
            memcmp(text.data + at, line.data, line.size) == 0)
            return true;
    return false;
}

/* Nobody can tell an earlier state that has come again from one that never was left. */
static void act_on(intents *self, const region *before, const region *after, const char *where,
                   void *context)
{
    acting *act = context;
    intent *one = find_or_add(self, where);
    uint64_t sum = sum_of_bytes(cf_buffer_view(&after->text));

    if (act->in_doubt || has_kept(before) || !is_same(before, &one->meant) || was_before(one, sum))
        contend(self, one->group);
    mean(one, after);
    remember(one, sum);
    if (*where == '/') {
        if (act->group)
            join(self, act->group, one->group);
        act->group = one->group;
    }
}

void intents_act(intents *self, const picture *before, const picture *after, bool in_doubt)
{
    each_change(self, before, after, act_on, &(acting){.in_doubt = in_doubt});
}

void intents_tie(intents *self, const char *path, const char *other)
{
    char where[96];

    name_region(path, strlen(path), where);
    size_t group = find_or_add(self, where)->group;
    name_region(other, strlen(other), where);
    join(self, group, find_or_add(self, where)->group);
}

/* Nobody can tell whether others know that something was moved there, unless it looks another way
 * since. */
static void contend_unseen(intents *self, const intents_move *move, const char *path)
{
    char where[96];

    name_region(path, strlen(path), where);
    if (is_same(picture_at(move->before, where), picture_at(move->after, where)))
        contend(self, find_or_add(self, where)->group);
}

void intents_moved(intents *self, const intents_move *move)
{
    contend_unseen(self, move, move->from);
    contend_unseen(self, move, move->to);
    intents_tie(self, move->from, move->to);
}

static void shake_one(intents *self, const region *before, const region *after, const char *where,
                      void *context)
{
    (void)before, (void)after, (void)context;
    contend(self, find_or_add(self, where)->group);
}

void intents_shake(intents *self, const picture *before, const picture *after)
{
    each_change(self, before, after, shake_one, NULL);
}

void intents_doubt_all(intents *self)
{
    self->is_doubted = true;
    for (size_t i = 0; i < self->count; i++)
        self->all[i].is_contended = true;
}

void intents_keep(intents *self, const picture *pictures, size_t count)
{
    for (size_t i = 0; i < self->count; i++) {
        const intent *one = &self->all[i];
        bool found = false;

        for (size_t k = 0; k < count; k++)
            found |= is_same(picture_at(&pictures[k], one->meant.where), &one->meant);
        if (!found)
            contend(self, one->group);
    }
}

void intents_agree(intents *self, const picture *all)
{
    for (size_t i = 0; i < self->count; i++)
        release_one(&self->all[i]);
    self->count = 0;
    self->is_doubted = false;
    for (size_t i = 0; i < all->count; i++) {
        intent *one = find_or_add(self, all->all[i].where);

        mean(one, &all->all[i]);
        remember(one, sum_of_bytes(cf_buffer_view(&one->meant.text)));
    }
}

const intent *intents_broken(intents *self, const picture *now)
{
    bool any = false;

    for (size_t i = 0; i < self->count; i++)
        any |= self->all[i].is_contended;
    /* What nobody did anything with may be where things of contended ones went: out of rings. */
    for (size_t i = 0; i < now->count; i++)
        if (!find(self, now->all[i].where))
            find_or_add(self, now->all[i].where)->is_contended = any;
    for (size_t i = 0; i < self->count; i++)
        if (!self->all[i].is_contended &&
            !is_same(picture_at(now, self->all[i].meant.where), &self->all[i].meant))
            return &self->all[i];
    return NULL;
}

bool intents_certain(const intents *self, char path[CERTAIN_PATH])
{
    bool found = false;

    for (size_t i = 0; i < self->count && !found; i++) {
        const intent *one = &self->all[i];
        cf_buffer text = {0};

        cf_buffer_append(&text, one->meant.text.data, one->meant.text.size);
        cf_buffer_append(&text, "", 1);
        for (char *line = strtok((char *)text.data, "\n"); line && !found && !one->is_contended;
             line = strtok(NULL, "\n"))
            found = sscanf(line, "f %63[^\\ ] ", path) == 1;
        cf_buffer_release(&text);
    }
    return found;
}
