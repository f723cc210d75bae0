/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/model/model_rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "codec/pack.h"

void model_item_text(const cf_id *item, char text[MODEL_ITEM_TEXT])
{
    text[0] = (char)cf_kind_of(item);
    if (text[0])
        cf_hex(cf_bytes_of(item->bytes + 1, sizeof item->bytes - 1), text + 1);
}

cf_id model_item(const char *text)
{
    cf_id item = {{0}};

    if (*text == '\0')
        return item;
    item.bytes[0] = (uint8_t)*text;
    if (!cf_unhex(text + 1, item.bytes + 1, sizeof item.bytes - 1))
        abort();
    return item;
}

cf_id model_writer(const char *letter)
{
    return (cf_id){{(uint8_t)*letter}};
}

static cf_id digest(uint8_t kind, const cf_buffer *text)
{
    uint8_t hash[16];
    cf_id id = {{kind}};

    crypto_generichash(hash, sizeof hash, text->data, text->size, NULL, 0);
    memcpy(id.bytes + 1, hash, sizeof id.bytes - 1);
    return id;
}

static void add_part(cf_buffer *text, cf_bytes part)
{
    if (text->size)
        cf_buffer_append(text, "", 1);
    cf_buffer_append(text, part.data, part.size);
}

static void add_text(cf_buffer *text, const char *part)
{
    add_part(text, cf_bytes_of_text(part));
}

static cf_id new_id(void *context, uint8_t kind, const cf_id *parent, cf_bytes name,
                    cf_bytes content)
{
    char directory[MODEL_ITEM_TEXT];
    cf_buffer text = {0};
    cf_bytes words = {0};
    cf_error error;

    (void)context;
    if (content.size) {
        cf_reader reader = cf_reader_of(content);
        if (cf_read_text(&reader, &words, &error))
            abort();
    }
    model_item_text(parent, directory);
    add_text(&text, "item");
    add_part(&text, cf_bytes_of(&kind, 1));
    add_text(&text, directory);
    add_part(&text, name);
    add_part(&text, words);
    cf_id id = digest(kind, &text);
    cf_buffer_release(&text);
    return id;
}

static cf_id random_id(void *context, uint8_t kind)
{
    uint64_t *serial = context;
    char number[24];
    cf_buffer text = {0};

    snprintf(number, sizeof number, "%" PRIu64, ++*serial);
    add_text(&text, "random");
    add_text(&text, number);
    cf_id id = digest(kind, &text);
    cf_buffer_release(&text);
    return id;
}

static cf_id copy_id(void *context, const cf_id *item, const cf_dot *dot)
{
    char name[MODEL_ITEM_TEXT], number[24];
    cf_buffer text = {0};

    (void)context;
    model_item_text(item, name);
    snprintf(number, sizeof number, "%" PRIu64, dot->sequence);
    add_text(&text, "copy");
    add_text(&text, name);
    add_part(&text, cf_bytes_of(dot->writer.bytes, 1));
    add_text(&text, number);
    cf_id id = digest(cf_kind_of(item), &text);
    cf_buffer_release(&text);
    return id;
}

static void conflict_name(void *context, cf_bytes name, cf_time time, const cf_dot *dot,
                          uint64_t number, cf_buffer *out)
{
    /* Of what was never placed there is no writer, and no letter. */
    const char letter[] = {(char)dot->writer.bytes[0], '\0'};
    char note[96], again[24] = "";

    (void)context;
    if (number > 1)
        snprintf(again, sizeof again, " %" PRIu64, number);
    snprintf(note, sizeof note, "conflict %s %" PRIu64 "%s", letter, time.ms, again);
    cf_name_annotate(name, note, out);
}

void model_rules(cf_rules *out, uint64_t *serial)
{
    static const uint8_t empty_text[] = {0xa0};

    *out = (cf_rules){
        .context = serial,
        .new_id = new_id,
        .random_id = random_id,
        .copy_id = copy_id,
        .conflict_name = conflict_name,
        .default_mode = {empty_text, sizeof empty_text},
    };
}
