/* Messages of vhost-user over a Unix socket. */
#define _GNU_SOURCE
#include "vhost_user.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_DESCRIPTORS 8

int send_message(int socket, const struct message *message, const int *fds, int count) {
  char control[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))] = {0};
  struct iovec part = {(void *)message, MESSAGE_HEADER_BYTES + message->bytes};
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
  if (count > 0) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(count * sizeof(int));
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(rights), fds, count * sizeof(int));
  }
  ssize_t sent = sendmsg(socket, &header, MSG_NOSIGNAL);
  return sent == (ssize_t)part.iov_len ? 1 : -1;
}

static int receive_all(int socket, void *into, size_t bytes) {
  return bytes == 0 || recv(socket, into, bytes, MSG_WAITALL) == (ssize_t)bytes;
}

int receive_message(int socket, struct message *message, int *fds, int *count) {
  char control[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
  struct iovec part = {message, MESSAGE_HEADER_BYTES};
  struct msghdr header = {.msg_iov = &part,
                          .msg_iovlen = 1,
                          .msg_control = control,
                          .msg_controllen = sizeof control};
  ssize_t received = recvmsg(socket, &header, MSG_WAITALL);
  if (received == 0) return 0;
  if (received != MESSAGE_HEADER_BYTES) return -1;
  *count = 0;
  struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
  if (rights && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
    *count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(fds, CMSG_DATA(rights), *count * sizeof(int));
  }
  if (message->bytes > sizeof message->raw) {
    errno = EMSGSIZE;
    return -1;
  }
  return receive_all(socket, message->raw, message->bytes) ? 1 : -1;
}
