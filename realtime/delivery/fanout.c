/* Ready frames to many sockets, in one call: what a tick or a crowd of replies costs is then the kernel's part.
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

/* What a socket took: all of it (`size`), a part (0 where its buffer is full), or -1 where it is broken. Never waits. */
static ssize_t write_some(int descriptor, const char *bytes, size_t size)
{
    ssize_t sent;
    do
        sent = send(descriptor, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return sent;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? 0 : -1;
}

/* Send `size` bytes to each of `count` descriptors; a negative one is passed over.
 *
 * Returns how many did not take all of it; of each, its index is put into `indexes` and what it took into `taken`.
 */
int plenum_fan_out(const int *descriptors, int count, const char *frame, size_t size, int *indexes, int *taken)
{
    int failed = 0;
    for (int i = 0; i < count; i++) {
        ssize_t sent;
        if (descriptors[i] < 0)
            continue;
        sent = write_some(descriptors[i], frame, size);
        if (sent == (ssize_t)size)
            continue;
        indexes[failed] = i;
        taken[failed++] = (int)sent;
    }
    return failed;
}

/* Send each of `count` descriptors what is its own: `sizes[i]` bytes, which stand one after the other from `frames` on.
 *
 * Returns the same as `plenum_fan_out`. A descriptor may stand here once.
 */
int plenum_hand_out(const int *descriptors, const int *sizes, int count, const char *frames, int *indexes, int *taken)
{
    int failed = 0;
    for (int i = 0; i < count; frames += sizes[i++]) {
        ssize_t sent = write_some(descriptors[i], frames, (size_t)sizes[i]);
        if (sent == (ssize_t)sizes[i])
            continue;
        indexes[failed] = i;
        taken[failed++] = (int)sent;
    }
    return failed;
}
