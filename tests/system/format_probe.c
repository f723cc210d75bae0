/* SPDX-License-Identifier: Apache-2.0 */
/* What the product says of the format, for tests/system/test_format.py to compare with what the
 * independent program says. Records on stdin and stdout are a length (4 bytes, big-endian) and that
 * many bytes.
 *
 *   format_probe write        entries by devices with fixed keys, their bodies not sealed
 *   format_probe value        of each record whether it is one canonical value: y or n, a line
 *   format_probe entry        the first record is a signing key; of each other whether it is a
 *                             well-formed entry with the key's signature
 *   format_probe body         the first record is an entry; of each other whether it could be its
 *                             plain body */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "codec/change.h"
#include "codec/content.h"
#include "codec/entry.h"
#include "codec/heads.h"
#include "codec/limits.h"
#include "codec/pack.h"

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "format_probe: %s\n", what);
        exit(1);
    }
}

static bool read_record(cf_buffer *record)
{
    uint8_t length[4];

    if (fread(length, 1, sizeof length, stdin) != sizeof length)
        return false;
    size_t size = cf_get_u32(length);
    must(size <= CF_BODY_MAX, "a record is too large");
    cf_buffer_clear(record);
    must(fread(cf_buffer_reserve(record, size), 1, size, stdin) == size, "a record is cut short");
    record->size = size;
    return true;
}

static void write_record(cf_bytes bytes)
{
    uint8_t length[4];

    cf_put_u32(length, (uint32_t)bytes.size);
    fwrite(length, 1, sizeof length, stdout);
    fwrite(bytes.data, 1, bytes.size, stdout);
}

/* --- Entries by devices with fixed keys --- */

typedef struct {
    uint8_t key[32], secret[64];
    cf_header next;
} author;

static author an_author(uint8_t seed, const cf_id *collection)
{
    author made = {.next = {.version = CF_ENTRY_VERSION, .type = CF_ENTRY_CHANGE, .sequence = 1}};
    uint8_t seeds[crypto_sign_SEEDBYTES];

    memset(seeds, seed, sizeof seeds);
    crypto_sign_seed_keypair(made.key, made.secret, seeds);
    memset(made.next.user.bytes, 'u', CF_HASH_SIZE);
    memset(made.next.epoch.bytes, 'e', CF_HASH_SIZE);
    memset(made.next.previous.bytes, seed, 16);
    made.next.device = cf_device_id(made.key);
    made.next.collection = *collection;
    made.next.writer =
        cf_writer_id(&made.next.user, &made.next.device, collection, made.next.previous.bytes);
    return made;
}

/* Writes the author's next entry; gives its dot, and adds its head to what all have seen. */
static cf_dot write_entry(author *self, const cf_body *body, cf_heads *seen)
{
    cf_arena arena = {0};
    cf_buffer plain = {0}, wire = {0};
    cf_hash hash;
    cf_entry entry;
    cf_error error;

    if (body)
        cf_body_pack(body, &plain);
    else
        cf_buffer_append_text(&plain, "a clear body");
    must(!cf_entry_build(&self->next, cf_buffer_view(&plain), self->secret, &wire, &hash, &error),
         "an entry can't be built");
    must(!cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &error), "it can't be read");
    write_record(cf_buffer_view(&wire));
    cf_heads_advance(seen, &entry);
    cf_dot dot = cf_entry_dot(&entry);
    self->next.previous = hash;
    self->next.sequence++;
    self->next.after_count = 0;
    cf_buffer_release(&plain);
    cf_buffer_release(&wire);
    cf_arena_release(&arena);
    return dot;
}

static const cf_id collection = {"collection"}, file = {"f, a file"},
                   directory = {"d, a directory"};

/* Ann makes a directory and a file, and a contact, of a kind that is unknown here. */
static cf_dot write_first(author *ann, cf_heads *seen)
{
    static const cf_id contact = {"c, a contact"};
    cf_buffer parent = {0}, content = {0};
    const cf_bytes text = cf_bytes_of_text("hello, world\n");
    cf_content whole = {.hash = cf_content_hash(text),
                        .size = text.size,
                        .how = {.is_inline = true, .bytes = text, .length = text.size}};

    cf_pack_bin(&parent, cf_bytes_of(directory.bytes, CF_ID_SIZE));
    cf_content_pack(&content, &whole);
    const cf_change changes[] = {
        {.item = contact, cf_bytes_of_text("/a~1b"), cf_bytes_of_text("\x81\xa1x\x93\xc0\xc3\xff")},
        {.item = directory,
         cf_bytes_of_text(CF_FIELD_KIND),
         cf_bytes_of_text("\xa1"
                          "d")},
        {.item = directory,
         cf_bytes_of_text(CF_FIELD_NAME),
         cf_bytes_of_text("\xc4\x02"
                          "\xff\n")},
        {.item = file, cf_bytes_of_text(CF_FIELD_CONTENT), cf_buffer_view(&content)},
        {.item = file,
         cf_bytes_of_text(CF_FIELD_KIND),
         cf_bytes_of_text("\xa1"
                          "f")},
        {.item = file,
         cf_bytes_of_text(CF_FIELD_MODE),
         cf_bytes_of_text("\xcd\x01\xed"),
         .weak = true},
        {.item = file,
         cf_bytes_of_text(CF_FIELD_MTIME),
         cf_bytes_of_text("\xd1\xfc\x18"),
         .weak = true},
        {.item = file,
         cf_bytes_of_text(CF_FIELD_NAME),
         cf_bytes_of_text("\xc4\x04"
                          "note")},
        {.item = file, cf_bytes_of_text(CF_FIELD_PARENT), cf_buffer_view(&parent)},
    };
    cf_body body = {.time = {1700000000000, 0},
                    .part = 1,
                    .parts = 2,
                    .changes = changes,
                    .change_count = sizeof changes / sizeof *changes};
    cf_dot dot = write_entry(ann, &body, seen);
    cf_buffer_release(&parent);
    cf_buffer_release(&content);
    return dot;
}

/* Bob, who has seen it, deletes the directory, renames the file, pins it and drops its mode. */
static cf_dot write_second(author *bob, const cf_dot *first, cf_heads *seen)
{
    cf_cover covers[] = {{cf_bytes_of_text(CF_FIELD_NAME), *first},
                         {cf_bytes_of_text(CF_FIELD_KIND), *first}};
    cf_pin pin = {.name = cf_bytes_of_text("here"), .has_name_dot = true, .name_dot = *first};
    cf_buffer deletion = {0}, pinned = {0};
    cf_heads after = {0};

    cf_covers_pack(&deletion, covers, 2);
    cf_pin_pack(&pinned, &pin);
    const cf_change changes[] = {
        {.item = directory, cf_bytes_of_text(""), cf_buffer_view(&deletion)},
        {.item = file, cf_bytes_of_text(CF_FIELD_MODE), {0}, first, 1},
        {.item = file,
         cf_bytes_of_text(CF_FIELD_NAME),
         cf_bytes_of_text("\xc4\x05notes"),
         first,
         1},
        {.item = file, cf_bytes_of_text(CF_FIELD_PIN), cf_buffer_view(&pinned), .weak = true},
    };
    cf_body body = {.time = {1700000000000, 1},
                    .part = 1,
                    .parts = 1,
                    .changes = changes,
                    .change_count = sizeof changes / sizeof *changes};
    cf_heads_after(&(cf_author_seen){seen, NULL, &(cf_heads){0}, &bob->next.writer}, &after);
    bob->next.after = after.heads;
    bob->next.after_count = after.count;
    cf_dot dot = write_entry(bob, &body, seen);
    cf_heads_release(&after);
    cf_buffer_release(&deletion);
    cf_buffer_release(&pinned);
    return dot;
}

/* Ann again: a content in slices of blobs, and where else the first one is found. */
static void write_third(author *ann, cf_heads *seen)
{
    static const cf_hash blobs[] = {{"a blob"}, {"another blob"}};
    static const cf_id large = {"f, a large file"};
    cf_buffer content = {0}, how = {0};
    cf_content whole = {.hash = {"of a large file"}, .size = 5015};
    cf_slices slices = {0};

    cf_slices_add(&slices, (cf_slice){.blob = 0, .offset = 100, .length = 1000});
    cf_slices_add(&slices, (cf_slice){.zeros = true, .length = 4000});
    cf_slices_add(&slices, (cf_slice){.blob = 1, .offset = 0, .length = 15});
    cf_slices_pack(&slices, &how);
    whole.how.slices = cf_buffer_view(&how);
    cf_content_pack(&content, &whole);
    const cf_change change = {
        .item = large, cf_bytes_of_text(CF_FIELD_CONTENT), cf_buffer_view(&content)};
    const cf_supply supply = {whole.hash, cf_buffer_view(&how)};
    cf_body body = {.time = {CF_TIME_MS_MAX, 9},
                    .part = 2,
                    .parts = 2,
                    .changes = &change,
                    .change_count = 1,
                    .supplies = &supply,
                    .supply_count = 1};
    ann->next.blobs = blobs;
    ann->next.blob_count = 2;
    write_entry(ann, &body, seen);
    cf_slices_release(&slices);
    cf_buffer_release(&content);
    cf_buffer_release(&how);
}

static int write_entries(void)
{
    author ann = an_author(1, &collection), bob = an_author(2, &collection);
    author owner = an_author(1, &cf_member_log_id);
    cf_heads seen = {0}, members = {0}, told = {0}, after = {0};

    owner.next.type = CF_ENTRY_MEMBER;
    write_entry(&owner, NULL, &members);
    cf_dot first = write_first(&ann, &seen);
    cf_heads_add_new(&told, &seen, NULL);
    write_second(&bob, &first, &seen);
    cf_heads_after(&(cf_author_seen){&seen, &members, &told, &ann.next.writer}, &after);
    ann.next.after = after.heads;
    ann.next.after_count = after.count;
    write_third(&ann, &seen);
    cf_heads_release(&seen);
    cf_heads_release(&members);
    cf_heads_release(&told);
    cf_heads_release(&after);
    return 0;
}

/* --- Verdicts --- */

static bool is_value(cf_bytes bytes, cf_bytes unused, cf_error *error)
{
    (void)unused;
    return cf_value_check(bytes, error) == CF_OK;
}

static bool is_entry(cf_bytes bytes, cf_bytes key, cf_error *error)
{
    cf_arena arena = {0};
    cf_entry entry;

    must(key.size == 32, "a signing key has 32 bytes");
    cf_status status = cf_entry_read(bytes, &arena, &entry, error);
    if (!status)
        status = cf_entry_verify(&entry, key.data, error);
    cf_arena_release(&arena);
    return status == CF_OK;
}

static bool is_body(cf_bytes bytes, cf_bytes wire, cf_error *error)
{
    cf_arena arena = {0};
    cf_entry entry;
    cf_body body;

    must(!cf_entry_read(wire, &arena, &entry, error), "the entry can't be read");
    bool taken = cf_body_read(bytes, &entry, &arena, &body, error) == CF_OK;
    cf_arena_release(&arena);
    return taken;
}

static const struct {
    const char *name;
    bool (*holds)(cf_bytes bytes, cf_bytes context, cf_error *error);
    bool has_context;
} judges[] = {{"value", is_value, false}, {"entry", is_entry, true}, {"body", is_body, true}};

static int judge(const char *name)
{
    for (size_t i = 0; i < sizeof judges / sizeof *judges; i++) {
        cf_buffer context = {0}, record = {0};
        cf_error error;

        if (strcmp(judges[i].name, name) != 0)
            continue;
        must(!judges[i].has_context || read_record(&context), "the first record is missing");
        while (read_record(&record))
            puts(judges[i].holds(cf_buffer_view(&record), cf_buffer_view(&context), &error) ? "y"
                                                                                            : "n");
        cf_buffer_release(&context);
        cf_buffer_release(&record);
        return 0;
    }
    must(false, "write, value, entry or body?");
    return 1;
}

int main(int count, char **arguments)
{
    must(count == 2 && sodium_init() >= 0, "one word");
    return strcmp(arguments[1], "write") == 0 ? write_entries() : judge(arguments[1]);
}
