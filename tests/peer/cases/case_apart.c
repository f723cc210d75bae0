/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/cases/case_apart.h"

#include <string.h>

enum {
    PLACE = 0, /* an aspect's number is this and the node's */
    CONTENT = PLACE + CASE_ALL,
    MODE = CONTENT + CASE_ALL,
    SPOT = MODE + CASE_ALL,
    STEP = SPOT + CASE_SPOTS,
    THINGS = STEP + 2 * CASE_OPS,
};

typedef struct {
    const case_tree *tree;
    const case_deeds *deeds;
    uint8_t above[THINGS]; /* a forest; what has one root is linked */
    uint8_t gone;          /* a bit for each node; those that something else may come to, too: */
    uint8_t met;
    bool directories_meet, ring;
} linking;

static uint8_t root_of(linking *self, uint8_t thing)
{
    while (self->above[thing] != thing)
        thing = self->above[thing] = self->above[self->above[thing]];
    return thing;
}

static void put_together(linking *self, unsigned a, unsigned b)
{
    uint8_t first = root_of(self, (uint8_t)a), second = root_of(self, (uint8_t)b);

    self->above[first] = second;
}

static void make_one(linking *self, uint8_t node)
{
    put_together(self, PLACE + node, CONTENT + node);
    put_together(self, PLACE + node, MODE + node);
}

static void link_tree(linking *self)
{
    for (uint8_t i = 0; i < self->tree->count; i++) {
        const case_node *node = &self->tree->nodes[i];

        put_together(self, PLACE + i, SPOT + case_spot(node->parent, i));
        if (!node->copy_of)
            continue;
        make_one(self, i);
        make_one(self, node->copy_of - 1);
        put_together(self, PLACE + i, PLACE + node->copy_of - 1U);
    }
}

static unsigned aspect_of(uint8_t kind)
{
    return kind == OP_EDIT ? CONTENT : (kind == OP_CHMOD ? MODE : PLACE);
}

static void link_deed(linking *self, const case_deed *deed, unsigned step)
{
    if (op_has_node(deed->kind))
        put_together(self, step, aspect_of(deed->kind) + deed->node);
    if (!op_has_node(deed->kind) || deed->kind == OP_REPLACE) {
        make_one(self, deed->made);
        put_together(self, step, PLACE + deed->made);
    }
    if (deed->kind == OP_MOVE || deed->kind == OP_REPLACE)
        put_together(self, step, SPOT + deed->from);
    if (op_has_place(deed->kind))
        put_together(self, step, SPOT + deed->to);
    if (deed->directory != CASE_ROOT && deed->directory >= CASE_NODES)
        put_together(self, step, PLACE + deed->directory);
    for (uint8_t i = 0; i < CASE_ALL; i++)
        if (deed->gone & case_bit(i)) {
            make_one(self, i);
            put_together(self, step, PLACE + i);
        }
    self->gone |= deed->gone;
}

static bool has_or_gets(const linking *self, uint8_t node, uint8_t place)
{
    if (node < self->tree->count && case_spot(self->tree->nodes[node].parent, node) == place)
        return true;
    for (unsigned who = 0; who < 2; who++)
        for (unsigned i = 0; i < self->deeds[who].count; i++) {
            const case_deed *deed = &self->deeds[who].deeds[i];

            if (deed->kind == OP_MOVE && deed->node == node && deed->to == place)
                return true;
        }
    return false;
}

/* Where something else comes, equal files are shown as one, others under other names. */
static void link_places(linking *self)
{
    for (unsigned who = 0; who < 2; who++)
        for (unsigned i = 0; i < self->deeds[who].count; i++) {
            const case_deed *deed = &self->deeds[who].deeds[i];

            for (uint8_t k = 0; op_has_place(deed->kind) && k < CASE_ALL; k++)
                if (!(deed->kind == OP_MOVE && deed->node == k) && has_or_gets(self, k, deed->to)) {
                    make_one(self, k);
                    if (deed->kind == OP_MOVE)
                        make_one(self, deed->node);
                }
        }
}

static void link_edits(linking *self)
{
    uint8_t edited[2] = {0};

    for (unsigned who = 0; who < 2; who++)
        for (unsigned i = 0; i < self->deeds[who].count; i++)
            if (self->deeds[who].deeds[i].kind == OP_EDIT)
                edited[who] |= case_bit(self->deeds[who].deeds[i].node);
    for (uint8_t i = 0; i < CASE_NODES; i++)
        if (edited[0] & edited[1] & case_bit(i))
            make_one(self, i);
}

/* What may be above each directory, whoever's moves win. */
static void find_above(const linking *self, uint8_t above[CASE_ALL])
{
    memset(above, 0, CASE_ALL);
    for (uint8_t i = 0; i < self->tree->count; i++)
        if (self->tree->nodes[i].parent != CASE_ROOT)
            above[i] = case_bit(self->tree->nodes[i].parent);
    for (unsigned who = 0; who < 2; who++)
        for (unsigned i = 0; i < self->deeds[who].count; i++) {
            const case_deed *deed = &self->deeds[who].deeds[i];

            uint8_t in = deed->to / CASE_NAMES; /* of a spot */

            if (deed->brings_directory && in != CASE_ALL)
                above[deed->kind == OP_MOVE ? deed->node : deed->made] |= case_bit(in);
        }
    for (uint8_t via = 0; via < CASE_ALL; via++)
        for (uint8_t i = 0; i < CASE_ALL; i++)
            if (above[i] & case_bit(via))
                above[i] |= above[via];
}

/* Of a ring, one directory is shown in the root, under its name. */
static void link_ring(linking *self, uint8_t directory, uint8_t ring)
{
    self->directories_meet = self->ring = true;
    self->met |= case_bit(directory);
    for (uint8_t i = 0; i < CASE_ALL; i++)
        if (ring & case_bit(i))
            put_together(self, PLACE + directory, PLACE + i);
    for (uint8_t at = 0; at <= CASE_ALL; at++)
        for (uint8_t name = 0; name < CASE_NAMES; name++) {
            uint8_t in_root = case_spot(CASE_ROOT, name);

            if (!has_or_gets(self, directory, case_spot(at == CASE_ALL ? CASE_ROOT : at, name)))
                continue;
            put_together(self, PLACE + directory, SPOT + in_root);
            for (uint8_t i = 0; i < self->tree->count; i++)
                if (has_or_gets(self, i, in_root))
                    self->met |= case_bit(i);
        }
}

static void link_rings(linking *self)
{
    uint8_t above[CASE_ALL];

    find_above(self, above);
    for (uint8_t i = 0; i < CASE_ALL; i++) {
        uint8_t ring = 0;

        for (uint8_t k = 0; k < CASE_ALL; k++)
            if (above[i] & case_bit(k) && above[k] & case_bit(i))
                ring |= case_bit(k);
        if (ring)
            link_ring(self, i, ring);
    }
}

static bool has_directory(const case_tree *tree, uint8_t place, uint8_t but)
{
    for (uint8_t i = 0; i < tree->count; i++)
        if (i != but && tree->nodes[i].is_directory && case_spot(tree->nodes[i].parent, i) == place)
            return true;
    return false;
}

/* Another directory comes to a place of this one: they are shown as one. */
static bool is_met(const linking *self, uint8_t directory)
{
    for (unsigned who = 0; who < 2; who++)
        for (unsigned i = 0; i < self->deeds[who].count; i++) {
            const case_deed *deed = &self->deeds[who].deeds[i];

            bool is_its_own = deed->kind == OP_MOVE && deed->node == directory;

            if (deed->brings_directory && !is_its_own && has_or_gets(self, directory, deed->to))
                return true;
            if (is_its_own && has_directory(self->tree, deed->to, directory))
                return true;
        }
    return false;
}

static void link_inside(linking *self, uint8_t directory)
{
    make_one(self, directory);
    for (uint8_t i = 0; i < self->tree->count; i++)
        if (self->tree->nodes[i].parent == directory) {
            make_one(self, i);
            put_together(self, PLACE + directory, PLACE + i);
            self->gone |= case_bit(i);
        }
    for (unsigned who = 0; who < 2; who++)
        for (unsigned i = 0; i < self->deeds[who].count; i++)
            if (op_has_place(self->deeds[who].deeds[i].kind) &&
                self->deeds[who].deeds[i].directory == directory)
                put_together(self, PLACE + directory, STEP + CASE_OPS * who + i);
}

/* Parents come before their children. */
static void link_directories(linking *self)
{
    for (uint8_t i = 0; i < self->tree->count; i++) {
        if (!self->tree->nodes[i].is_directory)
            continue;
        bool met = self->met & case_bit(i) || is_met(self, i);

        self->directories_meet |= met;
        if (met || self->gone & case_bit(i))
            link_inside(self, i);
    }
}

static void link_all(linking *self, const case_tree *tree, const case_deeds deeds[2])
{
    self->tree = tree;
    self->deeds = deeds;
    self->gone = self->met = 0;
    self->directories_meet = self->ring = false;
    for (uint8_t i = 0; i < THINGS; i++)
        self->above[i] = i;
    link_tree(self);
    for (unsigned who = 0; who < 2; who++)
        for (unsigned i = 0; i < deeds[who].count; i++)
            if (deeds[who].deeds[i].kind != OP_NONE)
                link_deed(self, &deeds[who].deeds[i], STEP + CASE_OPS * who + i);
    link_edits(self);
    link_places(self);
    link_rings(self);
    link_directories(self);
}

/* ---- What follows ---- */

static uint8_t needed_by(linking *self, const case_deed *deed, uint8_t root)
{
    uint8_t nodes = 0;

    if (op_has_node(deed->kind) && deed->node < CASE_NODES)
        nodes |= case_bit(deed->node);
    if (deed->directory < CASE_NODES)
        nodes |= case_bit(deed->directory);
    for (uint8_t i = 0; i < self->tree->count; i++)
        if (root_of(self, PLACE + i) == root || root_of(self, CONTENT + i) == root ||
            root_of(self, MODE + i) == root)
            nodes |= case_bit(i);
    return nodes;
}

static uint8_t with_those_above(const case_tree *tree, uint8_t nodes)
{
    for (uint8_t i = tree->count; i-- > 0;)
        if (nodes & case_bit(i) && tree->nodes[i].parent != CASE_ROOT)
            nodes |= case_bit(tree->nodes[i].parent);
    return nodes;
}

static void gather(linking *self, case_links *out)
{
    uint8_t roots[2 * CASE_OPS + 1];

    *out = (case_links){.directories_meet = self->directories_meet, .ring = self->ring};
    for (unsigned who = 0; who < 2; who++)
        for (unsigned i = 0; i < self->deeds[who].count; i++) {
            const case_deed *deed = &self->deeds[who].deeds[i];
            uint8_t root = root_of(self, (uint8_t)(STEP + CASE_OPS * who + i)), group = 1;

            if (deed->kind == OP_NONE)
                continue;
            while (group <= out->count && roots[group] != root)
                group++;
            out->count = group > out->count ? group : out->count;
            roots[group] = root;
            out->groups[who][i] = group;
            out->needed[group] |= needed_by(self, deed, root);
        }
    for (uint8_t group = 1; group <= out->count; group++)
        out->needed[group] = with_those_above(self->tree, out->needed[group]);
}

void case_link(const case_tree *tree, const case_deeds deeds[2], case_links *out)
{
    linking self;

    link_all(&self, tree, deeds);
    gather(&self, out);
}
