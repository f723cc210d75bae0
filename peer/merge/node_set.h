/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of nodes: gathered, then put in order, then asked for. */
#ifndef CF_PEER_MERGE_NODE_SET_H
#define CF_PEER_MERGE_NODE_SET_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t *at;
    size_t count, capacity;
} cf_node_set; /* {0} is empty */

void cf_node_set_add(cf_node_set *numbers, uint64_t number);
void cf_node_set_sort(cf_node_set *numbers);
/* The numbers are in order. */
bool cf_node_set_have(const cf_node_set *sorted, uint64_t number);
void cf_node_set_release(cf_node_set *numbers);

#endif
