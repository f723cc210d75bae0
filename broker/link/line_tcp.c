/* SPDX-License-Identifier: Apache-2.0 */
/* Apart from line.c: the C library's own header of TCP, which czmq takes, has fewer counts. */
#include "broker/link/line.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

bool cf_line_count(int descriptor, cf_line_counts *out)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;

    if (descriptor < 0 || getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return false;
    *out =
        (cf_line_counts){.received = info.tcpi_bytes_received,
                         .acknowledged = info.tcpi_bytes_acked,
                         .busy_us = info.tcpi_busy_time,
                         .segment = info.tcpi_snd_mss,
                         .unacknowledged = info.tcpi_unacked,
                         .packets = (uint64_t)info.tcpi_data_segs_in + info.tcpi_data_segs_out,
                         .came_beyond = info.tcpi_rcv_ooopack,
                         .went_beyond = info.tcpi_sacked,
                         .round_trip_us = info.tcpi_min_rtt == UINT32_MAX ? 0 : info.tcpi_min_rtt};
    return true;
}

/* Who has no such address can't bind to it. */
bool cf_line_has_address(int descriptor)
{
    struct sockaddr_storage own = {0};
    socklen_t size = sizeof own;
    struct sockaddr_in *four = (struct sockaddr_in *)&own;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&own;

    if (descriptor < 0 || getsockname(descriptor, (struct sockaddr *)&own, &size) != 0 ||
        (own.ss_family != AF_INET && own.ss_family != AF_INET6))
        return true;
    *(own.ss_family == AF_INET ? &four->sin_port : &six->sin6_port) = 0;
    const int any = socket(own.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const bool is_gone =
        any >= 0 && bind(any, (struct sockaddr *)&own, size) != 0 && errno == EADDRNOTAVAIL;

    if (any >= 0)
        close(any);
    return !is_gone;
}
