/* SPDX-License-Identifier: Apache-2.0 */
/* Small histories with the tree a user should see. Letters are devices; a=1 writes, a/ makes a
 * directory, -a deletes, a>b moves, <A receives from A; sync: all with all. a* is the conflict
 * copy. Each step is scanned. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/base32.h"
#include "tests/peer/model/model_world.h"
#include "tests/support/expect.h"

static const struct {
    const char *name, *script, *tree;
} examples[] = {
    {"edit || edit", "A a=1, sync, A a=2, B a=3", "a*=2 a=3"},
    {"edit || edit the same", "A a=1, sync, A a=2, B a=2", "a=2"},
    {"edit the main beside a copy", "A a=1, sync, A a=2, B a=3, sync, A a=4", "a*=2 a=4"},
    {"edit the copy", "A a=1, sync, A a=2, B a=3, sync, A a*=4", "a*=4 a=3"},
    {"delete the main, keep the copy", "A a=1, sync, A a=2, B a=3, sync, A -a", "a*=2"},
    {"delete the copy", "A a=1, sync, A a=2, B a=3, sync, A -a*", "a=3"},
    {"delete both", "A a=1, sync, A a=2, B a=3, sync, A -a, A -a*", ""},
    {"rename the copy", "A a=1, sync, A a=2, B a=3, sync, A a*>b", "a=3 b=2"},
    {"rename the main", "A a=1, sync, A a=2, B a=3, sync, A a>b", "a*=2 b=3"},
    {"rename the copy || edit the copy", "A a=1, sync, A a=2, B a=3, sync, A a*>b, B a*=4",
     "a=3 b=4"},
    {"rename the copy || edit the copy twice",
     "A a=1, sync, A a=2, B a=3, sync, A a*>b, B a*=4, B a*=5", "a=3 b=5"},
    {"edit the copy || edit the copy", "A a=1, sync, A a=2, B a=3, sync, A a*=4, B a*=5",
     "a*=4 a*=5 a=3"},
    {"edit the copy || delete the copy", "A a=1, sync, A a=2, B a=3, sync, A a*=4, B -a*",
     "a*=4 a=3"},
    {"delete the main || edit the copy", "A a=1, sync, A a=2, B a=3, sync, A -a, B a*=4", "a*=4"},
    {"delete the main || delete the copy", "A a=1, sync, A a=2, B a=3, sync, A -a, B -a*", ""},
    {"edit the main || edit the copy", "A a=1, sync, A a=2, B a=3, sync, A a=4, B a*=5",
     "a*=5 a=4"},
    {"edit the main || edit the main", "A a=1, sync, A a=2, B a=3, sync, A a=4, B a=5",
     "a*=2 a*=4 a=5"},
    {"three ways", "A a=1, sync, A a=2, B a=3, C a=4", "a*=2 a*=3 a=4"},
    {"edit || delete", "A a=1, sync, A a=2, B -a", "a=2"},
    {"rename || delete", "A a=1, sync, A a>b, B -a", "b=1"},
    {"rename and delete || earlier rename", "A a=1, sync, B a>c, A a>b, A -b", "c=1"},
    {"rename || edit", "A a=1, sync, A a>b, B a=2", "b=2"},
    {"rename || rename", "A a=1, sync, A a>b, B a>c", "c=1"},
    {"create || create", "A a=1, B a=2", "a*=2 a=1"},
    {"create and rename || create", "A a=1, A a>c, B a=2", "a=2 c=1"},
    {"create file || create directory", "A a=1, B a/, B a/b=2", "a*=1 a/b=2"},
    {"create d/a || create d/b", "A d/, A d/a=1, B d/, B d/b=2", "d/a=1 d/b=2"},
    {"move g to d || create d, with directories of one name",
     "A g/, A g/e/, A g/e/a=1, sync, A g>d, B d/, B d/e/, B d/e/a=2", "d/e/a*=2 d/e/a=1"},
    {"delete d || create d/b", "A d/, A d/a=1, sync, A -d, B d/b=2", "d/b=2"},
    {"delete d || edit d/a", "A d/, A d/a=1, A d/b=3, sync, A -d, B d/a=2", "d/a=2"},
    {"delete d || move d", "A d/, A d/a=1, A d/b=2, sync, A -d, B d>e", "e/a=1 e/b=2"},
    {"delete d || move d, with directories", "A d/, A d/e/, A d/e/a=1, A d/b=2, sync, A -d, B d>g",
     "g/b=2 g/e/a=1"},
    {"delete d || move d/e", "A d/, A d/e/, A d/e/a=1, A d/b=2, sync, A -d, B d/e>g", "g/a=1"},
    {"delete d || rename d/e", "A d/, A d/e/, A d/e/a=1, A d/b=2, sync, A -d, B d/e>d/g",
     "d/g/a=1"},
    {"delete d/a, then d || move d", "A d/, A d/a=1, A d/b=2, sync, A -d/a, A -d, B d>e", "e/b=2"},
    {"delete d || move d || delete d/a", "A d/, A d/a=1, A d/b=2, sync, A -d, B d>e, C -d/a",
     "e/b=2"},
    {"delete d || move d || delete d", "A d/, A d/a=1, A d/b=2, sync, A -d, B d>e, C -d",
     "e/a=1 e/b=2"},
    {"delete d || move d, then delete e", "A d/, A d/a=1, sync, A -d, B d>e, sync, C -e", ""},
    {"delete d || move d and delete e", "A d/, A d/a=1, sync, A -d, B d>e, B -e", ""},
    {"delete d with a copy || move d", "A d/, A d/a=1, sync, A d/a=2, B d/a=3, sync, A -d, B d>e",
     "e/a*=2 e/a=3"},
    {"delete d with a copy || move d, then take the main out",
     "A d/, A d/a=1, sync, A d/a=2, B d/a=3, sync, A -d, B d>e, sync, A e/a>x", "e/a*=2 x=3"},
    {"delete d || create d/b, then move d", "A d/, A d/a=1, sync, A -d, B d/b=2, sync, C d>e",
     "e/b=2"},
    {"delete d, which has come but not to the disk, move d",
     "A d/, A d/a=1, sync, A -d, B <A, B d>e", "e/a=1"},
    {"create d and delete it || create d", "A d/, A d/a=1, B d/, A -d", ""},
    {"delete d || create d/b || move d", "A d/, A d/a=1, sync, A -d, B d>e, C d/b=2",
     "e/a=1 e/b=2"},
    {"move d into e || move e into d", "A d/, A e/, A d/a=1, sync, A d>e/d, B e>d/e", "e/d/a=1"},
    {"delete a directory of a cycle",
     "A d/, A e/, A d/a=1, A e/b=2, sync, A d>e/d, B e>d/e, sync, A -e/d, sync", "e/b=2"},
    {"move x/d into x/e || move x/e into x/d",
     "A x/, A x/d/, A x/e/, A x/d/a=1, sync, A x/d>x/e/d, B x/e>x/d/e", "x/e/d/a=1"},
    {"the same, and x is moved",
     "A x/, A x/d/, A x/e/, A x/d/a=1, sync, A x/d>x/e/d, B x/e>x/d/e, A <B, C x>z, A <C",
     "z/e/d/a=1"},
    {"the same, and x is deleted",
     "A x/, A x/d/, A x/e/, A x/d/a=1, sync, A x/d>x/e/d, B x/e>x/d/e, A <B, C -x, A <C, A b=1",
     "b=1 e/d/a=1"},
    {"the same, and x is deleted, and one puts something in",
     "A x/, A x/d/, A x/e/, A x/d/a=1, sync, A x/d>x/e/d, B x/e>x/d/e, A <B, C -x, A <C, A b=1, "
     "B x/c=2, A <B, A b=2",
     "b=2 x/c=2 x/e/d/a=1"},
    {"the same, and the moved one is put into the one where it was",
     "A x/, A x/d/, A x/e/, A x/d/a=1, sync, A x/d>x/e/d, B x/e>x/d/e, sync, A x/e>e", "e/d/a=1"},
    {"the same, and delete the one below",
     "A x/, A x/d/, A x/e/, A x/d/a=1, A x/e/b=2, sync, A x/d>x/e/d, B x/e>x/d/e, sync, A -x/e/d",
     "x/e/b=2"},
    {"the same, and delete the one above",
     "A x/, A x/d/, A x/e/, A x/d/a=1, A x/e/b=2, sync, A x/d>x/e/d, B x/e>x/d/e, sync, A -x/e",
     ""},
    {"move d from below e into e || move e into d",
     "A e/, A e/c/, A e/c/d/, A e/c/d/a=1, sync, A e/c/d>d, A e>d/e, B e/c/d>e/d", "d/a=1"},
    {"two files to one name", "A a=1, A b=2, sync, A a>c, B b>c", "c*=2 c=1"},
    {"the backup's branch || the device's", "A a=1, sync, fork A, A a=2, D a=3", "a*=2 a=3"},
};

/* The directory of the path, and its last name. */
static uint64_t directory_of(const model_device *device, const char *path, const char **name)
{
    uint64_t parent = CF_NODE_ROOT;
    char step[MODEL_NAME_SIZE];

    for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
        snprintf(step, sizeof step, "%.*s", (int)(slash - path), path);
        const model_file *file = model_child(device, parent, step);
        cr_assert(file, "no directory %s", step);
        parent = file->number;
    }
    *name = path;
    return parent;
}

static model_file *file_at(const model_device *device, const char *path)
{
    const char *name;

    if (strchr(path, '*')) {
        for (size_t i = 0; i < device->file_count; i++)
            if (strstr(device->files[i].name, "(conflict "))
                return &device->files[i];
        return NULL;
    }
    uint64_t parent = directory_of(device, path, &name);
    return model_child(device, parent, name);
}

static void move(model_device *device, const char *from, const char *to)
{
    model_file *file = file_at(device, from);
    const char *name;
    uint64_t parent = directory_of(device, to, &name);

    cr_assert(file, "no file %s", from);
    file->parent = parent;
    snprintf(file->name, sizeof file->name, "%s", name);
}

static void write_file(model_world *world, model_device *device, const char *path,
                       const char *content)
{
    model_file *file = file_at(device, path);
    const char *name;

    if (file) {
        model_edit(world, file, content);
        return;
    }
    uint64_t parent = directory_of(device, path, &name);
    model_put(world, device, parent, name, content ? CF_KIND_FILE : CF_KIND_DIRECTORY,
              content ? content : "");
}

static void act(model_world *world, model_device *device, char *what)
{
    char *other = strpbrk(what, ">=");
    size_t last = strlen(what) - 1;

    if (*what == '<') {
        model_receive(world, device, &world->devices[what[1] - 'A'], 3);
    } else if (*what == '-') {
        const model_file *file = file_at(device, what + 1);
        cr_assert(file, "no file %s", what + 1);
        model_remove(device, file->number);
    } else if (what[last] == '/') {
        what[last] = '\0';
        write_file(world, device, what, NULL);
    } else if (*other == '=') {
        *other = '\0';
        model_content_of(world, other + 1)->shared = true;
        write_file(world, device, what, other + 1);
    } else {
        *other = '\0';
        move(device, what, other + 1);
    }
}

static void play(model_world *world, const char *script)
{
    char text[256], *rest = text;

    snprintf(text, sizeof text, "%s", script);
    for (char *step; (step = strsep(&rest, ","));) {
        step += *step == ' ';
        world->now_ms += 1000;
        if (strcmp(step, "sync") == 0) {
            model_settle(world);
        } else if (strncmp(step, "fork ", 5) == 0) {
            model_fork(world, &world->devices[step[5] - 'A']);
        } else {
            model_device *device = &world->devices[*step - 'A'];
            act(world, device, step + 2);
            model_scan(world, device);
            model_check_view(world, device);
        }
    }
    model_settle(world);
}

static void print_path(const model_device *device, const model_file *file, cf_buffer *out)
{
    const model_file *above = model_find(device, file->parent);
    const char *note = strstr(file->name, " (conflict ");

    if (above) {
        print_path(device, above, out);
        cf_buffer_append(out, "/", 1);
    }
    cf_buffer_append_text(out, "%.*s%s", note ? (int)(note - file->name) : (int)sizeof file->name,
                          file->name, note ? "*" : "");
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void expect_tree(const char *name, const model_device *device, const char *tree)
{
    cf_arena arena = {0};
    char **lines = cf_arena_allocate(&arena, device->file_count, sizeof *lines);
    size_t count = 0;
    cf_buffer text = {0};

    for (size_t i = 0; i < device->file_count; i++) {
        const model_file *file = &device->files[i];

        if (file->kind == CF_KIND_DIRECTORY)
            continue;
        cf_buffer_clear(&text);
        print_path(device, file, &text);
        cf_buffer_append_text(&text, "=%s", file->content);
        lines[count++] = cf_arena_text(&arena, cf_buffer_view(&text));
    }
    qsort(lines, count, sizeof *lines, by_text);
    cf_buffer_clear(&text);
    for (size_t i = 0; i < count; i++)
        cf_buffer_append_text(&text, "%s%s", i ? " " : "", lines[i]);
    cf_buffer_append(&text, "", 1);
    cr_assert_str_eq((const char *)text.data, tree, "%s: %s instead of %s", name, text.data, tree);
    cf_buffer_release(&text);
    cf_arena_release(&arena);
}

/* One clock, so that the letters order. */
static void open_lettered(model_world *world, const char *name)
{
    model_open(world, name, 1, 3);
    for (size_t i = 0; i < world->device_count; i++) {
        world->devices[i].skew_ms = 0;
        memset(&world->devices[i].writer, (int)('A' + i), sizeof world->devices[i].writer);
    }
}

Test(examples, end_with_the_tree_a_user_should_see)
{
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        model_world world;

        open_lettered(&world, examples[i].name);
        play(&world, examples[i].script);
        expect_tree(examples[i].name, &world.devices[0], examples[i].tree);
        model_close(&world);
    }
}

/* Two wrote what the copy holds: it bears the time and the letters of who was first, whichever of
 * them has the lower id. */
Test(examples, name_a_copy_after_who_wrote_it_first)
{
    static const struct {
        const char *script;
        char first;
    } copies[] = {{"A a=1, sync, A a=2, B a=2, C a=3", 'A'},
                  {"A a=1, sync, B a=2, A a=2, C a=3", 'B'}};

    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++) {
        model_world world;
        cf_id writer;
        char letters[CF_BASE32_LENGTH(CF_ID_SIZE) + 1], end[8];

        open_lettered(&world, copies[i].script);
        play(&world, copies[i].script);
        expect_tree(copies[i].script, &world.devices[0], "a*=2 a=3");
        memset(&writer, copies[i].first, sizeof writer);
        cf_base32_write(cf_bytes_of(writer.bytes, sizeof writer.bytes), letters);
        snprintf(end, sizeof end, " %.4s)", letters);
        const char *name = file_at(&world.devices[0], "a*")->name;
        cr_expect(strstr(name, end), "%s: %s has no%s", copies[i].script, name, end);
        model_close(&world);
    }
}
