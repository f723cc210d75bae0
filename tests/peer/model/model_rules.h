/* SPDX-License-Identifier: Apache-2.0 */
/* The merge model's answers to what the rules leave open, so that its vectors hold here: ids are
 * BLAKE2b over text, writers are letters, values are texts. */
#ifndef CF_TESTS_MODEL_RULES_H
#define CF_TESTS_MODEL_RULES_H
#include "peer/merge/rules.h"

/* `*serial` is the last random number used. */
void model_rules(cf_rules *out, uint64_t *serial);

enum { MODEL_ITEM_TEXT = 32 };
/* The letter of the kind and 30 hexadecimal digits; nothing for the root. */
void model_item_text(const cf_id *item, char text[MODEL_ITEM_TEXT]);
cf_id model_item(const char *text);
cf_id model_writer(const char *letter);

#endif
