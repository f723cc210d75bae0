/* SPDX-License-Identifier: Apache-2.0 */
/* What users do to their disks. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/peer/model/model_world.h"

enum { DEPTH_MAX = 5 };

model_content *model_content_of(model_world *world, const char *content)
{
    for (size_t i = 0; i < world->content_count; i++)
        if (strcmp(world->contents[i].content, content) == 0)
            return &world->contents[i];
    model_content *fresh =
        cf_one_more(world->contents, world->content_count, world->content_capacity);
    *fresh = (model_content){0};
    snprintf(fresh->content, sizeof fresh->content, "%s", content);
    return fresh;
}

model_file *model_child(const model_device *device, uint64_t parent, const char *name)
{
    for (size_t i = 0; i < device->file_count; i++)
        if (device->files[i].parent == parent && strcmp(device->files[i].name, name) == 0)
            return &device->files[i];
    return NULL;
}

model_file *model_put(model_world *world, model_device *device, uint64_t parent, const char *name,
                      uint8_t kind, const char *content)
{
    model_file file = {
        .number = ++world->last_number,
        .parent = parent,
        .kind = kind,
        .mode = 0644,
        .mtime_ns = world->now_ms * UINT64_C(1000000) + world->last_number,
    };

    snprintf(file.name, sizeof file.name, "%s", name);
    snprintf(file.content, sizeof file.content, "%s", content);
    device->files =
        cf_grow(device->files, &device->file_capacity, device->file_count + 1, sizeof file);
    device->files[device->file_count] = file;
    return &device->files[device->file_count++];
}

void model_remove(model_device *device, uint64_t number)
{
    for (size_t i = device->file_count; i-- > 0;) {
        if (i >= device->file_count)
            continue;
        uint64_t child = device->files[i].number;

        if (device->files[i].parent == number && number != CF_NODE_ROOT) {
            model_remove(device, child);
            i = device->file_count;
        }
    }
    for (size_t i = 0; i < device->file_count; i++)
        if (device->files[i].number == number) {
            memmove(&device->files[i], &device->files[i + 1],
                    (device->file_count - i - 1) * sizeof *device->files);
            device->file_count--;
            return;
        }
}

void model_edit(model_world *world, model_file *file, const char *content)
{
    snprintf(file->content, sizeof file->content, "%s", content);
    file->mtime_ns = world->now_ms * UINT64_C(1000000) + ++world->last_number;
}

typedef struct {
    model_world *world;
    model_device *device;
} model_user;

typedef bool file_test(const model_file *file);

static bool is_any(const model_file *file)
{
    return file != NULL;
}

static bool is_file(const model_file *file)
{
    return file->kind != CF_KIND_DIRECTORY;
}

static bool is_copy(const model_file *file)
{
    return is_file(file) && strstr(file->name, "(conflict ");
}

static bool is_main(const model_file *file)
{
    return is_file(file) && !is_copy(file);
}

static model_file *pick(const model_user *actor, file_test *wanted)
{
    size_t count = 0;

    for (size_t i = 0; i < actor->device->file_count; i++)
        count += wanted(&actor->device->files[i]);
    size_t chosen = count ? chance_below(&actor->world->chance, count) : 0;
    for (size_t i = 0; i < actor->device->file_count; i++)
        if (wanted(&actor->device->files[i]) && chosen-- == 0)
            return &actor->device->files[i];
    return NULL;
}

static size_t depth_of(const model_device *device, uint64_t number)
{
    const model_file *file = model_find(device, number);

    return file ? 1 + depth_of(device, file->parent) : 0;
}

static uint64_t pick_directory(const model_user *actor)
{
    uint64_t chosen = CF_NODE_ROOT;
    uint64_t count = 1;

    for (size_t i = 0; i < actor->device->file_count; i++) {
        const model_file *file = &actor->device->files[i];

        if (file->kind == CF_KIND_DIRECTORY && depth_of(actor->device, file->number) < DEPTH_MAX &&
            chance_below(&actor->world->chance, ++count) == 0)
            chosen = file->number;
    }
    return chosen;
}

/* One of few, so that they meet; one is so long that a conflict name must be cut. */
static const char *pick_name(const model_user *actor, char name[MODEL_NAME_SIZE])
{
    static const char *const names[] = {"a", "b", "c.txt", "d", "a", "b"};
    uint64_t chosen = chance_below(&actor->world->chance, 7);

    if (chosen < 6)
        return names[chosen];
    name[0] = '\0';
    for (int i = 0; i < 124; i++)
        strcat(name, "\u00e9");
    return strcat(name, ".txt");
}

static void create(const model_user *actor, uint8_t kind, const char *content)
{
    char name[MODEL_NAME_SIZE];
    uint64_t directory = pick_directory(actor);
    const char *chosen = pick_name(actor, name);

    if (!model_child(actor->device, directory, chosen))
        model_put(actor->world, actor->device, directory, chosen, kind, content);
}

static const char *fresh_content(const model_user *actor, char content[24])
{
    snprintf(content, 24, "v%llu", (unsigned long long)++actor->world->last_content);
    return content;
}

static void act_create(const model_user *actor)
{
    char content[24];
    uint8_t kind = chance_below(&actor->world->chance, 8) ? CF_KIND_FILE : CF_KIND_SYMLINK;

    create(actor, kind, fresh_content(actor, content));
}

static void act_same(const model_user *actor)
{
    model_content_of(actor->world, "same")->shared = true;
    create(actor, CF_KIND_FILE, "same");
}

static void act_mkdir(const model_user *actor)
{
    create(actor, CF_KIND_DIRECTORY, "");
}

static void act_restore(const model_user *actor)
{
    const model_world *world = actor->world;
    char content[24];
    size_t at =
        world->content_count ? chance_below(&actor->world->chance, world->content_count) : 0;

    if (at >= world->content_count || !world->contents[at].gone)
        return;
    world->contents[at].shared = true;
    snprintf(content, sizeof content, "%s", world->contents[at].content);
    create(actor, CF_KIND_FILE, content);
}

static void edit(const model_user *actor, file_test *wanted)
{
    model_file *file = pick(actor, wanted);
    char content[24];

    if (!file)
        return;
    fresh_content(actor, content);
    if (chance_below(&actor->world->chance, 9) == 0) { /* two files become equal */
        snprintf(content, sizeof content, "%s", pick(actor, is_file)->content);
        model_content_of(actor->world, content)->shared = true;
    }
    if (strcmp(content, file->content) != 0)
        model_edit(actor->world, file, content);
}

static void act_edit(const model_user *actor)
{
    edit(actor, is_file);
}

static void act_edit_copy(const model_user *actor)
{
    edit(actor, is_copy);
}

static void act_edit_main(const model_user *actor)
{
    edit(actor, is_main);
}

static void act_chmod(const model_user *actor)
{
    model_file *file = pick(actor, is_any);

    if (file)
        file->mode = chance_below(&actor->world->chance, 2) ? 0755 : 0644;
}

static void act_touch(const model_user *actor)
{
    model_file *file = pick(actor, is_file);

    if (file)
        file->mtime_ns = actor->world->now_ms * UINT64_C(1000000) + ++actor->world->last_number;
}

static void delete (const model_user *actor, file_test *wanted)
{
    const model_file *file = pick(actor, wanted);

    if (file)
        model_remove(actor->device, file->number);
}

static void act_delete(const model_user *actor)
{
    delete (actor, is_any);
}

static void act_delete_copy(const model_user *actor)
{
    delete (actor, is_copy);
}

/* A directory takes a file's place, or the other way round. */
static void act_replace(const model_user *actor)
{
    const model_file *file = pick(actor, is_any);
    char content[24];

    if (!file)
        return;
    model_file was = *file;
    model_remove(actor->device, was.number);
    if (was.kind == CF_KIND_DIRECTORY)
        model_put(actor->world, actor->device, was.parent, was.name, CF_KIND_FILE,
                  fresh_content(actor, content));
    else
        model_put(actor->world, actor->device, was.parent, was.name, CF_KIND_DIRECTORY, "");
}

static bool is_within(const model_device *device, uint64_t number, uint64_t directory)
{
    for (; number != CF_NODE_ROOT; number = model_find(device, number)->parent)
        if (number == directory)
            return true;
    return false;
}

static void swap_places(model_file *a, model_file *b)
{
    model_file was = *a;

    a->parent = b->parent;
    memcpy(a->name, b->name, sizeof a->name);
    b->parent = was.parent;
    memcpy(b->name, was.name, sizeof b->name);
}

static void move(const model_user *actor, file_test *wanted)
{
    model_file *file = pick(actor, wanted);
    char room[MODEL_NAME_SIZE], name[MODEL_NAME_SIZE];

    if (!file)
        return;
    uint64_t directory = pick_directory(actor), number = file->number;
    bool keeps_name = chance_below(&actor->world->chance, 5) == 0;
    snprintf(name, sizeof name, "%s", keeps_name ? file->name : pick_name(actor, room));
    model_file *there = model_child(actor->device, directory, name);
    if (there == file || is_within(actor->device, directory, number))
        return;
    if (there && (there->kind == CF_KIND_DIRECTORY || file->kind == CF_KIND_DIRECTORY))
        return;
    if (there && chance_below(&actor->world->chance, 3) == 0) {
        swap_places(file, there);
        return;
    }
    if (there)
        model_remove(actor->device, there->number);
    file = model_find(actor->device, number);
    file->parent = directory;
    memcpy(file->name, name, sizeof file->name);
}

static void act_move(const model_user *actor)
{
    move(actor, is_any);
}

static void act_move_copy(const model_user *actor)
{
    move(actor, is_copy);
}

void model_act(model_world *world, model_device *device, const char *act)
{
    static const struct {
        const char *name;
        void (*run)(const model_user *actor);
    } acts[] = {
        {"create", act_create},
        {"same", act_same},
        {"mkdir", act_mkdir},
        {"restore", act_restore},
        {"edit", act_edit},
        {"edit_copy", act_edit_copy},
        {"edit_main", act_edit_main},
        {"chmod", act_chmod},
        {"touch", act_touch},
        {"delete", act_delete},
        {"delete_copy", act_delete_copy},
        {"replace", act_replace},
        {"move", act_move},
        {"move_copy", act_move_copy},
    };
    model_user actor = {world, device};

    world->steps++;
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (strcmp(acts[i].name, act) == 0) {
            acts[i].run(&actor);
            return;
        }
    model_fail(world, "no act is called %s", act);
}
