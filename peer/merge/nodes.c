/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of a base in memory, found by number, place, inode, content, item, and by the writes
 * that they show. Each is copied in, and lies with its names in one piece, until its number is put
 * again or dropped. */
#include "peer/merge/node.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "codec/content.h"
#include "codec/hash_table.h"
#include "peer/merge/fields.h"
#include "peer/merge/rules.h"

typedef struct kept kept;

/* What else a node is found by: one of its items, or of the content writes that it shows. Which,
 * the place in the node's labels tells. */
typedef struct {
    cf_hash_link link;
    kept *node;
} node_label;

/* The nodes of one directory. */
typedef struct {
    cf_hash_link link;
    uint64_t number;
    kept *first;
} directory;

struct kept {
    cf_hash_link by_number, by_place, by_inode, by_content;
    bool has_content;
    kept *next, *previous; /* in the directory */
    directory *directory;
    node_label *items, *writes;
    size_t write_count;
    cf_node node;
};

struct cf_nodes {
    size_t below; /* nodes that went with a disk below */
    cf_hash_table by_number, by_place, by_inode, by_content, by_item, by_write, directories;
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

static uint64_t inode_hash(uint64_t inode)
{
    return cf_hash_bytes(4, cf_bytes_of(&inode, sizeof inode));
}

static uint64_t content_hash(const cf_hash *content)
{
    return cf_hash_bytes(5, cf_bytes_of(content->bytes, sizeof content->bytes));
}

/* The hash of the content that a node shows; false: the node is no file, or shows none. */
static bool content_of(const cf_node *node, cf_hash *out)
{
    uint64_t size;
    cf_error ignored;

    return node->kind == CF_KIND_FILE &&
           cf_content_identity_read(node->content, out, &size, &ignored) == CF_OK;
}

static uint64_t write_hash(const cf_id *holder, const cf_dot *dot)
{
    return cf_hash_id(cf_hash_id(dot->sequence, &dot->writer), holder) ^
           cf_hash_bytes(3, cf_bytes_of(dot->hash, sizeof dot->hash));
}

static kept *find(const cf_nodes *nodes, uint64_t number)
{
    for (cf_hash_link *link = cf_hash_table_first(&nodes->by_number, number_hash(number)); link;
         link = cf_hash_table_next(link)) {
        kept *node = cf_container_of(link, kept, by_number);

        if (node->node.number == number)
            return node;
    }
    return NULL;
}

static directory *find_directory(const cf_nodes *nodes, uint64_t number)
{
    for (cf_hash_link *link = cf_hash_table_first(&nodes->directories, number_hash(number)); link;
         link = cf_hash_table_next(link))
        if (cf_container_of(link, directory, link)->number == number)
            return cf_container_of(link, directory, link);
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
    size_t size = sizeof(kept) + labels * sizeof(node_label) + node->item_count * sizeof(cf_id) +
                  node->name.size + node->content.size + node->mode.size + node->mtime.size +
                  node->refs.size;
    kept *copy = cf_allocate(1, size);
    uint8_t *memory = (uint8_t *)(copy + 1) + labels * sizeof(node_label);

    copy->items = (node_label *)(copy + 1);
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

/* The content writes among the refs, in the arena. */
static cf_ref *contents_of(cf_bytes packed, cf_arena *arena, size_t *count)
{
    cf_error error;
    cf_ref *refs = NULL;
    size_t all = 0;
    cf_status status = cf_refs_read(packed, arena, &refs, &all, &error);

    assert(status == CF_OK); /* cf_refs_pack or cf_node_read had them in hand */
    (void)status;
    *count = 0;
    for (size_t i = 0; i < all; i++)
        if (cf_field_is(refs[i].field, CF_FIELD_NUMBER_CONTENT))
            refs[(*count)++] = refs[i];
    return refs;
}

static void enter_directory(cf_nodes *nodes, kept *node)
{
    directory *in = find_directory(nodes, node->node.parent);

    if (!in) {
        in = cf_allocate(1, sizeof *in);
        in->number = node->node.parent;
        cf_hash_table_add(&nodes->directories, &in->link, number_hash(in->number));
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
    cf_hash_table_remove(&nodes->directories, &in->link);
    free(in);
}

static void add_label(cf_hash_table *table, node_label *label, kept *node, uint64_t hash)
{
    label->node = node;
    cf_hash_table_add(table, &label->link, hash);
}

void cf_nodes_put(cf_nodes *nodes, const cf_node *node)
{
    cf_arena arena = {0};
    size_t count;
    const cf_ref *writes = contents_of(node->refs, &arena, &count);
    kept *copy = copy_of(node, count);
    const cf_node *own = &copy->node;
    cf_hash content;

    assert(node->number != CF_NODE_ROOT);
    cf_nodes_drop(nodes, own->number);
    nodes->below += cf_disk_is_below(own->disk);
    cf_hash_table_add(&nodes->by_number, &copy->by_number, number_hash(own->number));
    cf_hash_table_add(&nodes->by_place, &copy->by_place, place_hash(own->parent, own->name));
    cf_hash_table_add(&nodes->by_inode, &copy->by_inode, inode_hash(own->stat.inode));
    copy->has_content = content_of(own, &content);
    if (copy->has_content)
        cf_hash_table_add(&nodes->by_content, &copy->by_content, content_hash(&content));
    for (size_t i = 0; i < own->item_count; i++)
        add_label(&nodes->by_item, &copy->items[i], copy, cf_hash_id(0, &own->items[i]));
    for (size_t i = 0; i < count; i++)
        add_label(&nodes->by_write, &copy->writes[i], copy,
                  write_hash(&writes[i].holder, &writes[i].dot));
    enter_directory(nodes, copy);
    cf_arena_release(&arena);
}

void cf_nodes_drop(cf_nodes *nodes, uint64_t number)
{
    kept *node = find(nodes, number);

    if (!node)
        return;
    nodes->below -= cf_disk_is_below(node->node.disk);
    cf_hash_table_remove(&nodes->by_number, &node->by_number);
    cf_hash_table_remove(&nodes->by_place, &node->by_place);
    cf_hash_table_remove(&nodes->by_inode, &node->by_inode);
    if (node->has_content)
        cf_hash_table_remove(&nodes->by_content, &node->by_content);
    for (size_t i = 0; i < node->node.item_count; i++)
        cf_hash_table_remove(&nodes->by_item, &node->items[i].link);
    for (size_t i = 0; i < node->write_count; i++)
        cf_hash_table_remove(&nodes->by_write, &node->writes[i].link);
    leave_directory(nodes, node);
    free(node);
}

void cf_nodes_destroy(cf_nodes **nodes)
{
    if (!*nodes)
        return;
    cf_nodes *all = *nodes;
    for (cf_hash_link *link = cf_hash_table_walk(&all->by_number, NULL), *next; link; link = next) {
        next = cf_hash_table_walk(&all->by_number, link);
        free(cf_container_of(link, kept, by_number));
    }
    for (cf_hash_link *link = cf_hash_table_walk(&all->directories, NULL), *next; link;
         link = next) {
        next = cf_hash_table_walk(&all->directories, link);
        free(cf_container_of(link, directory, link));
    }
    cf_hash_table_release(&all->by_number);
    cf_hash_table_release(&all->by_place);
    cf_hash_table_release(&all->by_inode);
    cf_hash_table_release(&all->by_content);
    cf_hash_table_release(&all->by_item);
    cf_hash_table_release(&all->by_write);
    cf_hash_table_release(&all->directories);
    free(all);
    *nodes = NULL;
}

size_t cf_nodes_count(const cf_nodes *nodes)
{
    return nodes->by_number.count;
}

bool cf_nodes_hold_below(const cf_nodes *nodes)
{
    return nodes->below > 0;
}

const cf_node *cf_nodes_find(const cf_nodes *nodes, uint64_t number)
{
    const kept *node = find(nodes, number);

    return node ? &node->node : NULL;
}

uint64_t cf_nodes_disk_in(const cf_nodes *nodes, uint64_t parent)
{
    const kept *node = parent == CF_NODE_ROOT ? NULL : find(nodes, parent);

    return node ? node->node.disk : 0;
}

const cf_node *cf_nodes_child(const cf_nodes *nodes, uint64_t parent, cf_bytes name)
{
    for (cf_hash_link *link = cf_hash_table_first(&nodes->by_place, place_hash(parent, name)); link;
         link = cf_hash_table_next(link)) {
        const cf_node *node = &cf_container_of(link, kept, by_place)->node;

        if (node->parent == parent && cf_bytes_equal(node->name, name))
            return node;
    }
    return NULL;
}

const cf_node *cf_nodes_at(const cf_nodes *nodes, cf_bytes path)
{
    const cf_node *node = NULL;
    uint64_t parent = CF_NODE_ROOT;

    for (size_t at = 0; at < path.size;) {
        const uint8_t *slash = memchr(path.data + at, '/', path.size - at);
        size_t size = slash ? (size_t)(slash - path.data) - at : path.size - at;

        node = cf_nodes_child(nodes, parent, cf_bytes_of(path.data + at, size));
        if (!node)
            return NULL;
        parent = node->number;
        at += size + 1;
    }
    return node;
}

const cf_node *cf_nodes_next_child(const cf_nodes *nodes, uint64_t parent, const cf_node *previous)
{
    const directory *in = previous ? NULL : find_directory(nodes, parent);
    const kept *next = previous ? cf_container_of(previous, kept, node)->next
                       : in     ? in->first
                                : NULL;

    return next ? &next->node : NULL;
}

const cf_node *cf_nodes_next(const cf_nodes *nodes, const cf_node *previous)
{
    const cf_hash_link *last = previous ? &cf_container_of(previous, kept, node)->by_number : NULL;
    cf_hash_link *link = cf_hash_table_walk(&nodes->by_number, last);

    return link ? &cf_container_of(link, kept, by_number)->node : NULL;
}

const cf_node *cf_nodes_next_of_inode(const cf_nodes *nodes, uint64_t inode,
                                      const cf_node *previous)
{
    cf_hash_link *link = previous
                             ? cf_hash_table_next(&cf_container_of(previous, kept, node)->by_inode)
                             : cf_hash_table_first(&nodes->by_inode, inode_hash(inode));

    while (link && cf_container_of(link, kept, by_inode)->node.stat.inode != inode)
        link = cf_hash_table_next(link);
    return link ? &cf_container_of(link, kept, by_inode)->node : NULL;
}

const cf_node *cf_nodes_next_of_content(const cf_nodes *nodes, const cf_hash *content,
                                        const cf_node *previous)
{
    cf_hash_link *link =
        previous ? cf_hash_table_next(&cf_container_of(previous, kept, node)->by_content)
                 : cf_hash_table_first(&nodes->by_content, content_hash(content));

    for (; link; link = cf_hash_table_next(link)) {
        const cf_node *node = &cf_container_of(link, kept, by_content)->node;
        cf_hash shown;

        if (content_of(node, &shown) && cf_hash_equal(&shown, content))
            return node;
    }
    return NULL;
}

const cf_node *cf_nodes_next_of_item(const cf_nodes *nodes, const cf_id *item,
                                     const cf_node *previous)
{
    bool passed = !previous;

    for (cf_hash_link *link = cf_hash_table_first(&nodes->by_item, cf_hash_id(0, item)); link;
         link = cf_hash_table_next(link)) {
        const node_label *label = cf_container_of(link, node_label, link);
        const cf_node *node = &label->node->node;

        if (passed && cf_id_equal(&node->items[label - label->node->items], item))
            return node;
        passed = passed || node == previous;
    }
    return NULL;
}

/* Whether the label's content write is `dot` stored with `holder`: labels are found by a hash
 * alone. */
static bool shows(const node_label *label, const cf_id *holder, const cf_dot *dot)
{
    cf_arena arena = {0};
    size_t count;
    const cf_ref *write =
        contents_of(label->node->node.refs, &arena, &count) + (label - label->node->writes);
    bool same = cf_id_equal(&write->holder, holder) && cf_dot_equal(&write->dot, dot);

    cf_arena_release(&arena);
    return same;
}

const cf_node *cf_nodes_next_showing(const cf_nodes *nodes, const cf_id *holder, const cf_dot *dot,
                                     const cf_node *previous)
{
    bool passed = !previous;

    for (cf_hash_link *link = cf_hash_table_first(&nodes->by_write, write_hash(holder, dot)); link;
         link = cf_hash_table_next(link)) {
        const node_label *label = cf_container_of(link, node_label, link);

        if (passed && shows(label, holder, dot) && &label->node->node != previous)
            return &label->node->node;
        passed = passed || &label->node->node == previous;
    }
    return NULL;
}

void cf_nodes_each(const cf_nodes *nodes, void (*visit)(void *context, const cf_node *node),
                   void *context)
{
    for (cf_hash_link *link = cf_hash_table_walk(&nodes->by_number, NULL); link;
         link = cf_hash_table_walk(&nodes->by_number, link))
        visit(context, &cf_container_of(link, kept, by_number)->node);
}
