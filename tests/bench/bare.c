/* SPDX-License-Identifier: Apache-2.0
 *
 * The floor of the benchmark: what one thread has to pay to receive queries and to send answers of
 * the usual size, and nothing else.
 *
 * Happy path: a blocking recvmmsg takes up to 64 queries; each becomes, in its own buffer, its
 * answer: header and question stay, one fixed A record follows; sendmmsg sends them. No lookup, no
 * loop, no second socket. What is no query is not answered. Ends with SIGTERM.
 *
 *     bare PORT     serves UDP on 127.0.0.1:PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, HEADER_BYTES = 12, QUERY_MAX_BYTES = 512, RECORD_BYTES = 16 };

static const unsigned char record[RECORD_BYTES] = {
	0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 10, 96, 0, 1, /* A 10.96.0.1 */
};

struct batch {
	struct mmsghdr received[BATCH], answers[BATCH];
	struct iovec received_iov[BATCH], answers_iov[BATCH];
	struct sockaddr_in clients[BATCH];
	unsigned char packets[BATCH][QUERY_MAX_BYTES + RECORD_BYTES];
};

static void prepare(struct batch *batch)
{
	for (size_t i = 0; i < BATCH; i++) {
		batch->received_iov[i] = (struct iovec){batch->packets[i], QUERY_MAX_BYTES};
		batch->received[i].msg_hdr = (struct msghdr){
			.msg_name = &batch->clients[i],
			.msg_namelen = sizeof(batch->clients[i]),
			.msg_iov = &batch->received_iov[i],
			.msg_iovlen = 1,
		};
	}
}

/* Turns the query in `packet` into its answer. Its size, or 0 where it is no query that can be
 * answered. */
static size_t answer(unsigned char *packet, size_t size)
{
	size_t at = HEADER_BYTES;
	if (size <= HEADER_BYTES || (packet[2] & 0x80) != 0)
		return 0;
	while (at < size && packet[at] != 0 && packet[at] < 64)
		at += 1U + packet[at];
	at += 5; /* the root label, type and class */
	if (at > size)
		return 0;
	packet[2] = (packet[2] & 0x01) | 0x84; /* RD as it came, QR, AA */
	packet[3] = 0;
	memcpy(packet + 4, (const unsigned char[]){0, 1, 0, 1, 0, 0, 0, 0}, 8);
	memcpy(packet + at, record, RECORD_BYTES);
	return at + RECORD_BYTES;
}

static unsigned answer_batch(struct batch *batch, unsigned n_received)
{
	unsigned n = 0;
	for (unsigned i = 0; i < n_received; i++) {
		const size_t size = answer(batch->packets[i], batch->received[i].msg_len);
		if (size == 0)
			continue;
		batch->answers_iov[n] = (struct iovec){batch->packets[i], size};
		batch->answers[n].msg_hdr = batch->received[i].msg_hdr;
		batch->answers[n].msg_hdr.msg_iov = &batch->answers_iov[n];
		n++;
	}
	return n;
}

/* Never returns but for an error of the socket. */
static void serve(int fd, struct batch *batch)
{
	prepare(batch);
	for (;;) {
		const int n = recvmmsg(fd, batch->received, BATCH, MSG_WAITFORONE, NULL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		const unsigned n_answers = answer_batch(batch, (unsigned)n);
		for (unsigned sent = 0; sent < n_answers;) {
			const int done = sendmmsg(fd, batch->answers + sent, n_answers - sent, 0);
			if (done < 0 && errno != EINTR)
				return;
			sent += done > 0 ? (unsigned)done : 0;
		}
	}
}

int main(int argc, char **argv)
{
	struct batch batch;
	const long port = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	if (port < 1 || port > 65535) {
		fputs("usage: bare PORT\n", stderr);
		return 2;
	}
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		perror("bare: 127.0.0.1");
		return 1;
	}
	serve(fd, &batch);
	perror("bare");
	return 1;
}
