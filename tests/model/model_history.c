/* SPDX-License-Identifier: Apache-2.0 */
/* Lives a history of files with the product's rules: view, scan, base, plan. The model lives the
 * same one and asks after each step (tests/model/test_model_vectors.py), in lines with tabs:
 *
 *     devices 3             a new world, with the devices A, B and C
 *     become A 2            its disk is that of the next two lines: OLD PATH, KIND, MODE, CONTENT,
 *                           PATH, directories first; no old path where the node is new
 *     scan A 17 5           at the time 17, the fifth random number having been the last; prints
 *                           the view
 *     hear A B 7            takes the seventh entry of B
 *     apply A               prints the disk
 *
 * What is printed is a line for each node, KIND, MODE, CONTENT, PATH, then a dot. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/pack.h"
#include "tests/peer/model/model_rules.h"
#include "tests/peer/model/tree.h"
#include "tests/peer/model/model_world.h"

enum { PLAIN_MODE = 0644, RUNNABLE_MODE = 0755, LINE_MAX_SIZE = 4096, WORDS = 5 };

typedef struct {
    model_world world;
    uint64_t serial; /* the last random number */
    cf_buffer plain_mode;
} lived;

static void must(bool is_so, const char *what)
{
    if (is_so)
        return;
    fprintf(stderr, "model_history: %s\n", what);
    abort();
}

/* ---- The words of a line ---- */

/* Cuts the line at its tabs; words that are missing are empty. */
static void cut(char *line, const char *words[WORDS])
{
    static const char nothing[] = "";

    line[strcspn(line, "\n")] = '\0';
    for (size_t i = 0; i < WORDS; i++) {
        words[i] = line ? strsep(&line, "\t") : nothing;
    }
}

static model_device *device_of(lived *self, const char *letter)
{
    size_t index = (size_t)(*letter - 'A');

    must(index < self->world.device_count, "no such device");
    return &self->world.devices[index];
}

static uint64_t number_of(const char *word)
{
    return strtoull(word, NULL, 10);
}

/* ---- What is printed ---- */

static void print_node(uint8_t kind, uint64_t mode, const char *content, const char *path)
{
    printf("%c\t%s\t%s\t%s\n", kind, mode == RUNNABLE_MODE ? "x" : "", content, path);
}

static void end_answer(void)
{
    puts(".");
    fflush(stdout);
}

static void print_view(lived *self, model_device *device)
{
    test_tree tree = {0};
    cf_error error;

    (void)self;
    tree_of(&tree, device->view);
    for (size_t i = 0; i < tree.count; i++) {
        const cf_shown *shown = tree.lines[i].shown;
        cf_reader content = cf_reader_of(shown->content), mode = cf_reader_of(shown->mode);
        uint64_t bits = 0;
        cf_bytes text = {0};

        must(cf_read_uint(&mode, &bits, &error) == CF_OK, "a mode is none");
        must(shown->kind == CF_KIND_DIRECTORY || cf_read_text(&content, &text, &error) == CF_OK,
             "a content is none");
        print_node(shown->kind, bits, cf_arena_text(&tree.arena, text),
                   cf_arena_text(&tree.arena, tree.lines[i].path));
    }
    tree_release(&tree);
    end_answer();
}

static void append_path(const model_device *device, const model_file *file, cf_buffer *out)
{
    if (file->parent != CF_NODE_ROOT) {
        append_path(device, model_find(device, file->parent), out);
        cf_buffer_append_text(out, "/");
    }
    cf_buffer_append_text(out, "%s", file->name);
}

static void print_disk(const model_device *device)
{
    for (size_t i = 0; i < device->file_count; i++) {
        const model_file *file = &device->files[i];
        cf_buffer path = {0};

        append_path(device, file, &path);
        print_node(file->kind, file->mode, file->content, (const char *)path.data);
        cf_buffer_release(&path);
    }
    end_answer();
}

/* ---- Steps ---- */

static void begin(lived *self, size_t devices)
{
    if (self->world.device_count)
        model_close(&self->world);
    model_open(&self->world, "of the model", 1, devices);
    model_rules(&self->world.rules, &self->serial);
    self->world.rules.default_mode = cf_buffer_view(&self->plain_mode);
    for (size_t i = 0; i < devices; i++) {
        const char letter[] = {(char)('A' + i), '\0'};

        self->world.devices[i].writer = model_writer(letter);
        self->world.devices[i].skew_ms = 0;
    }
}

/* The file at a path of the device's disk; `parent` of what is to lie there. */
static model_file *find_path(const model_device *device, const char *path, uint64_t *parent,
                             const char **name)
{
    char step[MODEL_NAME_SIZE];

    *parent = CF_NODE_ROOT;
    for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
        snprintf(step, sizeof step, "%.*s", (int)(slash - path), path);
        const model_file *directory = model_child(device, *parent, step);
        must(directory, "no such directory");
        *parent = directory->number;
    }
    *name = path;
    return model_child(device, *parent, path);
}

/* The model's files have no times: each keeps the one it has, and a new one has none. */
static void put_node(lived *self, const model_device *before, model_device *after,
                     const char *words[WORDS])
{
    uint64_t parent;
    const char *name;
    const model_file *was = NULL;

    if (*words[0]) {
        was = find_path(before, words[0], &parent, &name);
        must(was, "no such file");
    }
    find_path(after, words[4], &parent, &name);
    model_file *file = model_put(&self->world, after, parent, name, (uint8_t)*words[1], words[3]);
    file->number = was ? was->number : file->number;
    file->mtime_ns = was ? was->mtime_ns : 0;
    file->mode = *words[2] ? RUNNABLE_MODE : PLAIN_MODE;
}

static void become(lived *self, model_device *device, uint64_t count)
{
    model_device before = *device;
    char line[LINE_MAX_SIZE];
    const char *words[WORDS];

    device->files = NULL;
    device->file_count = device->file_capacity = 0;
    for (; count; count--) {
        must(fgets(line, sizeof line, stdin), "the lines end");
        cut(line, words);
        put_node(self, &before, device, words);
    }
    free(before.files);
}

static void hear(lived *self, model_device *device, const char *writer, uint64_t sequence)
{
    cf_id id = model_writer(writer);
    size_t index = 0;

    while (index < self->world.entry_count &&
           (!cf_id_equal(&self->world.entries[index].dot.writer, &id) ||
            self->world.entries[index].dot.sequence != sequence))
        index++;
    must(index < self->world.entry_count, "no such entry");
    model_hold(&self->world, device, index);
}

static void live(lived *self, const char *words[WORDS])
{
    if (strcmp(words[0], "devices") == 0) {
        begin(self, (size_t)number_of(words[1]));
        return;
    }
    model_device *device = device_of(self, words[1]);
    if (strcmp(words[0], "become") == 0) {
        become(self, device, number_of(words[2]));
    } else if (strcmp(words[0], "scan") == 0) {
        self->world.now_ms = number_of(words[2]);
        self->serial = number_of(words[3]);
        must(model_scan(&self->world, device), "nothing to publish");
        print_view(self, device);
    } else if (strcmp(words[0], "hear") == 0) {
        hear(self, device, words[2], number_of(words[3]));
    } else {
        must(strcmp(words[0], "apply") == 0, "no such step");
        model_apply(&self->world, device);
        print_disk(device);
    }
}

int main(void)
{
    lived self = {.world = {.device_count = 0}};
    char line[LINE_MAX_SIZE];
    const char *words[WORDS];

    cf_pack_uint(&self.plain_mode, PLAIN_MODE);
    while (fgets(line, sizeof line, stdin)) {
        cut(line, words);
        live(&self, words);
    }
    if (self.world.device_count)
        model_close(&self.world);
    cf_buffer_release(&self.plain_mode);
    return 0;
}
