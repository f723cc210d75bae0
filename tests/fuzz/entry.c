/* SPDX-License-Identifier: Apache-2.0 */
/* Entries. The input is the header up to its last element and the body: the body's hash between
 * them is made right, else hardly any mutation would get past it. */
#include "tests/fuzz/target.h"

#include "codec/entry.h"
#include "codec/bulk.h"
#include "codec/pack.h"

static cf_header header_of(cf_entry_type type)
{
    cf_header header = {.version = CF_ENTRY_VERSION,
                        .type = type,
                        .user = fuzz_hash('u'),
                        .device = fuzz_hash('d'),
                        .collection = type == CF_ENTRY_MEMBER ? cf_member_log_id : fuzz_id('c'),
                        .sequence = 1};

    memset(header.previous.bytes, 'p', 16);
    header.writer =
        cf_writer_id(&header.user, &header.device, &header.collection, header.previous.bytes);
    return header;
}

bool fuzz_seed(size_t number, cf_buffer *out)
{
    static const cf_head after[] = {{{{1}}, 3, {{2}}}, {{{1}}, 4, {{1}}}, {{{9}}, 1, {{7}}}};
    static const cf_hash blobs[] = {{{1}}, {{2}}, {{1}}};
    cf_buffer open = {0};
    cf_header header = header_of(number == 1 ? CF_ENTRY_MEMBER : CF_ENTRY_CHANGE);

    if (number > 3)
        return false;
    if (number != 1)
        header.epoch = fuzz_hash('e');
    if (number == 2) {
        header.after = after;
        header.after_count = 3;
        header.blobs = blobs;
        header.blob_count = 3;
    }
    if (number == 3) {
        header.sequence = 77;
        header.previous = fuzz_hash('p');
    }
    cf_header_pack_open(&header, &open);
    fuzz_add_chunk(out, cf_buffer_view(&open));
    cf_buffer_append(out, "some body", 9);
    cf_buffer_release(&open);
    return true;
}

static bool check(cf_bytes wire)
{
    cf_arena arena = {0};
    cf_error error;
    cf_entry entry;
    cf_buffer again = {0};

    bool taken = !cf_entry_read(wire, &arena, &entry, &error);
    if (taken) {
        fuzz_must(entry.header_wire.size + entry.signature.size + entry.body.size == wire.size);
        fuzz_must(entry.signature.size == CF_SIGNATURE_SIZE);
        if (entry.header.version == CF_ENTRY_VERSION) {
            cf_header_pack_open(&entry.header, &again);
            fuzz_must(cf_bytes_equal(cf_buffer_view(&again), entry.sealed_under));
        }
        fuzz_must(cf_entry_verify(&entry, fuzz_hash('k').bytes, &error));
    }
    cf_buffer_release(&again);
    cf_arena_release(&arena);
    return taken;
}

bool fuzz_run(cf_bytes input)
{
    fuzz_input rest = {input};
    cf_bytes open = fuzz_chunk(&rest), body = rest.rest;
    cf_hash hash = cf_hash_of("body", &body, 1);
    cf_buffer wire = {0};

    cf_buffer_append(&wire, open.data, open.size);
    cf_pack_bin(&wire, cf_bytes_of(hash.bytes, sizeof hash.bytes));
    for (int i = 0; i < CF_SIGNATURE_SIZE; i++)
        cf_buffer_append(&wire, "", 1);
    cf_buffer_append(&wire, body.data, body.size);
    bool taken = check(cf_buffer_view(&wire));
    check(input);
    cf_buffer_release(&wire);
    return taken;
}
