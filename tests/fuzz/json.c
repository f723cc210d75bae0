/* SPDX-License-Identifier: Apache-2.0 */
/* JSON documents: written as they were read; a value copied elsewhere, or deleted, leaves a
 * document. The first two bytes of the input choose the nodes. */
#include "tests/fuzz/target.h"

#include "peer/adapters/text/json_edit.h"

bool fuzz_seed(size_t number, cf_buffer *out)
{
    static const char *const seeds[] = {
        "\x05\x01{\n  \"a\" : [1, -0.5e+7, {\"b\":null}],\r\n  \"c\" : \"\\ud83d\\ude00\\n\"\n}\n",
        "\x01\x02[[],{},true,[false,\"\\u0041\"]]", "  1",
        "\x01\x03\xef\xbb\xbf{\"a\":1,\"\\u0061\":2,\"b~/\":[ 3 ]}"};

    if (number >= sizeof seeds / sizeof *seeds)
        return false;
    cf_buffer_append_text(out, "%s", seeds[number]);
    return true;
}

static void look_at_node(const cf_json *json, size_t index)
{
    const cf_json_node *node = &json->nodes[index];
    cf_buffer text = {0}, spelled = {0}, again = {0};
    cf_error error;

    fuzz_must(node->end > index && node->end <= json->count);
    fuzz_must((node->parent == CF_JSON_NONE) == (index == 0));
    fuzz_must(index == 0 || (node->parent < index && json->nodes[node->parent].end >= node->end));
    if (node->type == CF_JSON_STRING &&
        !cf_json_text(cf_json_spelled(json, index), &text, &error)) {
        cf_json_write_text(cf_buffer_view(&text), &spelled);
        fuzz_must(!cf_json_text(cf_buffer_view(&spelled), &again, &error));
        fuzz_must(cf_bytes_equal(cf_buffer_view(&text), cf_buffer_view(&again)));
    }
    if (node->name_size && !node->repeated) {
        cf_buffer_clear(&text);
        if (!cf_json_text(cf_json_spelled_name(json, index), &text, &error))
            fuzz_must(cf_json_member(json, node->parent, cf_buffer_view(&text)) == index);
    }
    cf_buffer_release(&text);
    cf_buffer_release(&spelled);
    cf_buffer_release(&again);
}

/* Written and read again; returns how many nodes there are then. */
static size_t count_written(cf_json_edits *edits)
{
    cf_buffer out = {0};
    cf_error error;
    cf_json again;

    cf_json_edits_write(edits, &out);
    fuzz_must(!cf_json_read(cf_buffer_view(&out), &again, &error));
    size_t count = again.count;
    cf_json_release(&again);
    cf_buffer_release(&out);
    cf_json_edits_release(edits);
    return count;
}

static void edit(const cf_json *json, size_t from, size_t to)
{
    const size_t moved = json->nodes[from].end - from, old = json->nodes[to].end - to;
    cf_bytes value = cf_json_spelled(json, from), name = cf_bytes_of_text("new name");
    cf_json_edits edits = {.json = json};
    cf_error error;

    if (!cf_json_edits_replace(&edits, to, value, &error))
        fuzz_must(count_written(&edits) == json->count + moved - old);
    if (to > 0) {
        edits = (cf_json_edits){.json = json};
        cf_json_edits_delete(&edits, to);
        fuzz_must(count_written(&edits) == json->count - old);
    }
    if (json->nodes[to].type >= CF_JSON_ARRAY) {
        edits = (cf_json_edits){.json = json};
        if (!cf_json_edits_add(&edits, to, name, value, &error) &&
            !cf_json_edits_add(&edits, to, cf_bytes_of_text("2"), value, &error))
            fuzz_must(count_written(&edits) == json->count + 2 * moved);
        cf_json_edits_release(&edits);
    }
}

bool fuzz_run(cf_bytes input)
{
    fuzz_input in = {input};
    const size_t from = fuzz_byte(&in), to = fuzz_byte(&in);
    cf_buffer out = {0};
    cf_error error;
    cf_json json;

    if (cf_json_read(in.rest, &json, &error))
        return false;
    cf_json_edits edits = {.json = &json};
    cf_json_edits_write(&edits, &out);
    fuzz_must(cf_bytes_equal(cf_buffer_view(&out), in.rest));
    cf_buffer_release(&out);
    for (size_t i = 0; i < json.count && i < 1000; i++)
        look_at_node(&json, i);
    edit(&json, from % json.count, to % json.count);
    cf_json_release(&json);
    return true;
}
