/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/cases/case_outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    cf_id items[CASE_ALL];
    bool known[CASE_ALL];
} item_list;

static void note_items(const case_life *life, unsigned who, uint8_t first, uint8_t end,
                       item_list *out)
{
    for (uint8_t i = first; i < end; i++) {
        const cf_node *node = life->numbers[who][i] ? cf_nodes_find(life->world.devices[who].base,
                                                                    life->numbers[who][i])
                                                    : NULL;

        out->known[i] = node && node->item_count;
        if (out->known[i])
            out->items[i] = node->items[0];
    }
}

static uint8_t labels_of(const cf_node *node, const item_list *items)
{
    uint8_t found = 0;

    for (size_t k = 0; node && k < node->item_count; k++)
        for (unsigned i = 0; i < CASE_ALL; i++)
            if (items->known[i] && cf_id_equal(&items->items[i], &node->items[k]))
                found |= (uint8_t)(1U << i);
    return found;
}

/* "a (conflict 2026-11-18 11-06-40 wxyz 2)" without the moment, as often as there is one. */
static void copy_name(const char *name, char out[OUTCOME_NAME])
{
    static const char note[] = "conflict ";
    size_t moment = sizeof "2026-11-18 11-06-40", size = 0;

    while (*name && size + 1 < OUTCOME_NAME)
        if (strncmp(name, note, sizeof note - 1) == 0 && strlen(name) > sizeof note + moment)
            name += sizeof note - 1 + moment;
        else
            out[size++] = *name++;
    out[size] = '\0';
}

static void put_path(const model_device *device, const model_file *file, char path[OUTCOME_PATH])
{
    const model_file *above = model_find(device, file->parent);
    char name[OUTCOME_NAME];

    path[0] = '\0';
    if (above)
        put_path(device, above, path);
    copy_name(file->name, name);
    if (strlen(path) + strlen(name) + 2 > OUTCOME_PATH)
        abort();
    strcat(strcat(path, "/"), name);
}

static void read_disk(const case_life *life, const item_list *items, case_outcome *out)
{
    const model_device *device = &life->world.devices[0];

    *out = (case_outcome){0};
    for (size_t i = 0; i < device->file_count && i < OUTCOME_NODES; i++) {
        const model_file *file = &device->files[i];
        outcome_node *node = &out->nodes[out->count++];

        node->is = labels_of(cf_nodes_find(device->base, file->number), items);
        node->within = labels_of(cf_nodes_find(device->base, file->parent), items);
        node->is_directory = file->kind == CF_KIND_DIRECTORY;
        node->has_mode = file->mode == 0755;
        copy_name(file->name, node->name);
        snprintf(node->content, sizeof node->content, "%s", file->content);
        put_path(device, file, node->path);
    }
}

void case_outcome_of(const test_case *one, case_outcome *begun, case_outcome *out)
{
    unsigned first = one->order == CASE_SECOND_BEFORE;
    item_list items = {0};
    case_life life;

    case_begin(&life, one, false);
    note_items(&life, 0, 0, one->tree.count, &items);
    if (begun)
        read_disk(&life, &items, begun);
    case_do_first(&life);
    note_items(&life, first, paper_made(first, 0), paper_made(first, CASE_OPS), &items);
    case_do_second(&life);
    note_items(&life, !first, paper_made(!first, 0), paper_made(!first, CASE_OPS), &items);
    case_do_rest(&life);
    read_disk(&life, &items, out);
    model_close(&life.world);
}

const outcome_node *case_outcome_find(const case_outcome *self, uint8_t node)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->nodes[i].is >> node & 1)
            return &self->nodes[i];
    return NULL;
}
