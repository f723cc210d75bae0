/* SPDX-License-Identifier: Apache-2.0 */
/* What the product seals, hashes and encodes, for tests/system/test_crypto.py to compare with the
 * independent program. Everything comes from the fixed keys below. Records are a length (4 bytes,
 * big-endian) and that many bytes, in pairs: what it is, and it.
 *
 *   crypto_probe write      pairs of everything
 *   crypto_probe read       of each pair on stdin whether the product takes it: y or n, a line */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/address.h"
#include "codec/blob.h"
#include "codec/content.h"
#include "codec/envelope.h"
#include "codec/pairing.h"

static const uint8_t device_seed[32] = "the seed of a device, 32 bytes..";
static const uint8_t phrase_secret[CF_PHRASE_SECRET] = "sixteen bytes ..";
static const uint8_t old_key[CF_KEY_SIZE] = "an older content key, 32 bytes..";
static const uint8_t new_key[CF_KEY_SIZE] = "the content key in use, 32 bytes";
static const uint8_t code_secret[32] = "thirty-two random bytes, perhaps";
static const uint8_t fresh[64] = "fresh bytes, some for each who is addressed, 64 bytes together.";
static const cf_hash old_epoch = {"older epoch"}, new_epoch = {"epoch in use"};
static const cf_id collection = {"collection"};
static const char header[] = "the header up to its last element";

typedef struct {
    cf_keys *account, *device;
    cf_hash user, device_id;
    cf_ring *ring;
    cf_pairing *pairing;
    cf_arena arena;
} world;

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "crypto_probe: %s\n", what);
        exit(1);
    }
}

static world a_world(void)
{
    cf_error error;
    world w = {.account = cf_keys_of_phrase(phrase_secret), .device = cf_keys_new(device_seed)};

    w.user = cf_device_id(cf_keys_public(w.account)->signing);
    w.device_id = cf_device_id(cf_keys_public(w.device)->signing);
    w.ring = cf_ring_new(&w.user);
    w.pairing = cf_pairing_new(code_secret);
    cf_hash commitment = cf_commitment(&w.user, old_key);
    cf_ring_expect(w.ring, &old_epoch, &commitment);
    must(!cf_ring_give(w.ring, &old_epoch, old_key, &error), "an old key");
    return w;
}

static void give_new_key(world *w)
{
    cf_error error;
    cf_hash commitment = cf_commitment(&w->user, new_key);

    cf_ring_expect(w->ring, &new_epoch, &commitment);
    must(!cf_ring_give(w->ring, &new_epoch, new_key, &error), "a new key");
}

static cf_seal_place place(const world *w)
{
    return (cf_seal_place){w->ring, &new_epoch, &collection};
}

static void release(world *w)
{
    cf_keys_destroy(&w->account);
    cf_keys_destroy(&w->device);
    cf_ring_destroy(&w->ring);
    cf_pairing_destroy(&w->pairing);
    cf_arena_release(&w->arena);
}

/* --- Records --- */

static bool read_record(cf_buffer *record)
{
    uint8_t length[4];

    if (fread(length, 1, sizeof length, stdin) != sizeof length)
        return false;
    size_t size = cf_get_u32(length);
    must(size <= 2 * CF_BLOB_MAX, "a record is too large");
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

static void write_pair(const char *name, const void *data, size_t size)
{
    write_record(cf_bytes_of_text(name));
    write_record(cf_bytes_of(data, size));
}

static void write_buffer(const char *name, cf_buffer *buffer)
{
    write_pair(name, buffer->data, buffer->size);
    cf_buffer_release(buffer);
}

static void write_text(const char *name, const char *text)
{
    write_pair(name, text, strlen(text));
}

/* Bytes that anybody can make again. */
static void append_pattern(cf_buffer *out, size_t size)
{
    uint8_t *at = cf_buffer_reserve(out, size);

    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(i * 7 + (i >> 9));
    out->size += size;
}

/* --- Writing --- */

static void write_keys(const world *w)
{
    char phrase[CF_PHRASE_TEXT], fingerprint[CF_FINGERPRINT_TEXT];
    uint8_t proof[64], lock[CF_KEY_SIZE];
    cf_error error;
    cf_id named;
    cf_hash commitment = cf_commitment(&w->user, new_key);

    cf_phrase_write(phrase_secret, phrase);
    write_text("phrase", phrase);
    write_pair("account", cf_keys_public(w->account), sizeof(cf_public_keys));
    write_pair("device", cf_keys_public(w->device), sizeof(cf_public_keys));
    cf_keys_prove(w->device, &w->user, proof);
    write_pair("proof", proof, sizeof proof);
    cf_fingerprint(&w->device_id, fingerprint);
    write_text("fingerprint", fingerprint);
    write_pair("commitment", commitment.bytes, CF_HASH_SIZE);
    must(!cf_ring_collection_id(w->ring, cf_bytes_of_text("notes"), &named, &error), "an id");
    write_pair("collection id", named.bytes, CF_ID_SIZE);
    must(!cf_ring_derive(w->ring, &new_epoch, &collection, CF_PURPOSE_LOCK, lock, &error), "a key");
    write_pair("lock key", lock, sizeof lock);
}

static void write_contents(const world *w)
{
    const size_t sizes[] = {0, 1, 65535, 65536, 65537, 200000};
    cf_seal_place at = place(w);
    cf_buffer pattern = {0}, body = {0}, blob = {0};
    cf_error error;
    cf_hash id;

    append_pattern(&pattern, 200000);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char name[32];
        cf_hash hash = cf_content_hash(cf_bytes_of(pattern.data, sizes[i]));

        snprintf(name, sizeof name, "content %zu", sizes[i]);
        write_pair(name, hash.bytes, CF_HASH_SIZE);
    }
    cf_bytes plain = cf_buffer_view(&pattern);
    must(!cf_body_seal(&at, cf_bytes_of_text(header), plain, &body, &error), "a body");
    write_buffer("body", &body);
    plain.size = 3;
    must(!cf_body_seal(&at, cf_bytes_of_text(header), plain, &body, &error), "a short body");
    write_buffer("short body", &body);
    must(!cf_blob_seal(&at, cf_buffer_view(&pattern), &blob, &id, &error), "a blob");
    write_buffer("blob", &blob);
    write_pair("blob id", id.bytes, CF_HASH_SIZE);
    cf_buffer_release(&pattern);
}

/* Opens the new epoch for account and device, before the ring has its key. */
static void write_epoch(world *w)
{
    cf_addressee addressees[] = {{.device = w->user}, {.device = w->device_id}};
    cf_opening_parts parts = {w->ring, new_key, addressees, 2, fresh};
    cf_member member = {.kind = CF_MEMBER_EPOCH, .time_ms = 1700000000000, .opens = true};
    cf_buffer body = {0};
    cf_error error;

    memcpy(addressees[0].sealing, cf_keys_public(w->account)->sealing, 32);
    memcpy(addressees[1].sealing, cf_keys_public(w->device)->sealing, 32);
    must(!cf_opening_make(&parts, &w->arena, &member.opening, &error), "an opening");
    cf_member_pack(&member, &body);
    write_buffer("epoch", &body);
}

static void write_members(world *w)
{
    static const cf_head heads[] = {{{"writer a"}, 3, {"x"}}, {{"writer b"}, 1, {"y"}}};
    cf_member member = {.kind = CF_MEMBER_ADD, .time_ms = 1700000000001, .role = CF_ROLE_MEMBER};
    cf_buffer body = {0};
    cf_error error;

    member.keys = *cf_keys_public(w->device);
    cf_keys_prove(w->device, &w->user, member.proof);
    must(!cf_access_make(w->ring, &new_epoch, member.keys.sealing, fresh, &member.access, &error),
         "an access");
    cf_member_pack(&member, &body);
    write_buffer("add", &body);
    member = (cf_member){.kind = CF_MEMBER_HOME, .generation = 3};
    member.address = cf_bytes_of_text("tcp://broker.example:7817#key");
    cf_member_pack(&member, &body);
    write_buffer("home", &body);
    member = (cf_member){.kind = CF_MEMBER_LEAVE, .heads = heads, .head_count = 2};
    cf_member_pack(&member, &body);
    write_buffer("leave", &body);
}

static cf_code a_code(const world *w)
{
    cf_code code = {.broker = {.host = "broker.example", .port = 7817},
                    .has_user = true,
                    .user = w->user,
                    .expires_ms = 1700000600000};

    memcpy(code.broker.key, cf_keys_public(w->device)->curve, 32);
    memcpy(code.secret, code_secret, sizeof code_secret);
    return code;
}

static void write_pairing(const world *w)
{
    static const cf_head head = {{"writer a"}, 3, {"x"}};
    char address[CF_ADDRESS_TEXT], line[CF_CODE_TEXT];
    cf_code code = a_code(w);
    cf_knock knock = {.name = cf_bytes_of_text("laptop"), .keys = *cf_keys_public(w->device)};
    cf_knock invited = {.invited = true, .first_entry = cf_bytes_of_text("an entry")};
    cf_admit admit = {.user = w->user, .role = CF_ROLE_MEMBER, .heads = &head, .head_count = 1};
    cf_buffer sealed = {0};

    cf_address_write(&code.broker, address);
    write_text("address", address);
    cf_code_write(&code, line);
    write_text("code", line);
    code.has_user = false;
    cf_code_write(&code, line);
    write_text("invitation", line);
    write_pair("guest", cf_pairing_guest_public(w->pairing), 32);
    cf_knock_seal(w->pairing, &invited, &sealed);
    write_buffer("knock of a new user", &sealed);
    cf_keys_prove(w->device, &w->user, knock.proof);
    cf_knock_seal(w->pairing, &knock, &sealed);
    admit.knock = cf_knock_hash(cf_buffer_view(&sealed));
    write_buffer("knock", &sealed);
    cf_admit_seal(w->pairing, &admit, &sealed);
    write_buffer("admit", &sealed);
}

static int write_all(void)
{
    world w = a_world();

    write_epoch(&w);
    give_new_key(&w);
    write_keys(&w);
    write_contents(&w);
    write_members(&w);
    write_pairing(&w);
    release(&w);
    return 0;
}

/* --- Reading: does the product take it? --- */

static bool is_pattern(const cf_buffer *plain, size_t size)
{
    cf_buffer pattern = {0};

    append_pattern(&pattern, size);
    bool same = cf_bytes_equal(cf_buffer_view(plain), cf_buffer_view(&pattern));
    cf_buffer_release(&pattern);
    return same;
}

static bool takes_body(world *w, cf_bytes bytes, cf_error *error)
{
    cf_seal_place at = place(w);
    cf_buffer plain = {0};
    bool taken = !cf_body_open(&at, cf_bytes_of_text(header), bytes, &plain, error) &&
                 is_pattern(&plain, 200000);

    cf_buffer_release(&plain);
    return taken;
}

static bool takes_blob(world *w, cf_bytes bytes, cf_error *error)
{
    cf_hash id = cf_blob_id(bytes);
    cf_buffer plain = {0};
    bool taken = !cf_blob_open(w->ring, &collection, &id, bytes, &plain, error) &&
                 is_pattern(&plain, 200000);

    cf_buffer_release(&plain);
    return taken;
}

/* An opening by the account of an epoch whose key this world doesn't have yet. */
static bool takes_opening(world *w, cf_bytes bytes, cf_error *error)
{
    static const cf_hash next_epoch = {"the epoch to come"};
    cf_member member;

    if (cf_member_read(bytes, &w->arena, &member, error) || !member.opens)
        return false;
    cf_ring *ring = cf_ring_new(&w->user);
    for (size_t i = 0; i < cf_ring_count(w->ring); i++) {
        const cf_hash *epoch = cf_ring_epoch(w->ring, i);
        cf_ring_expect(ring, epoch, cf_ring_commitment(w->ring, epoch));
    }
    cf_ring_expect(ring, &next_epoch, &member.opening.commitment);
    bool taken =
        !cf_opening_open(&member.opening, &next_epoch, &w->device_id, w->device, ring, error) &&
        cf_ring_holds(ring, &next_epoch) && cf_ring_holds(ring, &old_epoch);
    cf_ring_destroy(&ring);
    return taken;
}

static bool takes_member(world *w, cf_bytes bytes, cf_error *error)
{
    cf_member member;

    return !cf_member_read(bytes, &w->arena, &member, error);
}

static bool takes_add(world *w, cf_bytes bytes, cf_error *error)
{
    cf_member member;

    return !cf_member_read(bytes, &w->arena, &member, error) && member.kind == CF_MEMBER_ADD &&
           !cf_keys_check_proof(&member.keys, &w->user, member.proof, error) &&
           !cf_access_open(&member.access, NULL, w->device, w->ring, error);
}

static bool takes_knock(world *w, cf_bytes bytes, cf_error *error)
{
    cf_knock knock;

    return !cf_knock_open(w->pairing, &w->user, bytes, &w->arena, &knock, error) &&
           cf_bytes_equal(knock.name, cf_bytes_of_text("laptop"));
}

static bool takes_admit(world *w, cf_bytes bytes, cf_error *error)
{
    const cf_bytes answered = cf_bytes_of_text("a knock");
    cf_hash knock = cf_knock_hash(answered);
    cf_admit admit;

    return !cf_admit_open(w->pairing, &knock, bytes, &w->arena, &admit, error) &&
           cf_hash_equal(&admit.user, &w->user) && admit.head_count == 2;
}

static bool takes_code(world *w, cf_bytes bytes, cf_error *error)
{
    cf_code wanted = a_code(w), code;

    return !cf_code_read(cf_arena_text(&w->arena, bytes), &code, error) &&
           cf_hash_equal(&code.user, &w->user) && code.expires_ms == wanted.expires_ms &&
           strcmp(code.broker.host, wanted.broker.host) == 0 &&
           memcmp(code.broker.key, wanted.broker.key, sizeof code.broker.key) == 0 &&
           memcmp(code.secret, code_secret, sizeof code_secret) == 0;
}

static const struct {
    const char *name;
    bool (*takes)(world *w, cf_bytes bytes, cf_error *error);
} readers[] = {
    {"body", takes_body},     {"blob", takes_blob}, {"opening", takes_opening},
    {"member", takes_member}, {"add", takes_add},   {"knock", takes_knock},
    {"admit", takes_admit},   {"code", takes_code},
};

static bool takes(world *w, cf_bytes name, cf_bytes bytes)
{
    cf_error error;

    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (cf_bytes_equal(name, cf_bytes_of_text(readers[i].name)))
            return readers[i].takes(w, bytes, &error);
    must(false, "an unknown word");
    return false;
}

static int read_all(void)
{
    world w = a_world();
    cf_buffer name = {0}, bytes = {0};

    give_new_key(&w);
    while (read_record(&name)) {
        must(read_record(&bytes), "half a pair");
        puts(takes(&w, cf_buffer_view(&name), cf_buffer_view(&bytes)) ? "y" : "n");
    }
    cf_buffer_release(&name);
    cf_buffer_release(&bytes);
    release(&w);
    return 0;
}

int main(int count, char **arguments)
{
    must(count == 2, "write or read?");
    return strcmp(arguments[1], "write") == 0 ? write_all() : read_all();
}
