/* One ready frame to many sockets, in one call: what a tick costs is then the kernel's part.
 *
 * Plain C without Python's headers, called through ctypes, so one build serves every Python.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS; Python ignores SIGPIPE anyway */
#endif

/* Send `size` bytes to each of `count` descriptors; a negative one is passed over.
 *
 * Returns how many did not take all of it; of each, its index is put into `indexes` and what it took into
 * `taken` (0 where its buffer is full, -1 where the socket is broken). Never waits.
 */
int plenum_fan_out(const int *descriptors, int count, const char *frame, size_t size, int *indexes, int *taken)
{
    int failed = 0;
    for (int i = 0; i < count; i++) {
        ssize_t sent;
        if (descriptors[i] < 0)
            continue;
        do
            sent = send(descriptors[i], frame, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (sent < 0 && errno == EINTR);
        if (sent == (ssize_t)size)
            continue;
        indexes[failed] = i;
        if (sent >= 0)
            taken[failed] = (int)sent;
        else
            taken[failed] = errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? 0 : -1;
        failed++;
    }
    return failed;
}
