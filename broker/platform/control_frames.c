/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/control_frames.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "codec/pack.h"

void cf_control_address(int folder, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/" CF_CONTROL_NAME,
             folder);
}

void cf_control_pack_request(const cf_control_request *request, cf_buffer *out)
{
    cf_pack_array(out, 3);
    cf_pack_bool(out, request->json);
    cf_pack_bin(out, request->folder);
    cf_pack_array(out, request->count);
    for (size_t i = 0; i < request->count; i++)
        cf_pack_bin(out, request->arguments[i]);
}

static cf_status read_arguments(cf_reader *reader, cf_arena *arena, cf_control_request *out,
                                cf_error *error)
{
    cf_status status = cf_read_array(reader, &out->count, error);

    if (status)
        return status;
    cf_bytes *arguments = cf_arena_allocate(arena, out->count, sizeof *arguments);
    for (size_t i = 0; i < out->count && status == CF_OK; i++)
        status = cf_read_bin(reader, &arguments[i], error);
    out->arguments = arguments;
    return status;
}

cf_status cf_control_read_request(cf_bytes bytes, cf_arena *arena, cf_control_request *out,
                                  cf_error *error)
{
    cf_reader reader = cf_reader_of(bytes);
    cf_control_request request = {0};
    size_t count;

    cf_status status = cf_read_array(&reader, &count, error);
    if (status == CF_OK && count != 3)
        status = cf_fail(error, CF_MALFORMED, "a request of %zu elements", count);
    if (status == CF_OK)
        status = cf_read_bool(&reader, &request.json, error);
    if (status == CF_OK)
        status = cf_read_bin(&reader, &request.folder, error);
    if (status == CF_OK)
        status = read_arguments(&reader, arena, &request, error);
    if (status == CF_OK)
        status = cf_read_end(&reader, error);
    if (status == CF_OK)
        *out = request;
    return status;
}

void cf_control_pack_frame(cf_buffer *out, uint8_t kind, cf_bytes bytes)
{
    uint8_t head[CF_FRAME_HEAD] = {kind};

    cf_put_u32(head + 1, (uint32_t)bytes.size);
    cf_buffer_append(out, head, sizeof head);
    cf_buffer_append(out, bytes.data, bytes.size);
}

cf_frame_answer cf_control_next_frame(cf_bytes bytes, size_t limit, uint8_t *kind,
                                      cf_bytes *payload)
{
    if (bytes.size < CF_FRAME_HEAD)
        return CF_FRAME_CUT;
    size_t size = cf_get_u32(bytes.data + 1);
    if (size > limit)
        return CF_FRAME_BAD;
    if (bytes.size - CF_FRAME_HEAD < size)
        return CF_FRAME_CUT;
    *kind = bytes.data[0];
    *payload = cf_bytes_of(bytes.data + CF_FRAME_HEAD, size);
    return CF_FRAME_WHOLE;
}

void cf_control_drop_front(cf_buffer *buffer, size_t size)
{
    if (size)
        memmove(buffer->data, buffer->data + size, buffer->size - size);
    buffer->size -= size;
}
