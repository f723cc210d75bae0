/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories of a device that has everything and one that asks for some of it, and for
 * something else now and then: in the end it has what it asks for, as the other has it, and all
 * that lay there unasked for; nothing is lost, nor deleted elsewhere because it is not here. */
#include "tests/peer/small/included.h"
#include "tests/peer/small/small_things.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 70, HISTORIES = 40, CONTENTS = 200, DEPTH = 4 };

/* Each content is written once. */
typedef struct {
    small_world *w;
    small_device *all, *some;
    uint64_t seed;
    int written;
    bool had[CONTENTS];                  /* the first device has had it */
    bool gone[CONTENTS];                 /* a user replaced or deleted it who spoke for all */
    bool dropped[CONTENTS];              /* or for his device */
    bool known[CONTENTS];                /* the second may have it in its base */
    char asked_at[CONTENTS][THING_PATH]; /* there */
} history;

/* ---- What is asked for ---- */

static void print_tree(const history *self, const small_device *who, const char *name)
{
    cf_buffer text = {0};

    small_device_tree(who, &text);
    fprintf(stderr, "seed %lu: %s:\n%.*s", (unsigned long)self->seed, name, (int)text.size,
            text.size ? (const char *)text.data : "");
    cf_buffer_release(&text);
}

static bool is_asked_for(const history *self, const thing *it)
{
    const cf_binding *binding = cf_engine_binding_at(self->some->engine, 0);

    return cf_include_match_path(binding->matcher, cf_bytes_of_text(it->path), it->is_directory) ==
           CF_INCLUDE_IN;
}

/* ---- What users do ---- */

static const char *const directories[] = {"a", "b", "c", "d"};
static const char *const files[] = {"x.txt", "y.txt", "x.bin", "z.bin"};

static int depth_of(const char *path)
{
    int depth = *path != '\0';

    for (; *path; path++)
        depth += *path == '/';
    return depth;
}

/* Directories more often. */
static const thing *choose(history *self, const things *in)
{
    const thing *chosen = NULL;

    for (int i = 0; i < 3 && in->count && !(chosen && chosen->is_directory); i++)
        chosen = &in->at[chance_below(&self->w->chance, (uint64_t)in->count)];
    return chosen;
}

/* A name in a directory that is there. */
static void choose_place(history *self, const things *in, const char *const names[4],
                         char out[THING_PATH])
{
    const thing *chosen = choose(self, in);
    const char *above = "";

    if (chosen && chosen->is_directory && depth_of(chosen->path) < DEPTH &&
        chance_below(&self->w->chance, 4))
        above = chosen->path;
    snprintf(out, THING_PATH, "%.250s%s%s", above, *above ? "/" : "",
             names[chance_below(&self->w->chance, 4)]);
}

static void write_one(history *self, small_device *who, const things *in)
{
    char place[THING_PATH], text[20];

    choose_place(self, in, files, place);
    cr_assert_lt(++self->written, CONTENTS);
    snprintf(text, sizeof text, "%d", self->written);
    user_saves(who, place, cf_bytes_of_text(text),
               chance_below(&self->w->chance, 2) ? SAVE_BY_RENAME : SAVE_IN_PLACE);
}

static void move_one(history *self, small_device *who, const things *in)
{
    const thing *it = choose(self, in);
    char place[THING_PATH];

    if (!it)
        return;
    choose_place(self, in, it->is_directory ? directories : files, place);
    user_moves(who, it->path, place);
}

static void swap_two(history *self, small_device *who, const things *in)
{
    const thing *one = choose(self, in), *other = choose(self, in);

    if (one && one->is_directory == other->is_directory)
        user_swaps(who, one->path, other->path);
}

static void act(history *self, small_device *who, const things *in)
{
    const thing *it = choose(self, in);
    char place[THING_PATH];

    switch (chance_below(&self->w->chance, 16)) {
    case 0:
    case 1:
    case 2:
        choose_place(self, in, directories, place);
        user_makes(who, place);
        break;
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
        write_one(self, who, in);
        break;
    case 8:
        if (it && (!it->is_directory || chance_below(&self->w->chance, 3) == 0))
            user_removes(who, it->path);
        break;
    case 9:
        if (it)
            user_changes_mode(who, it->path, it->is_directory ? 0700 : 0600);
        break;
    case 10:
        swap_two(self, who, in);
        break;
    default:
        move_one(self, who, in);
        break;
    }
}

/* ---- What becomes of it ---- */

static void note_had(history *self)
{
    things now;

    things_look(self->all, &now);
    for (int i = 0; i < now.count; i++)
        self->had[now.at[i].content] = true;
}

/* As by a backup save: it goes elsewhere, and another has its name. */
static bool is_replaced(const things *in, const char *path, int content)
{
    const thing *it = things_find(in, path);

    return it && it->content != content;
}

/* `anew`: after a look at everything. */
static void note_known(history *self, bool anew)
{
    things now;

    things_look(self->some, &now);
    if (anew)
        memset(self->known, 0, sizeof self->known);
    for (int i = 0; i < now.count; i++) {
        const thing *it = &now.at[i];

        if (it->is_directory || !is_asked_for(self, it))
            continue;
        self->known[it->content] = true;
        strcpy(self->asked_at[it->content], it->path);
    }
    for (int i = 1; i <= self->written; i++)
        self->gone[i] |= self->known[i] && is_replaced(&now, self->asked_at[i], i);
}

/* With WORLD_LOUD. */
static void tell_tree(const history *self, const small_device *who)
{
    if (self->w->loud)
        print_tree(self, who, who == self->all ? "all" : "some");
}

static void user_acts(history *self, small_device *who)
{
    things before, after;

    things_look(who, &before);
    act(self, who, &before);
    things_look(who, &after);
    tell_tree(self, who);
    for (int i = 0; i < before.count; i++) {
        int content = before.at[i].content;

        if (things_have(&after, content))
            continue;
        self->dropped[content] = true;
        self->gone[content] |= who == self->all || self->known[content];
    }
    if (who == self->all)
        note_had(self);
    else
        note_known(self, false);
}

/* It asks for something else. */
static void change_mind(history *self)
{
    static const char *const wishes[][2] = {
        {"*.txt", NULL},
        {"/a/", NULL},
        {"b/", NULL},
        {"/a/*/b/", "/c/"},
        {"/b/*.txt", "/a/*.bin"},
        {"/a/b/*.txt", "/b/**/x.*"},
        {"/*/a/", "x.bin"},
        {"/*/*/*.txt", NULL},
    };
    const char *const *wish =
        wishes[chance_below(&self->w->chance, sizeof wishes / sizeof wishes[0])];

    if (self->w->loud)
        fprintf(stderr, "asks for %s %s\n", wish[0], wish[1] ? wish[1] : "");
    small_device_asks_for(self->some, wish, wish[1] ? 2 : 1);
    note_known(self, false);
}

static bool is_in_its_directory(const things *in, const thing *it)
{
    char above[THING_PATH];

    strcpy(above, it->path);
    char *slash = strrchr(above, '/');
    if (slash)
        *slash = '\0';
    return !slash || things_find(in, above);
}

/* What it asked for until now goes its way, also as a conflict copy whose name it doesn't ask for.
 * So does what lay in a directory that others moved to where it is asked for: there it was told,
 * and the end says whether it is lost. (Seed 83: b/ is asked for, a/z.bin is not; a goes to b/a,
 * and b to d.) */
static void expect_left(const history *self, const things *before)
{
    things now;

    things_look(self->some, &now);
    for (int i = 0; i < before->count; i++) {
        const thing *it = &before->at[i];

        if (!it->is_directory && !is_asked_for(self, it) && !self->known[it->content] &&
            is_in_its_directory(&now, it))
            cr_assert(things_have(&now, it->content), "seed %lu: %s (%d) is lost here",
                      (unsigned long)self->seed, it->path, it->content);
    }
}

static void sync_one(history *self, small_device *who)
{
    cf_round_options options = {.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()};
    bool whole = chance_below(&self->w->chance, 3) > 0;
    things before;

    things_look(self->some, &before);
    self->w->now_ms += 3000;
    if (!whole && chance_below(&self->w->chance, 4) == 0)
        who->faults =
            (disk_faults){.calls = who->faults.calls,
                          .at = who->faults.calls + 1 + chance_below(&self->w->chance, 60),
                          .once = chance_below(&self->w->chance, 2),
                          .status = CF_IO};
    whole = small_device_round(who, &options,
                               whole ? SMALL_TURNS_MAX
                                     : (unsigned)chance_below(&self->w->chance, 40)) &&
            whole;
    if (who->faults.at || who->trouble || chance_below(&self->w->chance, 8) == 0)
        small_device_crash(who);
    expect_left(self, &before);
    if (who == self->all)
        note_had(self);
    else
        note_known(self, whole);
    if (self->w->loud)
        fprintf(stderr, "synced %d %d\n", who->number, whole);
    tell_tree(self, who);
}

/* ---- The end ---- */

static void fail(const history *self, const char *what, const thing *it)
{
    print_tree(self, self->all, "all");
    print_tree(self, self->some, "some");
    cr_assert(false, "seed %lu: %s: %s", (unsigned long)self->seed, it->path, what);
}

/* What the second asks for is the same there. */
static void expect_asked(const history *self, const things *all, const things *some)
{
    for (int i = 0; i < all->count; i++) {
        const thing *it = &all->at[i], *there = things_find(some, it->path);

        if (is_asked_for(self, it) && (!there || there->is_directory != it->is_directory ||
                                       there->content != it->content || there->mode != it->mode))
            fail(self, "is not as it was made", it);
    }
    for (int i = 0; i < some->count; i++)
        if (is_asked_for(self, &some->at[i]) && !things_find(all, some->at[i].path))
            fail(self, "is here only", &some->at[i]);
}

static void expect_no_rest(const history *self, const things *in)
{
    for (int i = 0; i < in->count; i++)
        if (strstr(in->at[i].path, ".counterfoil"))
            fail(self, "is ours", &in->at[i]);
}

/* What the broker accepted before the power went is known of the next session only. */
static void meet_again(history *self)
{
    for (int i = 0; i < 2; i++) {
        small_device_unplug(&self->w->devices[i]);
        self->w->devices[i].offline = false;
        cr_assert(small_device_sync(&self->w->devices[i]));
    }
}

/* What nobody deleted is where everything is, if it was ever there; else at least where it was
 * written. */
static void expect_no_loss(const history *self, const things *all, const things *some)
{
    for (int content = 1; content <= self->written; content++) {
        bool had = self->had[content];
        thing lost = {0};

        if (self->gone[content] || things_have(all, content) ||
            (!had && (self->dropped[content] || things_have(some, content))))
            continue;
        snprintf(lost.path, THING_PATH, "content %d", content);
        fail(self, "is lost", &lost);
    }
}

static void expect_end(history *self)
{
    things all, some;

    meet_again(self);
    things_look(self->all, &all);
    things_look(self->some, &some);
    expect_asked(self, &all, &some);
    expect_no_rest(self, &all);
    expect_no_rest(self, &some);
    expect_no_loss(self, &all, &some);
    expect_nothing_pending(self->all);
    expect_nothing_pending(self->some);
}

static void try_history(uint64_t seed)
{
    history self = {.w = small_world_new(seed, 2), .seed = seed};
    things before;

    self.all = &self.w->devices[0];
    self.some = &self.w->devices[1];
    change_mind(&self);
    for (int step = 0; step < STEPS; step++) {
        small_device *who = chance_below(&self.w->chance, 3) ? self.all : self.some;

        switch (chance_below(&self.w->chance, 12)) {
        case 0:
        case 1:
        case 2:
            sync_one(&self, &self.w->devices[chance_below(&self.w->chance, 2)]);
            break;
        case 3:
            if (chance_below(&self.w->chance, 3) == 0)
                change_mind(&self);
            break;
        default:
            user_acts(&self, who);
            break;
        }
    }
    things_look(self.some, &before);
    cr_assert(small_world_settle(self.w), "seed %lu: the world does not come to rest",
              (unsigned long)seed);
    expect_left(&self, &before);
    expect_end(&self);
    small_world_destroy(&self.w);
}

Test(engine_include_histories, end_with_what_is_asked_for_and_lose_nothing)
{
    const char *first = getenv("INCLUDE_SEED"), *count = getenv("INCLUDE_COUNT");
    uint64_t from = first ? strtoull(first, NULL, 10) : 1;

    for (uint64_t i = 0; i < (count ? strtoull(count, NULL, 10) : HISTORIES); i++)
        try_history(from + i);
}
