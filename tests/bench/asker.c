/* SPDX-License-Identifier: Apache-2.0
 *
 * Asks a DNS server for the A records of one name, again and again, and tells when a higher address
 * came:
 *
 *     asker PORT NAME SECONDS PAUSE     asks 127.0.0.1:PORT over UDP
 *
 * PAUSE is how long it sleeps after an answer, in microseconds; 0: not at all, which takes a CPU
 * for it and the server.
 *
 * A line "seen ADDRESS NANOSECONDS" for each highest address that is not the previous one (as a
 * number; CLOCK_MONOTONIC, when its answer was received), and at the end "asked N P50 P99 MAX": the
 * answers, and how long they took, in nanoseconds. A query that is lost is asked again after
 * LOST_MS. An answer without an address, or one that is cut, is an error: NAME has to have one
 * throughout, and not too many.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

enum {
	HEADER_BYTES = 12,
	OPT_BYTES = 11,
	RECORD_BYTES = 16, /* an A record whose owner is a pointer */
	PACKET_MAX_BYTES = 1232,
	LOST_MS = 200,
	SAMPLES_MAX = 4000000,
};

struct asker {
	int fd;
	uint16_t id;
	unsigned char query[PACKET_MAX_BYTES], answer[PACKET_MAX_BYTES];
	size_t query_size, answer_size;
	uint32_t *took_ns; /* of each answer */
	size_t n_answers;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The query without its ID. -1: no name. */
static int write_query(struct asker *asker, const char *name)
{
	/* RD, one question, one OPT; which takes answers of 1232 octets. */
	static const unsigned char header[HEADER_BYTES] = {[2] = 1, [5] = 1, [11] = 1};
	static const unsigned char opt[OPT_BYTES] = {0, 0, 41, 4, 208};
	unsigned char *out = asker->query + HEADER_BYTES;

	if (strlen(name) > 253)
		return -1;
	memcpy(asker->query, header, sizeof(header));
	for (const char *label = name; *label != '\0';) {
		const size_t len = strcspn(label, ".");

		if (len == 0 || len > 63)
			return -1;
		*out++ = (unsigned char)len;
		memcpy(out, label, len);
		out += len;
		label += len + (label[len] == '.');
	}
	memcpy(out, (const unsigned char[]){0, 0, 1, 0, 1}, 5); /* the root, A, IN */
	memcpy(out + 5, opt, sizeof(opt));
	asker->query_size = (size_t)(out - asker->query) + 5 + sizeof(opt);
	return 0;
}

static int open_socket(struct asker *asker, uint16_t port)
{
	const struct timeval lost = {.tv_usec = LOST_MS * 1000};
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	asker->fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (asker->fd < 0 ||
	    setsockopt(asker->fd, SOL_SOCKET, SO_RCVTIMEO, &lost, sizeof(lost)) != 0)
		return -1;
	return connect(asker->fd, (const struct sockaddr *)&address, sizeof(address));
}

/* Asks, and waits for the answer to just this query. False: it was lost. */
static bool ask(struct asker *asker)
{
	ssize_t n;

	asker->id++;
	asker->query[0] = (unsigned char)(asker->id >> 8);
	asker->query[1] = (unsigned char)asker->id;
	if (send(asker->fd, asker->query, asker->query_size, 0) < 0)
		return false;
	do {
		n = recv(asker->fd, asker->answer, sizeof(asker->answer), 0);
		if (n < 0)
			return false;
	} while (n < HEADER_BYTES || memcmp(asker->query, asker->answer, 2) != 0);
	asker->answer_size = (size_t)n;
	return true;
}

/* The highest of the addresses. 0: there is none, or not all. */
static uint32_t read_address(const struct asker *asker)
{
	const unsigned char *bytes = asker->answer;
	const unsigned n = (unsigned)bytes[6] << 8 | bytes[7];
	size_t at = asker->query_size - OPT_BYTES;
	uint32_t highest = 0;

	if ((bytes[2] & 2) != 0 || (bytes[3] & 15) != 0 ||
	    at + (size_t)n * RECORD_BYTES > asker->answer_size)
		return 0;
	for (unsigned i = 0; i < n; i++, at += RECORD_BYTES) {
		uint32_t address;

		if (bytes[at] < 0xC0 || bytes[at + 3] != 1)
			return 0;
		memcpy(&address, bytes + at + RECORD_BYTES - sizeof(address), sizeof(address));
		if (ntohl(address) > highest)
			highest = ntohl(address);
	}
	return highest;
}

static int run(struct asker *asker, uint64_t end_ns, long pause_us)
{
	const struct timespec pause = {.tv_nsec = pause_us * 1000};
	uint32_t previous = 0;

	for (uint64_t now = 0; now < end_ns;) {
		const uint64_t began = now_ns();
		const bool is_answered = ask(asker);
		uint32_t address;

		now = now_ns();
		if (!is_answered)
			continue;
		address = read_address(asker);
		if (address == 0) {
			fputs("asker: no address, or not all of them\n", stderr);
			return 1;
		}
		if (address != previous)
			printf("seen %" PRIu32 " %" PRIu64 "\n", address, now);
		previous = address;
		if (asker->n_answers < SAMPLES_MAX)
			asker->took_ns[asker->n_answers++] = (uint32_t)(now - began);
		if (pause_us > 0)
			nanosleep(&pause, NULL);
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void tell_times(struct asker *asker)
{
	const size_t n = asker->n_answers;

	if (n == 0)
		return;
	qsort(asker->took_ns, n, sizeof(asker->took_ns[0]), compare);
	printf("asked %zu %" PRIu32 " %" PRIu32 " %" PRIu32 "\n", n, asker->took_ns[n / 2],
	       asker->took_ns[n * 99 / 100], asker->took_ns[n - 1]);
}

int main(int argc, char **argv)
{
	static struct asker asker;
	const long port = argc == 5 ? strtol(argv[1], NULL, 10) : 0;
	const double seconds = argc == 5 ? strtod(argv[3], NULL) : 0;
	const long pause_us = argc == 5 ? strtol(argv[4], NULL, 10) : -1;
	int code;

	if (port < 1 || port > 65535 || seconds <= 0 || pause_us < 0 || pause_us > 999999 ||
	    write_query(&asker, argv[2]) != 0) {
		fputs("usage: asker PORT NAME SECONDS PAUSE\n", stderr);
		return 2;
	}
	asker.took_ns = calloc(SAMPLES_MAX, sizeof(asker.took_ns[0]));
	if (!asker.took_ns || open_socket(&asker, (uint16_t)port) != 0) {
		perror("asker: 127.0.0.1");
		return 1;
	}
	prctl(PR_SET_TIMERSLACK, 1ul);
	code = run(&asker, now_ns() + (uint64_t)(seconds * 1e9), pause_us);
	tell_times(&asker);
	free(asker.took_ns);
	return code;
}
