/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/address.h"

#include "codec/base32.h"
#include "codec/bulk.h"
#include "codec/limits.h"
#include "codec/pack.h"
#include "codec/secret.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SCHEME "tcp://"

enum { KEY_SIZE = 32, TYPED_MAX = 4096 };

/* --- Addresses --- */

void cf_address_endpoint(const cf_address *address, char text[CF_ADDRESS_TEXT])
{
    snprintf(text, CF_ADDRESS_TEXT, SCHEME "%s:%u", address->host, (unsigned)address->port);
}

void cf_address_write(const cf_address *address, char text[CF_ADDRESS_TEXT])
{
    char key[CF_BASE32_LENGTH(KEY_SIZE) + 1];

    cf_base32_write(cf_bytes_of(address->key, KEY_SIZE), key);
    snprintf(text, CF_ADDRESS_TEXT, SCHEME "%s:%u#%s", address->host, (unsigned)address->port, key);
}

/* A name, an IPv4 address, an IPv6 address in brackets, or * for all of a machine's. */
static bool is_host(cf_bytes host)
{
    bool bracketed = host.size > 2 && host.data[0] == '[' && host.data[host.size - 1] == ']';
    const char *others = bracketed ? ":.%" : ".-_";

    if (host.size == 0 || host.size > CF_HOST_MAX)
        return false;
    if (host.size == 1 && host.data[0] == '*')
        return true;
    for (size_t i = bracketed; i < host.size - bracketed; i++) {
        uint8_t c = host.data[i];

        if (c > 127 || !(isalnum(c) || strchr(others, c)))
            return false;
    }
    return true;
}

static bool read_port(cf_bytes text, uint16_t *port)
{
    uint32_t number = 0;

    if (text.size == 0 || text.size > 5)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (text.data[i] - '0');
    }
    *port = (uint16_t)number;
    return number <= UINT16_MAX;
}

static cf_bytes trimmed(const char *text)
{
    cf_bytes bytes = cf_bytes_of_text(text);

    while (bytes.size && isspace(bytes.data[0]))
        bytes = cf_bytes_of(bytes.data + 1, bytes.size - 1);
    while (bytes.size && isspace(bytes.data[bytes.size - 1]))
        bytes.size--;
    return bytes;
}

static bool begins_with_scheme(cf_bytes text)
{
    return text.size >= strlen(SCHEME) && memcmp(text.data, SCHEME, strlen(SCHEME)) == 0;
}

static bool read_host_port(cf_bytes text, cf_address *out)
{
    const uint8_t *colon = text.size ? memrchr(text.data, ':', text.size) : NULL;

    if (!colon)
        return false;
    cf_bytes host = cf_bytes_of(text.data, (size_t)(colon - text.data));
    cf_bytes port = cf_bytes_of(colon + 1, text.size - host.size - 1);
    if (!is_host(host) || !read_port(port, &out->port))
        return false;
    memcpy(out->host, host.data, host.size);
    return true;
}

static cf_bytes without_scheme(cf_bytes text)
{
    return cf_bytes_of(text.data + strlen(SCHEME), text.size - strlen(SCHEME));
}

cf_status cf_host_port_read(const char *text, cf_address *out, cf_error *error)
{
    cf_bytes rest = trimmed(text);
    cf_address address = {0};

    if (begins_with_scheme(rest))
        rest = without_scheme(rest);
    if (!read_host_port(rest, &address))
        return cf_fail(error, CF_USAGE, "'%.80s' is not HOST:PORT", text);
    *out = address;
    return CF_OK;
}

static bool read_key(cf_bytes text, uint8_t key[KEY_SIZE])
{
    char letters[CF_BASE32_LENGTH(KEY_SIZE) + 1] = {0};
    cf_buffer bytes = {0};

    if (text.size != sizeof letters - 1)
        return false;
    memcpy(letters, text.data, text.size);
    bool right = cf_base32_read(letters, &bytes) && bytes.size == KEY_SIZE;
    if (right)
        memcpy(key, bytes.data, KEY_SIZE);
    cf_buffer_release(&bytes);
    return right;
}

cf_status cf_address_read(const char *text, cf_address *out, cf_error *error)
{
    cf_bytes rest = trimmed(text);
    cf_address address = {0};

    if (!begins_with_scheme(rest))
        return cf_fail(error, CF_USAGE, "%s: a broker's address looks like tcp://HOST:PORT#KEY",
                       strstr(text, "://") ? "it speaks tcp alone" : SCHEME " is missing");
    rest = without_scheme(rest);
    const uint8_t *mark = rest.size ? memchr(rest.data, '#', rest.size) : NULL;
    if (!mark)
        return cf_fail(
            error, CF_USAGE,
            "the broker's key is missing: tcp://HOST:PORT#KEY, as its verb address says");
    cf_bytes place = cf_bytes_of(rest.data, (size_t)(mark - rest.data));
    if (!read_host_port(place, &address) || address.port == 0)
        return cf_fail(error, CF_USAGE, "the broker's address has no HOST:PORT in it");
    if (!read_key(cf_bytes_of(mark + 1, rest.size - place.size - 1), address.key))
        return cf_fail(error, CF_USAGE, "the broker's key, after the #, is cut or mistyped");
    *out = address;
    return CF_OK;
}

/* --- Codes: [1, host, port, key, user or nil, secret, expires], then a checksum --- */

enum { CODE_VERSION = 1, CODE_PARTS = 7, CHECK_SIZE = 4 };

static void append_check(cf_buffer *out)
{
    cf_bytes packed = cf_buffer_view(out);
    cf_hash hash = cf_hash_of("code", &packed, 1);

    cf_buffer_append(out, hash.bytes, CHECK_SIZE);
}

void cf_code_write(const cf_code *code, char text[CF_CODE_TEXT])
{
    cf_buffer packed = {0};

    cf_buffer_reserve(&packed, CF_CODE_TEXT / 2); /* so that growing leaves no copy behind */
    cf_pack_array(&packed, CODE_PARTS);
    cf_pack_uint(&packed, CODE_VERSION);
    cf_pack_text(&packed, cf_bytes_of_text(code->broker.host));
    cf_pack_uint(&packed, code->broker.port);
    cf_pack_bin(&packed, cf_bytes_of(code->broker.key, KEY_SIZE));
    if (code->has_user)
        cf_pack_bin(&packed, cf_bytes_of(code->user.bytes, CF_HASH_SIZE));
    else
        cf_pack_nil(&packed);
    cf_pack_bin(&packed, cf_bytes_of(code->secret, sizeof code->secret));
    cf_pack_uint(&packed, code->expires_ms);
    append_check(&packed);
    cf_base32_write(cf_buffer_view(&packed), text);
    cf_buffer_wipe(&packed);
}

static cf_status read_broker(cf_reader *reader, cf_address *out, cf_error *error)
{
    cf_bytes host;
    uint64_t port = 0;

    cf_status status = cf_read_text(reader, &host, error);
    if (!status)
        status = cf_read_uint(reader, &port, error);
    if (!status)
        status = cf_read_bin_exact(reader, out->key, KEY_SIZE, error);
    if (!status && (!is_host(host) || port == 0 || port > UINT16_MAX))
        status = cf_fail(error, CF_MALFORMED, "the broker's address in it is none");
    if (status)
        return status;
    memcpy(out->host, host.data, host.size);
    out->port = (uint16_t)port;
    return CF_OK;
}

static cf_status read_user(cf_reader *reader, cf_code *out, cf_error *error)
{
    cf_type type;

    cf_status status = cf_read_type(reader, &type, error);
    if (status)
        return status;
    out->has_user = type != CF_TYPE_NIL;
    return out->has_user ? cf_read_bin_exact(reader, out->user.bytes, CF_HASH_SIZE, error)
                         : cf_read_nil(reader, error);
}

static cf_status read_code(cf_bytes packed, cf_code *out, cf_error *error)
{
    cf_reader reader = cf_reader_of(packed);
    uint64_t version = 0;
    size_t count = 0;

    cf_status status = cf_read_array(&reader, &count, error);
    if (!status)
        status = cf_read_uint(&reader, &version, error);
    if (!status && (version != CODE_VERSION || count != CODE_PARTS))
        status = cf_fail(error, CF_USAGE, "the code was made by a newer version");
    if (!status)
        status = read_broker(&reader, &out->broker, error);
    if (!status)
        status = read_user(&reader, out, error);
    if (!status)
        status = cf_read_bin_exact(&reader, out->secret, sizeof out->secret, error);
    if (!status)
        status = cf_read_uint(&reader, &out->expires_ms, error);
    if (!status && out->expires_ms > CF_TIME_MS_MAX)
        status = cf_fail(error, CF_MALFORMED, "the code's expiry is no time");
    return status ? status : cf_read_end(&reader, error);
}

/* The packed bytes without their checksum; false when they don't fit it. */
static bool take_check(cf_buffer *bytes)
{
    if (bytes->size <= CHECK_SIZE)
        return false;
    cf_bytes packed = cf_bytes_of(bytes->data, bytes->size - CHECK_SIZE);
    cf_hash hash = cf_hash_of("code", &packed, 1);
    bytes->size = packed.size;
    return memcmp(hash.bytes, bytes->data + packed.size, CHECK_SIZE) == 0;
}

/* How long such a code is, packed, of which this is the beginning; 0: too little is there to tell.
 * An invitation may end in an expiry of one byte: it is at least so long. */
static size_t whole_size(cf_bytes begun, bool *has_user)
{
    enum { BIN = 2, TIME = 9, NEVER = 1 };
    cf_reader reader = cf_reader_of(begun);
    uint64_t version;
    size_t count;
    cf_address broker;
    cf_type type;
    cf_error ignored;

    if (cf_read_array(&reader, &count, &ignored) || cf_read_uint(&reader, &version, &ignored) ||
        count != CODE_PARTS || version != CODE_VERSION || read_broker(&reader, &broker, &ignored) ||
        cf_read_type(&reader, &type, &ignored))
        return 0;
    *has_user = type != CF_TYPE_NIL;
    return (size_t)(reader.at - begun.data) + (*has_user ? BIN + CF_HASH_SIZE : 1) + BIN +
           sizeof((cf_code *)0)->secret + (*has_user ? TIME : NEVER) + CHECK_SIZE;
}

/* `begun` is what could be read of it, without what is left of the last letters. */
static cf_status say_wrong(const char *text, cf_bytes begun, cf_error *error)
{
    bool has_user = false;
    size_t letters;

    if (!cf_base32_count(text, &letters))
        return cf_fail(error, CF_USAGE, "this is no code: it has letters and digits 2-7 only");
    const size_t size = whole_size(begun, &has_user);
    if (!size)
        return cf_fail(error, CF_USAGE,
                       "the code is cut short or mistyped: %zu letters and digits of it are here",
                       letters);
    if (letters < CF_BASE32_LENGTH(size))
        return cf_fail(error, CF_USAGE, "this code was cut short: %zu of %s%zu letters are here",
                       letters, has_user ? "" : "at least ", CF_BASE32_LENGTH(size));
    return cf_fail(error, CF_USAGE, "the code is mistyped, or cut short");
}

cf_status cf_code_read(const char *text, cf_code *out, cf_error *error)
{
    cf_buffer bytes = {0};
    cf_code code = {0};
    cf_status status;

    if (begins_with_scheme(trimmed(text))) {
        status = cf_fail(error, CF_USAGE, "this is a broker's address, not a code");
        goto done;
    }
    size_t length = strnlen(text, TYPED_MAX);
    cf_buffer_reserve(&bytes, length); /* so that growing leaves no copy behind */
    if (length == TYPED_MAX) {
        status = cf_fail(error, CF_USAGE, "this is no code: it is far too long");
        goto done;
    }
    bool is_whole = cf_base32_read(text, &bytes);
    const size_t size = bytes.size;
    if (!is_whole || !take_check(&bytes)) {
        status = say_wrong(text, cf_bytes_of(bytes.data, size), error);
        goto done;
    }
    status = read_code(cf_buffer_view(&bytes), &code, error);
    if (status) {
        status = error->status = CF_USAGE;
        goto done;
    }
    *out = code;
done:
    cf_wipe(&code, sizeof code);
    cf_buffer_wipe(&bytes);
    return status;
}

const char *cf_address_plain(const char *text)
{
    static const char mapped[] = "::ffff:";
    const size_t size = sizeof mapped - 1;

    return text && strncmp(text, mapped, size) == 0 && strchr(text, '.') ? text + size : text;
}
