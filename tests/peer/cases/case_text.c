/* SPDX-License-Identifier: Apache-2.0 */
/* A case as one line: its nodes (directory; d, f, or c for a conflict
 * copy; content; what it is a copy of), what each user does, how it is
 * exchanged, seed. "/d0 0f0 / delete.0 / edit.1 / each first 12" */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/peer/cases/cases.h"

static const char *const op_names[] = {"-",      "create", "mkdir",   "edit",
                                       "delete", "chmod",  "replace", "move"};
/* Whether the first publishes each step, and whether the other does. */
static const char *const scan_names[2][2] = {{"once", "once-each"}, {"each-once", "each"}};
static const char *const order_names[] = {"both", "first", "second"};

enum { KINDS = sizeof op_names / sizeof *op_names };

typedef struct {
    char *at;
    size_t left;
} writer;

__attribute__((format(printf, 2, 3))) static void put(writer *to, const char *format, ...);

static void put(writer *to, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int size = vsnprintf(to->at, to->left, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= to->left)
        return;
    to->at += size;
    to->left -= (size_t)size;
}

static char node_letter(uint8_t node)
{
    return node == CASE_ROOT ? '/' : (char)('0' + node);
}

static void print_op(writer *to, const case_op *op)
{
    put(to, " %s", op_names[op->kind]);
    if (op->kind == OP_NONE)
        return;
    if (op->kind != OP_CREATE && op->kind != OP_MKDIR)
        put(to, ".%c", node_letter(op->node));
    if (op->kind == OP_CREATE || op->kind == OP_MKDIR || op->kind == OP_MOVE)
        put(to, ".%c%c", node_letter(op->directory), "abcdxy"[op->name]);
    if (op->shared)
        put(to, ".same");
}

void case_print(const test_case *one, char text[CASE_TEXT])
{
    writer to = {text, CASE_TEXT};

    text[0] = '\0';
    for (uint8_t i = 0; i < one->tree.count; i++) {
        const case_node *node = &one->tree.nodes[i];

        put(&to, "%c%c%u", node_letter(node->parent),
            node->is_directory ? 'd' : (node->copy_of ? 'c' : 'f'), node->content);
        if (node->copy_of)
            put(&to, "%u", node->copy_of - 1);
        put(&to, " ");
    }
    for (int who = 0; who < 2; who++) {
        put(&to, who ? " |" : "|");
        for (uint8_t i = 0; i < one->works[who].count; i++)
            print_op(&to, &one->works[who].ops[i]);
    }
    put(&to, " | %s %s %" PRIu64, scan_names[one->scans_each[0]][one->scans_each[1]],
        order_names[one->order], one->seed);
    if (one->ids != one->seed)
        put(&to, " %" PRIu64, one->ids);
}

static bool read_node(char letter, uint8_t *out)
{
    *out = letter == '/' ? CASE_ROOT : (uint8_t)(letter - '0');
    return letter == '/' || (letter >= '0' && letter < '0' + CASE_ALL);
}

static bool read_place(const char *text, case_op *out)
{
    const char *name = text[0] && text[1] ? strchr("abcdxy", text[1]) : NULL;

    out->name = name ? (uint8_t)(name - "abcdxy") : 0;
    return name && read_node(text[0], &out->directory);
}

static bool read_op(char *word, case_op *out)
{
    char *rest = NULL, *name = strtok_r(word, ".", &rest), *part;

    for (out->kind = OP_NONE; out->kind < KINDS && strcmp(name, op_names[out->kind]) != 0;)
        out->kind++;
    if (out->kind == OP_NONE || out->kind == KINDS)
        return out->kind == OP_NONE;
    if (out->kind != OP_CREATE && out->kind != OP_MKDIR &&
        (!(part = strtok_r(NULL, ".", &rest)) || !read_node(part[0], &out->node)))
        return false;
    if ((out->kind == OP_CREATE || out->kind == OP_MKDIR || out->kind == OP_MOVE) &&
        (!(part = strtok_r(NULL, ".", &rest)) || !read_place(part, out)))
        return false;
    part = strtok_r(NULL, ".", &rest);
    out->shared = part && strcmp(part, "same") == 0;
    return true;
}

static bool read_work(char *text, case_work *out)
{
    char *rest = NULL;

    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        if (out->count == CASE_OPS || !read_op(word, &out->ops[out->count++]))
            return false;
    return true;
}

static bool read_tree(char *text, case_tree *out)
{
    char *rest = NULL;

    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (out->count == CASE_NODES || strlen(word) != (word[0] && word[1] == 'c' ? 4 : 3))
            return false;
        case_node *node = &out->nodes[out->count++];
        if (!read_node(word[0], &node->parent))
            return false;
        node->is_directory = word[1] == 'd';
        node->content = (uint8_t)(word[2] - '0');
        node->copy_of = word[1] == 'c' ? (uint8_t)(word[3] - '0' + 1) : 0;
    }
    return true;
}

bool case_read(const char *text, test_case *out)
{
    char copy[CASE_TEXT], scans[16], order[8];
    char *parts[4] = {copy};

    *out = (test_case){0};
    snprintf(copy, sizeof copy, "%s", text);
    for (int i = 1; i < 4; i++) {
        parts[i] = strchr(parts[i - 1], '|');
        if (!parts[i])
            return false;
        *parts[i]++ = '\0';
    }
    if (!read_tree(parts[0], &out->tree) || !read_work(parts[1], &out->works[0]) ||
        !read_work(parts[2], &out->works[1]) ||
        sscanf(parts[3], "%15s %7s %" SCNu64 " %" SCNu64, scans, order, &out->seed, &out->ids) < 3)
        return false;
    if (!out->ids)
        out->ids = out->seed;
    out->scans_each[0] = strncmp(scans, "each", 4) == 0;
    out->scans_each[1] = strcmp(scans, "each") == 0 || strcmp(scans, "once-each") == 0;
    while (out->order < CASE_ORDERS && strcmp(order, order_names[out->order]) != 0)
        out->order++;
    return out->order < CASE_ORDERS;
}
