/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/cases/case_doubt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/peer/cases/case_cover.h"
#include "tests/peer/cases/case_part.h"
#include "tests/peer/cases/case_outcome.h"

enum { LINE_SIZE = 768 };

typedef struct {
    char lines[OUTCOME_NODES][LINE_SIZE];
    size_t count;
} line_list;

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void differ(const test_case *one, const line_list *expected, const test_case *other,
                   const line_list *found)
{
    char text[CASE_TEXT];

    case_print(one, text);
    printf("%s:\n", text);
    for (size_t i = 0; i < expected->count; i++)
        printf("    %s\n", expected->lines[i]);
    if (other) {
        case_print(other, text);
        printf("%s:\n", text);
    } else {
        printf("its parts together:\n");
    }
    for (size_t i = 0; i < found->count; i++)
        printf("    %s\n", found->lines[i]);
    fflush(stdout);
    abort();
}

static bool same_lines(line_list *a, line_list *b)
{
    bool same = a->count == b->count;

    qsort(a->lines, a->count, LINE_SIZE, by_text);
    qsort(b->lines, b->count, LINE_SIZE, by_text);
    for (size_t i = 0; i < a->count && same; i++)
        same = strcmp(a->lines[i], b->lines[i]) == 0;
    return same;
}

/* ---- By paths: one case comes to another ---- */

/* Contents that only their writer knows are called after who wrote them. */
static const char *content_class(const char *content, bool only_writers)
{
    unsigned number;

    if (sscanf(content, "v%u", &number) != 1)
        return only_writers && strcmp(content, "same") == 0 ? "written" : content;
    if (number > CASE_SHARED)
        return only_writers ? "written" : (number < paper_content(1, 0) ? "A's" : "B's");
    return only_writers ? "old" : content;
}

static void list_paths(const test_case *one, bool only_writers, line_list *out)
{
    case_outcome outcome;

    case_outcome_of(one, NULL, &outcome);
    out->count = outcome.count;
    for (size_t i = 0; i < outcome.count; i++) {
        const outcome_node *node = &outcome.nodes[i];

        snprintf(out->lines[i], LINE_SIZE, "%s%s %s%s", node->path, node->is_directory ? "/" : "",
                 content_class(node->content, only_writers), node->has_mode ? " executable" : "");
    }
}

static void expect_same(const test_case *one, const test_case *other, bool only_writers)
{
    static line_list first, second;

    list_paths(one, only_writers, &first);
    list_paths(other, only_writers, &second);
    if (!same_lines(&first, &second))
        differ(one, &first, other, &second);
}

/* ---- By nodes: parts together are the whole ---- */

static uint8_t renumbered(uint8_t labels, const uint8_t original[CASE_ALL])
{
    uint8_t out = 0;

    for (unsigned i = 0; i < CASE_ALL; i++)
        if (labels >> i & 1)
            out |= (uint8_t)(1U << original[i]);
    return out;
}

typedef struct {
    bool is_there, is_directory, has_mode;
    uint8_t within;
    char name[OUTCOME_NAME], content[24];
} node_facts;

typedef struct {
    node_facts nodes[CASE_ALL];
    line_list copies;
} facts_list;

static uint8_t lowest(uint8_t labels)
{
    return labels & (uint8_t)(0U - labels);
}

static void read_facts(const case_outcome *outcome, const uint8_t original[CASE_ALL],
                       facts_list *out)
{
    *out = (facts_list){0};
    for (size_t i = 0; i < outcome->count; i++) {
        const outcome_node *node = &outcome->nodes[i];
        node_facts facts = {.is_there = true,
                            .is_directory = node->is_directory,
                            .has_mode = node->has_mode,
                            .within = lowest(renumbered(node->within, original))};

        memcpy(facts.name, node->name, sizeof facts.name);
        memcpy(facts.content, node->content, sizeof facts.content);
        for (unsigned k = 0; k < CASE_ALL; k++)
            if (renumbered(node->is, original) >> k & 1)
                out->nodes[k] = facts;
        if (!node->is)
            snprintf(out->copies.lines[out->copies.count++], LINE_SIZE, "copy in %x: %s %s%s",
                     facts.within, facts.name, facts.content, facts.has_mode ? " executable" : "");
    }
}

/* Each aspect as the one part has it that changed it. */
static void put_together(const node_facts *begun, const node_facts *part, node_facts *out)
{
    if (begun->is_there && !part->is_there)
        out->is_there = false;
    if (!part->is_there)
        return;
    if (!begun->is_there)
        *out = *part;
    if (part->within != begun->within || strcmp(part->name, begun->name) != 0) {
        out->within = part->within;
        memcpy(out->name, part->name, sizeof out->name);
    }
    if (strcmp(part->content, begun->content) != 0)
        memcpy(out->content, part->content, sizeof out->content);
    if (part->has_mode != begun->has_mode)
        out->has_mode = part->has_mode;
}

static void list_facts(const facts_list *facts, line_list *out)
{
    *out = facts->copies;
    for (unsigned k = 0; k < CASE_ALL; k++) {
        const node_facts *node = &facts->nodes[k];

        if (node->is_there)
            snprintf(out->lines[out->count++], LINE_SIZE, "%u in %x: %s %s%s%s", k, node->within,
                     node->name, node->is_directory ? "/" : "", node->content,
                     node->has_mode ? " executable" : "");
    }
}

static void add_part(const test_case *one, const case_links *links, uint8_t group,
                     facts_list *together)
{
    uint8_t original[CASE_ALL];
    test_case part = case_part(one, links, group, original);
    case_outcome begun, end;
    facts_list before, after;

    case_outcome_of(&part, &begun, &end);
    read_facts(&begun, original, &before);
    read_facts(&end, original, &after);
    for (unsigned k = 0; k < CASE_ALL; k++)
        if (before.nodes[k].is_there || after.nodes[k].is_there)
            put_together(&before.nodes[k], &after.nodes[k], &together->nodes[k]);
    for (size_t i = 0; i < after.copies.count; i++)
        memcpy(together->copies.lines[together->copies.count++], after.copies.lines[i], LINE_SIZE);
}

static void doubt_parts(const test_case *one, const case_deeds deeds[2], doubt_progress *progress)
{
    static facts_list together, whole;
    static line_list expected, found;
    const uint8_t same[CASE_ALL] = {0, 1, 2, 3, 4, 5, 6, 7};
    case_outcome begun, end;
    case_links links;

    case_link(&one->tree, deeds, &links);
    if (links.count < 2 && links.needed[1] == (1U << one->tree.count) - 1)
        return;
    progress->parts++;
    case_outcome_of(one, &begun, &end);
    read_facts(&end, same, &whole);
    read_facts(&begun, same, &together);
    for (uint8_t group = 1; group <= links.count; group++)
        add_part(one, &links, group, &together);
    list_facts(&whole, &expected);
    list_facts(&together, &found);
    if (!same_lines(&expected, &found))
        differ(one, &expected, NULL, &found);
}

/* ---- When it is published ---- */

static void doubt_publishing(const test_case *one, const case_deeds deeds[2],
                             doubt_progress *progress)
{
    test_case other = *one;

    if (!case_publish_plainer(&other, deeds))
        return;
    while (case_publish_plainer(&other, deeds))
        ;
    progress->publishing++;
    expect_same(one, &other, false);
}

/* ---- Other works, other contents ---- */

static void doubt_works(const case_set *set, const test_case *one, const size_t index[2],
                        doubt_progress *progress)
{
    uint32_t *first = calloc(set->count, sizeof *first);

    if (!first)
        abort();
    for (unsigned who = 0; who < 2; who++) {
        test_case other = *one;
        case_role role = one->scans_each[who] ? PUBLISHED_EACH : PUBLISHED_ONCE;

        if (role == PUBLISHED_EACH && who && one->order != CASE_BOTH_AT_ONCE)
            continue;
        case_alike(set, role, first);
        if (first[index[who]] == index[who])
            continue;
        other.works[who] = set->works[first[index[who]]];
        progress->works++;
        expect_same(one, &other, false);
    }
    free(first);
}

static void doubt_contents(const test_case *one, const case_deeds deeds[2],
                           doubt_progress *progress)
{
    test_case other = *one;

    if (deeds[0].shared + deeds[1].shared == 1)
        for (unsigned who = 0; who < 2; who++)
            for (unsigned step = 0; step < CASE_OPS; step++)
                other.works[who].ops[step].shared = false;
    for (uint8_t i = 0; i < one->tree.count; i++)
        if (case_could_differ(&one->tree, deeds, i)) {
            other.tree.nodes[i].content = CASE_NODES;
            break;
        }
    if (memcmp(&other, one, sizeof other) == 0)
        return;
    progress->contents++;
    expect_same(one, &other, true);
}

void case_doubt_covered(const whole_set *sets, size_t count, const test_case *one,
                        doubt_progress *progress)
{
    char text[CASE_TEXT];
    test_case lost;

    progress->now = *one;
    progress->followed++;
    if (case_is_covered(sets, count, one, &lost))
        return;
    case_print(one, text);
    printf("%s\n    comes to a case that is not lived:\n", text);
    case_print(&lost, text);
    printf("%s\n", text);
    fflush(stdout);
    abort();
}

/* What the second applies before its last scan is all, so that it is always the same. */
void case_doubt(const case_set *set, uint64_t random, doubt_progress *progress)
{
    size_t i = random % set->count, j = random / set->count % set->count;
    unsigned way = (unsigned)(random % 7919 % CASE_WAYS);

    if (way % CASE_ORDERS == CASE_SECOND_BEFORE)
        way -= 1;
    test_case one = case_at(set, i, j, way);
    one.seed |= 1;
    one.ids = one.seed;
    progress->now = one;
    case_deeds deeds[2] = {case_deeds_of(&one.tree, &one.works[0], 0),
                           case_deeds_of(&one.tree, &one.works[1], 1)};
    doubt_parts(&one, deeds, progress);
    doubt_publishing(&one, deeds, progress);
    doubt_works(set, &one, (size_t[2]){i, j}, progress);
    doubt_contents(&one, deeds, progress);
}
