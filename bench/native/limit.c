/* The limit of fan-out: one epoll loop that writes one ready frame to every subscriber, one write(2) each.

   limit PORT BYTES

   A WebSocket on /sub subscribes. Each frame on /pub makes one ready text frame of BYTES bytes go to all
   subscribers. It knows the bench's client and nobody else: every handshake uses one key, nothing is pinged, and a
   subscriber whose buffer is full is dropped. A server cannot do less than this and still reach everybody. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 65536, HEAD = 1024, EVENTS = 512 };

static const char ANSWER[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static struct { char head[HEAD]; int filled, open, subscriber; } *peers[MOST];
static int subscribers[MOST], count;
static char ready[65536 + 4];
static int ready_bytes;

static void leave(int fd) {
    for (int i = 0; i < count; i++)
        if (subscribers[i] == fd) { subscribers[i] = subscribers[--count]; break; }
    free(peers[fd]);
    peers[fd] = NULL;
    close(fd);
}

static void publish(void) {
    for (int i = count - 1; i >= 0; i--) {
        int fd = subscribers[i];
        if (write(fd, ready, ready_bytes) != ready_bytes) leave(fd);
    }
}

/* Every frame of the bench's client is short, masked and arrives whole. */
static void heard(int fd, const unsigned char *data, int size) {
    int at = 0;
    while (size - at >= 6) {
        int length = data[at + 1] & 0x7f;
        if ((data[at] & 0x0f) == 8) { leave(fd); return; }
        at += 6 + length;
        if (!peers[fd]->subscriber) publish();
    }
}

static void readable(int fd) {
    unsigned char data[65536];
    ssize_t got = read(fd, data, sizeof data);
    if (got <= 0) {
        if (got < 0 && errno == EAGAIN) return;
        leave(fd);
        return;
    }
    if (peers[fd]->open) { heard(fd, data, (int)got); return; }
    if (peers[fd]->filled + got >= HEAD) { leave(fd); return; }
    memcpy(peers[fd]->head + peers[fd]->filled, data, got);
    peers[fd]->filled += (int)got;
    peers[fd]->head[peers[fd]->filled] = 0;
    if (strstr(peers[fd]->head, "\r\n\r\n") == NULL) return;
    peers[fd]->open = 1;
    peers[fd]->subscriber = strncmp(peers[fd]->head, "GET /sub", 8) == 0;
    if (peers[fd]->subscriber) subscribers[count++] = fd;
    if (write(fd, ANSWER, sizeof ANSWER - 1) < 0) leave(fd);
}

int main(int argc, char **argv) {
    if (argc != 3) { fprintf(stderr, "usage: limit PORT BYTES\n"); return 2; }
    int payload = atoi(argv[2]);
    ready[0] = (char)0x81;
    if (payload < 126) { ready[1] = (char)payload; ready_bytes = 2; }
    else { ready[1] = 126; ready[2] = (char)(payload >> 8); ready[3] = (char)payload; ready_bytes = 4; }
    memset(ready + ready_bytes, 'x', payload);
    ready_bytes += payload;

    struct rlimit files = {MOST, MOST};
    setrlimit(RLIMIT_NOFILE, &files);
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) { perror("limit"); return 1; }
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready_count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready_count; i++) {
            int fd = events[i].data.fd;
            if (fd != listener) { if (peers[fd]) readable(fd); continue; }
            while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                if (fd >= MOST) { close(fd); continue; }
                peers[fd] = calloc(1, sizeof *peers[fd]);
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                event = (struct epoll_event){.events = EPOLLIN, .data.fd = fd};
                epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
            }
        }
    }
}
