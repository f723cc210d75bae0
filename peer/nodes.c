/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/node.h"

#include <assert.h>
#include <stdlib.h>

#include "peer/fields.h"
#include "peer/table.h"

typedef struct kept kept;

/* What else a node is found by: an item, or a content write that it shows. */
typedef struct label {
    cf_link link;
    kept *node;
    cf_id id;   /* the item, or the holder */
    cf_dot dot; /* of a content write */
} label;

/* The nodes of one directory. */
typedef struct {
    cf_link link;
    uint64_t number;
    kept *first;
} directory;

struct kept {
    cf_link by_number, by_place;
    kept *next, *previous; /* in the directory */
    directory *directory;
    label *items, *writes;
    size_t write_count;
    cf_node node;
};

struct cf_nodes {
    cf_table by_number, by_place, by_item, by_write, directories;
};

cf_nodes *cf_nodes_new(void)
{
    return cf_allocate(1, sizeof(cf_nodes));
}

static uint64_t number_hash(uint64_t number)
{
    return cf_hash_bytes(2, cf_bytes_of(&number, sizeof number));
}

static uint64_t place_hash(uint64_t parent, cf_bytes name)
{
    return cf_hash_bytes(parent, name);
}

static uint64_t write_hash(const cf_id *holder, const cf_dot *dot)
{
    return cf_hash_id(cf_hash_id(dot->sequence, &dot->writer), holder) ^
           cf_hash_bytes(3, cf_bytes_of(dot->hash, sizeof dot->hash));
}

static kept *find(const cf_nodes *nodes, uint64_t number)
{
    for (cf_link *link = cf_table_first(&nodes->by_number, number_hash(number)); link;
         link = cf_table_next(link)) {
        kept *node = cf_linked(link, kept, by_number);

        if (node->node.number == number)
            return node;
    }
    return NULL;
}

static directory *find_directory(const cf_nodes *nodes, uint64_t number)
{
    for (cf_link *link = cf_table_first(&nodes->directories, number_hash(number)); link;
         link = cf_table_next(link))
        if (cf_linked(link, directory, link)->number == number)
            return cf_linked(link, directory, link);
    return NULL;
}

/* Copies into the kept node's own memory and moves on in it. */
static cf_bytes put_bytes(uint8_t **memory, cf_bytes bytes)
{
    uint8_t *at = *memory;

    if (bytes.size)
        memcpy(at, bytes.data, bytes.size);
    *memory += bytes.size;
    return cf_bytes_of(at, bytes.size);
}

/* One piece of memory: the node, its labels, its items and bytes. */
static kept *copy_of(const cf_node *node, size_t write_count)
{
    size_t labels = node->item_count + write_count;
    size_t size = sizeof(kept) + labels * sizeof(label) + node->item_count * sizeof(cf_id) +
                  node->name.size + node->content.size + node->mode.size + node->mtime.size +
                  node->refs.size;
    kept *copy = cf_allocate(1, size);
    uint8_t *memory = (uint8_t *)(copy + 1) + labels * sizeof(label);

    copy->items = (label *)(copy + 1);
    copy->writes = copy->items + node->item_count;
    copy->write_count = write_count;
    copy->node = *node;
    copy->node.items = (const cf_id *)put_bytes(
                           &memory, cf_bytes_of(node->items, node->item_count * sizeof(cf_id)))
                           .data;
    copy->node.name = put_bytes(&memory, node->name);
    copy->node.content = put_bytes(&memory, node->content);
    copy->node.mode = put_bytes(&memory, node->mode);
    copy->node.mtime = put_bytes(&memory, node->mtime);
    copy->node.refs = put_bytes(&memory, node->refs);
    return copy;
}

static bool is_content(const cf_ref *ref)
{
    return cf_field_is(ref->field, CF_FIELD_NUMBER_CONTENT);
}

static kept *kept_of(const cf_node *node)
{
    cf_arena arena = {0};
    cf_error error;
    cf_ref *refs = NULL;
    size_t count = 0, contents = 0;
    cf_status status = cf_refs_read(node->refs, &arena, &refs, &count, &error);

    assert(status == CF_OK); /* cf_refs_pack or cf_node_read had them in hand */
    (void)status;
    for (size_t i = 0; i < count; i++)
        contents += is_content(&refs[i]);
    kept *copy = copy_of(node, contents);
    label *write = copy->writes;
    for (size_t i = 0; i < count; i++)
        if (is_content(&refs[i]))
            *write++ = (label){.node = copy, .id = refs[i].holder, .dot = refs[i].dot};
    for (size_t i = 0; i < node->item_count; i++)
        copy->items[i] = (label){.node = copy, .id = node->items[i]};
    cf_arena_release(&arena);
    return copy;
}

static void enter_directory(cf_nodes *nodes, kept *node)
{
    directory *in = find_directory(nodes, node->node.parent);

    if (!in) {
        in = cf_allocate(1, sizeof *in);
        in->number = node->node.parent;
        cf_table_add(&nodes->directories, &in->link, number_hash(in->number));
    }
    node->directory = in;
    node->next = in->first;
    if (in->first)
        in->first->previous = node;
    in->first = node;
}

static void leave_directory(cf_nodes *nodes, kept *node)
{
    directory *in = node->directory;

    if (node->next)
        node->next->previous = node->previous;
    if (node->previous)
        node->previous->next = node->next;
    else
        in->first = node->next;
    if (in->first)
        return;
    cf_table_remove(&nodes->directories, &in->link);
    free(in);
}

void cf_nodes_put(cf_nodes *nodes, const cf_node *node)
{
    kept *copy = kept_of(node);

    assert(node->number != CF_NODE_ROOT);
    cf_nodes_drop(nodes, node->number);
    cf_table_add(&nodes->by_number, &copy->by_number, number_hash(node->number));
    cf_table_add(&nodes->by_place, &copy->by_place, place_hash(node->parent, node->name));
    for (size_t i = 0; i < node->item_count; i++)
        cf_table_add(&nodes->by_item, &copy->items[i].link, cf_hash_id(0, &copy->items[i].id));
    for (size_t i = 0; i < copy->write_count; i++)
        cf_table_add(&nodes->by_write, &copy->writes[i].link,
                     write_hash(&copy->writes[i].id, &copy->writes[i].dot));
    enter_directory(nodes, copy);
}

void cf_nodes_drop(cf_nodes *nodes, uint64_t number)
{
    kept *node = find(nodes, number);

    if (!node)
        return;
    cf_table_remove(&nodes->by_number, &node->by_number);
    cf_table_remove(&nodes->by_place, &node->by_place);
    for (size_t i = 0; i < node->node.item_count; i++)
        cf_table_remove(&nodes->by_item, &node->items[i].link);
    for (size_t i = 0; i < node->write_count; i++)
        cf_table_remove(&nodes->by_write, &node->writes[i].link);
    leave_directory(nodes, node);
    free(node);
}

void cf_nodes_destroy(cf_nodes **nodes)
{
    if (!*nodes)
        return;
    cf_nodes *all = *nodes;
    for (cf_link *link = cf_table_walk(&all->by_number, NULL), *next; link; link = next) {
        next = cf_table_walk(&all->by_number, link);
        free(cf_linked(link, kept, by_number));
    }
    for (cf_link *link = cf_table_walk(&all->directories, NULL), *next; link; link = next) {
        next = cf_table_walk(&all->directories, link);
        free(cf_linked(link, directory, link));
    }
    cf_table_release(&all->by_number);
    cf_table_release(&all->by_place);
    cf_table_release(&all->by_item);
    cf_table_release(&all->by_write);
    cf_table_release(&all->directories);
    free(all);
    *nodes = NULL;
}

size_t cf_nodes_count(const cf_nodes *nodes)
{
    return nodes->by_number.count;
}

const cf_node *cf_nodes_find(const cf_nodes *nodes, uint64_t number)
{
    const kept *node = find(nodes, number);

    return node ? &node->node : NULL;
}

const cf_node *cf_nodes_child(const cf_nodes *nodes, uint64_t parent, cf_bytes name)
{
    for (cf_link *link = cf_table_first(&nodes->by_place, place_hash(parent, name)); link;
         link = cf_table_next(link)) {
        const cf_node *node = &cf_linked(link, kept, by_place)->node;

        if (node->parent == parent && cf_bytes_equal(node->name, name))
            return node;
    }
    return NULL;
}

const cf_node *cf_nodes_next_child(const cf_nodes *nodes, uint64_t parent, const cf_node *previous)
{
    const directory *in = previous ? NULL : find_directory(nodes, parent);
    const kept *next = previous ? cf_linked(previous, kept, node)->next : in ? in->first : NULL;

    return next ? &next->node : NULL;
}

static bool same_label(const label *a, const cf_id *id, const cf_dot *dot)
{
    return cf_id_equal(&a->id, id) && (!dot || cf_dot_equal(&a->dot, dot));
}

static const cf_node *next_labelled(cf_link *link, const cf_id *id, const cf_dot *dot,
                                    const cf_node *previous)
{
    bool passed = !previous;

    for (; link; link = cf_table_next(link)) {
        const struct label *found = cf_linked(link, struct label, link);

        if (!same_label(found, id, dot))
            continue;
        if (passed && &found->node->node != previous)
            return &found->node->node;
        passed = passed || &found->node->node == previous;
    }
    return NULL;
}

const cf_node *cf_nodes_next_of_item(const cf_nodes *nodes, const cf_id *item,
                                     const cf_node *previous)
{
    return next_labelled(cf_table_first(&nodes->by_item, cf_hash_id(0, item)), item, NULL,
                         previous);
}

const cf_node *cf_nodes_next_showing(const cf_nodes *nodes, const cf_id *holder, const cf_dot *dot,
                                     const cf_node *previous)
{
    return next_labelled(cf_table_first(&nodes->by_write, write_hash(holder, dot)), holder, dot,
                         previous);
}

void cf_nodes_each(const cf_nodes *nodes, void (*visit)(void *context, const cf_node *node),
                   void *context)
{
    for (cf_link *link = cf_table_walk(&nodes->by_number, NULL); link;
         link = cf_table_walk(&nodes->by_number, link))
        visit(context, &cf_linked(link, kept, by_number)->node);
}
