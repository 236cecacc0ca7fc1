/*
 * Between a console and the network of a Linux guest: packets go in and out as lines.
 *
 *   run COMMAND          a shell command; ANSWER is its exit code
 *   wire HEX             a packet that comes from outside (tun0)
 *   inside HEX           a packet that comes from the network behind the guest (tun1)
 *   send HOST HEX        a datagram of the guest's own, from and to port 2222
 *
 * What comes of it is PACKET lines: what leaves by tun0 or tun1, and what the guest's own
 * port 2222 receives. ANSWER ends them.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#define PACKET_BYTES 65536
#define PORT 2222
#define ENCAPSULATION_PORT 4500
/* How long the first packet may take under emulation, and how long the next. */
#define FIRST_MS 300
#define NEXT_MS 60

enum { WIRE, INSIDE, SOCKET, SOURCES };
static const char *const names[SOURCES] = { "wire", "inside", "udp" };
static struct pollfd sources[SOURCES];

static void fail(const char *what)
{
	perror(what);
	printf("ANSWER -1 %s\n", what);
	exit(1);
}

static int open_tun(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR);

	if (fd < 0)
		fail("/dev/net/tun");
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		fail(name);
	return fd;
}

static int open_udp(uint16_t port)
{
	struct sockaddr_in6 address = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_ANY_INIT,
	};
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail("udp");
	return fd;
}

static void open_encapsulation(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(ENCAPSULATION_PORT),
	};
	int kind = UDP_ENCAP_ESPINUDP;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setsockopt(fd, IPPROTO_UDP, UDP_ENCAP, &kind, sizeof(kind)) < 0)
		fail("encapsulation");
}

static size_t from_hex(const char *text, uint8_t *bytes)
{
	size_t length = 0;
	unsigned int byte;

	while (length < PACKET_BYTES && sscanf(text + 2 * length, "%2x", &byte) == 1)
		bytes[length++] = byte;
	return length;
}

static void show(const char *name, const uint8_t *bytes, ssize_t length)
{
	printf("PACKET %s ", name);
	for (ssize_t i = 0; i < length; i++)
		printf("%02x", bytes[i]);
	printf("\n");
}

static void show_packets(void)
{
	static uint8_t bytes[PACKET_BYTES];
	int wait = FIRST_MS;

	while (poll(sources, SOURCES, wait) > 0) {
		for (int i = 0; i < SOURCES; i++) {
			if ((sources[i].revents & POLLIN) == 0)
				continue;
			show(names[i], bytes, read(sources[i].fd, bytes, sizeof(bytes)));
		}
		wait = NEXT_MS;
	}
}

static long send_datagram(char *words)
{
	static uint8_t bytes[PACKET_BYTES];
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	char *hex = strchr(words, ' ');
	ssize_t length;

	if (!hex)
		return -1;
	*hex++ = 0;
	if (inet_pton(AF_INET6, words, &address.sin6_addr) != 1)
		return -1;
	length = from_hex(hex, bytes);
	return sendto(sources[SOCKET].fd, bytes, length, 0, (struct sockaddr *)&address,
		      sizeof(address)) == length ? 0 : -1;
}

static long write_packet(int fd, const char *hex)
{
	static uint8_t bytes[PACKET_BYTES];
	size_t length = from_hex(hex, bytes);

	return write(fd, bytes, length) == (ssize_t)length ? 0 : -1;
}

static long obey(char *line)
{
	char *rest = strchr(line, ' ');

	if (!rest)
		return -1;
	*rest++ = 0;
	if (strcmp(line, "run") == 0)
		return system(rest);
	long result = -1;
	if (strcmp(line, "wire") == 0)
		result = write_packet(sources[WIRE].fd, rest);
	else if (strcmp(line, "inside") == 0)
		result = write_packet(sources[INSIDE].fd, rest);
	else if (strcmp(line, "send") == 0)
		result = send_datagram(rest);
	show_packets();
	return result;
}

static void make_console_raw(void)
{
	struct termios settings;

	if (tcgetattr(0, &settings) < 0)
		return;
	/* Lines may be longer than a terminal's. */
	settings.c_lflag &= ~(ICANON | ECHO | ISIG);
	settings.c_iflag &= ~(IXON | ICRNL);
	tcsetattr(0, TCSANOW, &settings);
}

int main(void)
{
	static char line[4 * PACKET_BYTES];

	setvbuf(stdout, NULL, _IOLBF, 0);
	make_console_raw();
	sources[WIRE] = (struct pollfd){ .fd = open_tun("tun0"), .events = POLLIN };
	sources[INSIDE] = (struct pollfd){ .fd = open_tun("tun1"), .events = POLLIN };
	sources[SOCKET] = (struct pollfd){ .fd = open_udp(PORT), .events = POLLIN };
	open_encapsulation();
	printf("ANSWER 0\n");
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		printf("ANSWER %ld\n", obey(line));
	}
	return 0;
}
