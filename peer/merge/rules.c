/* SPDX-License-Identifier: Apache-2.0 */
/* An id is the kind and a hash of what the item is made of; so who makes one file twice, or the
 * copy of one write on two devices, makes one item. */
#include "peer/merge/rules.h"

#include <stdio.h>
#include <time.h>

#include "codec/base32.h"
#include "codec/bulk.h"
#include "codec/limits.h"

enum { EXTENSION_MAX = 32, WRITER_LETTERS = 4, CHARACTER_MAX = 4 };

const cf_id cf_root_item;

/* Where the name's extension begins, with its dot; the end of a name that has none: a dot that is
 * first or alone last begins none, nor does one with more than EXTENSION_MAX bytes behind it.
 *
 *     archive.tar.gz    ".gz"
 *     .profile, dot.    none */
static size_t extension_of(cf_bytes name)
{
    size_t last = name.size;
    bool inside = false;

    for (size_t i = 1; i < name.size; i++)
        if (name.data[i] == '.') {
            last = i;
            inside = inside || i + 1 < name.size;
        }
    return inside && name.size - last - 1 <= EXTENSION_MAX ? last : name.size;
}

/* How many bytes of the text fit without the last of them ending within a UTF-8 character. */
static size_t whole_characters(cf_bytes text, size_t room)
{
    size_t cut = room;

    if (text.size <= room)
        return text.size;
    while (cut && room - cut < CHARACTER_MAX && (text.data[cut] & 0xc0) == 0x80)
        cut--;
    return (text.data[cut] & 0xc0) == 0x80 ? room : cut;
}

void cf_name_annotate(cf_bytes name, const char *note, cf_buffer *out)
{
    size_t extension = extension_of(name);
    size_t tail = strlen(note) + sizeof " ()" - 1 + name.size - extension;
    size_t room = tail < CF_NAME_MAX ? CF_NAME_MAX - tail : 0;

    cf_buffer_append(out, name.data, whole_characters(cf_bytes_of(name.data, extension), room));
    cf_buffer_append_text(out, " (%s)", note);
    cf_buffer_append(out, name.data + extension, name.size - extension);
}

bool cf_name_in_conflict(cf_bytes name, cf_buffer *out)
{
    static const char note[] = " (conflict ";
    const size_t size = sizeof note - 1;
    size_t at = name.size;

    for (size_t i = 1; i + size < name.size; i++)
        if (memcmp(name.data + i, note, size) == 0)
            at = i;
    const uint8_t *end = at < name.size ? memchr(name.data + at, ')', name.size - at) : NULL;
    if (!end || name.size + CHARACTER_MAX > CF_NAME_MAX) /* the name may have been cut */
        return false;
    cf_buffer_append(out, name.data, at);
    cf_buffer_append(out, end + 1, name.size - (size_t)(end + 1 - name.data));
    return true;
}

static cf_id id_of(uint8_t kind, const char *purpose, const cf_bytes *parts, size_t count)
{
    cf_hash hash = cf_hash_of(purpose, parts, count);
    cf_id id;

    id.bytes[0] = kind;
    memcpy(id.bytes + 1, hash.bytes, sizeof id.bytes - 1);
    return id;
}

static cf_id new_id(void *context, uint8_t kind, const cf_id *parent, cf_bytes name,
                    cf_bytes content)
{
    uint8_t name_size[8];
    const cf_bytes parts[] = {{&kind, 1},
                              {parent->bytes, sizeof parent->bytes},
                              {name_size, sizeof name_size},
                              name,
                              content};

    (void)context;
    cf_put_u64(name_size, name.size);
    return id_of(kind, "item", parts, sizeof parts / sizeof *parts);
}

static cf_id random_id(void *context, uint8_t kind)
{
    const cf_env *env = context;
    cf_id id;

    env->random(env->context, id.bytes, sizeof id.bytes);
    id.bytes[0] = kind;
    return id;
}

static cf_id copy_id(void *context, const cf_id *item, const cf_dot *dot)
{
    uint8_t sequence[8];
    const cf_bytes parts[] = {{item->bytes, sizeof item->bytes},
                              {dot->writer.bytes, sizeof dot->writer.bytes},
                              {sequence, sizeof sequence},
                              {dot->hash, sizeof dot->hash}};

    (void)context;
    cf_put_u64(sequence, dot->sequence);
    return id_of(cf_kind_of(item), "copy", parts, sizeof parts / sizeof *parts);
}

static void conflict_name(void *context, cf_bytes name, cf_time time, const cf_dot *dot,
                          uint64_t number, cf_buffer *out)
{
    char note[96], when[40] = "", again[24] = "";
    char letters[CF_BASE32_LENGTH(CF_ID_SIZE) + 1];
    time_t seconds = (time_t)(time.ms / 1000);
    struct tm utc;

    (void)context;
    if (gmtime_r(&seconds, &utc))
        strftime(when, sizeof when, "%Y-%m-%d %H-%M-%S", &utc);
    if (number > 1)
        snprintf(again, sizeof again, " %llu", (unsigned long long)number);
    cf_base32_write(cf_bytes_of(dot->writer.bytes, sizeof dot->writer.bytes), letters);
    snprintf(note, sizeof note, "conflict %s %.*s%s", when, WRITER_LETTERS, letters, again);
    cf_name_annotate(name, note, out);
}

void cf_rules_product(cf_rules *out, const cf_env *env)
{
    *out = (cf_rules){
        .context = (void *)env, /* only read */
        .new_id = new_id,
        .random_id = random_id,
        .copy_id = copy_id,
        .conflict_name = conflict_name,
        .item_writes = env ? env->item_writes : 0,
    };
}
